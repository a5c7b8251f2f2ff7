"""What a supplier writes is a value wherever it goes: never a file name, a pattern, or a formula of a spreadsheet."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from gridcredit.errors import FileRefusedError, GridCreditError
from gridcredit.ingestion.landing import take_in
from gridcredit.ingestion.quarantine import export_quarantined, resubmit
from gridcredit.operations import pipeline
from gridcredit.operations.erasure import erase_customer
from gridcredit.releases.audit import Sample, write_audit
from gridcredit.reporting.customer import write_report
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.reporting.journal import export_journal
from gridcredit.settings import Settings

from tests.support.builders import SMALL_DAY
from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

FORMULA = "=cmd|' /C calc'!A1"
HOSTILE = ("../../../escaped", "a/b", "#77", FORMULA, "C1%", "C1_")
NAMES = {"#77": "A%_Person", "C1_": "李"}
PARTY = ["customer_id", "role", "party_name", "id_number", "share_pct", "valid_from", "valid_to"]


@pytest.fixture(scope="module")
def hostile(new_warehouse: WarehouseFactory, small: Prepared) -> Settings:
    """A release with customers whose numbers are no names of files, patterns or texts of cells."""
    settings = new_warehouse(small)
    bills = [
        [f"{number}-{month}", customer, f"2026-0{month}", f"2026-0{month + 1}-03", f"2026-0{month + 1}-10", "55.00"]
        + [NAMES.get(customer, "")]
        for number, customer in enumerate(HOSTILE)
        for month in range(1, 6)
    ]
    # A column that nothing reads, in which somebody is named.
    header = ["bill_id", "customer_id", "period", "issued_on", "due_on", "amount", "contact"]
    deliver(settings, "bill_hostile.csv", [header, *bills])
    customers = [
        [customer, f"Name {number}", "commercial", "2020-01-01", "active", "2020-01-01 09:00:00"]
        for number, customer in enumerate(HOSTILE)
    ]
    header = ["customer_id", "name", "segment", "opened_on", "status", "updated_at"]
    deliver(settings, "customer_hostile.csv", [header, *customers])
    pipeline.build_ratings("hostile", SMALL_DAY, settings)
    return settings


def deliver(settings: Settings, name: str, lines: list[list[str]]) -> int:
    """Land a file and take it in."""
    path = settings.landing_dir / "demo" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    return take_in(path, settings)


def parties(*persons: tuple[str, str, str]) -> list[list[str]]:
    """The lines of a file of parties, of customer, name and first day; many are sound, so that it is not refused."""
    sound = [(f"D{number}", f"Sound {number}", "2020-01-01") for number in range(100)]
    return [PARTY] + [[customer, "payer", name, "", "", day, ""] for customer, name, day in (*persons, *sound)]


def stored(settings: Settings) -> str:
    """Everything that is stored of files, in raw and in quarantine."""
    texts = [
        path.read_bytes().decode(errors="ignore")
        for folder in (settings.accepted_dir, settings.refused_dir)
        for path in folder.rglob("*")
        if path.is_file()
    ]
    for table in ("raw.party", "raw.customer", "raw.bill", "quarantine.rows", "ops.refused_files"):
        texts += [text for (text,) in rows(settings, f"select t::text from {table} as t")]
    return "\n".join(texts)


def test_no_number_of_a_customer_is_a_file_name(hostile: Settings, tmp_path: Path) -> None:
    folder = write_audit(2, tmp_path / "deep" / "er" / "audit", hostile, Sample(size=1000))
    with (folder / "sample" / "indicators.csv").open(newline="", encoding="utf-8") as file:
        sampled = {row["customer_id"] for row in csv.DictReader(file)}
    assert {"../../../escaped", "a/b", "#77"} <= sampled
    written = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert all(folder in path.parents for path in written)
    assert not [path for path in written for customer in HOSTILE if path.stem == customer]


def test_erasure_matches_values(hostile: Settings) -> None:
    """Of files accepted and refused, and of rows in quarantine; a wildcard in a name stands for itself."""
    deliver(
        hostile,
        "party_hostile.csv",
        parties(
            ("#77", NAMES["#77"], "2020-01-01"),
            ("#77", NAMES["#77"], "no date"),
            ("", NAMES["#77"], "2020-01-01"),
            ("C1%", "A--_Person", "no date"),
            ("C1%", "A12Person", "no date"),
        ),
    )
    with pytest.raises(FileRefusedError, match="over the limit"):
        deliver(hostile, "party_refused.csv", [PARTY, ["#77", "payer", NAMES["#77"], "", "", "no date", ""]])
    broken = hostile.landing_dir / "demo" / "party_broken.csv.gz"
    broken.write_bytes(b"\x1f\x8b broken")
    with pytest.raises(FileRefusedError):
        take_in(broken, hostile)
    assert stored(hostile).count(NAMES["#77"]) >= 10

    done = erase_customer("#77", "Officer", "asked for", hostile)
    assert NAMES["#77"] not in stored(hostile)
    assert done.quarantined == 2
    assert [name.partition("_")[2] for name in done.redacted] == [
        "bill_hostile.csv",
        "customer_hostile.csv",
        "party_hostile.csv",
        "party_refused.csv",
    ]
    assert done.removed == []
    assert [name.partition("_")[2] for name in done.not_searched] == ["party_broken.csv.gz"]
    # Others' rows stay as they came, for repair.
    assert {"A--_Person", "A12Person"} <= set(stored(hostile).replace('"', ",").split(","))
    recorded = rows(hostile, "select files_not_searched from lineage.erasures where customer_id = '#77'")
    assert recorded == [(done.not_searched,)]


def test_a_name_of_one_character_is_not_found_in_others(hostile: Settings) -> None:
    deliver(
        hostile,
        "party_short.csv",
        parties(("C1_", NAMES["C1_"], "2020-01-01"), ("C12", "李四", "no date"), ("a/b", "李", "2020-01-01")),
    )
    done = erase_customer("C1_", "Officer", "asked for", hostile)
    assert done.quarantined == 0
    assert "李四" in stored(hostile)
    # Who has the same name stays, in raw and in the file.
    assert rows(hostile, "select party_name from raw.party where customer_id = 'a/b'") == [("李",)]
    (file,) = hostile.accepted_dir.rglob("*party_short.csv")
    assert file.read_text().count("李,") == 1


def test_what_comes_in_later_names_nobody_who_was_erased(hostile: Settings) -> None:
    """Not in quarantine, nor in the file as it is stored."""
    deliver(
        hostile,
        "party_later.csv",
        parties(
            ("#77", "Someone New", "2021-01-01"), ("#77", "Someone Else", "no date"), ("a/b", "Other", "2021-01-01")
        ),
    )
    everything = stored(hostile)
    assert not [name for name in ("Someone New", "Someone Else") if name in everything]
    assert "Other" in everything


def test_who_is_in_quarantine_alone_can_be_erased(hostile: Settings) -> None:
    deliver(hostile, "party_only.csv", parties(("#78", "Only Here", "no date")))
    assert erase_customer("#78", "Officer", "asked for", hostile).quarantined == 1
    assert "Only Here" not in stored(hostile)
    with pytest.raises(GridCreditError, match="nothing has been loaded of customer '#7'"):
        erase_customer("#7", "Officer", "asked for", hostile)


def test_a_quarantined_row_is_no_formula_and_comes_back_as_it_was(hostile: Settings, tmp_path: Path) -> None:
    payments = [["payment_id", "customer_id", "paid_on", "amount"]]
    payments += [[f"P{number}", "a/b", "2026-05-01", "1.00"] for number in range(40)]
    load = deliver(hostile, "payment_formula.csv", [*payments, ["=1+1", FORMULA, "no date", "-5.00"]])
    out = tmp_path / "repair.csv"
    assert export_quarantined(load, out, hostile) == 1
    assert out.stat().st_mode & 0o777 == 0o600
    with out.open(newline="", encoding="utf-8") as file:
        header, row = csv.reader(file)
    assert not [cell for cell in row if cell.startswith("=")]
    assert row[-1] == "-5.00"
    # What a spreadsheet writes again, with the date corrected.
    row[header.index("paid_on")] = "2026-05-02"
    with out.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([header, row])
    assert resubmit(out, load, hostile).counts["payment"].accepted == 1
    assert resubmit(out, load, hostile).is_repeat
    found = rows(hostile, "select payment_id, customer_id, amount::text from raw.payment where payment_id = '=1+1'")
    assert found == [("=1+1", FORMULA, "-5.00")]


def test_files_with_personal_data_are_for_their_owner_only(hostile: Settings, tmp_path: Path) -> None:
    write_report("C00000003", tmp_path / "report.html", settings=hostile)
    write_dashboard(tmp_path / "dashboard.html", hostile)
    export_journal(SMALL_DAY, tmp_path / "journal", settings=hostile)
    write_audit(2, tmp_path / "audit", hostile)
    readable = [
        path
        for folder in (hostile.accepted_dir, hostile.refused_dir, tmp_path)
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077
    ]
    assert readable == []
    with (tmp_path / "audit" / "sample" / "ratings.csv").open(newline="", encoding="utf-8") as file:
        assert not [cell for row in csv.reader(file) for cell in row if cell.startswith("=")]
