"""Nights of hand-made deliveries, each of its own customers: what names another than before, or is of a third, or goes.

Each night holds what a rebuild holds.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.ingestion.revert import revert_load
from gridcredit.operations import pipeline
from gridcredit.settings import Settings

from tests.dbt.test_ledger import Fact, mapping, write_facts
from tests.support.account_engine import Bill, Dispute, Payment, WriteOff
from tests.support.rebuilds import assert_a_rebuild_changes_nothing, pass_gates
from tests.support.waiting import rows

__all__ = ["mapping"]
DAY = date(2026, 6, 18)
MARCH = date(2026, 3, 10)
APRIL = date(2026, 4, 10)
MAY = date(2026, 5, 10)
JUNE = date(2026, 6, 10)


def bill(
    bill_id: str, amount: int = 100, on: date = date(2026, 3, 1), names: str | None = None, who: str | None = None
) -> Bill:
    """Of the customer by whose name its id begins."""
    return Bill(bill_id, who or bill_id.split("-")[0], on, on + timedelta(days=20), Decimal(amount), names, False)


def pay(payment_id: str, who: str, of: str | None, amount: int, on: date, names: str | None = None) -> Payment:
    return Payment(payment_id, who, of, on, Decimal(amount), names)


def write_off(action_id: str, who: str, of: str | None, amount: int | None = None) -> WriteOff:
    return WriteOff(action_id, who, of, APRIL, None if amount is None else Decimal(amount))


def dispute(dispute_id: str, who: str, of: str, closed_on: date | None = None) -> Dispute:
    return Dispute(dispute_id, who, of, APRIL, closed_on, "for_customer" if closed_on else None, None)


FIRST: list[Fact] = [
    # A write-off under another's number: of another bill now, of none, of one that comes, withdrawn.
    bill("a1-1"), bill("a2-1"), write_off("a-W", "a1", "a2-1"),
    bill("b2-1"), bill("b3-1"), bill("b1-1"), write_off("b-W", "b1", "b2-1", 40),
    bill("k2-1"), write_off("k-W", "k1", "k2-1"),
    bill("n2-1"), write_off("n-W", "n1", "B-9"),
    bill("p1-1"), bill("p2-1"), write_off("p-W", "p1", "p2-1"),
    # A payment of another's bill, also before it was issued.
    bill("c2-1"), bill("c3-1"), pay("c-P", "c1", "c2-1", 100, MARCH),
    bill("d2-1", on=APRIL), bill("d3-1", on=APRIL), pay("d-P", "d1", "d2-1", 100, MARCH),
    # A payment is returned, and a return taken back, each under the number of a third.
    bill("e2-1"), pay("e-P", "e1", "e2-1", 100, MARCH),
    bill("f2-1"), pay("f-P", "f3", "f2-1", 100, MARCH), pay("f-R", "f1", "f2-1", -100, APRIL),
    # A return under the number of a third is of another payment now.
    bill("l4-1"), bill("l5-1"), pay("l-P", "l2", "l4-1", 100, MARCH), pay("l-Q", "l3", "l5-1", 100, MARCH),
    pay("l-R", "l1", None, -100, APRIL, "l-P"),
    # A credit note, and a return of no payment, are of another's bill now.
    bill("g2-1"), bill("g3-1"), bill("g-N", -60, APRIL, "g2-1", who="g1"),
    bill("h2-1"), bill("h3-1"), pay("h-R", "h1", "h2-1", -30, APRIL), pay("h-P", "h3", "h3-1", 50, MARCH),
    bill("j2-1"), bill("j3-1"), dispute("j-D", "j1", "j2-1"),
    # A bill gets another customer.
    bill("m-1", who="m1"), pay("m-P", "m3", "m-1", 60, MARCH), write_off("m-W", "m4", "m-1"),
    # Who paid a bill that never came pays another: what came back of it is taken from who else paid it.
    pay("o-P", "o1", "O-9", 100, APRIL), pay("o-Q", "o3", "O-9", 50, MARCH), pay("o-R", "o2", "O-9", -100, MAY),
    # One who paid a bill that never came changes, as he paid for another; who returned of it does not.
    bill("s2-1"), pay("s-P", "s1", "s2-1", 50, MARCH), pay("s-Q", "s1", "S-9", 100, MARCH),
    pay("s-R", "s3", "S-9", -60, APRIL),
    # A chain of three under three numbers, at whose end another's bill is.
    bill("t4-1"), pay("t-P", "t1", "t4-1", 100, MARCH), pay("t-R", "t2", None, -80, APRIL, "t-P"),
    # A credit that a third takes back no more is a bill of its own, which another pays.
    bill("u-N", -50, MARCH, who="u1"), bill("u2-1", 70, APRIL, "u-N"), pay("u-P", "u3", "u2-1", 70, MAY),
    # Who contested a tenant's bill that was credited pays for another tenant.
    bill("v2-1"), bill("v2-N", -100, MAY, "v2-1"), dispute("v-D", "v1", "v2-1", closed_on=MAY),
    bill("v3-1"), pay("v-P", "v1", "v3-1", 30, MARCH),
    bill("q2-1"),
]  # fmt: skip
REVERTED: list[Fact] = [
    bill("i2-1"), write_off("q-W", "q1", "q2-1"),
    # Of two that name each other one goes.
    bill("w-N", -30, APRIL, "w2-1", who="w1"), bill("x-N", -30, MARCH, who="x1"),
]  # fmt: skip
NAMING_REVERTED: list[Fact] = [
    write_off("i-W", "i1", "i2-1"), dispute("i-D", "i1", "i2-1"), pay("i-P", "i3", "i2-1", 10, MARCH),
    bill("w2-1", 30, APRIL, "w-N"), bill("x2-1", 30, APRIL, "x-N"), pay("x-P", "x3", "x2-1", 20, MAY),
]  # fmt: skip
SECOND: list[tuple[str, Fact]] = [
    ("I", write_off("a-W", "a1", "a1-1")),
    ("I", write_off("b-W", "b1", "b3-1", 40)),
    ("D", write_off("k-W", "k1", "k2-1")),
    ("I", write_off("n-W", "n1", "n2-1")),
    ("I", write_off("p-W", "p1", None)),
    ("I", pay("c-P", "c1", "c3-1", 100, MARCH)),
    ("I", pay("d-P", "d1", "d3-1", 100, MARCH)),
    ("I", pay("e-R", "e3", None, -100, JUNE, "e-P")),
    ("I", pay("f-S", "f4", None, 100, JUNE, "f-R")),
    ("I", pay("l-R", "l1", None, -100, APRIL, "l-Q")),
    ("I", bill("g-N", -60, APRIL, "g3-1", who="g1")),
    ("I", pay("h-R", "h1", "h3-1", -30, APRIL)),
    ("I", dispute("j-D", "j1", "j3-1")),
    ("I", bill("m-1", who="m2")),
    ("I", pay("o-P", "o1", None, 100, APRIL)),
    ("I", pay("s-T", "s2", "s2-1", 10, JUNE)),
    ("I", pay("t-S", "t3", None, 80, JUNE, "t-R")),
    ("D", bill("u-N", -50, MARCH, who="u1")),
    ("I", pay("v-T", "v3", "v3-1", 10, JUNE)),
]


def test_nights_hold_what_a_rebuild_holds(
    settings: Settings, tmp_path: Path, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a night of references that changed, hold all tables what a rebuild holds; figures by hand of some."""
    pass_gates(monkeypatch)
    settings.history_months = 3
    facts = [*FIRST, *REVERTED, *NAMING_REVERTED, *(one for _, one in SECOND)]
    customers = tmp_path / "customer_0.csv"
    lines = [f"{who},n,commercial,2020-01-01,2024-01-01" for who in sorted({fact.customer_id for fact in facts})]
    customers.write_text("\n".join(["customer_id,name,segment,opened_on,updated_at", *lines, ""]))
    load_file(customers, mapping, settings)
    for path in write_facts(tmp_path, 0, [("I", fact) for fact in [*FIRST, *NAMING_REVERTED]]):
        load_file(path, mapping, settings)
    strays = [
        load_file(path, mapping, settings).file_id
        for path in write_facts(tmp_path, 1, [("I", fact) for fact in REVERTED])
    ]
    pipeline.build_ratings("first", DAY, settings)
    for path in write_facts(tmp_path, 2, SECOND):
        load_file(path, mapping, settings)
    for stray in strays:
        revert_load(stray, "never happened", settings)
    day = DAY + timedelta(days=1)
    pipeline.build_ratings("second", day, settings)
    accounts = {
        who: tuple(amounts)
        for who, *amounts in rows(
            settings, "select customer_id, open_amount, written_off_amount from published.customer_account"
        )
    }
    by_hand = {
        "a1": (0, 100), "a2": (100, 0), "e2": (100, 0), "f2": (0, 0), "l4": (0, 0), "l5": (100, 0), "q2": (100, 0),
    }  # fmt: skip
    assert {who: accounts[who] for who in by_hand} == by_hand
    found = rows(settings, "select fact_id, finding from published.ledger_finding where fact_id like 'i-%' order by 1")
    assert found == [
        ("i-D", "disputes_a_bill_that_never_came"),
        ("i-P", "pays_a_bill_that_never_came"),
        ("i-W", "write_off_beyond_what_was_open"),
    ]
    assert_a_rebuild_changes_nothing(settings, day)
