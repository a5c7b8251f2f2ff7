"""`make bench-dags`: ingest against plain COPY, the DAGs against the same stages in one process, side by side in one
run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import psycopg
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.operations import pipeline, services
from gridcredit.operations.demo import deliver, follow
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import Connection, airflow_database_url, connect

from benchmarks.measure import plain_copy, say, timed, warehouse

MAPPING = "demo"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=4000)
    parser.add_argument("--months", type=int, default=24)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        # Both ways start from a warm file cache.
        subprocess.run([sys.executable, "-c", "import airflow, dbt.cli.main, great_expectations"], check=True)
        say("simulate", timed(lambda: simulate(options.customers, options.months, 1, files)))
        with warehouse(Path(folder) / "one process") as settings:
            alone = measure_one_process(settings, files)
        with warehouse(Path(folder) / "airflow") as settings:
            waited, orchestrated = measure_dags(settings, files)
        print(f"orchestration overhead: DAGs / one process = {orchestrated / alone:.2f}")
        print(f"with the wait for the files to settle      = {(waited + orchestrated) / alone:.2f}")
        measure_parsing(Path(folder))


def measure_one_process(settings: Settings, files: Path) -> float:
    """Load and build without Airflow; returns seconds."""
    mapping = load_mappings(settings.mappings_dir)[MAPPING]
    ours = plain = 0.0
    for name in EXTRACTS:
        path = files / f"{name}.csv"
        plain += plain_copy(path, settings)
        ours += timed(partial(load_file, path, mapping, settings))
    say("one process: ingest", ours, f"rate / plain COPY = {plain / ours:.2f}")
    build = timed(lambda: pipeline.build_ratings("bench", settings=settings))
    with connect(settings) as connection:
        for stage, seconds in stages(connection):
            say(f"one process: {stage}", seconds, f"{seconds / (ours + build):.0%}")
        (dbt,) = connection.execute("select sum(seconds) from lineage.model_results").fetchone() or (0,)
    say("one process", ours + build, f"models and tests, over {settings.dbt_threads} threads: {dbt:.1f} s")
    return ours + build


def measure_dags(settings: Settings, files: Path) -> tuple[float, float]:
    """Deliver the files to the real DAGs; returns the seconds until they take them up, and from then to the release."""
    say("Airflow: start to healthy", timed(lambda: services.start(settings, lambda _: None)))
    try:
        with connect(settings, autocommit=True) as connection:
            delivered = time.time()
            deliver(files, settings.landing_dir / MAPPING)
            follow(connection, 0, len(EXTRACTS), lambda _: None)
            for stage, seconds in stages(connection):
                say(f"Airflow: {stage}", seconds)
        with psycopg.connect(airflow_database_url(settings)) as airflow:
            seen, released = airflow.execute(
                "select extract(epoch from min(scheduled_dttm) filter (where task_id = 'load_file')) - %s, "
                "extract(epoch from max(end_date) filter (where task_id = 'publish')) - %s from task_instance",
                [delivered, delivered],
            ).fetchone() or (0, 0)
    finally:
        services.stop_airflow(settings)
    quiet = settings.landing_settle_seconds
    say("Airflow: files taken up", seen, f"of which {quiet:.1f} s in which the landing folder must be quiet")
    say("Airflow: delivery to release", released)
    return float(seen), float(released - seen)


def measure_parsing(folder: Path) -> None:
    """What our DAG files cost to parse, beyond importing Airflow."""
    code = (
        "import time, airflow.sdk\n"
        "from airflow.dag_processing.dagbag import DagBag\n"
        "import airflow.providers.standard.operators.empty, airflow.triggers.base\n"
        "started = time.monotonic()\n"
        f"bag = DagBag({str(PROJECT_DIR / 'dags')!r}, safe_mode=False)\n"
        "print(len(bag.dags), time.monotonic() - started)\n"
        "assert bag.dags and not bag.import_errors, bag.import_errors"
    )
    environment = {"AIRFLOW_HOME": str(folder / "parsing"), "PATH": str(Path(sys.executable).parent)}
    output = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    count, seconds = output.stdout.split()[-2:]
    say("parse all DAG files", float(seconds), f"{count} DAGs, beyond Airflow's own import")


def stages(connection: Connection) -> list[tuple[str, float]]:
    """The recorded stages of the one build, in order."""
    return connection.execute("select stage, seconds from ops.stage_timings order by recorded_at").fetchall()


if __name__ == "__main__":
    main()
