"""The same facts in every format and convention that suppliers send: raw must hold the same rows."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from gridcredit.errors import FileRefusedError
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.rules import FileRule, Mapping
from gridcredit.ingestion.readers import typed_file
from gridcredit.ingestion.readers.typed_text import typed_text
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

FACTS = [
    ("B1", "张三", date(2026, 1, 1), date(2026, 2, 3), date(2026, 2, 23), Decimal("1234.50"), False),
    ("B2", "C2", date(2026, 1, 1), date(2026, 2, 3), date(2026, 2, 23), Decimal("-0.07"), True),
    ("B3", "C3", date(2025, 12, 1), date(2026, 1, 3), date(2026, 1, 23), Decimal("1000000.00"), None),
]
HEADER = ["bill_id", "customer_id", "period", "issued_on", "due_on", "amount", "disputed"]
FULL_WIDTH = str.maketrans({sign: chr(ord(sign) + 0xFEE0) for sign in "0123456789-.,"})


def csv_text(amount: Callable[[Decimal], str] = str, day: str = "%Y-%m-%d", delimiter: str = ",") -> str:
    lines = [HEADER] + [
        [bill, customer, f"{period:%Y-%m}", f"{issued:{day}}", f"{due:{day}}", amount(value)]
        + ["" if disputed is None else str(disputed)]
        for bill, customer, period, issued, due, value, disputed in FACTS
    ]
    return "".join(delimiter.join(f'"{field}"' for field in line) + "\n" for line in lines)


def german(value: Decimal) -> str:
    return f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def xlsx(path: Path) -> None:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.append(HEADER)
    for fact in FACTS:
        sheet.append([float(value) if isinstance(value, Decimal) else value for value in fact])
    workbook.save(path)


def parquet(path: Path) -> None:
    table = pa.Table.from_pylist([dict(zip(HEADER, fact, strict=True)) for fact in FACTS])
    pyarrow.parquet.write_table(table, path)


CASES: dict[str, tuple[dict[str, Any], Callable[[Path], object]]] = {
    "plain": ({}, lambda path: path.write_text(csv_text())),
    "byte order mark, CRLF": ({}, lambda path: path.write_bytes(csv_text().replace("\n", "\r\n").encode("utf-8-sig"))),
    "GB18030": ({"encoding": "gb18030"}, lambda path: path.write_bytes(csv_text().encode("gb18030"))),
    "gzip": ({}, lambda path: path.write_bytes(gzip.compress(csv_text().encode()))),
    "decimal comma": (
        {"decimal_separator": ",", "thousands_separator": ".", "delimiter": ";", "date_format": "%d.%m.%Y"},
        lambda path: path.write_text(csv_text(german, "%d.%m.%Y", ";")),
    ),
    "full width": (
        {"full_width": True, "thousands_separator": ","},
        lambda path: path.write_text(csv_text(lambda value: f"{value:,.2f}".translate(FULL_WIDTH))),
    ),
    "words for nothing": (
        {"absent": ["NULL"]},
        lambda path: path.write_text(csv_text().replace('""', '"NULL"')),
    ),
    "UTF-16": ({"encoding": "utf-16"}, lambda path: path.write_bytes(csv_text().encode("utf-16"))),
    "no-break spaces and minus signs": (
        {"thousands_separator": " "},
        lambda path: path.write_text(csv_text(lambda value: f"{value:,.2f}".translate({44: 0xA0, 45: 0x2212}))),
    ),
    "Parquet": ({"format": "parquet"}, parquet),
    "XLSX": ({"format": "xlsx"}, xlsx),
}


@settings(max_examples=200)
@given(
    values=st.lists(st.decimals(-(10**9), 10**9, places=4), min_size=1, max_size=8),
    scale=st.integers(0, 8),
    separator=st.sampled_from([".", ","]),
)
def test_decimals_are_written_alike_one_by_one_and_by_column(values: list[Decimal], scale: int, separator: str) -> None:
    rule = FileRule.model_validate({"pattern": "*", "extracts": {"bill": {}}, "decimal_separator": separator})
    rounded = [round(value, scale) + 0 for value in values]  # no negative zero
    array = pa.array(rounded, pa.decimal128(30, scale))
    assert typed_file._text_column(array, rule).to_pylist() == [typed_text(value, rule) for value in rounded]


def mapping(**options: Any) -> Mapping:
    rule = {"pattern": "bill*", "extracts": {"bill": {}}} | options
    return Mapping.model_validate({"mapping": "m", "description": "d", "files": [rule]})


@pytest.mark.parametrize("case", CASES)
def test_the_same_facts_in_any_format(settings: Settings, tmp_path: Path, case: str) -> None:
    options, write = CASES[case]
    path = tmp_path / "bill"
    write(path)
    result = load_file(path, mapping(**options), settings)
    assert result.counts["bill"].quarantined == 0
    with connect(settings) as connection:
        rows = connection.execute(f"select {', '.join(HEADER)}, _line_no from raw.bill order by _line_no").fetchall()
    assert rows == [(*fact, line) for line, fact in enumerate(FACTS, start=2)]


@pytest.mark.parametrize(("zone", "days"), [("Asia/Shanghai", (date(2026, 2, 1), date(2026, 2, 1))), ("UTC", None)])
def test_moments_are_days_of_the_time_zone(
    settings: Settings, tmp_path: Path, zone: str, days: tuple[date, date] | None
) -> None:
    moment = datetime(2026, 1, 31, 16, 30, tzinfo=UTC)
    facts = {"bill_id": ["B1"], "customer_id": ["C1"], "due_on": [date(2026, 3, 1)], "amount": [1]}
    moments = {"period": pa.array([moment], pa.timestamp("ns", "UTC")), "issued_on": pa.array([moment])}
    pyarrow.parquet.write_table(pa.table(facts | moments), tmp_path / "bill.parquet")
    load_file(tmp_path / "bill.parquet", mapping(format="parquet", time_zone=zone), settings)
    (tmp_path / "bill.csv").write_text(
        "bill_id,customer_id,due_on,amount,period,issued_on\n"
        "B1,C1,2026-03-01T00:00:00+0800,1,2026-01-31T16:30:00+0000,2026-01-31T16:30:00+0000\n"
    )
    formats = {"date_format": "%Y-%m-%dT%H:%M:%S%z", "month_format": "%Y-%m-%dT%H:%M:%S%z"}
    load_file(tmp_path / "bill.csv", mapping(time_zone=zone, **formats), settings)
    with connect(settings) as connection:
        rows = connection.execute("select distinct period, issued_on from raw.bill").fetchall()
    assert rows == [days or (date(2026, 1, 1), date(2026, 1, 31))]


@pytest.mark.parametrize(
    ("meant", "issued_on"), [("utc", date(2026, 2, 1)), ("local", date(2026, 1, 31)), (None, None)]
)
def test_int96_says_no_zone(settings: Settings, tmp_path: Path, meant: str | None, issued_on: date | None) -> None:
    """Spark writes UTC so, Hive local time."""
    moment = pa.array([datetime(2026, 1, 31, 16, 30)], pa.timestamp("ns"))  # noqa: DTZ001 - the file holds none
    facts = {
        "bill_id": ["B1"],
        "customer_id": ["C1"],
        "due_on": [date(2026, 3, 1)],
        "amount": [1],
        "period": ["2026-01"],
    }
    path = tmp_path / "bill.parquet"
    pyarrow.parquet.write_table(pa.table(facts | {"issued_on": moment}), path, use_deprecated_int96_timestamps=True)
    chosen = mapping(format="parquet", time_zone="Asia/Shanghai", int96=meant)
    if meant is None:
        with pytest.raises(FileRefusedError, match="'issued_on' holds INT96 timestamps.*say `int96: utc`"):
            load_file(path, chosen, settings)
        return
    load_file(path, chosen, settings)
    with connect(settings) as connection:
        assert connection.execute("select issued_on from raw.bill").fetchall() == [(issued_on,)]


def test_parquet_of_any_types(settings: Settings, tmp_path: Path) -> None:
    table = pa.table(
        {
            "payment_id": pa.array([b"PB1", b"PB2", "张".encode()]),
            "customer_id": pa.array([b"C1", b"C2", None], pa.binary(2)),
            "bill_id": pa.array(["B1", None, ""], pa.large_string()),
            "paid_on": pa.array([date(2026, 1, 5)] * 3),
            "amount": pa.array([12.34, 98765.43, 5.5], pa.float32()),
            "channel": pa.nulls(3),
            "lines": pa.array([[1, 2], None, []]),
            "more": pa.array([{"a": b"\xff", "day": date(2026, 1, 5)}, None, None]),
            "hash": pa.array([b"\xff\x00", None, b"a"]),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "payment.parquet")
    options = {"pattern": "*", "format": "parquet", "extracts": {"payment": {}}, "ignore": ["lines"]}
    counts = load_file(tmp_path / "payment.parquet", mapping(**options, bad_row_limit=0.5), settings).counts["payment"]
    assert (counts.accepted, counts.quarantined) == (2, 1)
    with connect(settings) as connection:
        rows = connection.execute(
            "select payment_id, customer_id, bill_id, amount, _extra from raw.payment order by 1"
        ).fetchall()
    assert rows == [
        ("PB1", "C1", "B1", Decimal("12.34"), {"more": '{"a": "ff", "day": "2026-01-05"}', "hash": '"ff00"'}),
        ("PB2", "C2", None, Decimal("98765.43"), {"more": "", "hash": ""}),
    ]


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (pa.array([["B1"]]), "column 'bill_id' is nested"),
        (pa.array([b"\xff"]), "column 'bill_id' holds bytes that are not text in utf-8"),
    ],
)
def test_a_column_that_is_read_must_be_text(settings: Settings, tmp_path: Path, column: pa.Array, why: str) -> None:
    pyarrow.parquet.write_table(
        pa.table({"bill_id": column} | {name: ["2026-01-05"] for name in HEADER[1:]}), tmp_path / "bill"
    )
    with pytest.raises(FileRefusedError, match=why):
        load_file(tmp_path / "bill", mapping(format="parquet"), settings)


def test_a_short_float_that_cannot_hold_cents_is_no_number() -> None:
    rule = FileRule.model_validate({"pattern": "*", "extracts": {"bill": {}}})
    texts = typed_file._text_column(pa.array([0.1, 131071.98, 262144.5, None], pa.float32()), rule)
    assert texts.to_pylist() == ["0.1", "131071.98", "262144.5 (float32)", ""]


@pytest.mark.parametrize("name", ["parquet", "xlsx"])
def test_a_file_of_another_format_is_refused(settings: Settings, tmp_path: Path, name: str) -> None:
    path = tmp_path / "bill"
    path.write_text(csv_text())
    with pytest.raises(
        FileRefusedError, match=f"bill: cannot be read as {name}".replace("p", "[pP]").replace("xlsx", "XLSX")
    ):
        load_file(path, mapping(format=name), settings)
