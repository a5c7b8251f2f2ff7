"""Two builds at once take turns; one that falls silent is overtaken."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect, warehouse_url
from gridcredit.warehouse.locks import exclusive

from tests.support.dbt_parse import move_parse
from tests.support.prepared import Prepared
from tests.support.waiting import number, rows, wait_for
from tests.support.warehouses import WarehouseFactory


def builds(settings: Settings) -> int:
    return number(
        settings, "select count(*) from lineage.model_results where unique_id = 'model.gridcredit.customer_rating'"
    )


def released_days(settings: Settings) -> list[date]:
    with connect(settings) as connection:
        return [day for (day,) in connection.execute("select as_of_date from lineage.releases order by release")]


def sums(settings: Settings, day: date) -> list[tuple[object, ...]]:
    return rows(
        settings,
        "select table_name, rows, row_hash_sum from lineage.release_tables join lineage.releases using (release) "
        "where as_of_date = %s order by 1",
        day,
    )


@pytest.fixture(scope="module")
def in_turns(new_warehouse: WarehouseFactory, small: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse in which two processes have built at once."""
    settings, tmp_path = new_warehouse(small), tmp_path_factory.mktemp("homes")
    before = builds(settings)
    environment = os.environ | {"GRIDCREDIT_WAREHOUSE_URL": warehouse_url(settings), "GRIDCREDIT_HISTORY_MONTHS": "1"}

    def build(name: str, day: str) -> subprocess.Popen[str]:
        # Each has a home of its own, where dbt has parsed the models.
        move_parse(settings.model_copy(update={"home": Path(shutil.copytree(settings.home, tmp_path / name))}))
        return subprocess.Popen(
            [sys.executable, "-m", "gridcredit", "run", "--as-of", day],
            env=environment | {"GRIDCREDIT_HOME": str(tmp_path / name)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def waiting() -> int:
        return number(
            settings, "select count(*) from pg_locks where relation = 'ops.build_lock'::regclass and not granted"
        )

    # Both come to their build while it cannot begin: the second may lock as soon as the first has built, before its
    # gate.
    with exclusive("build", settings):
        first, second = build("one", "2026-06-20"), build("two", "2026-06-21")
        wait_for(lambda: waiting() == 2)
    outputs = [process.communicate(timeout=480)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    assert builds(settings) == before + 2
    return settings


def test_two_runs_at_once_take_turns(in_turns: Settings) -> None:
    settings = in_turns
    _, *days = released_days(settings)
    assert sorted(days) == [date(2026, 6, 20), date(2026, 6, 21)]
    assert not pipeline.build_ratings("full refresh", days[-1], settings, full_refresh=True).is_new


def test_a_silent_run_is_overtaken_and_builds_again(
    new_warehouse: WarehouseFactory, small: Prepared, in_turns: Settings
) -> None:
    settings = new_warehouse(small)
    before = builds(settings)
    pipeline.check_raw("silent", date(2026, 6, 20), settings)
    pipeline.build_models("silent", settings)
    assert settings.build_patience_seconds == 0
    pipeline.build_ratings("another", date(2026, 6, 21), settings)
    # It continues anyway: what it publishes is its own day, not the tables that the other left.
    pipeline.check_candidate("silent", settings)
    pipeline.publish_release("silent", settings)
    assert released_days(settings)[1:] == [date(2026, 6, 21), date(2026, 6, 20)]
    assert builds(settings) == before + 3
    assert sums(settings, date(2026, 6, 20)) == sums(in_turns, date(2026, 6, 20))
