"""Tables of codes beside a mapping, and amounts whose sign is said by columns of debit and credit or by a flag."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridcredit.errors import MappingError
from gridcredit.ingestion.mapping.read import load_mapping
from gridcredit.ingestion.samples.preview import preview

HEAD = "mapping: ledger\ndescription: A ledger.\nfiles:\n"
BY_FLAG = (
    HEAD
    + """
  - pattern: "*.csv"
    decimal_separator: ","
    thousands_separator: "."
    extracts:
      payment:
        - where: [{column: side, equals: [C]}]
          columns: {payment_id: no, customer_id: who, paid_on: day, amount: value}
        - where: [{column: side, equals: [D]}]
          columns: {payment_id: no, customer_id: who, paid_on: day, amount: {from: value, negated: true}}
"""
)
BY_COLUMNS = (
    HEAD
    + """
  - pattern: "*.csv"
    extracts:
      payment:
        - where: [{column: credit, filled: true}]
          columns: {payment_id: no, customer_id: who, paid_on: day, amount: credit}
        - where: [{column: debit, filled: true}]
          columns: {payment_id: no, customer_id: who, paid_on: day, amount: {from: debit, negated: true}}
"""
)
WITH_CODES = (
    HEAD
    + """
  - pattern: "*.csv"
    timestamp_format: "%Y-%m-%d"
    extracts:
      customer:
        columns:
          segment: {from: code, values_from: segments.csv}
"""
)


def amounts(folder: Path, mapping: str, sample: str) -> list[tuple[str | None, str | None]]:
    """Number and amount of the payments that a mapping makes of a sample."""
    (folder / "ledger.yml").write_text(mapping)
    (folder / "sample.csv").write_text(sample)
    found = preview(load_mapping(folder / "ledger.yml"), folder / "sample.csv").after["payment"]
    return sorted((row["payment_id"], row["amount"]) for row in found.rows)


def test_a_flag_says_the_sign(tmp_path: Path) -> None:
    sample = (
        'no,who,day,side,value\n1,C1,2026-01-05,C,"1.234,50"\n2,C1,2026-01-06,D,"1.234,50"\n3,C1,2026-01-07,D,"-2,00"\n'
    )
    assert amounts(tmp_path, BY_FLAG, sample) == [("1", "1234.50"), ("2", "-1234.50"), ("3", "2.00")]


def test_columns_of_debit_and_credit_say_the_sign(tmp_path: Path) -> None:
    sample = "no,who,day,debit,credit\n1,C1,2026-01-05,,10.00\n2,C1,2026-01-06,4.25,\n"
    assert amounts(tmp_path, BY_COLUMNS, sample) == [("1", "10.00"), ("2", "-4.25")]


def test_a_sign_is_of_numbers_alone(tmp_path: Path) -> None:
    (tmp_path / "ledger.yml").write_text(
        BY_FLAG.replace("paid_on: day, amount: value", "paid_on: {from: day, negated: true}, amount: value")
    )
    with pytest.raises(MappingError, match=r"ledger.yml:\d+: .*paid_on: has no number"):
        load_mapping(tmp_path / "ledger.yml")


def test_codes_stand_in_a_table_beside_the_mapping(tmp_path: Path) -> None:
    mapping, codes = tmp_path / "ledger.yml", tmp_path / "segments.csv"
    mapping.write_text(WITH_CODES)
    codes.write_text("code,segment\n10,residential\n20,industrial\n")
    (tmp_path / "sample.csv").write_text(
        "customer_id,name,code,opened_on,updated_at\nC1,n,10,2020-01-01,2020-01-01\nC2,n,20,2020-01-01,2020-01-01\n"
        "C3,n,99,2020-01-01,2020-01-01\n"
    )
    first = load_mapping(mapping)
    found = preview(first, tmp_path / "sample.csv").after["customer"]
    assert [(row["customer_id"], row["segment"]) for row in found.rows] == [("C1", "residential"), ("C2", "industrial")]
    assert [bad.column for _, bad in found.first_rejected] == ["segment"]
    # A table that changes is another mapping.
    codes.write_text("code,segment\n10,residential\n20,industrial\n99,public\n")
    assert load_mapping(mapping).sha256 != first.sha256


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("code,segment\n10,residential\n10,public\n", "segments.csv:3: gives '10' twice"),
        ("code,segment,more\n10,residential,x\n", "segments.csv:2: has 3 columns"),
        ("code,segment\n", "segments.csv: has no row under its header"),
        ("code,segment\n10,nothing\n", "'nothing' is not one of"),
        (None, "segments.csv: cannot be read: No such file"),
    ],
)
def test_a_table_that_cannot_be_meant(tmp_path: Path, table: str | None, fault: str) -> None:
    (tmp_path / "ledger.yml").write_text(WITH_CODES)
    if table is not None:
        (tmp_path / "segments.csv").write_text(table)
    with pytest.raises(MappingError, match=fault.replace("(", "\\(")):
        load_mapping(tmp_path / "ledger.yml")
