"""Rows of raw that were changed after they were loaded: found by builds and by `release verify --deep`, what is done
rightly is not.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from gridcredit.errors import GridCreditError
from gridcredit.ingestion import extract_load
from gridcredit.ingestion.revert import revert_load
from gridcredit.operations import pipeline
from gridcredit.operations.erasure import erase_customer
from gridcredit.operations.maintenance import hash_loads
from gridcredit.releases.release import verify_loads, verify_release
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect_as_owner

from tests.support.own_process import environment_of
from tests.support.prepared import Prepared
from tests.support.suppliers import deliver
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

HEADER = "payment_id,customer_id,bill_id,paid_on,amount\n"
PAYMENTS = HEADER + "P1,C00000001,,2026-06-01,10.00\nP2,C00000002,,2026-06-02,20.00\n"
AS_LOADED: tuple[list[str], list[str]] = ([], [])


def change(settings: Settings, *statements: str) -> None:
    """As the owner of the tables can."""
    with connect_as_owner(settings) as connection:
        for statement in statements:
            connection.execute(statement)


def test_rows_that_do_not_arrive_are_noticed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What raw holds is counted apart from what was accepted: where they differ nothing is loaded."""
    monkeypatch.setattr(extract_load, "_as_copied", lambda _rows: ("text", memoryview(b"")))
    with pytest.raises(GridCreditError, match=r"2 payment rows were accepted, and 0 came to the warehouse"):
        deliver(tmp_path / "payment.csv", settings, PAYMENTS)
    assert rows(settings, "select count(*) from lineage.files") == [(0,)]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("update raw.payment set amount = 99 where payment_id = 'P1'", "2 rows with other values"),
        ("update raw.payment set amount = 30 - amount", "2 rows with other values"),
        (
            "update raw.payment set customer_id = case payment_id when 'P1' then 'C00000002' else 'C00000001' end",
            "other",
        ),
        ("update raw.payment set _line_no = 5 - _line_no", "2 rows with other values"),
        ("update raw.payment set bill_id = 'B1' where payment_id = 'P2'", "2 rows with other values"),
        ("update raw.payment set _deleted = true where payment_id = 'P2'", "2 rows with other values"),
        ("delete from raw.payment where payment_id = 'P2'", "1 rows in place of 2"),
        ("insert into raw.payment select * from raw.payment where payment_id = 'P2'", "3 rows in place of 2"),
        ("delete from raw.payment", "0 rows in place of 2"),
    ],
)
def test_each_kind_of_change_is_found(settings: Settings, tmp_path: Path, statement: str, found: str) -> None:
    """Also values that two rows exchanged, whose sum by column stays as it was."""
    file_id = deliver(tmp_path / "payment_one.csv", settings, PAYMENTS).file_id
    deliver(
        tmp_path / "bill_other.csv",
        settings,
        ("bill_id,customer_id,period,issued_on,due_on,amount,kind\nB1,C1,2026-05,2026-06-03,2026-06-10,5.00,regular\n"),
    )
    assert verify_loads(settings) == AS_LOADED
    change(settings, statement)
    (fault,), unknown = verify_loads(settings)
    assert fault.startswith(f"load {file_id} (payment_one.csv): raw.payment holds ")
    assert found in fault
    assert unknown == []


def test_a_build_does_not_begin_on_loads_that_were_changed(
    new_warehouse: WarehouseFactory, small: Prepared, tmp_path: Path
) -> None:
    """On its own loads no build; on those of before no full refresh."""
    settings = new_warehouse(small)
    file_id = deliver(tmp_path / "payment_new.csv", settings, PAYMENTS).file_id
    change(settings, "update raw.payment set amount = 5000 where payment_id = 'P1'")
    with pytest.raises(
        GridCreditError, match=rf"load {file_id} \(payment_new.csv\): .*`gridcredit load revert {file_id} "
    ):
        pipeline.build_ratings("new", settings=settings)
    revert_load(file_id, "changed by somebody", settings)
    deliver(tmp_path / "payment_new.csv", settings)
    assert pipeline.build_ratings("delivered again", settings=settings).number == 2

    change(settings, "update raw.bill set amount = amount + 1 where bill_id = (select min(bill_id) from raw.bill)")
    with pytest.raises(GridCreditError, match=r"\(bill.csv\): raw.bill holds .* rows with other values"):
        pipeline.build_ratings("full", settings=settings, full_refresh=True)
    assert rows(settings, "select max(release) from lineage.releases") == [(2,)]

    code, said = verified(settings)
    assert (code, said) == (0, "release 2 is as it was published\n")
    code, said = verified(settings, "--deep")
    assert code == 1
    assert "(bill.csv): raw.bill holds" in said
    change(settings, "update raw.bill set amount = amount - 1 where bill_id = (select min(bill_id) from raw.bill)")
    assert verified(settings, "--deep") == (0, "release 2 is as it was published, and raw as it was loaded\n")


def verified(settings: Settings, *options: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "gridcredit", "release", "verify", "2", *options],
        env=environment_of(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_an_erasure_hides_no_change(settings: Settings, tmp_path: Path) -> None:
    """The hash moves by what was erased, and by nothing else."""
    parties = "customer_id,role,party_name,id_number,share_pct,valid_from,valid_to\n" + "".join(
        f"C{number},shareholder,Somebody {number},,{number}0,2020-01-01,\n" for number in (1, 2)
    )
    deliver(tmp_path / "party.csv", settings, parties)
    erase_customer("C1", "Officer", "asked for", settings)
    assert rows(settings, "select because, erasure_id from lineage.load_hashes order by hash_id") == [
        ("loaded", None),
        ("erased", 1),
    ]
    assert verify_loads(settings) == AS_LOADED
    change(settings, "update raw.party set share_pct = 55 where customer_id = 'C2'")
    erase_customer("C2", "Officer", "asked for", settings)
    (fault,), _ = verify_loads(settings)
    assert "raw.party holds 2 rows with other values" in fault


def test_a_hash_that_was_written_again_is_found_by_the_release(
    new_warehouse: WarehouseFactory, small: Prepared
) -> None:
    settings = new_warehouse(small)
    assert verify_release(1, settings) == []
    with pytest.raises(Exception, match="append-only"):
        change(settings, "update lineage.load_hashes set row_hash_sum = 0")
    change(
        settings,
        "alter table lineage.load_hashes disable trigger user",
        "update lineage.load_hashes set row_hash_sum = row_hash_sum + 1 where extract = 'bill'",
    )
    assert [fault.what for fault in verify_release(1, settings)] == [
        "what lineage states of its run is not what was recorded"
    ]


def test_what_only_pretends_to_be_reverted_is_found(settings: Settings, tmp_path: Path) -> None:
    file_id = deliver(tmp_path / "payment_one.csv", settings, PAYMENTS).file_id
    change(settings, "update lineage.files set undone_at = now(), undone_because = 'nothing'")
    assert verify_loads(settings)[0] == [
        f"load {file_id}: raw.payment holds 2 rows of it, and no such load is in force"
    ]


def test_loads_of_earlier_versions_are_hashed_by_maintenance(settings: Settings, tmp_path: Path) -> None:
    file_id = deliver(tmp_path / "payment_one.csv", settings, PAYMENTS).file_id
    change(settings, "alter table lineage.load_hashes disable trigger user", "delete from lineage.load_hashes")
    faults, (unknown,) = verify_loads(settings)
    assert faults == []
    assert unknown.startswith(f"load {file_id}: payment was loaded before loads were hashed")
    assert (hash_loads(settings), hash_loads(settings)) == (1, 0)
    assert verify_loads(settings) == AS_LOADED
    change(settings, "update raw.payment set amount = 30 - amount")
    assert len(verify_loads(settings)[0]) == 1
