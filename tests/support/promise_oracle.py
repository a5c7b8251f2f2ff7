"""Which money kept which promise: lot by lot, one promise after the other, as of any day."""

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
    """What payments of a day for a bill, or for none, had brought by the day as of which promises are served."""

    paid_on: date
    bill_id: str | None
    left: Decimal


@dataclass(frozen=True)
class Demand:
    """What a promise, or an instalment of a plan, asks for: how much, and of which days' money."""

    action_id: str
    bill_id: str
    promised_on: date
    due_on: date
    amount: Decimal
    paid_from: date
    paid_until: date
    # The first day on which the lack of money is known.
    known_on: date
    is_instalment: bool
    is_void: bool
    # How much of money that names no bill may count; None for all of it.
    credit: Decimal | None


@dataclass(frozen=True)
class Part:
    """What was promised by a day, and what kept it."""

    action_id: str
    due_on: date
    amount: Decimal
    paid: Decimal
    broken_on: date | None
    is_instalment: bool
    # False where its plan was completed by its day.
    may_be_missed: bool = False


def parts_of(ledger: oracle.Ledger, customer_id: str) -> list[Part]:
    """What a customer promised, in the order in which it was."""
    if customer_id not in ledger.promised:
        ledger.promised[customer_id] = _parts_of(ledger, customer_id)
    return ledger.promised[customer_id]


def _parts_of(ledger: oracle.Ledger, customer_id: str) -> list[Part]:
    facts = ledger.accounts_of(customer_id)
    demands = demands_of(ledger, customer_id)
    return [
        Part(
            demand.action_id, demand.due_on, demand.amount, paid,
            short_since(facts, customer_id, demands, place) if paid < demand.amount else None,
            demand.is_instalment, demand.is_instalment and demand.known_on > demand.due_on,
        )
        for place, (demand, paid) in enumerate(zip(demands, serve(facts, customer_id, demands, END), strict=True))
    ]  # fmt: skip


def demands_of(ledger: oracle.Ledger, customer_id: str) -> list[Demand]:
    """All that a customer promised: who promised first is served first."""
    facts = ledger.accounts_of(customer_id)
    actions = [fact for fact in ledger.facts_of[customer_id] if fact.extract == "collection_action"]
    promises = [fact for fact in actions if fact.kind in ("promise", "instalment_plan") and fact.until]
    found: list[Demand] = []
    for promise in sorted(promises, key=lambda fact: (fact.day, fact.row["action_id"])):
        if promise.row["amount"] and Decimal(promise.row["amount"]) <= 0:
            continue
        assert promise.until
        schedule = ledger.instalments.get(promise.row["action_id"], [])
        ended_on, was_completed = ending_said(actions, promise)
        # The rest after that day's payments: they are not what keeps the promise of it.
        paid_from = promise.day if promise.row["amount"] else promise.day + ONE_DAY
        promised_before = ZERO
        for due_on, amount in schedule or [(promise.until, promised_amount(facts, promise))]:
            is_cut_short = ended_on is not None and was_completed and ended_on <= due_on
            still_owed = owed_of_bill(facts, promise, paid_from, due_on)
            asked = amount if still_owed is None else min(amount, max(still_owed - promised_before, ZERO))
            found.append(
                Demand(
                    promise.row["action_id"], promise.row["bill_id"], promise.day, due_on, asked, paid_from,
                    # A completed plan takes what came by then, also for what was to be paid later.
                    ended_on if is_cut_short and ended_on else due_on,
                    ended_on if is_cut_short and ended_on else due_on + ONE_DAY,
                    bool(schedule), bool(ended_on and due_on >= ended_on and not was_completed),
                    credit_for(facts, promise, paid_from, due_on),
                )
            )  # fmt: skip
            promised_before += amount
    return found


def serve(facts: account_engine.Facts, customer_id: str, demands: list[Demand], day: date) -> list[Decimal]:
    """What each demand had been paid by the end of a day, with the money that had come and not gone back by then."""
    lots: dict[tuple[date, str | None], Lot] = {}
    for received in facts.book.money(day).received[customer_id]:
        # Before the bill that it names is issued it names none.
        bill = received.pays.bill_id if received.pays else None
        lot = lots.setdefault((received.payment.paid_on, bill), Lot(received.payment.paid_on, bill, ZERO))
        lot.left += received.net
    failed: set[str] = set()
    found = []
    for demand in demands:
        paid = ZERO
        if not demand.is_void and demand.action_id not in failed:
            paid = take(eligible_lots(facts, list(lots.values()), demand), demand.amount, demand.credit)
        # After an instalment whose day has passed unpaid a plan takes nothing.
        if paid < demand.amount and demand.paid_until <= day:
            failed.add(demand.action_id)
        found.append(paid)
    return found


def short_since(facts: account_engine.Facts, customer_id: str, demands: list[Demand], place: int) -> date:
    """The first day by whose end it was known that too little had come, or was left of it."""
    demand = demands[place]
    if serve(facts, customer_id, demands, demand.paid_until)[place] < demand.amount:
        return demand.known_on
    return next(
        day
        for day in facts.book.dates
        if day > demand.paid_until and serve(facts, customer_id, demands, day)[place] < demand.amount
    )


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


def own_bill(facts: account_engine.Facts, promise: oracle.Fact) -> account_engine.Bill | None:
    """The promised bill, if it is the customer's."""
    bill = facts.book.bills.get(promise.row["bill_id"])
    return bill if bill and bill.customer_id == promise.customer_id else None


def owed_of_bill(
    facts: account_engine.Facts, promise: oracle.Fact, paid_from: date, due_on: date
) -> Decimal | None:  # fmt: skip
    """What of the promised bill, as it stands on the day, was not paid before the promise; None where none is named."""
    bill = own_bill(facts, promise)
    if bill is None or bill.issued_on > due_on:
        return None
    then, before = facts.book.stand(bill, due_on), paid_from - ONE_DAY
    paid_before = facts.book.stand(bill, before).paid if bill.issued_on <= before else ZERO
    return then.stands_at - min(then.paid, paid_before)


def credit_for(facts: account_engine.Facts, promise: oracle.Fact, paid_from: date, due_on: date) -> Decimal | None:
    """How much more unallocated credit pays of the promised bill than before the promise; None where no bill is
    named.
    """
    if not promise.row["bill_id"]:
        return None
    bill = own_bill(facts, promise)
    if bill is None or bill.issued_on > due_on:
        return ZERO
    before = paid_from - ONE_DAY
    then = facts.book.stand(bill, before).paid_by_credit if bill.issued_on <= before else ZERO
    return max(facts.book.stand(bill, due_on).paid_by_credit - then, ZERO)


def eligible_lots(facts: account_engine.Facts, lots: list[Lot], demand: Demand) -> list[Lot]:
    """Money of the demand's days for the promised bill, for what was billed by the promise, or for no bill; named
    money first.
    """

    def is_for(lot: Lot) -> bool:
        if lot.bill_id is None or lot.bill_id == demand.bill_id:
            return True
        return not demand.bill_id and facts.book.bills[lot.bill_id].issued_on <= demand.promised_on

    mine = [lot for lot in lots if demand.paid_from <= lot.paid_on <= demand.paid_until and is_for(lot)]
    return sorted(mine, key=lambda lot: (lot.bill_id is None, lot.paid_on, lot.bill_id or ""))


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
