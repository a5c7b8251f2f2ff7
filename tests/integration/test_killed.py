"""A task may be killed at any moment: run again, it leaves what an undisturbed run leaves."""

from __future__ import annotations

import signal
from multiprocessing.context import ForkServerContext
from typing import Any

import pytest
from gridcredit.ingestion.landing import take_in
from gridcredit.operations import pipeline
from gridcredit.operations.runs import unanswered_extracts
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect, warehouse_url
from gridcredit.warehouse.published_tables import TABLES
from psycopg import sql

from tests.support.builders import SMALL_EXTRACTS
from tests.support.prepared import Prepared
from tests.support.processes import fork_server, run_code
from tests.support.suppliers import load
from tests.support.warehouses import WarehouseFactory

# Each replaces a function by one at which the process dies, as by `kill -9`, before or after its work.
DIE = """
import os, signal, sys
from pathlib import Path

def die_before(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def die_after(work):
    def dying(*arguments, **options):
        work(*arguments, **options)
        die_before()
    return dying
"""
LOAD = DIE + "from gridcredit.ingestion import landing, loader\n{death}\nlanding.take_in(Path(sys.argv[1]))"
BUILD = (
    DIE
    + """
from gridcredit.operations import pipeline
from gridcredit.quality import validation
from gridcredit.releases import publish
from gridcredit.transformation import runner
{death}
pipeline.build_ratings('run')"""
)


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    return fork_server()


def run_until_killed(processes: ForkServerContext, code: str, settings: Settings, *arguments: str) -> None:
    environment = {
        "GRIDCREDIT_HOME": str(settings.home),
        "GRIDCREDIT_WAREHOUSE_URL": warehouse_url(settings),
        "GRIDCREDIT_HISTORY_MONTHS": str(settings.history_months),
        "GRIDCREDIT_BATCH_BYTES": str(settings.batch_bytes),
    }
    process = processes.Process(target=run_code, args=(code, environment, list(arguments)))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def one(settings: Settings, query: str) -> Any:
    with connect(settings) as connection:
        return (connection.execute(query).fetchone() or (None,))[0]


@pytest.mark.parametrize(
    "death",
    [
        "loader.ExtractLoad.write = die_after(loader.ExtractLoad.write)",
        "loader._load_rows = die_after(loader._load_rows)",
        "landing.shutil.move = die_before",
        "landing.shutil.move = die_after(landing.shutil.move)",
    ],
)
def test_a_killed_load(processes: ForkServerContext, settings: Settings, death: str) -> None:
    settings.batch_bytes = 20_000
    landing = settings.landing_dir / "demo"
    landing.mkdir(parents=True)
    path = landing / "payment_1.csv"
    path.write_text("payment_id,customer_id,paid_on,amount\n" + "".join(f"P{n},C1,2026-01-05,1\n" for n in range(3000)))
    run_until_killed(processes, LOAD.format(death=death), settings, str(path))

    file_id = take_in(path, settings)
    assert one(settings, "select count(*) from raw.payment") == 3000
    assert one(settings, "select count(*) from lineage.files") == 1
    assert not path.exists()
    assert [found.name for found in settings.accepted_dir.rglob("*.csv")] == [f"{file_id}_payment_1.csv"]
    assert list(unanswered_extracts(file_id, settings)) == ["payment"]


def contents(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    with connect(settings) as connection:
        return {
            table: sorted(
                connection.execute(sql.SQL("select * from published.{}").format(sql.Identifier(table))), key=repr
            )
            for table in TABLES
        }


def test_a_build_killed_at_every_stage(
    processes: ForkServerContext, new_warehouse: WarehouseFactory, small: Prepared
) -> None:
    undisturbed, settings = new_warehouse(small), new_warehouse()
    settings.history_months = undisturbed.history_months
    load(small.files, settings, SMALL_EXTRACTS)
    for death in (
        "validation.record_checks = die_before",
        "from dbt.adapters.postgres import PostgresAdapter\n"
        "PostgresAdapter.rename_relation = die_after(PostgresAdapter.rename_relation)",
        "runner._record = die_before",
        "publish.replace_rows = die_after(publish.replace_rows)",
    ):
        run_until_killed(processes, BUILD.format(death=death), settings)
        assert one(settings, "select count(*) from lineage.releases") == 0
    assert pipeline.build_ratings("run", settings=settings).is_new
    assert contents(settings) == contents(undisturbed)
    assert one(settings, "select count(*) from lineage.releases") == 1
    assert one(settings, "select status from lineage.runs") == "published"
