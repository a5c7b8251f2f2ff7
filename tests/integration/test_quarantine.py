"""Quarantine holds exactly the bad rows, and a repaired row comes back as a load of its own."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import FileRefusedError, GridCreditError
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.ingestion.quarantine import export_quarantined, list_quarantined, resubmit
from gridcredit.ingestion.revert import revert_load
from gridcredit.lineage.touched import touched_by_bill
from gridcredit.operations.status import as_lines, status
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import connect
from openpyxl import Workbook

GOOD = "".join(f"P{number},C1,2026-01-05,1.00\n" for number in range(100))


@pytest.fixture
def demo(settings: Settings) -> Mapping:
    return load_mappings(settings.mappings_dir)["demo"]


def amounts(settings: Settings) -> dict[str, str]:
    with connect(settings) as connection:
        return dict(connection.execute("select payment_id, amount::text from raw.payment where payment_id like 'X%'"))


def test_every_injected_defect_and_nothing_else_is_in_quarantine(
    settings: Settings, demo: Mapping, tmp_path: Path
) -> None:
    simulate(600, 24, 5, tmp_path, defects=1200)
    for name in EXTRACTS:
        total = load_file(tmp_path / f"{name}.csv", demo, settings).counts[name]
        assert total.read == total.accepted + total.quarantined
    with (tmp_path / "truth" / "defects.csv").open(newline="") as file:
        manifest = list(csv.DictReader(file))
    with connect(settings) as connection:
        caught = set(
            connection.execute("select file_name, line_no from quarantine.rows join lineage.files using (file_id)")
        )
    assert len(manifest) == 1200
    assert len({row["kind"] for row in manifest}) >= 35
    assert caught == {(row["file"], int(row["line_no"])) for row in manifest if row["caught_by"] == "quarantine"}


def test_rows_are_repaired_and_sent_again(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    path = tmp_path / "payment_1.csv"
    bad = 'X1,C1,2026-02-30,1.00\nX2,C1,2026-01-05\n"X3",C1,2026-01-05,"1,5"\nX4,,2026-01-05,4.00\n'
    path.write_text("payment_id,customer_id,paid_on,amount\n" + GOOD + bad)
    load = load_file(path, demo, settings).file_id
    out = tmp_path / "to_repair.csv"
    assert export_quarantined(load, out, settings) == 4
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["_line", "_reason", "payment_id", "customer_id", "paid_on", "amount"]
    assert [row[0] for row in rows[1:]] == ["102", "103", "104", "105"]
    assert rows[1][1:] == ["paid_on is not a date written as %Y-%m-%d", "X1", "C1", "2026-02-30", "1.00"]

    # X1 and X2 are repaired, X3 is repaired badly, X4 is left for later.
    rows[1][4], rows[2], rows[3][5] = "2026-02-28", [*rows[2], "2.00"], "one and a half"
    with out.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows[:4])
    again = resubmit(out, load, settings)
    assert (again.counts["payment"].accepted, again.counts["payment"].quarantined) == (2, 1)
    assert amounts(settings) == {"X1": "1.00", "X2": "2.00"}
    assert resubmit(out, load, settings).is_repeat
    with connect(settings) as connection:
        waiting = connection.execute(
            "select file_id, line_no from quarantine.rows where resubmitted_in is null order by 1, 2"
        ).fetchall()
    assert waiting == [(load, 105), (again.file_id, 4)]
    assert export_quarantined(load, out, settings) == 1


def test_a_quarantined_bill_is_found_and_counted_while_it_waits(
    settings: Settings, demo: Mapping, tmp_path: Path
) -> None:
    """Its trace leads to file and line, `status` counts what waits; a reverted load's rows wait for nothing."""
    header = "bill_id,customer_id,period,issued_on,due_on,amount,kind\n"
    good = "".join(f"B{number},C1,2026-01,2026-02-01,2026-02-20,1.00,regular\n" for number in range(60))
    bad = "R-1,C1,2026-01,2026-02-01,2026-02-20,5O.00,regular\nR-10,C1,2026-01,2026-02-31,2026-02-20,1.00,regular\n"
    path = tmp_path / "bill_1.csv"
    path.write_text(header + good + bad)
    load = load_file(path, demo, settings).file_id
    text = touched_by_bill("R-1", settings).as_text()
    assert "bill_1.csv" in text
    assert "line 62  in quarantine amount is not a number" in text
    assert "line 63" not in text
    with pytest.raises(GridCreditError, match="no bill 'R' has been loaded, and none lies in quarantine"):
        touched_by_bill("R", settings)
    assert status(settings).rows_waiting == 2
    out = tmp_path / "to_repair.csv"
    export_quarantined(load, out, settings)
    out.write_text(out.read_text().replace("5O.00", "50.00").replace("02-31", "02-01"))
    again = resubmit(out, load, settings).file_id
    found = status(settings)
    assert (found.rows_quarantined, found.rows_waiting) == (2, 0)
    assert "quarantine no row waits" in list(as_lines(found))
    assert list_quarantined(settings) == []
    text = touched_by_bill("R-1", settings).as_text()
    assert f"sent again in load {again}" in text
    assert "amount 50.00" in text
    revert_load(load, "again", settings)
    assert status(settings).rows_waiting == 0


def test_what_was_no_text_in_its_file_is_repaired_as_text(settings: Settings, tmp_path: Path) -> None:
    settings.mappings_dir = tmp_path
    (tmp_path / "sheets.yml").write_text(
        "mapping: sheets\ndescription: d\nfiles:\n"
        "  - {pattern: '*.xlsx', format: xlsx, date_format: '%d.%m.%Y', extracts: {payment: {}}, bad_row_limit: 1}\n"
    )
    from datetime import date

    workbook = Workbook()
    for row in (["payment_id", "customer_id", "paid_on", "amount"], ["X1", "C1", date(2026, 1, 5), "much"]):
        workbook.worksheets[0].append(row)
    workbook.save(tmp_path / "payment.xlsx")
    mapping = load_mappings(tmp_path)["sheets"]
    load = load_file(tmp_path / "payment.xlsx", mapping, settings).file_id
    out = tmp_path / "out.csv"
    export_quarantined(load, out, settings)
    out.write_text(out.read_text().replace("much", "7.50"))
    resubmit(out, load, settings)
    assert amounts(settings) == {"X1": "7.50"}


def test_what_cannot_be_sent_again(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    path = tmp_path / "payment_1.csv"
    path.write_text("payment_id,customer_id,paid_on,amount\n" + GOOD)
    load = load_file(path, demo, settings).file_id
    with pytest.raises(GridCreditError, match="no row in quarantine"):
        export_quarantined(load, tmp_path / "out.csv", settings)
    with pytest.raises(GridCreditError, match="there is no load 999"):
        export_quarantined(999, tmp_path / "out.csv", settings)
    with pytest.raises(FileRefusedError, match="has no column '_line'"):
        resubmit(path, load, settings)
    path.write_text("_line,payment_id\n2,P1\n")
    with pytest.raises(GridCreditError, match="line 2 of load 1 is not in quarantine"):
        resubmit(path, load, settings)


def test_what_waits_is_listed_by_load_extract_and_reason(settings: Settings, demo: Mapping, tmp_path: Path) -> None:
    path = tmp_path / "payment_1.csv"
    bad = "X1,C1,2026-02-30,1.00\nX2,C1,2026-02-31,1.00\nX3,,2026-01-05,1.00\nX4,C1\n"
    path.write_text("payment_id,customer_id,paid_on,amount\n" + GOOD + bad)
    load = load_file(path, demo, settings).file_id
    waiting = list_quarantined(settings, load)
    assert [(one.extract, one.reason, one.rows, one.line_no, one.example) for one in waiting] == [
        ("payment", "paid_on is not a date written as %Y-%m-%d", 2, 102, "2026-02-30"),
        ("payment", "customer_id is missing", 1, 104, "X3,,2026-01-05,1.00"),
        ("payment", "has 2 fields where the header has 4", 1, 105, "X4,C1"),
    ]
    assert list_quarantined(settings, load + 1) == []
