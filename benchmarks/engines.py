"""`make bench-engines`: a full build of the same supplier on Postgres, DuckDB and Spark, side by side in one run.

Each engine builds twice, in turn; the quicker one is shown: seconds of the whole stage, with what is taken out of
Postgres and given back, and of the models alone. A build whose release has other rows ends the run.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import psutil
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import connect

from benchmarks.measure import quiet_logs, say, timed, warehouse
from tests.support.suppliers import load

LAST_DAY = date(2026, 6, 19)
ENGINES = ("postgres", "duckdb", "spark")


def main() -> None:
    """Build by each engine and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=24, help="month-ends of history, and months of bills")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--cores", type=int, help="of Spark; all of them where nothing is said")
    options = parser.parse_args()
    quiet_logs()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        simulate(options.customers, options.months, 1, folder / "files", through=LAST_DAY)
        with warehouse(folder / "home") as settings:
            settings.history_months = options.months
            settings.spark_master = f"local[{options.cores or '*'}]"
            load(folder / "files", settings)
            print(f"{options.customers} customers, {options.months} month-ends", flush=True)
            stages: dict[str, float] = {}
            for turn in (1, 2):
                for engine in options.engines:
                    seconds = build(engine, turn, settings)
                    stages[engine] = min(seconds, stages.get(engine, seconds))
            for engine in {"duckdb", "spark"} & stages.keys() if "postgres" in stages else ():
                print(f"{engine} over postgres, the quicker of two: {stages[engine] / stages['postgres']:.2f}")
            copies = sum(path.stat().st_size for path in settings.lake_dir.rglob("*.parquet"))
            print(f"the lake: {copies / 1e6:.0f} MB")


def build(engine: str, turn: int, settings: Settings) -> float:
    """Build everything, check and publish; returns the seconds of the stage that builds models."""
    run_id = f"{engine} {turn}"
    chosen = settings.model_copy(update={"engine": engine})
    pipeline.check_raw(run_id, LAST_DAY, chosen)
    with memory_used() as used:
        seconds = timed(lambda: pipeline.build_models(run_id, chosen, full_refresh=True))
    with connect(settings) as connection:
        ((models,),) = connection.execute(
            "select sum(seconds)::float8 from lineage.model_results where run_id = %s and resource_type = 'model'",
            [run_id],
        ).fetchall()
    say(run_id, seconds, f"models {models:.1f} s, at most {max(used) / 1e6:.0f} MB in this process and its Java")
    pipeline.check_candidate(run_id, chosen)
    release = pipeline.publish_release(run_id, chosen)
    assert release.number == 1, f"{run_id} published other rows than the build before"
    return seconds


def held() -> int:
    """The memory that this process and its Java hold now, in bytes."""
    total: int = psutil.Process().memory_info().rss
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += child.memory_info().rss if child.name() == "java" else 0
    return total


@contextmanager
def memory_used() -> Iterator[list[int]]:
    """The memory of this process and of its Java while the context lasts, in bytes, ten times a second."""
    used, over = [held()], threading.Event()

    def watch() -> None:
        while not over.is_set():
            used.append(held())
            time.sleep(0.1)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield used
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    main()
