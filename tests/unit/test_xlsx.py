"""Sheets as people make them: read as they are shown, or reported by cell and reason."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from gridcredit.errors import FileRefusedError
from gridcredit.files.limits import ReadLimits
from gridcredit.ingestion.column_changes import check_header
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers.reader import read_batches, read_header
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

HEADER = ["payment_id", "customer_id", "paid_on", "amount", "channel"]
ROW: list[str | float] = ["P1", "C1", "2026-01-05", 1.5, "bank"]


def rule(**options: object) -> FileRule:
    return FileRule.model_validate({"pattern": "*", "format": "xlsx", "extracts": {"payment": {}}} | options)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[list[list[str]], dict[int, str]]]:
    """What is read of a sheet with the header and a row, changed as given: rows, and lines that are none."""

    def made(change: Callable[[Worksheet], object], **options: object) -> tuple[list[list[str]], dict[int, str]]:
        book = Workbook()
        sheet = book.worksheets[0]
        for row in (HEADER, ROW):
            sheet.append(row)
        change(sheet)
        book.save(tmp_path / "file.xlsx")
        rows: list[list[str]] = []
        bad: dict[int, str] = {}
        for batch in read_batches(tmp_path / "file.xlsx", rule(**options), ReadLimits()):
            rows += [list(row) for row in zip(*(array.to_pylist() for array in batch.columns.values()), strict=True)]
            bad |= {malformed.line_no: malformed.reason for malformed in batch.malformed}
        return rows, bad

    return made


Read = Callable[..., tuple[list[list[str]], dict[int, str]]]


def put(cell: str, value: Any, number_format: str = "General") -> Callable[[Worksheet], object]:
    def change(sheet: Worksheet) -> None:
        sheet[cell] = value
        sheet[cell].number_format = number_format

    return change


TEXT = ["P1", "C1", "2026-01-05", "1.5", "bank"]


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (12, "00000", "00012"),
        (12, "0", "12"),
        (12, "General", "12"),
        ("00012", "@", "00012"),
        (1234567, "000", "1234567"),
    ],
)
def test_an_identifier_is_as_it_is_shown(read: Read, value: object, number_format: str, text: str) -> None:
    assert read(put("B2", value, number_format)) == ([["P1", text, *TEXT[2:]]], {})


@pytest.mark.parametrize("value", [10.5, 1e17, 12345678901234567])
def test_an_identifier_that_lost_digits_is_marked(read: Read, value: object) -> None:
    rows, _ = read(put("B2", value))
    assert rows[0][1].endswith(" (float)")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (put("B2", 12, '"C"000'), "shown by the format"),
        (put("D2", "=A1*2"), "formula without a stored value"),
        (put("B2", "#N/A"), "holds the error #N/A"),
        (put("H2", "note"), "has a value in column 8, which the header does not name"),
    ],
)
def test_what_cannot_be_read_as_meant_is_reported(read: Read, change: Callable[[Worksheet], object], why: str) -> None:
    rows, bad = read(change)
    assert rows == []
    assert list(bad) == [2]
    assert why in bad[2]


def test_what_nothing_reads_does_not_hinder(read: Read) -> None:
    def change(sheet: Worksheet) -> None:
        sheet["F1"], sheet["F2"], sheet["F3"] = "remark", "#REF!", "=A1"
        sheet["H1"].number_format = "0.00"
        sheet["J7"].number_format = "0.00"

    assert read(change) == ([[*TEXT, "#REF!"]], {})


def test_a_title_above_the_header(read: Read) -> None:
    def change(sheet: Worksheet) -> None:
        sheet.insert_rows(1, 2)
        sheet["A1"] = "Payments of January"

    assert read(change, header_row=3) == ([TEXT], {})
    with pytest.raises(FileRefusedError, match="`header_row` says which"):
        check_header(Path("file.xlsx"), rule(), ["Payments of January"])


def test_sheets_and_charts(tmp_path: Path) -> None:
    book = Workbook()
    book.create_chartsheet("chart", 0)
    for name, value in (("Sheet", "x"), ("bills", "y")):
        sheet = book[name] if name in book.sheetnames else book.create_sheet(name)
        sheet.append(HEADER)
        sheet.append([value, *ROW[1:]])
    path = tmp_path / "file.xlsx"
    book.save(path)

    def first(**options: object) -> object:
        return next(read_batches(path, rule(**options), ReadLimits())).columns["payment_id"].to_pylist()

    assert (first(), first(sheet="bills")) == (["x"], ["y"])
    assert check_header(path, rule(), read_header(path, rule())).notes[0].startswith("sheets not read: bills;")
    assert check_header(path, rule(sheet="bills"), HEADER).notes == []
    with pytest.raises(FileRefusedError, match="has no sheet 'bill'; it has Sheet, bills"):
        first(sheet="bill")


def test_the_extent_that_a_sheet_claims_is_not_believed(tmp_path: Path) -> None:
    book = Workbook()
    for row in (HEADER, ROW, ROW):
        book.worksheets[0].append(row)
    book.save(tmp_path / "sound.xlsx")
    with zipfile.ZipFile(tmp_path / "sound.xlsx") as sound, zipfile.ZipFile(tmp_path / "file.xlsx", "w") as claimed:
        for name in sound.namelist():
            claimed.writestr(name, sound.read(name).replace(b'ref="A1:E3"', b'ref="A1:C2"'))
    batch = next(read_batches(tmp_path / "file.xlsx", rule(), ReadLimits()))
    assert (batch.row_count, list(batch.columns)) == (2, HEADER)


def test_rows_under_a_merged_cell_are_reported(read: Read) -> None:
    def change(sheet: Worksheet) -> None:
        sheet.insert_cols(6)
        sheet["F1"] = "remark"
        for line in (3, 4, 5):
            for place, value in enumerate(ROW, start=1):
                sheet.cell(line, place, value)
        sheet.merge_cells("E2:E3")
        sheet.merge_cells("C5:D5")
        # What nothing reads does not hinder, nor do rows without a value.
        sheet.merge_cells("F2:F4")
        sheet.merge_cells("A6:E9")

    rows, bad = read(change)
    assert [row[:5] for row in rows] == [TEXT, TEXT]
    assert {line: reason[:24] for line, reason in bad.items()} == {
        3: "is part of a merged cell",
        5: "is part of a merged cell",
    }


def test_a_title_may_be_merged(read: Read) -> None:
    def change(sheet: Worksheet) -> None:
        sheet.insert_rows(1)
        sheet["A1"] = "Payments"
        sheet.merge_cells("A1:E1")

    assert read(change, header_row=2) == ([TEXT], {})


@pytest.mark.parametrize("value", [date(2026, 3, 1), time(1, 2), timedelta(hours=30), True])
def test_an_identifier_that_became_a_date_or_a_flag_is_marked(read: Read, value: object) -> None:
    rows, bad = read(lambda sheet: sheet.__setitem__("B2", value))
    assert (rows[0][1][-11:], bad) == (" (not text)", {})
    # Elsewhere it is a value like others.
    assert read(lambda sheet: sheet.__setitem__("E2", value))[0][0][4][-11:] != " (not text)"


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [(0.5, "0%", "50"), (0.255, "0.00%", "25.5"), (0.07, "0 %", "7"), (50, '0"%"', "50"), (50, "0", "50")],
)
def test_a_share_is_read_as_per_cent(tmp_path: Path, value: float, number_format: str, text: str) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["customer_id", "role", "party_name", "share_pct", "valid_from"])
    sheet.append(["C1", "shareholder", "A", value, "2026-01-01"])
    sheet["D2"].number_format = number_format
    book.save(tmp_path / "party.xlsx")
    batch = next(read_batches(tmp_path / "party.xlsx", rule(extracts={"party": {}}), ReadLimits()))
    assert batch.columns["share_pct"].to_pylist() == [text]


def test_a_formula_may_have_an_empty_text_as_its_value(read: Read, tmp_path: Path) -> None:
    read(put("E2", '=IF(D2>0,"","x")'))
    stored = b'<c r="E2" t="str"><f>IF(D2&gt;0,"","x")</f><v></v></c>'
    with zipfile.ZipFile(tmp_path / "file.xlsx") as book, zipfile.ZipFile(tmp_path / "stored.xlsx", "w") as saved:
        for name in book.namelist():
            saved.writestr(name, re.sub(rb'<c r="E2".*?</c>', stored, book.read(name)))
    batch = next(read_batches(tmp_path / "stored.xlsx", rule(), ReadLimits()))
    assert (batch.columns["channel"].to_pylist(), batch.malformed) == ([""], [])


def test_a_hidden_sheet_that_is_read_is_reported(tmp_path: Path) -> None:
    book = Workbook()
    book.worksheets[0].append(HEADER)
    book.worksheets[0].sheet_state = "hidden"
    book.create_sheet("shown").append(HEADER)
    path = tmp_path / "file.xlsx"
    book.save(path)
    notes = check_header(path, rule(), HEADER).notes
    assert [note.partition(";")[0] for note in notes] == [
        "sheets not read: shown",
        "the sheet that is read, 'Sheet', is hidden",
    ]
    assert check_header(path, rule(sheet="Sheet"), HEADER).notes == []
