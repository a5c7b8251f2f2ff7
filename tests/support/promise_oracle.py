"""Which money kept which promise: lot by lot, one promise after the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.support import account_engine

if TYPE_CHECKING:
    from tests.support import oracle

ZERO = Decimal(0)
ONE_DAY = timedelta(days=1)
# All that was ever delivered is known by then.
END = date(2200, 1, 1)


@dataclass
class Lot:
    """What payments of a day for a bill, or for none, brought for good."""

    paid_on: date
    bill_id: str | None
    left: Decimal


@dataclass(frozen=True)
class Part:
    """What was promised by a day, and what kept it."""

    action_id: str
    due_on: date
    amount: Decimal
    paid: Decimal
    broken_on: date | None
    is_instalment: bool


def parts_of(ledger: oracle.Ledger, customer_id: str) -> list[Part]:
    """What a customer promised, in the order in which it was."""
    facts = ledger.accounts_of(customer_id)
    actions = [fact for fact in ledger.facts_of[customer_id] if fact.extract == "collection_action"]
    lots: dict[tuple[date, str | None], Lot] = {}
    for received in facts.book.money(END).received[customer_id]:
        bill = received.payment.bill_id if received.payment.bill_id in facts.book.bills else None
        lot = lots.setdefault((received.payment.paid_on, bill), Lot(received.payment.paid_on, bill, ZERO))
        lot.left += received.net
    found: list[Part] = []
    promises = [fact for fact in actions if fact.kind in ("promise", "instalment_plan") and fact.until]
    for promise in sorted(promises, key=lambda fact: (fact.day, fact.row["action_id"])):
        schedule = ledger.instalments.get(promise.row["action_id"], [])
        if promise.row["amount"] and Decimal(promise.row["amount"]) <= 0:
            continue
        assert promise.until
        ended_on, was_completed = ending_said(actions, promise)
        has_failed = False
        for due_on, amount in schedule or [(promise.until, promised_amount(facts, promise))]:
            # A completed plan takes what came by then, also for what was to be paid later.
            paid_until = min(due_on, ended_on) if ended_on and was_completed else due_on
            eligible = eligible_lots(facts, list(lots.values()), promise, paid_until)
            by_then = paid_by(facts, eligible, customer_id, due_on)
            paid = ZERO
            if not has_failed and not (ended_on and due_on >= ended_on and not was_completed):
                paid = take(eligible, amount, credit_for(facts, promise, due_on))
            broken_on = None
            if paid < amount:
                has_failed = True
                broken_on = due_on + ONE_DAY
                went_back = last_return(facts, eligible, customer_id, due_on)
                if by_then >= amount and went_back:
                    broken_on = max(broken_on, went_back)
            found.append(Part(promise.row["action_id"], due_on, amount, paid, broken_on, bool(schedule)))
    return found


def ending_said(actions: list[oracle.Fact], promise: oracle.Fact) -> tuple[date | None, bool]:
    """The first day on which people said that a plan had ended, and whether it was completed."""
    said = [
        (fact.day, fact.row["action_id"], fact.kind == "plan_completed")
        for fact in actions
        if promise.kind == "instalment_plan"
        and fact.kind in ("plan_broken", "plan_completed")
        and fact.day >= promise.day
        and fact.row["bill_id"] in ("", promise.row["bill_id"])
    ]
    if not said:
        return None, False
    day, _, was_completed = min(said)
    return day, was_completed


def promised_amount(facts: account_engine.Facts, promise: oracle.Fact) -> Decimal:
    """What was promised; without an amount what was open of the bill, or of all bills."""
    if promise.row["amount"]:
        return Decimal(promise.row["amount"])
    return sum(
        (
            balance.open
            for balance in account_engine.bills_as_of(facts, promise.day).values()
            if balance.customer_id == promise.customer_id and promise.row["bill_id"] in ("", balance.bill_id)
        ),
        ZERO,
    )


def eligible_lots(facts: account_engine.Facts, lots: list[Lot], promise: oracle.Fact, due_on: date) -> list[Lot]:
    """Money of the promise's days for the promised bill, for what was billed by then, or for no bill; named money
    first.
    """
    named = promise.row["bill_id"]

    def is_for(lot: Lot) -> bool:
        if lot.bill_id is None or lot.bill_id == named:
            return True
        return not named and facts.book.bills[lot.bill_id].issued_on <= promise.day

    mine = [lot for lot in lots if promise.day <= lot.paid_on <= due_on and is_for(lot)]
    return sorted(mine, key=lambda lot: (lot.bill_id is None, lot.paid_on, lot.bill_id or ""))


def credit_for(facts: account_engine.Facts, promise: oracle.Fact, due_on: date) -> Decimal | None:
    """How much more unallocated credit pays of the promised bill than before the promise; None where no bill is
    named.
    """
    bill = facts.book.bills.get(promise.row["bill_id"])
    if not promise.row["bill_id"]:
        return None
    if bill is None or bill.issued_on > due_on:
        return ZERO
    before = promise.day - ONE_DAY
    then = facts.book.stand(bill, before).paid_by_credit if bill.issued_on <= before else ZERO
    return max(facts.book.stand(bill, due_on).paid_by_credit - then, ZERO)


def take(lots: list[Lot], amount: Decimal, credit: Decimal | None) -> Decimal:
    """Take what is promised out of the lots; of those that name no bill at most the credit that pays the promised
    one.
    """
    paid = ZERO
    for lot in lots:
        part = min(lot.left, amount - paid)
        if lot.bill_id is None and credit is not None:
            part = min(part, credit)
            credit -= max(part, ZERO)
        if part > 0:
            lot.left -= part
            paid += part
    return paid


def _received(
    facts: account_engine.Facts, lots: list[Lot], customer_id: str, day: date
) -> dict[tuple[date, str | None], Decimal]:
    """By lot what it had brought by the end of a day."""
    keys = {(lot.paid_on, lot.bill_id) for lot in lots}
    found = dict.fromkeys(keys, ZERO)
    for received in facts.book.money(day).received[customer_id]:
        bill = received.payment.bill_id if received.payment.bill_id in facts.book.bills else None
        if (received.payment.paid_on, bill) in keys:
            found[received.payment.paid_on, bill] += received.net
    return found


def paid_by(facts: account_engine.Facts, lots: list[Lot], customer_id: str, day: date) -> Decimal:
    """What the lots had brought by a day, also what went back later."""
    return sum(_received(facts, lots, customer_id, day).values(), ZERO)


def last_return(facts: account_engine.Facts, lots: list[Lot], customer_id: str, after: date) -> date | None:
    """The last day after this one on which something of the lots went back, or was taken back of that."""
    days = sorted({movement.day for movement in facts.book.of_payments.movements.values() if movement.day > after})
    last, before = None, _received(facts, lots, customer_id, after)
    for day in days:
        now = _received(facts, lots, customer_id, day)
        if now != before:
            last = day
        before = now
    return last
