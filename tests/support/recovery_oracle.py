"""Late charges and the pursuit of debts, computed day by day and action by action."""

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
        # What is contested now is not charged for, of any day.
        charged = {day: amount - state.contested for day, amount in days.items() if amount > state.contested}
        charge = sum(
            (
                amount * Decimal(rates["daily_rate" if day.year == bill.due_on.year else "carried_over_rate"])
                for day, amount in charged.items()
            ),
            ZERO,
        )

        def open_in_the_evening(
            evening: date, days: dict[date, Decimal] = days, open_now: Decimal = state.open
        ) -> Decimal:
            return days.get(evening + DAY, ZERO) if evening < last_day else open_now

        # What was never worth pursuing is not charged for.
        most = max([*charged.values(), state.open - state.disputed])
        is_charged = most >= oracle.PURSUED_FROM
        overdue = open_in_the_evening(max(bill.due_on, bill.issued_on))
        undisputed = max(overdue - state.contested, ZERO)
        # What is written off is not paid.
        unpaid = {
            number: account_engine.unpaid_on(
                facts, bill.bill_id, min(max(bill.due_on + number * DAY, bill.issued_on), last_day), last_day
            )
            for number in (0, 30, 60, 90)
        }
        found[bill.bill_id] = Late(
            overdue,
            max(oracle.rounded(charge, 2), Decimal(1)) if charged and is_charged else ZERO,
            {number: min(max(unpaid[0] - unpaid[number], ZERO), undisputed) for number in (30, 60, 90)},
            state.open,
        )
    return found


@dataclass(frozen=True)
class Pursued:
    """How far the pursuit of a debt has come."""

    overdue: Decimal
    last_step: str | None
    lapsed_step: str | None
    next_step: str | None
    earliest_on: date | None
    held_by: str | None
    step_amount: Decimal | None


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


# What only asks or announces lapses after so many days, where the policy does not say.
LAPSES_AFTER = dict.fromkeys(("sms", "call", "notice", "final_notice"), 90)


@dataclass(frozen=True)
class Stage:
    """How far the pursuit of one bill has come, and the step that may follow on a day."""

    bill_id: str
    open: Decimal
    due_on: date
    last_step: str | None
    lapsed_step: str | None
    approved: bool
    # Place of the next step; -1 where none is left.
    next_rank: int
    next_step: str | None
    allowed_from: date | None


def stage_of(
    steps: list[dict[str, str]], state: oracle.BillThen, facts: account_engine.Facts, actions: list[oracle.Fact],
    day: date, *, is_home: bool, is_closed: bool,
) -> Stage:  # fmt: skip
    """One bill: what was done while it was overdue, open and not all disputed without a break, and named it or no
    bill.
    """
    bill = state.bill
    open_since, evening = bill.due_on, day
    while evening > bill.due_on:
        then = account_engine.bills_as_of(facts, evening)[bill.bill_id]
        if then.open <= then.contested:
            open_since = evening
            break
        evening -= DAY
    done = [
        fact for fact in actions
        if open_since < fact.day <= day and fact.row["bill_id"] in ("", bill.bill_id)
    ]  # fmt: skip
    names = [row["step"] for row in steps]

    def has_lapsed(fact: oracle.Fact) -> bool:
        return fact.kind in LAPSES_AFTER and (day - fact.day).days > LAPSES_AFTER[fact.kind]

    reached = max((names.index(f.kind) for f in done if f.kind in names and not has_lapsed(f)), default=-1)
    lapsed = max((names.index(f.kind) for f in done if f.kind in names and has_lapsed(f)), default=-1)
    # Without a contract there is nothing to cut off, nor to announce.
    possible = [place for place, name in enumerate(names) if not (is_closed and name in ("final_notice", "cut_off"))]
    # The law asks for a notice before a cut-off, so no pursuit begins with one, nor with what comes after.
    last_to_begin = len(names) if is_closed or "cut_off" not in names else names.index("cut_off") - 1
    by_age = [
        place for place in possible
        if place <= last_to_begin and int(steps[place]["min_days_overdue"]) <= (day - bill.due_on).days
    ]  # fmt: skip
    following = [place for place in possible if place > reached and place >= max(by_age, default=0)]
    allowed = None
    if following:
        row = steps[following[0]]
        allowed = bill.due_on + int(row["min_days_overdue"]) * DAY
        if reached >= 0:
            first = min(f.day for f in done if f.kind == names[reached] and not has_lapsed(f))
            allowed = max(allowed, first + int(row["wait_days_home" if is_home else "wait_days_other"]) * DAY)
    return Stage(
        bill.bill_id, state.open, bill.due_on, names[reached] if reached >= 0 else None,
        names[lapsed] if lapsed > reached else None, any(f.kind == "cut_off_approval" for f in done),
        following[0] if following else -1, names[following[0]] if following else None, allowed,
    )  # fmt: skip


def leading_stage(stages: list[Stage]) -> tuple[Stage | None, Decimal | None]:
    """Of the furthest stage that is, with what is beyond it, worth pursuing: the first to be allowed; and that sum."""
    for rank in sorted({stage.next_rank for stage in stages}, reverse=True):
        amount = sum((stage.open for stage in stages if stage.next_rank >= rank), ZERO)
        if amount >= oracle.PURSUED_FROM:
            level = [stage for stage in stages if stage.next_rank == rank]
            return min(level, key=lambda stage: (stage.allowed_from or date.max, stage.due_on, stage.bill_id)), amount
    return None, None


def pursue(
    policy: oracle.Policy, ledger: oracle.Ledger, customer: oracle.Customer, day: date, *,
    is_important: bool,
) -> Pursued | None:  # fmt: skip
    """What may be done about a customer's debts on a day; None for who owes nothing that is overdue."""
    late = [
        state
        for state in oracle.bills_as_of(ledger, customer.customer_id, day)
        if state.open > 0 and state.bill.due_on < day
    ]
    if sum((state.open for state in late), ZERO) < oracle.PURSUED_FROM:
        return None
    owed = oracle.undisputed(late)
    oldest = oracle.oldest_pursued(owed)
    facts = ledger.facts_of[customer.customer_id]
    actions = sorted(
        (fact for fact in facts if fact.extract == "collection_action" and fact.day <= day), key=lambda fact: fact.day
    )
    strategy = strategy_of(policy, customer.customer_id)
    steps = [row for row in policy.rows("dunning_steps") if row["strategy"] == strategy]
    stage, amount = leading_stage([
        stage_of(
            steps, state, ledger.accounts_of(customer.customer_id), actions, day,
            is_home=customer.segment == "residential",
            is_closed=customer.closed_on is not None and customer.closed_on <= day,
        )
        for state in owed
    ])  # fmt: skip

    def last(kind: str) -> date | None:
        return max((fact.day for fact in actions if fact.kind == kind and oldest and fact.day > oldest), default=None)

    step = stage.next_step if stage else None
    earliest = stage.allowed_from if stage else None
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
    referred, returned = last("agency_referral"), last("agency_return")
    held = None
    if listed:
        held, step, earliest, amount = "insolvency", "claim", min(listed), None
    elif not owed:
        held, step, earliest, amount = "dispute", None, None, None
    elif referred and (not returned or referred > returned):
        held, step, earliest, amount = "agency", None, None, None
    elif promises:
        held = "promise"
        if earliest:
            earliest = max(earliest, max(promises) + DAY)
    elif step == "cut_off" and is_important and not (stage and stage.approved):
        held, earliest = "approval", None
    return Pursued(
        sum((state.open for state in owed), ZERO), stage.last_step if stage else None,
        stage.lapsed_step if stage else None, step, earliest, held, amount,
    )  # fmt: skip
