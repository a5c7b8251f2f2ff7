"""Typing of delivered text: strict, exact, and a value's fate never depends on its neighbours."""

import re
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from gridcredit.contract.arrow import ARROW_TYPES
from gridcredit.contract.billing import BILL, METER_READING, PAYMENT, TARIFF
from gridcredit.contract.customers import CUSTOMER
from gridcredit.contract.shapes import Column, Extract
from gridcredit.ingestion.batch import Batch
from gridcredit.ingestion.conversion.conditions import meets
from gridcredit.ingestion.conversion.convert import Converted, column_text, convert, to_type
from gridcredit.ingestion.mapping.columns import ColumnRule, Condition
from gridcredit.ingestion.mapping.rules import ExtractRule, FileRule
from hypothesis import given
from hypothesis import strategies as st

RULE = ColumnRule(**{"from": "x"})


def column(extract_column: Column | None) -> Column:
    assert extract_column is not None
    return extract_column


AMOUNT, DUE_ON = column(BILL.column("amount")), column(BILL.column("due_on"))
SEGMENT, IMPORTANT = column(CUSTOMER.column("segment")), column(CUSTOMER.column("important_user"))


def typed(values: list[str | None], kind: Column, **options: object) -> tuple[list[object], list[bool]]:
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {"customer": {}}} | options)
    array, bad = to_type(pa.array(values, pa.string()), kind, RULE, file_rule)
    return array.cast(ARROW_TYPES[kind.kind]).to_pylist(), bad.tolist()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", Decimal("12.50")),
        ("-3", Decimal("-3.00")),
        ("+1.5", Decimal("1.50")),
        ("007", Decimal("7.00")),
        ("1e+05", Decimal("100000.00")),
        ("-1.25E2", Decimal("-125.00")),
        ("12500e-3", Decimal("12.50")),
    ],
)
def test_amounts(text: str, value: Decimal) -> None:
    assert typed([text], AMOUNT) == ([value], [False])


@pytest.mark.parametrize(
    "text", ["1.234", "1.5e-3", "1e17", "1e", "", "abc", "1,5", "--1", "1.", ".5", "NaN", "12345678901234567"]
)
def test_what_is_not_exact_money_is_bad(text: str) -> None:
    assert typed([text], AMOUNT)[1] == [True]


@given(st.lists(st.one_of(st.none(), st.text(alphabet="0123456789.-e,", max_size=8)), max_size=20))
def test_a_value_fares_alike_alone_and_among_others(values: list[str | None]) -> None:
    together = typed(values, AMOUNT)
    alone = [typed([value], AMOUNT) for value in values]
    assert together == (
        [value for one, _ in alone for value in one],
        [bad for _, one in alone for bad in one],
    )


def test_other_separators() -> None:
    german: dict[str, object] = {"decimal_separator": ",", "thousands_separator": "."}
    values, bad = typed(["1.234,56", "1.234.567", "1234,5", "-12.345"], AMOUNT, **german)
    assert values == [Decimal("1234.56"), Decimal(1234567), Decimal("1234.5"), Decimal(-12345)]
    assert not any(bad)


@pytest.mark.parametrize(
    "text", ["12.34", "1.2.3,5", "1.23,4", "0.123", "1234.567", ".123", "1.234,", "1,234.5", "12.345.678.901.234.567"]
)
def test_groups_after_the_first_have_three_digits(text: str) -> None:
    assert typed([text], AMOUNT, decimal_separator=",", thousands_separator=".") == ([None], [True])


@pytest.mark.parametrize(
    ("values", "options", "advice"),
    [
        (["12.34", "1,234.50", "7.00"], {"decimal_separator": ",", "thousands_separator": "."}, '".".*","'),
        # The first two fit both, the third says which is meant.
        (["1.234", "2.500", "0.125"], {"decimal_separator": ",", "thousands_separator": "."}, '".".*","'),
        (["1.234,50", "7,5"], {}, '",".*"."'),
        (["1 234,50", "7,5"], {}, '",".*" "'),
        (["12.34", "x", "y"], {}, None),
        (["1.234,50", "x", "1.234,00"], {"decimal_separator": ",", "thousands_separator": "."}, None),
    ],
)
def test_values_that_mostly_fit_another_convention_are_reported(
    values: list[str], options: dict[str, str], advice: str | None
) -> None:
    batch = Batch({"reading": pa.array(values)}, np.arange(len(values)), [])
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {"meter_reading": {}}} | options)
    found = convert(batch, METER_READING, ExtractRule(), file_rule, "file").conventions["reading"].better()
    assert re.search(advice, found or "") if advice else found is None


@pytest.mark.parametrize("text", ["10.0", "1.23457E+17", "1e+05", "nan", "10 (float)"])
def test_an_identifier_that_was_a_float_is_bad(text: str) -> None:
    bill_id, channel = column(BILL.column("bill_id")), column(PAYMENT.column("channel"))
    assert typed([text, "00012", "10.5.1", "12e45"], bill_id)[1] == [True, False, False, False]
    assert typed([text], channel)[1] == [False]


def test_dates_that_do_not_exist_are_bad() -> None:
    values, bad = typed(["2024-02-29", "2023-02-29", "2023-13-01", "01/02/2023", None], DUE_ON)
    assert values == [date(2024, 2, 29), None, None, None, None]
    assert bad == [False, True, True, True, False]


def test_us_dates_without_leading_zeros() -> None:
    assert typed(["1/2/2013"], DUE_ON, date_format="%m/%d/%Y")[0] == [date(2013, 1, 2)]


@pytest.mark.parametrize(
    ("text", "options", "day"),
    [
        ("２０２６-01-05", {}, None),
        ("２０２６-01-05", {"full_width": True}, date(2026, 1, 5)),
        ("٢٠٢٦-01-05", {"full_width": True}, None),
        ("2026年1月5日", {"date_format": "%Y年%m月%d日"}, date(2026, 1, 5)),
        ("05012026", {"date_format": "%d%m%Y"}, date(2026, 1, 5)),
        ("5012026", {"date_format": "%d%m%Y"}, None),
        ("5.1.26", {"date_format": "%d.%m.%y", "year_pivot": 30}, date(2026, 1, 5)),
        ("5.1.30", {"date_format": "%d.%m.%y", "year_pivot": 30}, date(1930, 1, 5)),
        ("5.1.99", {"date_format": "%d.%m.%y", "year_pivot": 100}, date(2099, 1, 5)),
        ("29.2.00", {"date_format": "%d.%m.%y", "year_pivot": 0}, None),
    ],
)
def test_dates_are_read_by_their_format_alone(text: str, options: dict[str, object], day: date | None) -> None:
    assert typed([text], DUE_ON, **options) == ([day], [day is None])


@pytest.mark.parametrize(
    ("values", "pattern", "advice"),
    [
        (["01/25/2026", "02/03/2026", "12/31/2026"], "%d/%m/%Y", "3 of 3 values would fit the format .%m/%d/%Y"),
        (["25.01.2026", "02.03.2026"], "%Y-%m-%d", "2 of 2 values would fit the format .%d.%m.%Y"),
        (["25/01/2026", "25/02/2026", "01/25/2026"], "%d/%m/%Y", None),
    ],
)
def test_dates_that_mostly_fit_another_order_are_reported(values: list[str], pattern: str, advice: str | None) -> None:
    batch = Batch({"paid_on": pa.array(values)}, np.arange(len(values)), [])
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {"payment": {}}, "date_format": pattern})
    found = convert(batch, PAYMENT, ExtractRule(), file_rule, "file").conventions["paid_on"].better()
    assert re.search(advice, found or "") if advice else found is None


@pytest.mark.parametrize(
    ("text", "rule", "value"),
    [
        ("1.2345675", {"unit": "MWh"}, "1234.568"),
        ("12,5", {"unit": "m3", "factor": "10.55"}, "131.875"),
        ("-0.0005", {"unit": "Wh"}, "0.000"),
        ("1e3", {"unit": "kWh"}, "1000"),
        ("999999999999999", {"unit": "GWh"}, None),
        ("1.0000000001", {"unit": "MWh"}, None),
        ("m3", {"unit": "MWh"}, None),
    ],
)
def test_energy_is_stored_in_kwh(text: str, rule: dict[str, object], value: str | None) -> None:
    separator = "," if "," in text else "."
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {"bill": {}}, "decimal_separator": separator})
    column_rule = ColumnRule.model_validate({"from": "x"} | rule)
    array, bad = to_type(pa.array([text, None]), column(BILL.column("energy_kwh")), column_rule, file_rule)
    assert array.cast(ARROW_TYPES["energy"]).to_pylist() == [None if value is None else Decimal(value), None]
    assert bad.tolist() == [value is None, False]


def test_codes_and_flags() -> None:
    assert typed(["public", "Public"], SEGMENT) == (["public", None], [False, True])
    assert typed(["Yes", "0", "maybe"], IMPORTANT) == ([True, False, None], [False, False, True])


@pytest.mark.parametrize(
    ("rule", "want"),
    [
        ({"values": {"R": "regular"}}, ["regular", "?", None]),
        ({"values": {"R": "regular"}, "otherwise": ""}, ["regular", None, None]),
        ({"values": {"R": "regular", "?": ""}}, ["regular", None, None]),
        ({"values": {"R": "regular", "": "recovery"}}, ["regular", "?", "recovery"]),
        ({"values": {"R": "regular", "": "recovery"}, "otherwise": "reversal"}, ["regular", "reversal", "recovery"]),
    ],
)
def test_values_that_are_mapped_to_nothing_are_absent(rule: dict[str, object], want: list[str | None]) -> None:
    batch = Batch({"x": pa.array(["R", "?", " "])}, np.arange(3), [])
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {"bill": {}}})
    text = column_text(batch, ColumnRule.model_validate({"from": "x"} | rule), file_rule, "file")
    assert text.to_pylist() == want


@pytest.mark.parametrize(
    "value", ["C\u200b1", "\ufeffC1", "C1 \u200b", "C\u00a01", "C\u3000 1", "C\u00ad1", "C\x001", "C\t1"]
)
def test_an_invisible_character_is_reported_not_stored(value: str) -> None:
    facts = {
        "payment_id": ["P1", "P2"],
        "customer_id": ["C1 ", value],
        "paid_on": ["2026-01-05"] * 2,
        "amount": ["1"] * 2,
    }
    batch = Batch({name: pa.array(values) for name, values in facts.items()}, np.arange(2), [])
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {"payment": {}}})
    found = convert(batch, PAYMENT, ExtractRule(), file_rule, "file")
    assert found.rows["customer_id"][0].as_py() == "C1"
    assert [(bad.index, bad.column, bad.value) for bad in found.rejected] == [(1, "customer_id", value)]
    assert re.fullmatch(r"holds an invisible character \(U\+[0-9A-F]{4}\)", found.rejected[0].reason)


@pytest.mark.parametrize(
    ("extract", "column", "rule"),
    [
        (BILL, "kind", {"columns": {"kind": {"from": "x", "values": {"R": "regular"}, "otherwise": "recovery"}}}),
        (BILL, "op", {"where": [{"column": "op", "equals": ["I"]}], "columns": {"kind": {"constant": "regular"}}}),
    ],
)
def test_a_value_map_or_condition_does_not_hide_it(extract: Extract, column: str, rule: dict[str, object]) -> None:
    row = {"bill_id": "B1", "customer_id": "C1", "period": "2026-01", "issued_on": "2026-01-01", "due_on": "2026-01-02"}
    row |= {"amount": "1", "x": "R\u200b", "op": "I\u200b"}
    batch = Batch({name: pa.array([value]) for name, value in row.items()}, np.arange(1), [])
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {"bill": rule}})
    found = convert(batch, extract, file_rule.extracts["bill"], file_rule, "file")
    assert [(bad.column, bad.reason[-8:]) for bad in found.rejected] == [(column, "(U+200B)")]
    assert found.filtered == 0


def test_words_may_have_joiners_and_wide_spaces() -> None:
    row = {"customer_id": "C1", "name": "می\u200cخواهم\u3000张", "segment": "public"}
    row |= {"opened_on": "2026-01-01", "updated_at": "2026-01-01T00:00:00+0000"}
    batch = Batch({name: pa.array([value]) for name, value in row.items()}, np.arange(1), [])
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {"customer": {}}})
    assert convert(batch, CUSTOMER, ExtractRule(), file_rule, "file").rejected == []


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({"column": "x", "filled": False}, "3"),
        ({"column": "x", "equals": ["5", "0"]}, "02"),
        ({"column": "x", "differs": ["5", "0"]}, "14"),
        ({"column": "x", "more_than": 0}, "01"),
        ({"column": "x", "at_least": "-2.5", "less_than": 5}, "24"),
        ({"column": "x", "at_most": 0}, "24"),
        ({"any": [{"column": "x", "equals": ["5"]}, {"column": "y", "equals": ["b"]}]}, "0134"),
        ({"all": [{"column": "x", "filled": True}, {"column": "y", "equals": ["b"]}]}, "14"),
        ({"none": [{"column": "x", "filled": False}, {"column": "y", "equals": ["b"]}]}, "02"),
        ({"none": [{"any": [{"column": "x", "more_than": 1}, {"column": "x", "filled": False}]}]}, "24"),
    ],
)
def test_conditions(condition: dict[str, object], met: str) -> None:
    batch = Batch(
        {"x": pa.array(["5", "1,234", "0", " ", "-2.5"]), "y": pa.array(list("abab") + ["b"])}, np.arange(5), []
    )
    file_rule = FileRule.model_validate({"pattern": "*", "thousands_separator": ",", "extracts": {"bill": {}}})
    mask = meets(batch, Condition.model_validate(condition), file_rule)
    assert "".join(str(index) for index in np.flatnonzero(mask)) == met


def test_what_cannot_be_compared_is_reported() -> None:
    rule = {"where": [{"none": [{"column": "x", "more_than": 0}]}]}
    batch = Batch({"x": pa.array(["1", "one", "-1"]), "bill_id": pa.array(["A", "B", "C"])}, np.arange(3), [])
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {"bill": rule}})
    found = convert(batch, BILL, file_rule.extracts["bill"], file_rule, "file")
    assert found.filtered == 1
    assert [(bad.index, bad.column) for bad in found.rejected] == [(1, "x"), (2, "customer_id")]
    assert "a condition compares it" in found.rejected[0].reason


@pytest.mark.parametrize(
    ("rule", "day"),
    [
        ({"end_of_month": 0}, date(2026, 1, 31)),
        ({"end_of_month": 1}, date(2026, 2, 28)),
        ({"end_of_month": 13}, date(2027, 2, 28)),
        ({"end_of_month": 11}, date(2026, 12, 31)),
        ({"end_of_month": 0, "add_days": 14}, date(2026, 2, 14)),
        ({"add_working_days": 1}, date(2026, 1, 12)),
        ({"add_working_days": 10}, date(2026, 1, 23)),
    ],
)
def test_days_are_reckoned(rule: dict[str, object], day: date) -> None:
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {"bill": {}}})
    column_rule = ColumnRule.model_validate({"from": "x"} | rule)
    assert to_type(pa.array(["2026-01-09"]), DUE_ON, column_rule, file_rule)[0].to_pylist() == [day]


@pytest.mark.parametrize(
    ("text", "options", "value"),
    [
        ("1.5e+05", {"decimal_separator": ",", "thousands_separator": "."}, None),
        ("1.25E+05", {"decimal_separator": ",", "thousands_separator": "."}, None),
        ("1,5E+03", {"decimal_separator": ",", "thousands_separator": "."}, Decimal(1500)),
        ("1,5E+03", {"thousands_separator": ","}, None),
        ("1.5E+03", {"decimal_separator": ","}, None),
        ("1e+05", {"decimal_separator": ",", "thousands_separator": "."}, Decimal(100000)),
    ],
)
def test_a_power_has_the_mappings_decimal_separator(text: str, options: dict[str, object], value: object) -> None:
    assert typed([text], AMOUNT, **options) == ([value], [value is None])


@pytest.mark.parametrize(
    ("text", "options", "value"),
    [
        ("1\u00a0234,50", {"decimal_separator": ",", "thousands_separator": " "}, "1234.50"),
        ("1\u202f234,50", {"decimal_separator": ",", "thousands_separator": " "}, "1234.50"),
        ("1\u2019234.50", {"thousands_separator": "'"}, "1234.50"),
        ("\u2212234.50", {}, "-234.50"),
        ("1\u00a0234.50", {}, None),
        ("100\u00b9", {"full_width": True}, None),
        ("\u2460", {"full_width": True}, None),
        ("\uff11\uff12\uff0e\uff15", {"full_width": True}, "12.50"),
    ],
)
def test_signs_that_look_like_others(text: str, options: dict[str, object], value: str | None) -> None:
    assert typed([text, "7"], AMOUNT, **options) == ([value and Decimal(value), 7], [value is None, False])


@pytest.mark.parametrize(
    "text", ["1,23457E+11", "1.23456789E9", "1.23E17", "1.23e17", "12.0E4", "10,0", "10 (not text)", "10 (float)-1"]
)
def test_an_identifier_that_was_a_float_elsewhere_is_bad(text: str) -> None:
    bill_id = column(BILL.column("bill_id"))
    assert typed([text, "12E45", "10,5", "1-1E3", "A1.5E3"], bill_id)[1] == [True, False, False, False, False]


@pytest.mark.parametrize("text", ["NULL", "null", "(null)", "N/A", "#N/A", "None", "\\N"])
def test_a_word_for_nothing_is_no_identifier(text: str) -> None:
    row = {"payment_id": text, "customer_id": "NULLER", "paid_on": "2026-01-05", "amount": "1", "channel": "None"}
    found = converted(PAYMENT, row)
    assert [(bad.column, bad.value) for bad in found.rejected] == [("payment_id", text)]
    assert f"say `absent: ['{text}']`" in found.rejected[0].reason


def converted(extract: Extract, row: dict[str, str], **options: object) -> Converted:
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {extract.name: {}}} | options)
    batch = Batch({name: pa.array([value]) for name, value in row.items()}, np.arange(1), [])
    return convert(batch, extract, file_rule.extracts[extract.name], file_rule, "file")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\ufe0f", "C\ufe0f1"),
        ("U+3164", "C\u31641"),
        ("U+2800", "C\u28001"),
        ("U+180E", "C\u180e1"),
        ("U+061C", "C\u061c1"),
        ("U+034F", "C\u034f1"),
        ("U+115F", "C\u115f1"),
        ("U+E0041", "C\U000e00411"),
        ("U+206A", "C\u206a1"),
        ("U+FFF9", "C\ufff91"),
        ("U+FFFD, which stands for a character that was lost", "C\ufffd1"),
    ],
)
def test_more_that_nobody_sees_in_an_identifier(text: str, value: str) -> None:
    row = {"payment_id": "P1", "customer_id": value, "paid_on": "2026-01-05", "amount": "1"}
    (bad,) = converted(PAYMENT, row).rejected
    assert bad.column == "customer_id"
    assert (text if text.startswith("U+") else "U+FE0F") in bad.reason


def test_a_letter_of_two_characters_makes_no_other_customer() -> None:
    row = {"payment_id": "P1", "customer_id": "KA\u03081", "paid_on": "2026-01-05", "amount": "1", "channel": "A\u0308"}
    rows = converted(PAYMENT, row).rows
    assert rows["customer_id"].to_pylist() == ["K\u00c41"]
    assert rows["channel"].to_pylist() == ["A\u0308"]


def test_full_width_signs_count_wherever_values_are_compared() -> None:
    full = str.maketrans({sign: chr(ord(sign) + 0xFEE0) for sign in "0123456789PCA"})
    row = {"payment_id": "P1", "customer_id": "C1", "paid_on": "2026-01-05", "amount": "1", "channel": "A"}
    rule = {
        "where": [{"column": "channel", "equals": ["A"]}, {"column": "amount", "more_than": 0}],
        "columns": {"channel": {"from": "channel", "values": {"A": "bank"}}},
    }
    written = {name: text.translate(full) for name, text in row.items()}
    found = converted(PAYMENT, written, full_width=True, extracts={"payment": rule})
    assert (found.rejected, found.filtered) == ([], 0)
    assert [found.rows[name][0].as_py() for name in ("payment_id", "customer_id", "channel")] == ["P1", "C1", "bank"]
    # Free text stays as it is written.
    row = {"customer_id": "C1", "name": "Ａ（北）", "segment": "public", "opened_on": "2026-01-01"}
    found = converted(CUSTOMER, row | {"updated_at": "2026-01-01T00:00:00+0000"}, full_width=True)
    assert found.rows["name"].to_pylist() == ["Ａ（北）"]


@pytest.mark.parametrize(
    ("text", "options", "day"),
    [
        ("2026-01-31T20:30:00Z", {"date_format": "%Y-%m-%dT%H:%M:%SZ", "time_zone": "Asia/Shanghai"}, date(2026, 2, 1)),
        ("31.01.2026 20:30 UTC", {"date_format": "%d.%m.%Y %H:%M UTC", "time_zone": "Asia/Shanghai"}, date(2026, 2, 1)),
        ("2026-01-31", {"date_format": "%d.%m.%Y", "iso_dates": True}, date(2026, 1, 31)),
        ("20260131", {"date_format": "%d.%m.%Y", "iso_dates": True}, date(2026, 1, 31)),
        ("2026-W05", {"date_format": "%d.%m.%Y", "iso_dates": True}, None),
        ("2026W05", {"date_format": "%d.%m.%Y", "iso_dates": True}, None),
        ("1712112312345", {"date_format": "%d.%m.%Y", "iso_dates": True}, None),
        ("0026-01-31", {}, None),
        ("0115-01-31", {}, None),
        ("2569-01-31", {}, None),
        ("9999-12-31", {}, date(9999, 12, 31)),
        ("1900-01-01", {}, date(1900, 1, 1)),
    ],
)
def test_days_are_those_that_are_meant(text: str, options: dict[str, object], day: date | None) -> None:
    assert typed([text], DUE_ON, **options) == ([day], [day is None])


def test_a_year_that_cannot_be_meant_is_named() -> None:
    row = {"payment_id": "P1", "customer_id": "C1", "paid_on": "0115-01-31", "amount": "1"}
    assert converted(PAYMENT, row).rejected[0].reason.startswith("is of the year 115, before 1900 or more than 100")


@pytest.mark.parametrize(
    ("extract", "name", "rule", "value"),
    [
        (BILL, "energy_kwh", {"unit": "MWh", "negated": True}, "-2500"),
        (BILL, "amount", {"unit": "cent", "factor": "0.01", "negated": True}, "-0.03"),
        (TARIFF, "unit_price", {"unit": "MWh"}, "0.0025"),
        (TARIFF, "unit_price", {"unit": "Wh"}, "2500"),
        (CUSTOMER, "voltage_kv", {"unit": "V"}, "0.0025"),
        (CUSTOMER, "contract_capacity_kva", {"unit": "MVA"}, "2500"),
        (TARIFF, "demand_price", {"unit": "MW"}, "0.0025"),
    ],
)
def test_units_are_those_of_the_column(extract: Extract, name: str, rule: dict[str, object], value: str) -> None:
    file_rule = FileRule.model_validate({"pattern": "*", "extracts": {extract.name: {}}})
    kind = column(extract.column(name))
    array, bad = to_type(pa.array(["2.5"]), kind, ColumnRule.model_validate({"from": "x"} | rule), file_rule)
    assert array.cast(ARROW_TYPES[kind.kind]).to_pylist() == [Decimal(value)]
    assert not bad.any()
