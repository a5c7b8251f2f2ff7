"""`make bench-engines`: a full build of the same supplier on Postgres, DuckDB and Spark, side by side in one run.

Each engine builds in turn, Spark once with each number of cores. Shown are seconds of the whole stage, with what is
taken out of Postgres and given back, and of the models alone; of several turns the quicker one. A build whose release
has other rows ends the run. A night, the next day without new facts, is Postgres's: on the other engines it is a full
build.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import psutil
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.transformation.engine import copies_folder
from gridcredit.warehouse.connection import connect

from benchmarks.daily_run import RESULTS
from benchmarks.measure import quiet_logs, say, timed, warehouse
from tests.support.suppliers import load

LAST_DAY = date(2026, 6, 19)
ENGINES = ("postgres", "duckdb", "spark")
MB = 1e6


@dataclass(frozen=True)
class Built:
    """What a build took: seconds of its stage and of its models, and the most memory and disk of its own."""

    stage_s: float
    models_s: float
    memory_mb: float
    disk_mb: float


def main() -> None:
    """Build by each engine, print, and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=24, help="month-ends of history, and months of bills")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--cores", nargs="+", type=int, default=[1, 2], help="of Spark, a build with each")
    parser.add_argument("--turns", type=int, default=1)
    options = parser.parse_args()
    quiet_logs()
    # Postgres last: its night goes on from its own build, and would be a full one after another engine's.
    engines = sorted(options.engines, key="postgres".__eq__)
    ways = [(one, cores) for one in engines for cores in (options.cores if one == "spark" else [None])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        simulate(options.customers, options.months, 1, folder / "files", through=LAST_DAY)
        with warehouse(folder / "home") as settings:
            settings.history_months = options.months
            load(folder / "files", settings)
            print(f"{options.customers} customers, {options.months} month-ends", flush=True)
            best: dict[str, Built] = {}
            for turn in range(1, options.turns + 1):
                for engine, cores in ways:
                    way = engine if cores is None else f"{engine} {cores}"
                    built = build(engine, cores, f"{way}, turn {turn}", settings)
                    best[way] = min(built, best.get(way, built), key=lambda one: one.stage_s)
            night_s = night(settings) if "postgres" in best else None
    for way, built in best.items():
        if "postgres" in best and way != "postgres":
            shares = (built.stage_s / best["postgres"].stage_s, built.models_s / best["postgres"].models_s)
            print(f"{way} over postgres: stage {shares[0]:.2f}, models {shares[1]:.2f}")
    if {"spark 1", "spark 2"} <= best.keys():
        print(f"spark's models, two cores over one: {best['spark 2'].models_s / best['spark 1'].models_s:.2f}")
    result = {
        "customers": options.customers,
        "months": options.months,
        "night_on_postgres_s": night_s,
        "full_builds": {way: asdict(built) for way, built in best.items()},
    }
    stored = RESULTS / f"engines-{options.customers}x{options.months}.json"
    stored.write_text(json.dumps(result, indent=2) + "\n")
    print(f"stored in {stored}")


def build(engine: str, cores: int | None, run_id: str, settings: Settings) -> Built:
    """Build everything, check and publish."""
    chosen = settings.model_copy(update={"engine": engine, "spark_master": f"local[{cores or '*'}]"})
    pipeline.check_raw(run_id, LAST_DAY, chosen)
    with used_meanwhile(chosen) as used:
        seconds = timed(lambda: pipeline.build_models(run_id, chosen, full_refresh=True))
    with connect(settings) as connection:
        by_model = connection.execute(
            "select split_part(unique_id, '.', 3), seconds::float8 from lineage.model_results "
            "where run_id = %s and resource_type = 'model' order by seconds desc",
            [run_id],
        ).fetchall()
        ((size,),) = connection.execute("select pg_database_size(current_database())").fetchall()
    models = sum(seconds for _, seconds in by_model)
    memory, disk = max(one[0] for one in used), max(one[1] for one in used)
    built = Built(seconds, models, memory / MB, (size if engine == "postgres" else disk) / MB)
    note = f"models {models:.1f} s, {built.memory_mb:.0f} MB of memory beside Postgres, {built.disk_mb:.0f} MB of disk"
    say(run_id, seconds, note)
    print("  slowest: " + ", ".join(f"{model} {seconds:.1f}" for model, seconds in by_model[:10]), flush=True)
    pipeline.check_candidate(run_id, chosen)
    release = pipeline.publish_release(run_id, chosen)
    assert release.number == 1, f"{run_id} published other rows than the build before"
    return built


def night(settings: Settings) -> float:
    """The seconds of models on the day after, on which nothing happened."""
    pipeline.check_raw("night", LAST_DAY + timedelta(days=1), settings)
    seconds = timed(lambda: pipeline.build_models("night", settings))
    say("night on postgres", seconds, "")
    return seconds


def held() -> int:
    """The memory that this process and its Java hold now, in bytes."""
    total: int = psutil.Process().memory_info().rss
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += child.memory_info().rss if child.name() == "java" else 0
    return total


def on_disk(settings: Settings) -> int:
    """The bytes of the lake and of the build's own files."""
    folders = (settings.lake_dir, copies_folder(settings))
    total = 0
    for path in (path for folder in folders for path in folder.rglob("*")):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


@contextmanager
def used_meanwhile(settings: Settings) -> Iterator[list[tuple[int, int]]]:
    """Bytes of memory and disk while the context lasts, each half second."""
    used, over = [(held(), on_disk(settings))], threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            used.append((held(), on_disk(settings)))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield used
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    main()
