"""Two builds at once take turns; one that falls silent is overtaken."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect, warehouse_url
from gridcredit.warehouse.locks import exclusive

from tests.support.prepared import Prepared
from tests.support.waiting import number, wait_for
from tests.support.warehouses import WarehouseFactory


@pytest.fixture
def settings(new_warehouse: WarehouseFactory, small: Prepared) -> Settings:
    return new_warehouse(small)


def builds(settings: Settings) -> int:
    return number(
        settings, "select count(*) from lineage.model_results where unique_id = 'model.gridcredit.customer_rating'"
    )


def released_days(settings: Settings) -> list[date]:
    with connect(settings) as connection:
        return [day for (day,) in connection.execute("select as_of_date from lineage.releases order by release")]


def test_two_runs_at_once_take_turns(settings: Settings, tmp_path: Path) -> None:
    before = builds(settings)
    environment = os.environ | {"GRIDCREDIT_WAREHOUSE_URL": warehouse_url(settings), "GRIDCREDIT_HISTORY_MONTHS": "1"}

    def build(name: str, day: str) -> subprocess.Popen[str]:
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
    _, *days = released_days(settings)
    assert sorted(days) == [date(2026, 6, 20), date(2026, 6, 21)]
    assert not pipeline.build_ratings("full refresh", days[-1], settings, full_refresh=True).is_new


def test_a_silent_run_is_overtaken_and_builds_again(settings: Settings) -> None:
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
    assert not pipeline.build_ratings("full refresh", date(2026, 6, 20), settings, full_refresh=True).is_new
