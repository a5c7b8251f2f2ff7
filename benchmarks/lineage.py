"""`make bench-lineage`: what the gates cost of a run, by table, and how long it takes to trace rows, lines and
bills.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.lineage.touched import touched_by_bill, touched_by_file
from gridcredit.lineage.trace import trace_row
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.published_tables import TABLES
from psycopg import sql

from benchmarks.daily_run import LAST_DAY, ONE_DAY, run_day, write_payments
from benchmarks.measure import quiet_logs, say, timed, warehouse


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=20, help="rows traced of each kind")
    options = parser.parse_args()
    quiet_logs()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        say("simulate", timed(lambda: simulate(options.customers, 24, 1, files, through=LAST_DAY)))
        with warehouse(Path(folder) / "home") as settings:
            demo = load_mappings(settings.mappings_dir)["demo"]
            for name in EXTRACTS:
                load_file(files / f"{name}.csv", demo, settings)
            say("full build", timed(lambda: pipeline.build_ratings("full", LAST_DAY, settings)))
            for number in (1, 2):
                day = LAST_DAY + number * ONE_DAY
                path = write_payments(files, day, options.customers, 0.01)
                say(f"day {number}", timed(partial(run_day, f"day {number}", day, path, demo, settings)))
            with connect(settings) as connection:
                for run_id in ("full", "day 1", "day 2"):
                    print_gates(connection, run_id)
                print_traces(connection, options.rows, settings)


def print_gates(connection: Connection, run_id: str) -> None:
    """The gates' share of a run's time, and the tables that took longest."""
    gates, whole = connection.execute(
        "select sum(seconds) filter (where stage like 'check%%'), sum(seconds) from ops.stage_timings where run_id = "
        "%s",
        [run_id],
    ).fetchone() or (0, 1)
    print(f"{run_id}: gates {gates:.1f} s of {whole:.1f} s, {gates / whole:.1%}")
    for gate, table, seconds in connection.execute(
        "select gate, table_name, seconds from ops.gate_timings where run_id = %s order by seconds desc limit 5",
        [run_id],
    ):
        say(f"    {gate} {table}", seconds)


def print_traces(connection: Connection, count: int, settings: Settings) -> None:
    """How long it takes to trace rows of each published table up, and lines and bills down."""
    for table, published in TABLES.items():
        query = sql.SQL("select {} from published.{} order by 1 limit 10000").format(
            sql.SQL(", ").join(map(sql.Identifier, published.key)), sql.Identifier(table)
        )
        keys = connection.execute(query).fetchall()
        chosen = [
            {name: str(value) for name, value in zip(published.key, key, strict=True)}
            for key in random.Random(1).sample(keys, min(count, len(keys)))
        ]
        print_times(f"up: {table}", [partial(trace_row, table, key, None, settings) for key in chosen])
    bills = connection.execute(
        "select bill_id, _file_id, _line_no from raw.bill where bill_id is not null order by customer_id limit 10000"
    ).fetchall()
    chosen_bills = random.Random(2).sample(bills, min(count, len(bills)))
    print_times("down: bill", [partial(touched_by_bill, bill, settings) for bill, _, _ in chosen_bills])
    print_times("down: line", [partial(touched_by_file, file, line, settings) for _, file, line in chosen_bills])
    day = connection.execute("select max(file_id) from lineage.files").fetchone() or (0,)
    print_times("down: the last day's file", [partial(touched_by_file, day[0], None, settings)])


def print_times(what: str, traces: list[Callable[[], object]]) -> None:
    """Median and longest."""
    if traces:
        seconds = [timed(trace) for trace in traces]
        say(what, statistics.median(seconds), f"median of {len(seconds)}, longest {max(seconds):.2f} s")


if __name__ == "__main__":
    main()
