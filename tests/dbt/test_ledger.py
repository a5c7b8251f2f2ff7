"""What customers owe: the worked cases, and random suppliers against the account engine."""

from __future__ import annotations

import csv
import dataclasses
import random
import shutil
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gridcredit import policies
from gridcredit.errors import GateFailedError
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.ingestion.revert import revert_load
from gridcredit.operations import pipeline, runs
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.transformation import runner

from tests.support import account_engine
from tests.support.account_engine import Bill, Dispute, Facts, Payment, WriteOff
from tests.support.builders import SMALL_DAY
from tests.support.depth import few_or_many
from tests.support.prepared import Prepared
from tests.support.random_accounts import random_facts
from tests.support.rebuilds import assert_a_rebuild_changes_nothing, pass_gates
from tests.support.suppliers import BILLING, load
from tests.support.waiting import number, rows
from tests.support.warehouses import WarehouseFactory

CASES = PROJECT_DIR / "tests" / "cases" / "ledger"
MAPPING = """
mapping: ledger
description: Money, with tombstones.
files:
  - {pattern: "customer*", timestamp_format: "%Y-%m-%d", extracts: {customer: {}}}
  - {pattern: "bill*", extracts: {bill: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "payment*", extracts: {payment: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "collection_action*", extracts: {collection_action: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "dispute*", extracts: {dispute: {deleted: {column: op, equals: [D]}}}}
"""
ACCOUNT = (
    "open_amount", "not_due_amount", "overdue_amount", "max_days_overdue", "disputed_amount", "disputed_overdue_amount",
    "credit_balance", "written_off_amount", "recovered_amount", "unexplained_amount", "last_paid_on",
    "last_paid_amount",
)  # fmt: skip
NOTHING: tuple[Any, ...] = (*[0] * 10, None, None)
Fact = Bill | Payment | WriteOff | Dispute


def test_the_worked_cases(settings: Settings) -> None:
    """Each case on both days, by what is published of it."""
    with (CASES / "expected.csv").open(newline="") as file:
        expected = list(csv.DictReader(file))
    columns = [column for column in expected[0] if column not in ("as_of_date", "customer_id", "case")]
    load(CASES, settings, (*BILLING, "collection_action"))
    month_end, day = (date.fromisoformat(text) for text in sorted({row["as_of_date"] for row in expected}))
    run = runs.start_run("cases", day, settings)
    policies.load_policies(settings)
    runner.build(run, [month_end, day])
    listed = ", ".join(columns)
    got = {
        (as_of_date.isoformat(), customer): values
        for query in (
            f"select as_of_date, customer_id, {listed} from candidate.customer_account_month_end",
            f"select date '{day}', customer_id, {listed} from candidate.customer_account",
        )
        for as_of_date, customer, *values in rows(settings, query)
    }
    want = {(row["as_of_date"], row["customer_id"]): [Decimal(row[column]) for column in columns] for row in expected}
    assert {key: (values, row["case"]) for row in expected if got[key := (row["as_of_date"], row["customer_id"])] != (
        values := want[key]
    )} == {}  # fmt: skip
    assert got.keys() == want.keys()
    assert len({row["case"] for row in expected}) >= 28


class Deliveries:
    """Random money as a careless supplier delivers it: in any order, wrong at first, and with facts that never were."""

    def __init__(self, facts: Facts, seed: int, nights: int) -> None:
        self._rng = random.Random(seed)
        # Apart, so that the rest is delivered the same with and without disputes.
        self._rng_of_disputes = random.Random(seed)
        self._facts = all_of(facts)
        self._nights = nights
        self.standing: dict[tuple[str, str], Fact] = {}
        self.customers = sorted({fact.customer_id for fact in self._facts})

    def night(self, number: int) -> list[tuple[str, Fact]]:
        """What is delivered in a night: operation and fact."""
        last = number == self._nights - 1
        delivered: list[tuple[str, Fact]] = []
        for fact in self._facts:
            key = name_of(fact), id_of(fact)
            known = self.standing.get(key)
            rng = self._rng_for(fact)
            if known == fact or not (last or rng.random() < 1 / (self._nights - number)):
                continue
            if last or rng.random() < 0.8:
                delivered.append(("I", fact))
            else:
                delivered.append(("I", self._wrong(fact)))
        # Some of what stands is withdrawn, to come again later.
        for fact in list(self.standing.values()):
            if not last and self._rng_for(fact).random() < 0.05 and not any(fact_ == fact for _, fact_ in delivered):
                delivered.append(("D", fact))
        for operation, fact in delivered:
            key = name_of(fact), id_of(fact)
            if operation == "D":
                self.standing.pop(key, None)
            else:
                self.standing[key] = fact
        return delivered

    def _wrong(self, fact: Fact) -> Fact:
        """A fact as it is first misreported."""
        rng = self._rng_for(fact)
        change = rng.choice(["amount", "customer", "day", "reference"])
        if change == "reference":
            return self._of_another(fact, rng)
        if change == "customer":
            return dataclasses.replace(fact, customer_id=rng.choice(self.customers))
        if change == "amount":
            return dataclasses.replace(fact, amount=Decimal(rng.randint(1, 200)))
        moved = timedelta(days=rng.randint(-40, 40))
        return dataclasses.replace(fact, **{dated_by(fact): getattr(fact, dated_by(fact)) + moved})

    def _of_another(self, fact: Fact, rng: random.Random) -> Fact:
        """A fact that names at first a bill or payment near to the right one, of whatever customer, or none."""
        near = [other for other in self._facts if type(other) is type(fact) and id_of(other)[:7] == id_of(fact)[:7]]
        bills = [
            other.bill_id for other in self._facts if isinstance(other, Bill) and other.bill_id[2:7] == id_of(fact)[2:7]
        ]
        none: list[str | None] = [None]
        match fact:
            case Bill():
                return dataclasses.replace(fact, reverses=rng.choice([*map(id_of, near), *none]))
            case Payment() if fact.reverses is not None or not bills:
                return dataclasses.replace(fact, reverses=rng.choice([*map(id_of, near), *none]))
            case Dispute():
                return dataclasses.replace(fact, bill_id=rng.choice(bills) if bills else fact.bill_id)
            case _:
                return dataclasses.replace(fact, bill_id=rng.choice([*bills, *none]))

    def _rng_for(self, fact: Fact) -> random.Random:
        return self._rng_of_disputes if isinstance(fact, Dispute) else self._rng

    def facts(self) -> Facts:
        """All that stands."""
        standing = list(self.standing.values())
        return Facts(
            tuple(fact for fact in standing if isinstance(fact, Bill)),
            tuple(fact for fact in standing if isinstance(fact, Payment)),
            tuple(fact for fact in standing if isinstance(fact, WriteOff)),
            tuple(fact for fact in standing if isinstance(fact, Dispute)),
        )


def all_of(facts: Facts) -> list[Fact]:
    return [*facts.bills, *facts.payments, *facts.write_offs, *facts.disputes]


def name_of(fact: Fact) -> str:
    return {Bill: "bill", Payment: "payment", WriteOff: "collection_action", Dispute: "dispute"}[type(fact)]


def id_of(fact: Fact) -> str:
    match fact:
        case Bill():
            return fact.bill_id
        case Payment():
            return fact.payment_id
        case WriteOff():
            return fact.action_id
        case Dispute():
            return fact.dispute_id


def dated_by(fact: Fact) -> str:
    return {"bill": "issued_on", "payment": "paid_on", "collection_action": "acted_on", "dispute": "opened_on"}[
        name_of(fact)
    ]


def write_facts(folder: Path, night: int, delivered: Iterable[tuple[str, Fact]]) -> list[Path]:
    """A file for each extract; returns their paths."""
    files: dict[str, list[dict[str, Any]]] = {}
    for operation, fact in delivered:
        row: dict[str, Any] = {"op": operation, "customer_id": fact.customer_id, "amount": fact.amount}
        match fact:
            case Bill():
                row |= {
                    "bill_id": fact.bill_id, "period": fact.issued_on.strftime("%Y-%m"), "issued_on": fact.issued_on,
                    "due_on": fact.due_on, "reverses_bill_id": fact.reverses, "disputed": str(fact.is_disputed).lower(),
                }  # fmt: skip
            case Payment():
                row |= {
                    "payment_id": fact.payment_id, "bill_id": fact.bill_id, "paid_on": fact.paid_on,
                    "reverses_payment_id": fact.reverses,
                }  # fmt: skip
            case WriteOff():
                row |= {
                    "action_id": fact.action_id, "bill_id": fact.bill_id, "acted_on": fact.acted_on,
                    "kind": "write_off",
                    "officer_id": "E1",
                }  # fmt: skip
            case Dispute():
                row |= {
                    "dispute_id": fact.dispute_id, "bill_id": fact.bill_id, "opened_on": fact.opened_on,
                    "closed_on": fact.closed_on, "outcome": fact.outcome, "contested_amount": row.pop("amount"),
                }  # fmt: skip
        files.setdefault(name_of(fact), []).append(row)
    paths = []
    for name, lines in files.items():
        path = folder / f"{name}_{night}.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)
        paths.append(path)
    return paths


@pytest.fixture
def mapping(tmp_path: Path) -> Mapping:
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "ledger.yml").write_text(MAPPING)
    return load_mappings(tmp_path / "mappings")["ledger"]


def assert_accounts_agree(settings: Settings, facts: Facts, day: date) -> None:
    """Every account and bill of the last day and the month-ends, and bills on days between."""
    columns = ", ".join(ACCOUNT)
    shown = {
        (as_of_date, customer): tuple(values)
        for query in (
            f"select as_of_date, customer_id, {columns} from published.customer_account_month_end",
            f"select date '{day}', customer_id, {columns} from published.customer_account",
        )
        for as_of_date, customer, *values in rows(settings, query)
    }
    days = sorted({as_of_date for as_of_date, _ in shown})
    assert len(days) == 1 + settings.history_months
    wanted = {
        (one, customer): tuple(getattr(account, column) for column in ACCOUNT)
        for one in days
        for customer, account in account_engine.accounts_as_of(facts, one).items()
    }
    wrong = {
        key: (wanted.get(key, NOTHING), shown.get(key, NOTHING))
        for key in wanted.keys() | shown.keys()
        if wanted.get(key, NOTHING) != shown.get(key, NOTHING)
    }
    assert wrong == {}
    flows = rows(
        settings,
        "select customer_id from ledger.account_balance where billed_amount - credited_amount - collected_amount "
        "+ returned_amount + refunded_amount - written_off_amount + recovered_amount <> open_amount - credit_balance",
    )
    assert flows == []
    for one in [*days, *(day - timedelta(days=back) for back in (1, 5, 11, 37, 80, 150))]:
        balances = {
            bill: tuple(values)
            for bill, *values in rows(
                settings,
                "select bill_id, credited_amount, paid_amount, written_off_amount, recovered_amount, open_amount, "
                "contested_amount, case when credited_amount < amount then settled_on end from ledger.bill_balance "
                "where valid_from <= %s and valid_to > %s",
                one,
                one,
            )
        }
        assert balances == {
            bill: (
                then.credited,
                then.paid,
                then.written_off,
                then.recovered,
                then.open,
                then.contested,
                then.settled_on,
            )
            for bill, then in account_engine.bills_as_of(facts, one).items()
        }


@pytest.mark.deep
def test_random_suppliers_night_by_night(
    settings: Settings, tmp_path: Path, mapping: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delivered late, early, corrected, withdrawn and reverted: after each night every account is the engine's."""
    pass_gates(monkeypatch)
    settings.history_months = 3
    nights = few_or_many(3, 20)
    drawn = random_facts(few_or_many(7, 8), few_or_many(100, 1000))
    deliveries = Deliveries(drawn, 7, nights)
    customers = tmp_path / "customer_0.csv"
    lines = [f"{customer},n,commercial,2024-02-15,2024-01-01" for customer in deliveries.customers[::2]]
    customers.write_text("\n".join(["customer_id,name,segment,opened_on,updated_at", *lines, ""]))
    load_file(customers, mapping, settings)
    last_day = max(getattr(fact, dated_by(fact)) for fact in all_of(drawn))
    first_day = last_day - timedelta(days=90)
    stray: int | None = None
    for night in range(nights):
        day = first_day + (last_day - first_day) * night // max(nights - 1, 1)
        for path in write_facts(tmp_path, night, deliveries.night(night)):
            load_file(path, mapping, settings)
        if stray is not None:
            revert_load(stray, "never happened", settings)
        stray = None
        if night < nights - 1:
            # Another supplier's payments, found out the night after.
            bills = [fact for fact in deliveries.standing.values() if isinstance(fact, Bill)]
            strays = [
                Payment(f"S-{night}-{place}", bill.customer_id, bill.bill_id, bill.issued_on, Decimal(17), None)
                for place, bill in enumerate(bills[:: max(len(bills) // 20, 1)])
            ]
            (path,) = write_facts(tmp_path, 1000 + night, [("I", fact) for fact in strays])
            stray = load_file(path, mapping, settings).file_id
            standing = deliveries.facts()
            facts = dataclasses.replace(standing, payments=(*standing.payments, *strays))
        else:
            facts = deliveries.facts()
        pipeline.build_ratings(f"night {night}", day, settings)
        assert_accounts_agree(settings, facts, day)
    assert number(settings, "select count(*) from lineage.runs where built_because is null") == nights - 1
    assert_a_rebuild_changes_nothing(settings, last_day)


def test_charges_and_behaviour_of_random_accounts(settings: Settings, tmp_path: Path, mapping: Mapping) -> None:
    """What each bill is charged for, what it counts with, what of it was paid in time, and since when it is settled."""
    facts = random_facts(11, 60)
    customers = sorted({fact.customer_id for fact in all_of(facts)})
    path = tmp_path / "customer_0.csv"
    lines = [f"{customer},n,commercial,2020-01-01,2024-01-01" for customer in customers]
    path.write_text("\n".join(["customer_id,name,segment,opened_on,updated_at", *lines, ""]))
    delivered: list[tuple[str, Fact]] = [("I", fact) for fact in all_of(facts)]
    for one in (path, *write_facts(tmp_path, 0, delivered)):
        load_file(one, mapping, settings)
    day = date(2024, 7, 18)
    run = runs.start_run("random", day, settings)
    policies.load_policies(settings)
    runner.build(run, [day])
    got = {
        bill: tuple(values)
        for bill, *values in rows(
            settings,
            "select bill_id, judged_amount, case when judged_amount > 0 then settled_on end, paid_in_time "
            "from ledger.bill_balance where valid_from <= %s and valid_to > %s",
            day,
            day,
        )
    }
    want = {}
    for bill in account_engine.bills_as_of(facts, day):
        judged, settled_on = account_engine.behaviour_of(facts, bill, day)
        judged_on = account_engine.judged_on(facts, bill, day)
        in_time = account_engine.paid_in_time(facts, bill, judged_on) if judged else Decimal(0)
        want[bill] = (judged, settled_on if judged else None, in_time)
    assert got == want
    spans = rows(
        settings,
        "select bill_id, open_amount, open_from, coalesce(open_until, %s) from collections.debt_span "
        "where open_amount > 0",
        day,
    )
    charged: dict[str, dict[date, Decimal]] = {}
    for bill_id, amount, open_from, open_until in spans:
        for days in range((open_until - open_from).days):
            charged.setdefault(bill_id, {})[open_from + timedelta(days=days + 1)] = amount
    by_the_engine = {bill: dict(account_engine.days_charged(facts, bill, day)) for bill in want}
    assert charged == {bill: days for bill, days in by_the_engine.items() if days}
    assert len(charged) > 50


def test_a_broken_allocation_stops_the_gate(new_warehouse: WarehouseFactory, small: Prepared, tmp_path: Path) -> None:
    """Credit that nobody gave is found by the accounts, which do not ask the allocation."""
    settings = new_warehouse(small)
    broken = settings.model_copy(update={"project_dir": tmp_path})
    for folder in (settings.expectations_dir, settings.dbt_dir):
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("target", "logs"))
    macros = tmp_path / settings.dbt_dir.name / "macros" / "ledger" / "bill_position.sql"
    text = macros.read_text()
    right = "{{ credit }} + {{ need }} - sum("
    assert right in text
    macros.write_text(text.replace(right, "{{ credit }} + 10 + {{ need }} - sum("))
    with pytest.raises(GateFailedError, match="account_balance"):
        pipeline.build_ratings("broken", SMALL_DAY + timedelta(days=1), broken)
    assert number(settings, "select max(release) from lineage.releases") == 1
