"""Late charges and the pursuit of debts, worked out day by day and action by action."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from tests.support import account_engine, oracle
from tests.support.oracle import ZERO

DAY = timedelta(days=1)


@dataclass
class Late:
    """A bill that was open after its due date."""

    overdue: Decimal
    charge: Decimal
    recovered: dict[int, Decimal]
    open: Decimal


def late_bills(
    policy: oracle.Policy, ledger: oracle.Ledger, customer: oracle.Customer, last_day: date
) -> dict[str, Late]:
    """By bill what each day after the due date cost, as the bill stands on the last day."""
    rates = next(row for row in policy.rows("late_charges") if row["segment"] == customer.segment)
    facts = ledger.accounts_of(customer.customer_id)
    found = {}
    for state in oracle.bills_as_of(ledger, customer.customer_id, last_day):
        bill = state.bill
        days = dict(account_engine.days_charged(facts, bill.bill_id, last_day))
        if not days and not state.open:
            continue
        if bill.due_on >= last_day:
            continue
        charge = sum(
            (
                amount * Decimal(rates["daily_rate" if day.year == bill.due_on.year else "carried_over_rate"])
                for day, amount in days.items()
            ),
            ZERO,
        )

        def open_in_the_evening(
            evening: date, days: dict[date, Decimal] = days, open_now: Decimal = state.open
        ) -> Decimal:
            return days.get(evening + DAY, ZERO) if evening < last_day else open_now

        overdue = open_in_the_evening(max(bill.due_on, bill.issued_on))
        found[bill.bill_id] = Late(
            overdue,
            max(oracle.rounded(charge, 2), Decimal(1)) if days else ZERO,
            {
                number: max(overdue - open_in_the_evening(min(bill.due_on + number * DAY, last_day)), ZERO)
                for number in (30, 60, 90)
            },
            state.open,
        )
    return found


@dataclass(frozen=True)
class Pursued:
    """How far the pursuit of a debt has come."""

    overdue: Decimal
    last_step: str | None
    next_step: str | None
    earliest_on: date | None
    held_by: str | None


def strategy_of(policy: oracle.Policy, customer_id: str) -> str:
    """By the customer's number, as many in a hundred as the policy says."""
    hundredth = int(hashlib.md5(customer_id.encode()).hexdigest()[:7], 16) % 100
    upto = 0
    for row in sorted(policy.rows("dunning_strategies"), key=lambda row: row["strategy"]):
        upto += int(row["share_pct"])
        if hundredth < upto:
            return row["strategy"]
    raise AssertionError("shares add up to a hundred")


def stands_until(ledger: oracle.Ledger, promise: oracle.Fact) -> date:
    """The last day on which a promise or plan stands."""
    ending = oracle.end_of_plan(ledger, promise)
    assert promise.until
    return min(promise.until, ending.day - DAY) if ending else promise.until


def pursue(
    policy: oracle.Policy, ledger: oracle.Ledger, customer: oracle.Customer, day: date, *,
    disputed: set[str], is_important: bool,
) -> Pursued | None:  # fmt: skip
    """What may be done about a customer's debts on a day; None for who owes nothing that is overdue."""
    late = [
        state
        for state in oracle.bills_as_of(ledger, customer.customer_id, day)
        if state.open > 0 and state.bill.due_on < day
    ]
    if sum((state.open for state in late), ZERO) < oracle.PURSUED_FROM:
        return None
    owed = [state for state in late if state.bill.bill_id not in disputed]
    oldest = min((state.bill.due_on for state in owed), default=None)
    facts = ledger.facts_of[customer.customer_id]
    actions = sorted(
        (fact for fact in facts if fact.extract == "collection_action" and oldest and oldest < fact.day <= day),
        key=lambda fact: fact.day,
    )
    strategy = strategy_of(policy, customer.customer_id)
    steps = [row for row in policy.rows("dunning_steps") if row["strategy"] == strategy]
    names = [row["step"] for row in steps]
    reached = max((names.index(fact.kind) for fact in actions if fact.kind in names), default=-1)
    following = steps[reached + 1] if reached + 1 < len(steps) else None

    def last(kind: str) -> date | None:
        return max((fact.day for fact in actions if fact.kind == kind), default=None)

    earliest = None
    if following and oldest:
        earliest = oldest + int(following["min_days_overdue"]) * DAY
        if reached >= 0:
            taken = min(fact.day for fact in actions if fact.kind == names[reached])
            wait = following["wait_days_home" if customer.segment == "residential" else "wait_days_other"]
            earliest = max(earliest, taken + int(wait) * DAY)
    promises = [
        min([until, *(due_on for due_on, _ in ledger.instalments.get(fact.row["action_id"], []) if due_on >= day)])
        for fact in facts
        if fact.extract == "collection_action" and fact.kind in ("promise", "instalment_plan") and fact.until
        and (not fact.row["amount"] or Decimal(fact.row["amount"]) > 0)
        and fact.day <= day <= (until := stands_until(ledger, fact))
    ]  # fmt: skip
    listed = [
        fact.day for fact in facts
        if fact.extract == "external_risk" and fact.kind in ("bankruptcy", "licence_revoked")
        and fact.day <= day and (fact.until is None or fact.until > day)
    ]  # fmt: skip
    step = following["step"] if following else None
    referred, returned = last("agency_referral"), last("agency_return")
    held = None
    if listed:
        held, step, earliest = "insolvency", "claim", min(listed)
    elif not owed:
        held, step, earliest = "dispute", None, None
    elif referred and (not returned or referred > returned):
        held, step, earliest = "agency", None, None
    elif promises:
        held = "promise"
        if earliest:
            earliest = max(earliest, max(promises) + DAY)
    elif step == "cut_off" and is_important and not last("cut_off_approval"):
        held, earliest = "approval", None
    return Pursued(
        sum((state.open for state in owed), ZERO), names[reached] if reached >= 0 else None, step, earliest, held
    )
