"""`make test-mutants`: put small faults in, one at a time, and report which of them no test noticed."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from gridcredit.settings import PROJECT_DIR

from tests.mutants.bench import Bench
from tests.mutants.faults.python import python_mutants
from tests.mutants.graph import Graph
from tests.mutants.imports import Imports
from tests.mutants.known_tests import all_tests
from tests.mutants.mutant import BY_HAND, Mutant, changing_something, mutants_by_hand, mutants_of
from tests.mutants.report import Report
from tests.mutants.run import run_mutant
from tests.mutants.sampling import sample
from tests.mutants.stages import stages_of_data, stages_of_python, stages_of_sql


def main() -> None:
    options = _options()
    every = mutants_by_hand(PROJECT_DIR) if options.by_hand else changing_something(_all(options), PROJECT_DIR)
    mutants = [one for one in every if options.only in one.name]
    if not options.only and not options.by_hand:
        mutants = sample(mutants, options.sample, options.seed)
    if options.list:
        for mutant in mutants:
            print(mutant.name)
        return
    bench = Bench(PROJECT_DIR, options.bench)
    bench.make_ready()
    graph, imports, tests = Graph(bench.manifest), Imports(bench.root), all_tests(bench.root)
    report = Report(options.report, seed=options.seed, paths=options.paths)
    for mutant in mutants:
        if report.holds(mutant):
            continue
        if mutant.path.endswith(".sql"):
            stages = stages_of_sql(mutant, graph, tests)
        elif mutant.path.endswith(".py"):
            stages = stages_of_python(mutant, imports, tests)
        else:
            stages = stages_of_data(mutant, tests)
        report.add(run_mutant(mutant, stages, bench, options.patience))
    report.finish(bench)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make test-mutants ARGS=", description=__doc__)
    parser.add_argument("paths", nargs="*", default=["dbt_project"], help="files or folders to put faults into")
    parser.add_argument("--sample", type=int, default=20, help="how many faults (20)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another sample (1)")
    parser.add_argument("--each", type=int, default=8, help="so many faults of a file of Python to draw from (8)")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="all faults whose name holds the text, and no sample"
    )
    parser.add_argument("--by-hand", action="store_true", help=f"those of {BY_HAND}, and no sample")
    parser.add_argument("--list", action="store_true", help="name the faults, and run none")
    parser.add_argument(
        "--patience", type=float, default=300, help="seconds after which no more tests of a fault begin (300)"
    )
    parser.add_argument(
        "--bench", default="", metavar="NAME", help="a second run beside the first needs a bench of its own"
    )
    parser.add_argument("--report", type=Path, help="also write the report there, as JSON")
    return parser.parse_args()


def _all(options: argparse.Namespace) -> list[Mutant]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *options.paths], cwd=PROJECT_DIR, capture_output=True, check=True
    ).stdout.decode()
    data = (".csv", ".yml", ".json")
    # The texts and tests of models are no faults of theirs.
    files = [
        name
        for name in listed.split("\0")
        if name.endswith(".sql") or (name.endswith(data) and not name.startswith("dbt_project/"))
    ]
    modules = [name for name in listed.split("\0") if name.endswith(".py")]
    return [
        *(mutant for name in files for mutant in mutants_of(name, PROJECT_DIR)),
        *python_mutants(modules, PROJECT_DIR, most=1000 if options.only else options.each, seed=options.seed),
    ]


if __name__ == "__main__":
    main()
