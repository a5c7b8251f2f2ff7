"""Mappings: what ships is sound, and each fault is reported by file, key and line."""

from pathlib import Path

import pytest
from gridcredit.errors import MappingError
from gridcredit.ingestion.mapping.read import load_mapping, load_mappings
from gridcredit.settings import PROJECT_DIR

GOOD = """\
mapping: sample
description: A sample.
files:
  - pattern: "*.csv"
    date_format: "%d.%m.%Y"
    extracts:
      payment:
        columns:
          payment_id: number
          amount: {from: value}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sample.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_mappings_load() -> None:
    assert set(load_mappings(PROJECT_DIR / "mappings")) == {"demo", "ibm_receivables"}


def test_columns_not_named_keep_their_own_name(tmp_path: Path) -> None:
    rule = load_mapping(written(tmp_path, GOOD)).files[0].extracts["payment"]
    assert set(rule.columns) == {"payment_id", "amount"}


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("payment_id: number", "paymnt_id: number", 9, "files[0].extracts.payment.columns.paymnt_id"),
        ('"%d.%m.%Y"', '"%d.%m.%Q"', 5, "files[0].date_format"),
        ('"%d.%m.%Y"', '"days"', 5, "files[0].date_format"),
        ("      payment:", "      pament:", 6, "files[0].extracts"),
        ("description:", "descripton:", 2, "descripton"),
        ("{from: value}", "{from: value, constant: 1}", 10, "files[0].extracts.payment.columns.amount"),
        ("    date_format", "    encoding: klingon\n    date_format", 5, "files[0].encoding"),
        ("    date_format", "    time_zone: Mars/Base\n    date_format", 5, "files[0].time_zone"),
        ("    date_format", "    delimiter: ';;'\n    date_format", 5, "files[0].delimiter"),
        ("mapping: sample", "mapping: [", 2, "YAML"),
        (
            "    date_format",
            "    encoding: utf-8\n    encoding: gb18030\n    date_format",
            6,
            "'encoding' is given twice",
        ),
        ("          amount:", "          payment_id: other\n          amount:", 10, "'payment_id' is given twice"),
        ("{from: value}", "{from: value, otherwise: x}", 10, "amount: `otherwise` is a text beside `values`"),
        ("{from: value}", "{from: value, values: {a: b}, otherwise: null}", 10, "`otherwise` is a text"),
        ("{from: value}", "{from: value, add_days: 3}", 10, "amount: has no date"),
        ("{from: value}", "{from: value, format: '%Y%m%d'}", 10, "amount: has no date"),
        ("{from: value}", "{from: value, values: {'a ': 1}}", 10, "amount: 'a ' begins or ends with a space"),
        ("{from: value}", "{constant: ''}", 10, "amount: a constant without text"),
        ("{from: value}", "{constant: 1, values: {1: 2}}", 10, "amount: `values` says nothing of a constant"),
        ("{from: value}", "{template: 'a{b'}", 10, "amount: a brace without its other half"),
        (
            "      payment:",
            "      bill: {columns: {kind: {from: k, values: {R: regulr}}}}\n      payment:",
            7,
            "'regulr'",
        ),
        (
            "      payment:",
            "      bill: {columns: {kind: {constant: bill}}}\n      payment:",
            7,
            "'bill' is not one of",
        ),
        ("        columns:", "        where: [{column: x, equals: ['']}]\n        columns:", 8, "no value is empty"),
        ("    date_format", "    thousands_separator: '.'\n    date_format", 4, "are the same"),
        ('"%d.%m.%Y"', '"%d.%m.%y"', 4, "'%d.%m.%y' has years of two digits: say by `year_pivot`"),
        (
            "      payment:",
            "      bill: {columns: {energy_kwh: gas_m3}}\n      payment:",
            7,
            "name the `unit` of the source (m3?)",
        ),
        (
            "      payment:",
            "      bill: {columns: {energy_kwh: {from: x, factor: 10.5}}}\n      payment:",
            7,
            "name the `unit`",
        ),
        (
            "      payment:",
            "      bill: {columns: {energy_kwh: {from: x, unit: m3}}}\n      payment:",
            7,
            "how many one m3 is",
        ),
        ("payment_id: number", "payment_id: {from: number, factor: 2}", 9, "has no number"),
        ('"%d.%m.%Y"', '"%x"', 5, "depends on the machine"),
        ("    date_format", "    delimiter: '§'\n    date_format", 5, "one ASCII character"),
    ],
)
def test_a_fault_names_file_key_and_line(tmp_path: Path, old: str, new: str, line: int, key: str) -> None:
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(MappingError) as fault:
        load_mapping(path)
    text = str(fault.value)
    assert "\n" not in text
    assert text.startswith(f"{path}:{line}:") or key == "YAML"
    assert key in text


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"absent\.yml: cannot be read"):
        load_mapping(tmp_path / "absent.yml")


LATER = """\
  - {pattern: "%s", extracts: {bill: {}}}
"""


@pytest.mark.parametrize(
    ("earlier", "pattern", "is_used"),
    [
        ("*.csv", "*.csv", False),
        ("*.csv", "bill*.csv", False),
        ("b*.csv", "bill_??.csv", False),
        ("*.csv", "*", True),
        ("bill.csv", "bill*.csv", True),
        ("bill_?.csv", "bill_*.csv", True),
        ("bill_?.csv", "bill_?.csv", False),
    ],
)
def test_a_rule_that_no_file_can_reach_is_refused(tmp_path: Path, earlier: str, pattern: str, is_used: bool) -> None:
    path = written(tmp_path, GOOD.replace("*.csv", earlier) + LATER % pattern)
    if is_used:
        assert len(load_mapping(path).files) == 2
        return
    with pytest.raises(MappingError, match=r"sample\.yml:11: files\[1\]\.pattern: is never used: files\[0\]"):
        load_mapping(path)


def test_values_are_the_text_as_it_is_written(tmp_path: Path) -> None:
    values = "{from: value, values: {Yes: 1.10, 010: 2012-01-01, 12:30: 1_000}}"
    rule = load_mapping(written(tmp_path, GOOD.replace("{from: value}", values))).files[0].extracts["payment"]
    assert rule.columns["amount"].values == {"Yes": "1.10", "010": "2012-01-01", "12:30": "1_000"}
