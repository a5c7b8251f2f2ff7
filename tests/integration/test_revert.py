"""A reverted load: raw as if it had never come, lineage as it was, the same file welcome again."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridcredit.errors import GridCreditError
from gridcredit.ingestion.revert import revert_load
from gridcredit.operations import pipeline
from gridcredit.releases.release import verify_loads
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

from tests.support.prepared import Prepared
from tests.support.suppliers import deliver
from tests.support.warehouses import WarehouseFactory

LATE = "payment_id,customer_id,bill_id,paid_on,amount\nLATE1,C00000001,,2026-06-18,7.00\n"


def test_a_load_is_reverted_and_loaded_again(new_warehouse: WarehouseFactory, small: Prepared, tmp_path: Path) -> None:
    settings = new_warehouse(small)

    def published() -> list[tuple[object, ...]]:
        with connect(settings) as connection:
            return connection.execute(
                "select (to_jsonb(months) - 'release')::text from published.receivable_by_month as months order by 1"
            ).fetchall()

    before = published()
    late = tmp_path / "payment_late.csv"
    file_id = deliver(late, settings, LATE).file_id
    pipeline.build_ratings("with", settings=settings)
    assert published() != before

    assert revert_load(file_id, "test file", settings) == ["payment_late.csv"]
    with connect(settings) as connection:
        assert connection.execute("select count(*) from raw.payment where _file_id = %s", [file_id]).fetchone() == (0,)
        stored = connection.execute(
            "select rows_accepted, undone_because from lineage.loads join lineage.files using (file_id) "
            "where file_id = %s",
            [file_id],
        ).fetchone()
    assert stored == (1, "test file")
    assert pipeline.build_ratings("without", settings=settings).number == 3
    assert published() == before

    assert verify_loads(settings) == ([], [])
    again = deliver(late, settings)
    assert (again.is_repeat, again.file_id != file_id) == (False, True)
    with pytest.raises(GridCreditError, match="was reverted on"):
        revert_load(file_id, "twice", settings)
    with pytest.raises(GridCreditError, match="there is no load 999"):
        revert_load(999, "none", settings)


def test_a_load_in_use_is_not_reverted_under_its_reader(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = tmp_path / "payment_late.csv"
    file_id = deliver(late, settings, LATE).file_id
    monkeypatch.setattr("gridcredit.ingestion.revert.LOCK_TIMEOUT", "200ms")
    with connect(settings) as reader:
        reader.execute("select count(*) from raw.payment")
        with pytest.raises(GridCreditError, match="is being read by a build"):
            revert_load(file_id, "in use", settings)
    revert_load(file_id, "free", settings)
