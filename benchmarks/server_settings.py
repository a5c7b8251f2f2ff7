"""`make bench-settings`: what each setting of the embedded server is worth to the heaviest models, to loading and to
publishing.

A warehouse is built. Its heaviest models' tables are made once more, its bills loaded once more and changed rows
published once more, with one thing at a time as it would be without us; before and after each with all of ours.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.ingestion.revert import revert_load
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import WAREHOUSE, Connection, connect
from gridcredit.warehouse.embedded_postgres import SUPERUSER, EmbeddedPostgres
from gridcredit.warehouse.published_tables import TABLES, replace_rows
from psycopg import sql

from benchmarks.daily_run import EXTRACTS, LAST_DAY, ONE_DAY, run_day, write_payments
from benchmarks.measure import quiet_logs, timed, warehouse
from benchmarks.plans import heaviest_models

OTHERWISE: dict[str, dict[str, str | float]] = {
    "shared_buffers": {"shared_buffers": "128MB"},
    "effective_cache_size": {"effective_cache_size": "4GB"},
    "work_mem": {"work_mem": "4MB"},
    "jit": {"jit": "on"},
    "enable_memoize": {"enable_memoize": "on"},
    "joins planned together": {"join_collapse_limit": 8, "from_collapse_limit": 8},
    "wal_level": {"wal_level": "replica", "max_wal_senders": 10},
    "max_wal_size": {"max_wal_size": "1GB"},
    "wal_compression": {"wal_compression": "on"},
    "random_page_cost": {"random_page_cost": 4},
    "parallel plans": {"max_parallel_workers_per_gather": 0},
}
# Without what it needs a query may run for hours: its reading is then the least that it takes.
LONGEST_SECONDS = 300


@dataclass(frozen=True)
class Reading:
    """Seconds: of each model's table, of loading the bills, and of publishing changed rows."""

    models: dict[str, float]
    loading: float
    publishing: float

    @property
    def parts(self) -> tuple[float, float, float]:
        """All models together, and the others."""
        return sum(self.models.values()), self.loading, self.publishing


def main() -> None:
    """Build, run two days, list unused indexes, rebuild, and measure with each setting changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=24)
    options = parser.parse_args()
    quiet_logs()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        simulate(options.customers, options.months, 1, files, through=LAST_DAY)
        with warehouse(Path(folder) / "home") as settings:
            settings.history_months = options.months
            mapping = load_mappings(settings.mappings_dir)["demo"]
            for name in EXTRACTS:
                load_file(files / f"{name}.csv", mapping, settings)
            pipeline.build_ratings("full", LAST_DAY, settings)
            for day in (LAST_DAY + ONE_DAY, LAST_DAY + 2 * ONE_DAY):
                path = write_payments(files, day, options.customers, share=0.01)
                run_day(f"{day}", day, path, mapping, settings)
            print_unused_indexes(settings)
            # What a build of everything asks, and the scopes that it asks of.
            pipeline.build_ratings("full refresh", day, settings, full_refresh=True)
            queries = {name: query for name, (_, query) in heaviest_models("full refresh", settings).items()}
            print_settings(queries, files / "bill.csv", settings)


def print_settings(queries: dict[str, bytes], bills: Path, settings: Settings) -> None:
    """Print what everything costs with one thing otherwise, and over the mean of what it cost with all of ours around
    it.
    """
    print(
        f"{'otherwise':<22} {'models':>18} {'loading':>18} {'publishing':>18}   dearest model: s, over ours", flush=True
    )
    # The first reading warms the caches, as the others find them.
    read(queries, bills, settings)
    with_options(settings, {})
    before = read(queries, bills, settings)
    for what in ("all of ours", *OTHERWISE, "logged tables", "no statistics"):
        with_options(settings, OTHERWISE.get(what, {}))
        with without_statistics(settings) if what == "no statistics" else nullcontext():
            without = read(queries, bills, settings, kind="" if what == "logged tables" else "unlogged")
        with_options(settings, {})
        after = read(queries, bills, settings)
        print_setting(what, without, before, after)
        before = after


def print_setting(what: str, without: Reading, before: Reading, after: Reading) -> None:
    ratios = {name: 2 * took / (before.models[name] + after.models[name]) for name, took in without.models.items()}
    dearest = max(ratios, key=ratios.__getitem__)
    parts = zip(without.parts, before.parts, after.parts, strict=True)
    ratio_texts = [f"{took:>12.2f} {2 * took / (one + other):5.2f}" for took, one, other in parts]
    print(
        f"{what:<22} {' '.join(ratio_texts)}   {dearest} {without.models[dearest]:.2f} {ratios[dearest]:.2f}",
        flush=True,
    )


def with_options(settings: Settings, changed: dict[str, str | float]) -> None:
    """Restart the server with these options changed."""
    server = EmbeddedPostgres(settings)
    server.stop()
    EmbeddedPostgres(settings, server.options | changed).start()


def read(queries: dict[str, bytes], bills: Path, settings: Settings, kind: str = "unlogged") -> Reading:
    """Make each model's table, load the bills and publish changes, as a build and a night do, and leave all as it
    was.
    """
    models = {}
    with connect(settings, autocommit=True) as connection:
        connection.execute(sql.SQL("set statement_timeout = '{}s'").format(sql.Literal(LONGEST_SECONDS)))
        for name, query in queries.items():
            models[name] = timed(
                partial(make_table, connection, f"create {kind} table ops.made_again as ".encode() + query)
            )
            connection.execute("drop table if exists ops.made_again")
    return Reading(models, loading_of(bills, settings), publishing_of(settings))


def make_table(connection: Connection, statement: bytes) -> None:
    """Make a table, unless that takes longer than a statement may."""
    with suppress(psycopg.errors.QueryCanceled):
        connection.execute(statement)


def loading_of(bills: Path, settings: Settings) -> float:
    """Seconds of loading the bills, whose earlier load is reverted before: their content is known."""
    mapping = load_mappings(settings.mappings_dir)["demo"]
    with connect(settings) as connection:
        (file_id,) = connection.execute(
            "select file_id from lineage.files where file_name = %s and undone_at is null", [bills.name]
        ).fetchone() or (0,)
    revert_load(file_id, "loaded again to measure it", settings)
    return timed(lambda: load_file(bills, mapping, settings))


def publishing_of(settings: Settings) -> float:
    """Seconds of publishing what a night leaves in `candidate.rating_indicator`, every tenth customer changed; taken
    back.
    """
    table = "rating_indicator"
    with connect(settings) as connection:
        connection.execute(
            "update candidate.rating_indicator set bin = coalesce(bin, 0) + 1 where abs(hashtext(customer_id)) % 10 = 0"
        )
        took = timed(lambda: replace_rows(connection, table, TABLES[table], [], 1_000_000))
        connection.rollback()
    return took


@contextmanager
def without_statistics(settings: Settings) -> Iterator[None]:
    """Leave the planner what it knows of tables' sizes and nothing of their columns, which are analyzed again
    afterwards.
    """
    with psycopg.connect(EmbeddedPostgres(settings).url(SUPERUSER, WAREHOUSE)) as admin:
        admin.execute(
            "delete from pg_statistic using pg_class where starelid = pg_class.oid and relnamespace not in "
            "('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
        )
    yield
    with connect(settings, autocommit=True) as connection:
        connection.execute("analyze")


def print_unused_indexes(settings: Settings) -> None:
    """Print the indexes that neither hold a key nor were read by a build and two days."""
    with connect(settings) as connection:
        unused = connection.execute(
            "select schemaname, relname, pg_get_indexdef(indexrelid), pg_relation_size(indexrelid) "
            "from pg_stat_user_indexes join pg_index using (indexrelid) "
            "where idx_scan = 0 and not indisunique and schemaname not in ('ops', 'lineage') order by 4 desc"
        ).fetchall()
    print(f"{len(unused)} indexes that hold no key and were not used")
    for schema, table, definition, size in unused:
        print(f"  {schema}.{table} {size >> 10:,} KiB  {definition}")


if __name__ == "__main__":
    main()
