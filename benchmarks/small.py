"""`make bench-small`: what a small build costs, where hardly any of it is data.

A full build of few customers, then nights in which no fact changed: the first in a process of its own, as a scheduler
starts it, the next in one that has imported what it needs. Seconds by stage, and of processors: ours and Postgres's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import psutil
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres

from benchmarks.measure import quiet_logs, warehouse
from tests.support.suppliers import load

LAST_DAY = date(2026, 6, 19)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[60, 500])
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument(
        "--home", type=Path, help="one night more in the warehouse there, then end: what a process measures"
    )
    parser.add_argument("--day", type=date.fromisoformat)
    options = parser.parse_args()
    quiet_logs()
    if options.home:
        settings = Settings(home=options.home, history_months=options.months)
        build("a night, imports and all", options.day, settings)
        return
    for customers in options.customers:
        measure(customers, options.months)


def measure(customers: int, months: int) -> None:
    """A full build and two nights of so many customers."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files, home = Path(folder) / "files", Path(folder) / "home"
        simulate(customers, months, 1, files)
        with warehouse(home) as settings:
            settings.history_months = months
            load(files, settings)
            print(f"{customers} customers, {months} month-ends")
            build("full build", LAST_DAY, settings)
            day = LAST_DAY + timedelta(days=1)
            started = time.monotonic()
            command = [sys.executable, "-m", "benchmarks.small", "--months", str(months)]
            subprocess.run([*command, "--home", str(home), "--day", day.isoformat()], check=True)
            print(f"  the whole process {time.monotonic() - started:8.2f} s")
            # One that is not measured: what it imports, it imports.
            pipeline.build_ratings("warm", day + timedelta(days=1), settings)
            build("a night", day + timedelta(days=2), settings)


def build(what: str, day: date, settings: Settings) -> None:
    """Build, check and publish a day; prints each stage."""
    run_id = f"{what} {day}"
    stages: dict[str, Callable[[], object]] = {
        "gate 1": partial(pipeline.check_raw, run_id, day, settings),
        "models": partial(pipeline.build_models, run_id, settings),
        "gate 2": partial(pipeline.check_candidate, run_id, settings),
        "publish": partial(pipeline.publish_release, run_id, settings),
    }
    print(f"{what:<26}{'seconds':>10}{'of our processor':>20}{'of Postgres':>14}")
    total = [0.0, 0.0, 0.0]
    for stage, work in stages.items():
        before = time.monotonic(), time.process_time(), postgres_seconds(settings)
        work()
        after = time.monotonic(), time.process_time(), postgres_seconds(settings)
        took = [later - earlier for earlier, later in zip(before, after, strict=True)]
        total = [one + other for one, other in zip(total, took, strict=True)]
        show(stage, took)
    show("all", total)


def show(what: str, seconds: list[float]) -> None:
    """One line of figures."""
    print(f"  {what:<24}{seconds[0]:>10.2f}{seconds[1]:>20.2f}{seconds[2]:>14.2f}", flush=True)


def postgres_seconds(settings: Settings) -> float:
    """Processor seconds of the server's sessions that have ended."""
    pid = int((EmbeddedPostgres(settings).data_dir / "postmaster.pid").read_text().split()[0])
    times = psutil.Process(pid).cpu_times()
    return float(times.children_user + times.children_system)


if __name__ == "__main__":
    main()
