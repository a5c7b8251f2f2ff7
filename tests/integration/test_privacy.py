"""Names and numbers of persons: where they may stand and where not, and that they are gone when asked for."""

from __future__ import annotations

import gzip
import hmac
import json
from pathlib import Path

import pytest
from gridcredit.errors import GridCreditError
from gridcredit.ingestion.landing import take_in
from gridcredit.lineage.trace import trace_row
from gridcredit.operations import pipeline
from gridcredit.operations.erasure import erase_customer
from gridcredit.persons.archive import parties
from gridcredit.persons.pseudonyms import Pseudonyms
from gridcredit.releases.release import verify_loads, verify_release
from gridcredit.reporting.customer import write_report
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.published_tables import TABLES

from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory

CUSTOMER = "C00000003"
NAMES = ("Planted Personname", "Zhuangzi Plantedly")
NUMBER = "110101199003077415"
PARTIES = (
    "customer_id,role,party_name,id_number,share_pct,valid_from,valid_to\n"
    f"{CUSTOMER},legal_representative,{NAMES[0]},{NUMBER},,2020-01-01,2026-03-01\n"
    f"{CUSTOMER},legal_representative,{NAMES[1]},{NUMBER},,2026-03-02,\n"
    # Twice in a file: a warning of gate 1, whose result is stored.
    f"{CUSTOMER},legal_representative,{NAMES[1]},{NUMBER},,2026-03-02,\n"
    f"{CUSTOMER},payer,{NAMES[0]},,,no date,\n"
)
LATE = (
    "bill_id,customer_id,period,issued_on,due_on,amount,kind\n"
    f"LATE1,{CUSTOMER},2026-06,2026-06-10,2026-06-30,55.00,regular\n"
)


@pytest.fixture(scope="module")
def planted(new_warehouse: WarehouseFactory, small: Prepared) -> Settings:
    """A release of simulated customers, one of them with persons whose names and number are known here."""
    settings = new_warehouse(small)
    others = [line for line in (small.files / "party.csv").read_text().splitlines()[1:] if CUSTOMER not in line]
    # So that the customer's rating is made again, and leads to the persons.
    deliver(settings, Path("bill_late.csv"), LATE.encode())
    deliver(settings, Path("party.csv"), (PARTIES + "\n".join(others) + "\n").encode())
    pipeline.build_ratings("with persons", settings=settings)
    return settings


def deliver(settings: Settings, path: Path, content: bytes) -> int:
    landed = settings.landing_dir / "demo" / path.name
    landed.parent.mkdir(parents=True, exist_ok=True)
    landed.write_bytes(content)
    return take_in(landed, settings)


def planted_in(text: str) -> list[str]:
    return [secret for secret in (*NAMES, NUMBER) if secret in text]


def dump(settings: Settings, schema: str) -> str:
    """Every row of every table of a schema, of `published` also of its views, as text."""
    with connect(settings) as connection:
        tables = connection.execute(
            "select format('%%I.%%I', table_schema, table_name) from information_schema.tables "
            "where table_schema = %s and (table_type = 'BASE TABLE' or table_schema = 'published')",
            [schema],
        ).fetchall()
        texts = []
        for (table,) in tables:
            rows = connection.execute(f"select t::text from {table} as t").fetchall()
            texts += [row[0] or "" for row in rows]
    return "\n".join(texts)


def test_nothing_that_is_shown_or_stored_of_runs_names_a_person(planted: Settings, tmp_path: Path) -> None:
    write_report(CUSTOMER, tmp_path / "report.html", settings=planted)
    write_dashboard(tmp_path / "dashboard.html", planted)
    for schema in ("published", "lineage", "ops", "candidate", "warnings", "monitoring"):
        assert planted_in(dump(planted, schema)) == [], schema
    # But for what came in: the accepted files, and the rows that wait in quarantine to be corrected.
    for path in [*planted.home.rglob("*"), *tmp_path.rglob("*")]:
        if path.is_file() and planted.accepted_dir not in path.parents:
            assert planted_in(path.read_text(errors="ignore")) == [], path
    trace = trace_row("customer_rating", {"customer_id": CUSTOMER}, settings=planted)
    assert planted_in(trace.as_json()) == []
    assert "****7415" in trace.as_json()
    with connect(planted) as connection:
        shown = parties(connection, CUSTOMER)
    assert {party.id_number for party in shown} == {"****7415"}


def test_numbers_are_stored_as_salted_hashes(planted: Settings) -> None:
    with connect(planted) as connection:
        stored = connection.execute(
            "select distinct id_number from raw.party where customer_id = %s and id_number is not null", [CUSTOMER]
        ).fetchall()
    assert len(stored) == 1
    # By the standard library, with the installation's salt, whose file nobody else reads.
    salt = json.loads((planted.home / "secrets.json").read_text())["personal_numbers"]
    by_hand = hmac.digest(salt.encode(), NUMBER.encode(), "sha256").hex()[:32]
    assert stored[0][0] == f"{by_hand}:7415"
    assert len(salt) >= 32
    assert Pseudonyms("another salt").number(NUMBER) != stored[0][0]


def test_erasure_preserves_figures_and_chain(planted: Settings) -> None:
    def published() -> list[tuple[object, ...]]:
        with connect(planted) as connection:
            return [
                row
                for table in TABLES
                for row in connection.execute(f"select * from published.{table} order by 1, 2, 3").fetchall()
            ]

    assert NAMES[0] in dump(planted, "raw")
    assert NAMES[0] in dump(planted, "quarantine")
    before = published()
    done = erase_customer(CUSTOMER, "Officer", "asked for on 2026-11-01", planted)
    assert done.raw_rows >= 4
    assert done.quarantined == 1
    assert any(name.endswith("party.csv") for name in done.redacted)
    assert done.removed == []
    for schema in ("raw", "quarantine", "staging", "archive", "lineage"):
        assert planted_in(dump(planted, schema)) == [], schema
    for path in planted.home.rglob("*"):
        if path.is_file():
            assert planted_in(path.read_text(errors="ignore")) == [], path

    # The hashes of loads follow what was erased, by the record of the erasure.
    assert verify_loads(planted) == ([], [])
    # A full refresh from what is left gives the same figures: who changed is counted as before.
    release = pipeline.build_ratings("after the erasure", settings=planted, full_refresh=True)
    assert not release.is_new
    assert published() == before
    assert verify_release(release.number, planted) == []


def test_what_comes_in_later_of_an_erased_customer_is_stored_without_names(planted: Settings) -> None:
    later = PARTIES.splitlines()[0] + f"\n{CUSTOMER},payer,{NAMES[0]},{NUMBER},,2026-05-01,\n"
    file_id = deliver(planted, Path("party_later.csv.gz"), gzip.compress(later.encode(), mtime=0))
    with connect(planted) as connection:
        rows = connection.execute(
            "select party_name, id_number from raw.party where _file_id = %s", [file_id]
        ).fetchall()
        (first,) = connection.execute(
            "select distinct party_name from raw.party where customer_id = %s and valid_from = '2020-01-01'", [CUSTOMER]
        ).fetchone() or ("",)
    # The same person, still the same one.
    assert rows == [(first, None)]


def test_a_customer_nobody_knows_cannot_be_erased(planted: Settings) -> None:
    with pytest.raises(GridCreditError, match="nothing has been loaded of customer 'nobody'"):
        erase_customer("nobody", "Officer", "asked for", planted)
