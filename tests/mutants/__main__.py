"""`make test-mutants`: put small faults in, one at a time, and report which of them no test noticed."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from gridcredit.settings import PROJECT_DIR

from tests.mutants.bench import Bench
from tests.mutants.graph import Graph
from tests.mutants.mutant import Mutant, mutants_of
from tests.mutants.report import Report
from tests.mutants.run import run_mutant
from tests.mutants.sampling import sample
from tests.mutants.stages import stages_of_sql
from tests.mutants.tests_of_tables import tests_of


def main() -> None:
    options = _options()
    mutants = sample(_all(options.paths), options.sample, options.seed)
    if options.only:
        mutants = [one for one in _all(options.paths) if options.only in one.name]
    if options.list:
        for mutant in mutants:
            print(mutant.name)  # noqa: T201
        return
    bench = Bench(PROJECT_DIR, options.bench)
    bench.make_ready()
    graph, tests = Graph(bench.manifest), tests_of(bench.root)
    report = Report(options.report, seed=options.seed, paths=options.paths)
    for mutant in mutants:
        stages = stages_of_sql(mutant, graph, tests)
        report.add(run_mutant(mutant, stages, bench, options.patience))
    report.finish()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make test-mutants ARGS=", description=__doc__)
    parser.add_argument("paths", nargs="*", default=["dbt_project"], help="files or folders to put faults into")
    parser.add_argument("--sample", type=int, default=20, help="how many faults (20)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another sample (1)")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="all faults whose name holds the text, and no sample"
    )
    parser.add_argument("--list", action="store_true", help="name the faults, and run none")
    parser.add_argument(
        "--patience", type=float, default=300, help="seconds after which no more tests of a fault begin (300)"
    )
    parser.add_argument(
        "--bench", default="", metavar="NAME", help="a second run beside the first needs a bench of its own"
    )
    parser.add_argument("--report", type=Path, help="also write the report there, as JSON")
    return parser.parse_args()


def _all(paths: list[str]) -> list[Mutant]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *paths], cwd=PROJECT_DIR, capture_output=True, check=True
    ).stdout.decode()
    files = [name for name in listed.split("\0") if name.endswith((".sql", ".csv", ".yml", ".json"))]
    return [mutant for name in files for mutant in mutants_of(name, PROJECT_DIR)]


if __name__ == "__main__":
    main()
