"""The oracle of what customers owe: against the cases of the ledger, its controls, and examples computed by hand."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.account_engine import (
    Account,
    Bill,
    BillBalance,
    Dispute,
    Facts,
    Payment,
    WriteOff,
    accounts_as_of,
    behaviour_of,
    bills_as_of,
    days_charged,
    paid_in_time,
    read_facts,
    write_offs_as_of,
)
from tests.support.random_accounts import DAYS, FIRST_DAY, accounts, random_facts

CASES = Path(__file__).parents[1] / "cases" / "ledger"
ZERO = Decimal(0)
a_day = st.integers(0, DAYS + 60).map(lambda days: FIRST_DAY + timedelta(days=days))
random_cases = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def expected() -> list[dict[str, str]]:
    with (CASES / "expected.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def cases() -> Facts:
    return read_facts(CASES)


@pytest.mark.parametrize("row", expected(), ids=lambda row: f"{row['customer_id']}-{row['as_of_date']}")
def test_cases_of_the_ledger(cases: Facts, row: dict[str, str]) -> None:
    found = accounts_as_of(cases, date.fromisoformat(row["as_of_date"])).get(row["customer_id"])
    amounts = [name for name in row if name.endswith(("_amount", "_balance"))]
    if found is None:
        # The landlord and the like: known as customers, but nothing of theirs has moved.
        assert not any(Decimal(row[name]) for name in (*amounts, "max_days_overdue"))
        return
    assert {name: getattr(found, name) for name in amounts} == {name: Decimal(row[name]) for name in amounts}
    assert found.max_days_overdue == int(row["max_days_overdue"])


# What holds for any facts.


def assert_controls(facts: Facts, day: date) -> None:
    bills, found, written = bills_as_of(facts, day), accounts_as_of(facts, day), write_offs_as_of(facts, day)
    for bill in bills.values():
        parts = (bill.credited, bill.paid, bill.written_off, bill.recovered, bill.open)
        assert min(parts) >= 0, bill
        assert bill.amount == bill.credited + bill.paid + bill.written_off - bill.recovered + bill.open, bill
        assert bill.recovered <= min(bill.written_off, bill.paid), bill
        assert bill.written_off <= sum(taken.get(bill.bill_id, ZERO) for taken in written.values()), bill
    for one in found.values():
        moved = one.billed - one.credited - one.collected + one.returned + one.refunded
        owed = moved - one.written_off_amount + one.recovered_amount
        assert owed == one.open_amount - one.credit_balance, one
        own = [bill for bill in bills.values() if bill.customer_id == one.customer_id]
        assert one.open_amount == sum(bill.open for bill in own) == one.not_due_amount + one.overdue_amount
        assert one.disputed_overdue_amount <= min(one.disputed_amount, one.overdue_amount)
        # What pays no bill does so because nothing is open.
        assert one.credit_balance <= 0 or not one.open_amount
        assert min(one.unexplained_amount, one.returned, one.refunded, one.collected, one.credited) >= 0
        assert bool(one.max_days_overdue) == bool(one.overdue_amount)
    assert {bill.customer_id for bill in bills.values()} <= set(found)


def test_controls_hold_for_the_cases(cases: Facts) -> None:
    for days in range(0, 200, 7):
        assert_controls(cases, date(2024, 1, 1) + timedelta(days=days))


@random_cases
@given(accounts(), a_day)
def test_controls_hold_for_random_accounts(facts: Facts, day: date) -> None:
    assert_controls(facts, day)


def test_controls_hold_for_many_random_accounts() -> None:
    facts = random_facts(1, 150)
    for days in range(0, DAYS + 40, 40):
        assert_controls(facts, FIRST_DAY + timedelta(days=days))


@random_cases
@given(accounts(), a_day)
def test_write_offs_take_at_most_what_is_open_before_them(facts: Facts, day: date) -> None:
    issued_on = {bill.bill_id: bill.issued_on for bill in facts.bills}

    def place(action: WriteOff) -> tuple[date, str]:
        return max(action.acted_on, issued_on.get(action.bill_id or "", action.acted_on)), action.action_id

    found = write_offs_as_of(facts, day)
    for action in facts.write_offs:
        taken = found.get(action.action_id, {})
        assert all(amount > 0 for amount in taken.values())
        if taken:
            assert action.amount is None or sum(taken.values()) <= action.amount
            earlier = tuple(other for other in facts.write_offs if place(other) < place(action))
            before = bills_as_of(replace(facts, write_offs=earlier), place(action)[0])
            assert all(amount <= before[bill_id].open for bill_id, amount in taken.items())


@random_cases
@given(accounts(), a_day, st.randoms(use_true_random=False))
def test_order_of_delivery_is_nothing(facts: Facts, day: date, rng: Random) -> None:
    bills, payments, actions = list(facts.bills), list(facts.payments), list(facts.write_offs)
    disputes = list(facts.disputes)
    for rows in (bills, payments, actions, disputes):
        rng.shuffle(rows)
    shuffled = Facts(tuple(bills), tuple(payments), tuple(actions), tuple(disputes))
    assert bills_as_of(shuffled, day) == bills_as_of(facts, day)
    assert accounts_as_of(shuffled, day) == accounts_as_of(facts, day)


@random_cases
@given(accounts(), a_day)
def test_what_is_later_changes_nothing(facts: Facts, day: date) -> None:
    """Nor on which later day it comes, or how much it is, as long as it is known that it comes."""

    def later(one: date) -> date:
        return one if one <= day else one + timedelta(days=1000)

    def other(amount: Decimal, on: date) -> Decimal:
        return amount if on <= day else 3 * amount

    changed = Facts(
        tuple(replace(one, issued_on=later(on := one.issued_on), amount=other(one.amount, on)) for one in facts.bills),
        tuple(replace(one, paid_on=later(on := one.paid_on), amount=other(one.amount, on)) for one in facts.payments),
        tuple(one for one in facts.write_offs if one.acted_on <= day),
        # That a bill has a dispute is not later: its flag then says nothing on any day (decision 0049).
        tuple(
            one
            if one.closed_on is None or one.closed_on <= day
            else replace(one, opened_on=later(one.opened_on), closed_on=None, outcome=None)
            for one in facts.disputes
        ),
    )
    assert bills_as_of(changed, day) == bills_as_of(facts, day)
    assert accounts_as_of(changed, day) == accounts_as_of(facts, day)


@random_cases
@given(accounts(), a_day)
def test_settled_and_in_time_and_charged_agree_with_the_balance(facts: Facts, day: date) -> None:
    due = {bill.bill_id: bill.due_on for bill in facts.bills}
    for bill_id, bill in bills_as_of(facts, day).items():
        is_settled = bill.amount > bill.credited and not bill.open and bill.written_off == bill.recovered
        assert (bill.settled_on is not None) == is_settled
        assert 0 <= paid_in_time(facts, bill_id, day) <= bill.paid
        weight, settled_on = behaviour_of(facts, bill_id, day)
        if bill.amount > bill.credited:
            assert [weight, settled_on] == [bill.amount - bill.credited, bill.settled_on]
        else:
            assert [weight > 0] == [settled_on is not None]
        if settled_on is not None:
            # The run begins there: it was not so the day before.
            eve = settled_on - timedelta(days=1)
            assert bill_id not in bills_as_of(facts, eve) or bills_as_of(facts, eve)[bill_id].settled_on is None
        charged = days_charged(facts, bill_id, day)
        assert all(due[bill_id] < on <= day and amount > 0 for on, amount in charged)
        assert bill.amount > bill.credited or not charged


def test_random_accounts_are_of_all_kinds_and_always_the_same() -> None:
    assert random_facts(3, 10) == random_facts(3, 10) != random_facts(4, 10)
    facts = random_facts(3, 100)
    assert len({one.bill_id for one in facts.bills}) == len(facts.bills)
    day = FIRST_DAY + timedelta(days=DAYS)
    bills, found = bills_as_of(facts, day).values(), accounts_as_of(facts, day).values()
    seen = Counter[str]()
    seen.update({name for one in bills for name in ("credited", "written_off", "recovered") if getattr(one, name)})
    flows = ("returned", "refunded", "unexplained_amount")
    seen.update({name for one in found for name in flows if getattr(one, name)})
    seen.update({"below zero" for one in found if one.credit_balance < 0})
    seen.update({"disputed" for one in found if one.disputed_overdue_amount})
    seen.update({"written off in part" for one in bills if one.written_off and one.open})
    seen.update({"all that is overdue" for one in facts.write_offs if not one.bill_id and one.amount is None})
    flagged = {one.bill_id for one in facts.bills if one.is_disputed}
    seen.update(
        {"contested in part" for one in bills if one.bill_id not in flagged and ZERO < one.contested < one.amount}
    )
    assert len(seen) == 11, seen


# Computed by hand.


def bill(due_on: date, amount: str = "100", *, bill_id: str = "B", issued_on: date | None = None) -> Bill:
    return Bill(bill_id, "C", issued_on or due_on - timedelta(days=19), due_on, Decimal(amount), None)


def credit_note(on: date, amount: str, *, bill_id: str = "N", of: str = "B") -> Bill:
    return Bill(bill_id, "C", on, on, Decimal(amount), of)


def paid(
    on: date,
    amount: str,
    payment_id: str = "P",
    bill_id: str | None = "B",
    reverses: str | None = None,
) -> Payment:
    return Payment(payment_id, "C", bill_id, on, Decimal(amount), reverses)


def facts_of(*facts: Bill | Payment | WriteOff | Dispute) -> Facts:
    return Facts(
        tuple(one for one in facts if isinstance(one, Bill)),
        tuple(one for one in facts if isinstance(one, Payment)),
        tuple(one for one in facts if isinstance(one, WriteOff)),
        tuple(one for one in facts if isinstance(one, Dispute)),
    )


def account(facts: Facts, day: date) -> Account:
    return accounts_as_of(facts, day)["C"]


def balance(facts: Facts, day: date, bill_id: str = "B") -> BillBalance:
    return bills_as_of(facts, day)[bill_id]


JUNE_1 = date(2024, 6, 1)
YEAR_END = date(2024, 12, 31)


@pytest.mark.parametrize(("paid_on", "days"), [(1, 0), (2, 1), (16, 15)])
def test_days_charged_until_it_is_paid(paid_on: int, days: int) -> None:
    facts = facts_of(bill(JUNE_1), paid(date(2024, 6, paid_on), "100"))
    charged = [(date(2024, 6, 2) + timedelta(days=n), Decimal(100)) for n in range(days)]
    assert days_charged(facts, "B", YEAR_END) == charged


def test_returned_on_2_april_is_charged_from_3_april() -> None:
    facts = facts_of(
        bill(date(2024, 3, 20)),
        paid(date(2024, 3, 18), "100"),
        paid(date(2024, 4, 2), "-60", "R", None, "P"),
    )
    assert days_charged(facts, "B", date(2024, 4, 2)) == []
    assert days_charged(facts, "B", date(2024, 4, 4)) == [
        (date(2024, 4, 3), Decimal(60)),
        (date(2024, 4, 4), Decimal(60)),
    ]


def test_what_is_cancelled_costs_nothing_and_a_credit_note_lowers_the_charge_from_the_start() -> None:
    late = (bill(JUNE_1), paid(date(2024, 6, 3), "50"))
    assert len(days_charged(facts_of(*late), "B", date(2024, 6, 10))) == 9
    cancelled = facts_of(*late, credit_note(date(2024, 6, 10), "-100"))
    assert days_charged(cancelled, "B", date(2024, 6, 10)) == []
    # It stands at 70: for two days nothing was paid of it, then 50.
    lowered = facts_of(*late, credit_note(date(2024, 6, 5), "-30"))
    amounts = [amount for _, amount in days_charged(lowered, "B", date(2024, 6, 6))]
    assert amounts == [70, 70, 20, 20, 20]


def test_a_write_off_ends_the_charge_and_credit_that_pays_a_bill_lowers_it() -> None:
    written_off = facts_of(bill(JUNE_1), WriteOff("A", "C", "B", date(2024, 6, 4), None))
    assert [on.day for on, _ in days_charged(written_off, "B", YEAR_END)] == [2, 3, 4]
    by_credit = facts_of(bill(JUNE_1), paid(date(2024, 6, 3), "80", bill_id=None))
    assert [amount for _, amount in days_charged(by_credit, "B", date(2024, 6, 5))] == [100, 100, 20, 20]


def test_settled_on_is_the_first_day_of_the_present_run() -> None:
    facts = facts_of(
        bill(JUNE_1),
        paid(date(2024, 5, 20), "100"),
        paid(date(2024, 6, 10), "-100", "R", None, "P"),
        paid(date(2024, 6, 20), "40", "Q", None),
        paid(date(2024, 6, 25), "60", "S"),
    )
    by_day = {day: balance(facts, day).settled_on for day in (date(2024, 5, 19), JUNE_1, date(2024, 6, 15), YEAR_END)}
    assert list(by_day.values()) == [None, date(2024, 5, 20), None, date(2024, 6, 25)]


def test_settled_only_once_what_was_written_off_is_recovered() -> None:
    facts = facts_of(
        bill(JUNE_1),
        WriteOff("A", "C", "B", date(2024, 7, 1), Decimal(70)),
        paid(date(2024, 7, 5), "30", "P"),
        paid(date(2024, 7, 9), "80", "Q"),
    )
    assert balance(facts, date(2024, 7, 8)).settled_on is None
    last = balance(facts, YEAR_END)
    assert [last.paid, last.written_off, last.recovered, last.open] == [100, 70, 70, 0]
    assert last.settled_on == date(2024, 7, 9)
    assert account(facts, YEAR_END).credit_balance == 10


def test_paid_before_it_was_cancelled_counts_for_behaviour_and_cancelled_unpaid_does_not() -> None:
    in_june = (bill(JUNE_1), credit_note(date(2024, 6, 5), "-30", bill_id="N"))
    cancelled = credit_note(date(2024, 6, 20), "-70", bill_id="O")
    fully = facts_of(*in_june, paid(date(2024, 6, 3), "70"), cancelled)
    # With 70 paid it is settled once it stands at 70.
    assert [*behaviour_of(fully, "B", date(2024, 6, 4))] == [100, None]
    assert [*behaviour_of(fully, "B", date(2024, 6, 19))] == [70, date(2024, 6, 5)]
    assert [*behaviour_of(fully, "B", YEAR_END)] == [70, date(2024, 6, 5)]
    assert balance(fully, YEAR_END).settled_on is None
    partly = facts_of(*in_june, paid(date(2024, 6, 3), "69"), cancelled)
    assert [*behaviour_of(partly, "B", YEAR_END)] == [0, None]


def test_paid_in_time_is_what_was_paid_by_the_due_date_and_still_is() -> None:
    facts = facts_of(
        bill(JUNE_1),
        paid(date(2024, 5, 20), "50", "P"),
        paid(date(2024, 5, 21), "20", "Q", None),
        paid(date(2024, 6, 2), "30", "S"),
        paid(date(2024, 6, 10), "-40", "R", None, "P"),
    )
    assert paid_in_time(facts, "B", date(2024, 5, 20)) == 50
    assert paid_in_time(facts, "B", JUNE_1) == paid_in_time(facts, "B", date(2024, 6, 9)) == 70
    assert paid_in_time(facts, "B", date(2024, 6, 10)) == 30


def test_paid_in_time_is_nothing_of_a_cancelled_bill_and_at_most_what_is_paid() -> None:
    both = (bill(JUNE_1), paid(date(2024, 5, 20), "100"))
    assert paid_in_time(facts_of(*both, credit_note(date(2024, 6, 9), "-60")), "B", YEAR_END) == 40
    assert paid_in_time(facts_of(*both, credit_note(date(2024, 6, 9), "-100")), "B", YEAR_END) == 0
    assert paid_in_time(facts_of(*both), "B", date(2024, 5, 1)) == 0


def test_credit_that_paid_in_time_and_was_given_back_did_not() -> None:
    facts = facts_of(
        bill(JUNE_1),
        paid(date(2024, 5, 21), "100", "Q", None),
        paid(date(2024, 6, 5), "-70", "R", None),
    )
    assert paid_in_time(facts, "B", JUNE_1) == 100
    assert paid_in_time(facts, "B", YEAR_END) == 30


def test_a_return_of_a_bill_takes_from_the_newest_payments_also_of_one_never_delivered() -> None:
    facts = facts_of(
        paid(date(2024, 5, 1), "50", "P1", "X"),
        paid(date(2024, 5, 2), "50", "P2", "X"),
        paid(date(2024, 5, 3), "-70", "R1", "X"),
        paid(date(2024, 5, 4), "-40", "R2", "X"),
    )
    on_the_third = account(facts, date(2024, 5, 3))
    assert [on_the_third.returned, on_the_third.credit_balance, on_the_third.unexplained_amount] == [70, 30, 0]
    last = account(facts, YEAR_END)
    assert [last.returned, last.credit_balance, last.unexplained_amount] == [100, 0, 10]


def test_what_is_in_a_ring_or_depends_on_one_is_unexplained() -> None:
    facts = facts_of(
        replace(bill(JUNE_1, bill_id="B1"), reverses="N1"),
        credit_note(JUNE_1, "-30", bill_id="N1", of="B1"),
        credit_note(JUNE_1, "-5", bill_id="N2", of="B1"),
    )
    found = account(facts, JUNE_1)
    assert [found.unexplained_amount, found.open_amount, found.credit_balance] == [135, 0, 0]
    assert bills_as_of(facts, JUNE_1) == {}


def test_a_chain_of_reversals_of_any_depth() -> None:
    """The second return is taken back in part; of 100 the payment has 80 returned, so it keeps 20."""
    facts = facts_of(
        bill(JUNE_1),
        paid(date(2024, 6, 1), "100", "P"),
        paid(date(2024, 6, 2), "-100", "R1", None, "P"),
        paid(date(2024, 6, 3), "50", "R2", None, "R1"),
        paid(date(2024, 6, 4), "-30", "R3", None, "R2"),
    )
    opened = [account(facts, date(2024, 6, n)).open_amount for n in (1, 2, 3, 4)]
    assert opened == [0, 100, 50, 80]
    assert account(facts, YEAR_END).collected == 100
    assert account(facts, YEAR_END).returned == 80


def test_a_write_off_without_a_bill_takes_the_oldest_overdue_undisputed() -> None:
    facts = facts_of(
        bill(date(2024, 3, 1), bill_id="B1"),
        bill(date(2024, 2, 1), bill_id="B2"),
        replace(bill(date(2024, 1, 25), bill_id="B3"), is_disputed=True),
        bill(JUNE_1, bill_id="B4"),
        paid(date(2024, 5, 1), "20", bill_id=None),
        WriteOff("A1", "C", None, date(2024, 5, 1), Decimal(130)),
        WriteOff("A2", "C", None, JUNE_1, None),
    )
    assert write_offs_as_of(facts, date(2024, 4, 30)) == {}
    assert write_offs_as_of(facts, YEAR_END) == {"A1": {"B2": 80, "B1": 50}, "A2": {"B1": 50}}
    assert account(facts, YEAR_END).open_amount == 200
    assert account(facts, JUNE_1).disputed_overdue_amount == 100


def test_a_dispute_holds_its_part_for_its_days() -> None:
    """Two on end; the second, in which the customer was right, until the credit note."""
    facts = facts_of(
        bill(JUNE_1, "1000"),
        bill(date(2024, 7, 1), "1000", bill_id="B2"),
        Dispute("D1", "C", "B", date(2024, 6, 5), date(2024, 6, 20), "against_customer", None),
        Dispute("D2", "C", "B", date(2024, 7, 5), date(2024, 7, 20), "partly_for_customer", Decimal(300)),
        paid(date(2024, 6, 10), "400", bill_id=None),
        credit_note(date(2024, 8, 1), "-200"),
    )

    def stands(day: date) -> tuple[Any, ...]:
        bills = bills_as_of(facts, day)
        return bills["B"].open, bills["B2"].open if "B2" in bills else ZERO, account(facts, day).disputed_amount

    assert stands(JUNE_1) == (1000, 0, 0)
    # B2 is issued on 12 June: nobody contests it, so the 400 pay it, though it is the younger.
    assert [stands(date(2024, 6, day)) for day in (5, 11, 12)] == [(1000, 0, 1000), (600, 0, 600), (1000, 600, 1000)]
    assert stands(date(2024, 6, 20)) == (600, 1000, 0)
    assert [stands(date(2024, 7, day)) for day in (5, 20, 31)] == [(600, 1000, 300)] * 3
    assert stands(date(2024, 8, 1)) == (400, 1000, 0)


def test_a_returned_payment_opens_a_written_off_bill_again() -> None:
    facts = facts_of(
        bill(JUNE_1),
        paid(date(2024, 6, 5), "40"),
        WriteOff("A", "C", "B", date(2024, 7, 1), None),
        paid(date(2024, 7, 5), "-40", "R", None, "P"),
        paid(date(2024, 8, 1), "50", "Q"),
    )
    opened = balance(facts, date(2024, 7, 5))
    assert [opened.written_off, opened.open, opened.paid] == [60, 40, 0]
    last = balance(facts, YEAR_END)
    assert [last.written_off, last.open, last.paid, last.recovered] == [60, 0, 50, 10]


def test_a_later_credit_note_lowers_what_was_written_off_before_it_frees_what_was_paid() -> None:
    """Of 100, credit had paid 40 when 60 was written off: a credit note of 30 leaves 30 of it."""
    facts = facts_of(
        bill(JUNE_1),
        paid(date(2024, 6, 5), "40", bill_id=None),
        WriteOff("A", "C", "B", date(2024, 7, 1), None),
        credit_note(date(2024, 8, 1), "-30"),
        credit_note(date(2024, 9, 1), "-45", bill_id="O"),
    )
    lowered, last = balance(facts, date(2024, 8, 1)), balance(facts, YEAR_END)
    assert [lowered.written_off, lowered.paid, lowered.open] == [30, 40, 0]
    assert [last.written_off, last.paid, last.open] == [0, 25, 0]
    assert account(facts, YEAR_END).credit_balance == 15


def test_the_last_payment_is_the_newest_that_served_the_customer_gross() -> None:
    tenant = bill(JUNE_1)
    landlord = replace(paid(date(2024, 5, 1), "100"), customer_id="L")
    facts = facts_of(tenant, landlord, paid(date(2024, 6, 9), "-30", "R", None, "P"))
    # Before the bill is issued, it is the landlord's own.
    assert accounts_as_of(facts, date(2024, 5, 12))["L"].last_paid_amount == 100
    found = accounts_as_of(facts, YEAR_END)
    assert [found["C"].last_paid_on, found["C"].last_paid_amount, found["C"].collected] == [date(2024, 5, 1), 100, 100]
    assert [found["L"].last_paid_on, found["L"].last_paid_amount, found["L"].collected] == [None, None, 0]
