"""A line that gives several rows: months across the columns, by one mapping."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from gridcredit.errors import MappingError
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mapping
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.ingestion.samples.preview import preview
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

CASES = Path(__file__).parents[1] / "cases" / "ingest"


def test_months_across_the_columns(settings: Settings) -> None:
    counts = load_file(CASES / "wide.csv", load_mapping(CASES / "wide.yml"), settings).counts
    with (CASES / "wide_expected.csv").open(newline="") as file:
        expected = [{name: value for name, value in row.items() if value} for row in csv.DictReader(file)]
    with connect(settings) as connection:
        bills = connection.execute(
            "select bill_id, customer_id, period::text, issued_on::text, due_on::text, amount::text from raw.bill "
            "order by 1"
        ).fetchall()
        payments = connection.execute(
            "select payment_id, customer_id, amount::text, paid_on::text, bill_id from raw.payment order by 1"
        ).fetchall()
        customers = connection.execute(
            "select customer_id, name, segment, opened_on::text from raw.customer"
        ).fetchall()
        loads = connection.execute(
            "select extract, rows_read, rows_accepted, rows_filtered, lines_read, lines_used, lines_quarantined, "
            "set_aside from lineage.loads order by extract"
        ).fetchall()
    found = [
        dict(
            zip(
                ("extract", "key", "customer_id", "period", "issued_on", "due_on", "amount"),
                ("bill", *bill),
                strict=True,
            )
        )
        for bill in bills
    ]
    found += [
        dict(zip(("extract", "key", "customer_id", "amount", "paid_on", "bill_id"), ("payment", *payment), strict=True))
        for payment in payments
    ]
    assert found == expected
    assert customers[0] == ("A-001", "A-001", "residential", "2019-05-01")
    zero = "{none: [{column: bill_2026_%s, at_least: '0', at_most: '0'}]}"
    assert loads[0] == ("bill", 9, 8, 1, 3, 3, 0, {zero % "03": 1})
    assert loads[1][:7] == ("customer", 3, 3, 0, 3, 3, 0)
    assert loads[2][:7] == ("payment", 9, 5, 4, 3, 3, 0)
    assert sum(loads[2][7].values()) == 4
    assert counts["bill"].lines == 3


def wide(settings: Settings, path: Path) -> dict[str, tuple[int, ...]]:
    mapping = load_mapping(CASES / "wide.yml")
    rule = mapping.files[0].model_copy(update={"bad_row_limit": 1})
    return {
        name: (one.read, one.accepted, one.quarantined, one.filtered, one.lines, one.lines_used, one.lines_quarantined)
        for name, one in load_file(path, mapping, settings, rule).counts.items()
    }


def test_a_bad_month_leaves_the_others(settings: Settings, tmp_path: Path) -> None:
    header, first, *_ = (CASES / "wide.csv").read_text().splitlines()
    other = first.replace("A-001", "A-002")
    path = tmp_path / "wide.csv"
    nothing = "A-003,2024-02-01" + "," * 11
    path.write_text(
        "\n".join([header, first.replace("118.00,118.00", "much,118.00"), other, nothing, "A-004,1"]) + "\n"
    )
    found = wide(settings, path)
    assert found["bill"] == (10, 3, 2, 5, 4, 1, 2)
    assert found["payment"] == (10, 4, 1, 5, 4, 2, 1)


def test_several_rules_of_one_extract(settings: Settings, tmp_path: Path) -> None:
    rule = {
        "pattern": "*",
        "extracts": {
            "payment": [
                {
                    "columns": {
                        "payment_id": {"template": "{id}-cash"},
                        "amount": "cash",
                        "channel": {"constant": "cash"},
                    }
                },
                {
                    "columns": {
                        "payment_id": {"template": "{id}-bank"},
                        "amount": "bank",
                        "channel": {"constant": "bank"},
                    }
                },
            ]
        },
    }
    path = tmp_path / "payment.csv"
    path.write_text("id,customer_id,paid_on,cash,bank\n1,C1,2026-01-05,5,7\n")
    mapping = Mapping.model_validate({"mapping": "m", "description": "d", "files": [rule]})
    load_file(path, mapping, settings)
    with connect(settings) as connection:
        rows = connection.execute("select payment_id, amount::int, channel from raw.payment order by 1").fetchall()
    assert rows == [("1-bank", 7, "bank"), ("1-cash", 5, "cash")]
    assert preview(mapping, path).verdict(mapping.files[0]) == "would be loaded: 2 payment of 1 rows"


def test_a_name_that_no_text_uses_is_refused(tmp_path: Path) -> None:
    text = (CASES / "wide.yml").read_text()
    (tmp_path / "wide.yml").write_text(text.replace("of: ", "off: "))
    with pytest.raises(MappingError, match=r"wide\.yml:18: files\[0\]\.extracts\.bill\.unpivot: no text has \{off\}"):
        load_mapping(tmp_path / "wide.yml")
