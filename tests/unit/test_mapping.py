"""Mappings: what ships is sound, and each fault is reported by file, key and line."""

import re
from pathlib import Path

import pytest
from gridcredit.errors import MappingError
from gridcredit.ingestion.mapping.patterns import covers
from gridcredit.ingestion.mapping.read import load_mapping, load_mappings, read_mappings
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


HEAD = "mapping: m\ndescription: d\nfiles:\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sample.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_mappings_load() -> None:
    assert set(load_mappings(PROJECT_DIR / "mappings")) == {"demo", "ibm_receivables"}


def test_a_faulty_file_is_refused_under_its_own_name_alone(tmp_path: Path) -> None:
    sound = GOOD.partition("\n")[0].removeprefix("mapping: ")
    written(tmp_path, GOOD)
    (tmp_path / "a.yml").write_text("# ours\nmapping: 'erp' # not yet\nfiles: {", encoding="utf-8")
    (tmp_path / "b.yml").write_text("- no mapping\n", encoding="utf-8")
    found = read_mappings(tmp_path)
    assert found.find(sound) == found.sound[sound]
    assert found.find("nothing") is None
    assert [one.name for one in found.faulty] == ["erp", "b"]
    with pytest.raises(MappingError, match=r"b\.yml:1: a mapping is"):
        found.find("b")
    assert len(found.left_aside("erp")) == 1
    (tmp_path / "z.yml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(MappingError, match=r"z\.yml:1: mapping: .* is defined twice"):
        read_mappings(tmp_path).find(sound)


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
        ("    date_format", "    delimiter: \\t\n    date_format", 5, 'a tab is written in double quotes: "\\t"'),
        ("    date_format", "    encoding: hex\n    date_format", 5, "unknown encoding 'hex'"),
        ("    date_format", "    encoding: rot13\n    date_format", 5, "unknown encoding 'rot13'"),
        ('"%d.%m.%Y"', '"%Y-%m-%dT%H:%M:%S+00:00"', 5, "would drop the zone: write it with %z"),
        ('"%d.%m.%Y"', '"%Y-%m-%d %H:%M %Z"', 5, "would drop the zone: write it with %z"),
        ('"%d.%m.%Y"', '"%Y-%m-%d %I:%M"', 5, "hours of half a day"),
        ('"%d.%m.%Y"', '"%Y/%m"', 5, "does not name the day, which payment.paid_on needs"),
        ("    date_format", "    delivery: delta\n    date_format", 5, "keys that are made of {_file}"),
        ("    date_format", "    year_pivot: 30\n    date_format", 4, "formats with %y alone"),
        ("    date_format", "    ignore: [value]\n    date_format", 5, "'value' is read"),
        ("    date_format", "    absent: [NULL]\n    date_format", 5, "write NULL and its like in quotes"),
        (
            "    date_format",
            "    format: xlsx\n    delimiter: ';'\n    date_format",
            4,
            "`delimiter` says nothing of xlsx",
        ),
        ("    date_format", "    format: xlsx\n    encoding: gb18030\n    date_format", 4, "`encoding` says nothing"),
        ("    date_format", "    format: parquet\n    iso_dates: true\n    date_format", 4, "`iso_dates` says nothing"),
        ('    date_format: "%d.%m.%Y"', '    format: parquet\n    date_format: "%Y-%d-%m"', 4, "be told from ISO 8601"),
        ("{from: value}", "{from: value, case: upper}", 10, "is no text, so that `case` says nothing"),
        ("{from: value}", "{from: value, values: }", 10, "`values` without an entry"),
        ("{from: value}", "{from: value, optional: true}", 10, "is required, so that `optional` says nothing"),
        ("payment_id: number", "bill_id: {template: 'X{nr}', optional: true}", 9, "a template needs all"),
        ("        columns:", "        where: [{column: x, equals: []}]\n        columns:", 8, "is empty: say what"),
        (
            "        columns:",
            "        where: [{column: x, at_least: 5, less_than: 5}]\n        columns:",
            8,
            "no number",
        ),
        ('"*.csv"', '""', 4, "matches no file"),
        ('"*.csv"', '"in/bill*.csv"', 4, "matches no file"),
        ("{from: value}", "{constant: abc}", 10, "'abc' is not a number"),
        ("payment_id: number", "paid_on: {constant: 30.02.2026}", 9, "'30.02.2026' is not a date written as %d.%m.%Y"),
        ("payment_id: number", "channel: {constant: '{chanel}'}", 7, "holds {chanel}, which no entry of `unpivot`"),
        ("payment_id: number", "channel: {from: x, values: {a: '{b}'}}", 7, "holds {b}, which no entry of `unpivot`"),
        ("        columns:", "        where: [{column: x, equals: ['{b}']}]\n        columns:", 7, "holds {b}, which"),
        ("      payment:", "      bill: [{}, {}]\n      payment:", 7, "has the same rule twice"),
        (
            "      payment:",
            "      bill: {columns: {disputed: {constant: maybe}}}\n      payment:",
            7,
            "'maybe' is not yes or no",
        ),
        ("      payment:", "      ? [a, b]\n      : {}\n      payment:", 7, "a key is a text"),
        ("files:\n", "files: &a\n  - *a\n", 3, "not valid YAML"),
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
    values = "value\n          channel: {from: value, values: {Yes: 1.10, 010: 2012-01-01, 12:30: 1_000}}"
    rule = load_mapping(written(tmp_path, GOOD.replace("{from: value}", values))).files[0].extracts["payment"]
    assert rule.columns["channel"].values == {"Yes": "1.10", "010": "2012-01-01", "12:30": "1_000"}


@pytest.mark.parametrize(
    ("extract", "column", "rule", "why"),
    [
        ("bill", "amount", "{from: x, unit: cent}", "say by `factor` how many one cent is"),
        ("bill", "amount", "金额(万元)", "(万?)"),
        ("bill", "energy_kwh", "{from: x, unit: kWh, factor: 2}", "one kWh is 1 of it, not 2"),
        ("bill", "energy_kwh", "{from: x, unit: MWh, factor: 10}", "one MWh is 1000 of it, not 10"),
        ("bill", "energy_kwh", "EnergyMWh", "name the `unit` of the source (mwh?)"),
        ("bill", "energy_kwh", "use_tj", "(tj?)"),
        ("bill", "energy_kwh", "电量(万千瓦时)", "(万?)"),
        ("bill", "energy_kwh", "电量(兆瓦时)", "(兆瓦?)"),
        ("meter_reading", "reading", "reading_mwh", "name the `unit` of the source (mwh?)"),
        ("tariff", "unit_price", "price_per_mwh", "is stored in currency per kWh: name the `unit`"),
        ("customer", "voltage_kv", "voltage_v", "(v?)"),
        ("customer", "contract_capacity_kva", "contract_capacity_mva", "(mva?)"),
        ("bill", "energy_kwh", "EnergyKWh", None),
        ("bill", "energy_kwh", "kWh", None),
        ("bill", "energy_kwh", "Verbrauch kWh", None),
        ("bill", "energy_kwh", "VerbrauchkWh", None),
        ("bill", "energy_kwh", "Verbrauch_kWh", None),
        ("bill", "energy_kwh", "VerbrauchWh", "(wh?)"),
        ("bill", "energy_kwh", "电量(千瓦时)", None),
        ("bill", "energy_kwh", "{from: energy_mwh, unit: MWh}", None),
        ("bill", "energy_kwh", "{from: energy_mwh, unit: MWh, factor: 1000}", None),
        ("meter_reading", "reading", "{from: reading_mwh, unit: MWh, factor: 1000}", None),
        ("customer", "voltage_kv", "voltage_kv", None),
    ],
)
def test_units_that_are_not_the_contracts(
    tmp_path: Path, extract: str, column: str, rule: str, why: str | None
) -> None:
    path = written(
        tmp_path, HEAD + f"  - {{pattern: '*', extracts: {{{extract}: {{columns: {{{column}: {rule}}}}}}}}}\n"
    )
    if why is None:
        assert load_mapping(path).files
        return
    with pytest.raises(MappingError, match=re.escape(why)):
        load_mapping(path)


@pytest.mark.parametrize(
    ("pattern", "other", "takes"),
    [
        ("bill[0-9]*.csv", "bill1*.csv", True),
        ("bill?.csv", "bill1.csv", True),
        ("bill?.csv", "bill[0-9].csv", True),
        ("bill[0-9].csv", "bill[0-9].csv", True),
        ("bill[!x].csv", "billy.csv", True),
        ("bill[0-9].csv", "bill?.csv", False),
        ("bill[0-9]*.csv", "billx*.csv", False),
        ("bill?.csv", "bill*.csv", False),
        ("bill[!x].csv", "bill*.csv", False),
        ("bill[", "bill[", True),
    ],
)
def test_which_pattern_takes_the_files_of_another(pattern: str, other: str, takes: bool) -> None:
    assert covers(pattern, other) is takes


def test_what_is_said_with_effect_is_accepted(tmp_path: Path) -> None:
    rules = [
        "{payment: {columns: {payment_id: {template: '{_file}-{_line}'}}}}, delivery: delta",
        "{bill: {columns: {due_on: {from: month, format: '%Y-%m', end_of_month: 1}}}}",
        "{bill: {columns: {amount: {from: x, values: {'-': '0'}}, bill_id: {template: '{nr}-{year}'}}}}",
        "{customer: {}}, timestamp_format: '%Y-%m-%dT%H:%M:%SZ'",
        "{payment: {}}, absent: ['NULL', N/A]",
    ]
    for rule in rules:
        path = written(tmp_path, HEAD + f"  - {{pattern: '*', extracts: {rule}}}\n")
        assert load_mapping(path).files


@pytest.mark.parametrize("table", ["1,regular\n2,recovery\n", "R,regular\nV,recovery\n", "A,north\nB,south\nC,north\n"])
def test_a_table_without_a_header_is_refused(tmp_path: Path, table: str) -> None:
    (tmp_path / "codes.csv").write_text(table)
    rule = "{pattern: '*', extracts: {bill: {columns: {kind: {from: a, values_from: codes.csv}}}}}"
    with pytest.raises(MappingError, match="codes.csv:1: .* looks like a row"):
        load_mapping(written(tmp_path, HEAD + f"  - {rule}\n"))
