"""`gridcredit mapping init` proposes what values could be, and says what it cannot know."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from gridcredit.ingestion.mapping.read import load_mapping
from gridcredit.ingestion.samples.draft import draft_mapping
from openpyxl import Workbook


def drafted(path: Path, text: str) -> tuple[dict[str, Any], str]:
    """The draft of one sample, as YAML and as text."""
    path.write_text(text, encoding="utf-8")
    draft = draft_mapping("mine", [path])
    (rule,) = yaml.safe_load(draft)["files"]
    return rule, draft


def test_names_that_are_not_known_are_a_guess(tmp_path: Path) -> None:
    rule, draft = drafted(
        tmp_path / "dokumenty.csv",
        "Faktura;Klient;Miesiac;Dzien;Kwota\nR1;K001;01.2026;13.02.2026;1.234,56\nR2;K002;01.2026;03.02.2026;34,50\n",
    )
    # How values are written can be seen, whatever the columns are called.
    assert (rule["delimiter"], rule["date_format"]) == (";", "%d.%m.%Y")
    assert (rule["decimal_separator"], rule["thousands_separator"]) == (",", ".")
    assert "# A GUESS, names say not which; it may be one of:\n    # customer, party, " in draft
    assert "# customer_id: REQUIRED, not found" in draft
    assert "# nothing reads: Faktura, Klient, Miesiac, Dzien, Kwota" in draft


NAMED = {
    "kunden.csv": ("Kundennummer;Name;Kundengruppe;Vertragsbeginn;Stand", "K1;N;Haushalt;01.03.2015;31.10.2026"),
    "rechnungen.csv": (
        "Rechnungsnummer;Kunde;Abrechnungsmonat;Rechnungsdatum;Fälligkeit;Verbrauch kWh;Betrag EUR",
        "R1;K1;10.2026;03.10.2026;24.10.2026;120,5;34,50",
    ),
    "clients.csv": (
        "Account number,Client name,Customer type,Contract start,Last change",
        "K1,N,home,2015-03-01,2026-10-31",
    ),
    "invoices.csv": (
        "Invoice no,Account no,Month,Invoice date,Due date,Amount due",
        "R1,K1,2026-10,2026-10-03,2026-10-24,34.5",
    ),
    "receipts.csv": ("Receipt no,Client,Date paid,Amount paid,Method", "Z1,K1,2026-10-24,34.50,cash"),
    "缴费.csv": ("缴费流水号,户号,缴费日期,缴费金额,缴费渠道", "Z1,K1,2026-10-24,34.50,网银"),
}
FOUND = {
    "kunden.csv": ("customer", "customer_id name segment opened_on updated_at"),
    "rechnungen.csv": ("bill", "bill_id customer_id period issued_on due_on energy_kwh amount"),
    "clients.csv": ("customer", "customer_id name segment opened_on updated_at"),
    "invoices.csv": ("bill", "bill_id customer_id period issued_on due_on amount"),
    "receipts.csv": ("payment", "payment_id customer_id paid_on amount channel"),
    "缴费.csv": ("payment", "payment_id customer_id paid_on amount channel"),
}


@pytest.mark.parametrize("name", NAMED)
def test_other_names_for_the_same_are_known_and_marked(tmp_path: Path, name: str) -> None:
    header, row = NAMED[name]
    extract, columns = FOUND[name]
    rule, draft = drafted(tmp_path / name, f"{header}\n{row}\n")
    found = rule["extracts"][extract]["columns"]
    assert found == dict(zip(columns.split(), header.replace(";", ",").split(","), strict=True))
    for column, source in found.items():
        assert column == source.lower() or f"{column}: {source}  # by its name only" in draft


def test_letters_that_two_encodings_read(tmp_path: Path) -> None:
    """One letter of a word beyond ASCII is European; Chinese signs are of two bytes each."""
    for name, text, encoding, other in (
        (
            "rechnungen",
            "Rechnungsnummer;Fälligkeit\nR1;24.10.2026\n",
            "cp1252",
            "'Fälligkeit', and 'F鋖ligkeit' by gb18030",
        ),
        ("账单", "账单编号;到期日\nR1;2026-10-24\n", "gb18030", "'账单编号', and 'ÕËµ"),
    ):
        (tmp_path / f"{name}.csv").write_bytes(text.encode(encoding))
        draft = draft_mapping("mine", [tmp_path / f"{name}.csv"])
        assert yaml.safe_load(draft)["files"][0]["encoding"] == encoding
        assert f"# not UTF-8: it reads {other}" in draft


def test_a_name_alone_does_not_make_dates_or_numbers(tmp_path: Path) -> None:
    """`amount` is like `Account` and `Month`, whose values are no amounts."""
    rule, draft = drafted(
        tmp_path / "bills.csv",
        "Account,Month,Due on,Bill id,Amount "
        'due\nK001,2026-01,2026-02-23,B1,"1,234.56"\nK002,2026-01,2026-02-23,B2,34.50\n',
    )
    columns = rule["extracts"]["bill"]["columns"]
    assert columns["bill_id"] == "Bill id"
    assert columns["due_on"] == "Due on"
    assert columns.get("amount") in (None, "Amount due")
    assert "# customer_id: REQUIRED, not found" in draft


BILLS = "bill_id;customer_id;period;issued_on;due_on;energy_kwh;amount;disputed\n"
BILL = "B{0};C1;2026-01;2026-02-05;2026-02-20;{1};{2};{3}\n"
PAYMENTS = "payment_id;customer_id;paid_on;amount\n"
CUSTOMERS = "customer_id;name;segment;opened_on;updated_at;{}\nC1;N;residential;2020-01-15;{};{}\n"


@pytest.mark.parametrize(
    ("energies", "comment"),
    [
        (("1,234", "10,500"), "'.'  # 1,234 is taken for 1234, and may be 1.234 by ',': which is meant?"),
        (("1.234", "10.500"), "'.'  # 1.234 is taken for 1.234, and may be 1234 by ',': which is meant?"),
        (("1,234", "10,5"), "','"),
        (("1.234,5", "10.500"), "','"),
    ],
)
def test_numbers_that_can_be_read_in_two_ways(tmp_path: Path, energies: tuple[str, str], comment: str) -> None:
    rows = "".join(BILL.format(number, energy, 5, "") for number, energy in enumerate(energies))
    _, draft = drafted(tmp_path / "bill.csv", BILLS + rows)
    assert f"decimal_separator: {comment}\n" in draft.replace("decimal_separator: .  #", "decimal_separator: '.'  #")


def test_what_is_written_as_words_needs_values(tmp_path: Path) -> None:
    _, draft = drafted(tmp_path / "bill.csv", BILLS + BILL.format(1, 5, 5, "J") + BILL.format(2, 5, 5, "N"))
    assert "disputed: disputed  # `values` must map J to true, false" in draft


def test_a_unit_in_a_name_is_never_taken_for_another(tmp_path: Path) -> None:
    text = CUSTOMERS.format("voltage_v;contract_capacity_kw", "2026-01-01 00:00:00", "400;50")
    rule, draft = drafted(tmp_path / "customer.csv", text)
    columns = rule["extracts"]["customer"]["columns"]
    assert columns["voltage_kv"] == {"from": "voltage_v", "unit": "V"}
    assert "contract_capacity_kva" not in columns
    assert (
        "# contract_capacity_kva: contract_capacity_kw  # in kw? `unit` and `factor` say how many kVA one is" in draft
    )
    assert "timestamp_format: '%Y-%m-%d %H:%M:%S'  # names no zone: `time_zone` says which it is" in draft


@pytest.mark.parametrize(
    ("days", "line"),
    [
        (("05.01.26", "31.01.26"), "date_format: '%d.%m.%y'\n    year_pivot: 50  # years of two digits below it"),
        (("2026-01-05 10:00:00", "2026-01-31 10:00:00"), "date_format: '%Y-%m-%d %H:%M:%S'"),
    ],
)
def test_days_as_they_are_also_written(tmp_path: Path, days: tuple[str, str], line: str) -> None:
    rows = "".join(f"P{number};C1;{day};5\n" for number, day in enumerate(days))
    rule, draft = drafted(tmp_path / "payment.csv", PAYMENTS + rows)
    assert rule["extracts"]["payment"]["columns"]["paid_on"] == "paid_on"
    assert line in draft


def test_a_column_of_the_very_name_is_taken_with_a_doubt(tmp_path: Path) -> None:
    rule, draft = drafted(tmp_path / "payment.csv", PAYMENTS + "P1;C1;2026-01-05;5,00-\nP2;C1;2026-01-05;1.005,00\n")
    assert rule["extracts"]["payment"]["columns"]["amount"] == "amount"
    assert "amount: amount  # its values are not all of kind money" in draft


def test_identifiers_and_keys_that_are_none(tmp_path: Path) -> None:
    _, draft = drafted(tmp_path / "payment.csv", PAYMENTS + "1.0;C1;2026-01-05;5\n2.0;C2;2026-01-05;5\n")
    assert "payment_id: payment_id  # 1.0 was a floating-point number" in draft
    rows = "meter_id;read_on;register;reading\nM1;2026-01-05;total;5\nM1;2026-01-05;total;6\nM2;2026-01-05;total;6\n"
    _, draft = drafted(tmp_path / "meter_reading.csv", rows)
    assert "# meter_id, read_on, register together are the key, but 1 rows repeat one\n" in draft


def test_a_sheet_with_a_title_and_texts_for_days_and_amounts(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["Payments of January"])
    sheet.append(["payment_id", "customer_id", "paid_on", "amount"])
    sheet.append(["P1", "C1", "05.01.2026", "1.234,50"])
    sheet.append(["P2", "C1", "15.01.2026", "1,50"])
    book.save(tmp_path / "payment.xlsx")
    (rule,) = yaml.safe_load(draft_mapping("mine", [tmp_path / "payment.xlsx"]))["files"]
    assert {key: value for key, value in rule.items() if key != "extracts"} == {
        "pattern": "payment.xlsx",
        "format": "xlsx",
        "header_row": 2,
        "date_format": "%d.%m.%Y",
        "decimal_separator": ",",
        "thousands_separator": ".",
    }
    assert set(rule["extracts"]["payment"]["columns"]) == {"payment_id", "customer_id", "paid_on", "amount"}


def test_real_days_in_a_sheet_need_no_format(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["payment_id", "customer_id", "paid_on", "amount"])
    sheet.append(["P1", "C1", date(2026, 1, 5), 10.5])
    book.save(tmp_path / "payment.xlsx")
    (rule,) = yaml.safe_load(draft_mapping("mine", [tmp_path / "payment.xlsx"]))["files"]
    assert set(rule) == {"pattern", "format", "extracts"}
    assert set(rule["extracts"]["payment"]["columns"]) == {"payment_id", "customer_id", "paid_on", "amount"}


def test_each_sample_is_read_by_the_draft(tmp_path: Path) -> None:
    samples = [tmp_path / name for name in ("payment[1].csv", "payment[2].csv")]
    for sample in samples:
        sample.write_text(PAYMENTS + "P1;C1;2026-01-05;5\n")
    (tmp_path / "m.yml").write_text(draft_mapping("mine", samples))
    assert "# payment[2].csv: read by the rule of payment[[]*].csv" in (tmp_path / "m.yml").read_text()
    mapping = load_mapping(tmp_path / "m.yml")
    assert len(mapping.files) == 1
    assert all(mapping.rule_for(sample.name) for sample in samples)


def test_a_sample_in_utf16(tmp_path: Path) -> None:
    sample = tmp_path / "payment.csv"
    sample.write_bytes((PAYMENTS + "P1;C1;2026-01-05;5\n").encode("utf-16"))
    (rule,) = yaml.safe_load(draft_mapping("mine", [sample]))["files"]
    assert (rule["encoding"], rule["delimiter"]) == ("utf-16", ";")
