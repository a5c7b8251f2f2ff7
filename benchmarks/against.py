"""`make bench-against`: what this tree costs against another revision of it, side by side on the same files.

Both trees load the same supplier, which the other tree simulates, and build it in full, one after the other. Then their
nights take turns, each in a process that has built a night before, so that imports are paid. Prints seconds and this
tree's share of the other's. Each tree runs its own form of this module; one older than it runs its first.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from gridcredit.operations import pipeline
from gridcredit.settings import Settings

# By this name whichever tree finds its own.
from gridcredit.simulation import simulate as simulate
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
from gridcredit.warehouse.migrations import prepare

from benchmarks.measure import quiet_logs
from tests.support.suppliers import load

HERE = Path(__file__).resolve().parent.parent
GIT = ["git", "-C", str(HERE)]
MODULE = "benchmarks/against.py"
LAST_DAY = date(2026, 6, 18)
ROUNDS = 2


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--revision", help="the other state, as git names it")
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--home", type=Path, help="build there and end: what a process of each tree does")
    parser.add_argument("--files", type=Path)
    parser.add_argument("--day", type=date.fromisoformat)
    options = parser.parse_args()
    quiet_logs()
    if options.home:
        build(options.home, options.files, options.day, options.months)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        subprocess.run([*GIT, "worktree", "add", "--detach", "--quiet", folder / "other", options.revision], check=True)
        try:
            add_module(folder / "other")
            code = (
                f"from pathlib import Path; from benchmarks.against import simulate; "
                f"simulate({options.customers}, {options.months}, 3, Path({str(folder / 'files')!r}))"
            )
            run(folder / "other", "-c", code)
            compare({"other": folder / "other", "this": HERE}, folder, options.customers, options.months)
        finally:
            for home in folder.glob("home-*"):
                EmbeddedPostgres(Settings(home=home)).stop()
            subprocess.run([*GIT, "worktree", "remove", "--force", folder / "other"], check=True)


def add_module(tree: Path) -> None:
    """Give a tree that is older than this module the first form of it, which ran there."""
    if (tree / MODULE).exists():
        return
    log = [*GIT, "log", "--diff-filter=A", "--format=%H", "--", MODULE]
    first = subprocess.run(log, check=True, capture_output=True, text=True).stdout.split()[-1]
    text = subprocess.run([*GIT, "show", f"{first}:{MODULE}"], check=True, capture_output=True).stdout
    (tree / MODULE).write_bytes(text)


def compare(trees: dict[str, Path], folder: Path, customers: int, months: int) -> None:
    """Full builds, then nights in turn."""
    print(f"{customers} customers, {months} month-ends")
    full = {
        name: seconds(tree, folder / f"home-{name}", months, files=folder / "files") for name, tree in trees.items()
    }
    report("full build", {name: [took] for name, took in full.items()})
    nights: dict[str, list[float]] = {name: [] for name in trees}
    for number in range(ROUNDS):
        for name, tree in trees.items():
            day = LAST_DAY + timedelta(days=1 + 2 * number)
            nights[name].append(seconds(tree, folder / f"home-{name}", months, day=day))
    report("night", nights)


def report(what: str, took: dict[str, list[float]]) -> None:
    """One line: the seconds of each tree, and the ratio of their means."""
    means = {name: statistics.fmean(found) for name, found in took.items()}
    figures = ", ".join(f"{name} {' '.join(f'{second:.1f}' for second in found)} s" for name, found in took.items())
    print(f"{what:12} {figures}: {means['this'] / means['other']:.2f}", flush=True)


def seconds(tree: Path, home: Path, months: int, *, files: Path | None = None, day: date | None = None) -> float:
    """What a build by a tree's own code takes, in a process of its own."""
    where = ["--files", str(files)] if files else ["--day", str(day)]
    printed = run(tree, "-m", "benchmarks.against", "--home", str(home), "--months", str(months), *where)
    return float(printed.split()[-1])


def run(tree: Path, *arguments: str) -> str:
    """What a process of a tree's own code prints."""
    paths = {"PYTHONPATH": os.pathsep.join([str(tree / "plugins"), str(tree)])}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=tree, env=os.environ | paths, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{tree}: {done.stderr[-2000:]}")
    return done.stdout


def build(home: Path, files: Path | None, day: date | None, months: int) -> None:
    """Load and build in full, or build two nights; prints the seconds of the full build, or of the second night."""
    settings = Settings(home=home, history_months=months)
    if files:
        prepare(settings)
        # Another tree's supplier may send less.
        load(files, settings, sorted(file.stem for file in files.glob("*.csv")))
        days = [LAST_DAY]
    else:
        assert day
        days = [day, day + timedelta(days=1)]
    took = 0.0
    for each in days:
        start = time.perf_counter()
        pipeline.build_ratings(f"of {each}", each, settings)
        took = time.perf_counter() - start
    print(took)


if __name__ == "__main__":
    main()
