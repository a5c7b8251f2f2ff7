"""Late charges and the pursuit of debts, computed day by day and action by action."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from tests.support import account_engine, oracle, promise_oracle
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


# Nobody knows when an agency gives back what it has.
NEVER = date.max


@dataclass(frozen=True)
class Stage:
    """How far the pursuit of one bill has come, and the step that may follow."""

    bill_id: str
    open: Decimal
    due_on: date
    last_step: str | None
    lapsed_step: str | None
    approved_on: date | None
    # Place of the next step; -1 where none is left.
    next_rank: int
    next_step: str | None
    allowed_from: date | None
    # The first day on which neither a promise nor an agency holds it.
    free_from: date


@dataclass(frozen=True)
class Hold:
    """Until when a promise holds a bill, or all bills that had come by then."""

    made_on: date
    bill_id: str
    until: date


def promise_holds(ledger: oracle.Ledger, customer_id: str, day: date) -> list[Hold]:
    """Each promise to the day before its money was complete, else to its end, or the next instalment's day."""
    parts = promise_oracle.parts_of(ledger, customer_id)
    book = ledger.accounts_of(customer_id).book
    received = book.money(promise_oracle.END).received[customer_id]
    found = []
    for fact in ledger.facts_of[customer_id]:
        mine = [part for part in parts if part.action_id == fact.row.get("action_id")]
        if fact.extract != "collection_action" or fact.kind not in ("promise", "instalment_plan") or not mine:
            continue
        if fact.day > day:
            continue
        last_day = max(part.due_on for part in mine)
        ends = [stands_until(ledger, fact)]
        ends += [part.due_on for part in mine if part.is_instalment and part.due_on >= day]
        if sum(part.paid for part in mine) >= sum(part.amount for part in mine):
            named = fact.row["bill_id"]
            days = [
                one.payment.paid_on for one in received
                if fact.day <= one.payment.paid_on <= min(last_day, day)
                and (not named or one.payment.bill_id not in book.bills or one.payment.bill_id == named)
            ]  # fmt: skip
            if not days:
                continue
            ends.append(max(days) - DAY)
        found.append(Hold(fact.day, fact.row["bill_id"], min(ends)))
    return found


def in_force(facts: account_engine.Facts, bill_id: str, evening: date) -> Decimal | None:
    """What was open and not contested of a bill at the end of a day; None before it was issued."""
    then = account_engine.bills_as_of(facts, evening).get(bill_id)
    return None if then is None else max(then.open - then.contested, ZERO)


def is_for(fact: oracle.Fact, bill_id: str) -> bool:
    """An action is for the bill that it names, or for all."""
    return fact.row["bill_id"] in ("", bill_id)


@dataclass(frozen=True)
class Supply:
    """What says whether there is anything to cut off."""

    is_cut_off: bool
    closed_on: date | None

    def can_be_cut_off(self, day: date) -> bool:
        return not self.is_cut_off and (self.closed_on is None or day < self.closed_on)


class _Pursuit:
    """One bill's pursuit, in the order in which a lawyer would ask."""

    def __init__(
        self, steps: list[dict[str, str]], state: oracle.BillThen, facts: account_engine.Facts,
        actions: list[oracle.Fact], holds: list[Hold], supply: Supply, day: date, *, is_home: bool,
    ) -> None:  # fmt: skip
        self.steps, self.state, self.facts, self.supply, self.day = steps, state, facts, supply, day
        self.bill = state.bill
        self.wait = "wait_days_home" if is_home else "wait_days_other"
        promised = [
            hold.until for hold in holds
            if hold.bill_id == self.bill.bill_id or (not hold.bill_id and self.bill.issued_on <= hold.made_on)
        ]  # fmt: skip
        # The first day without a promise; what is held is judged as it will be then.
        self.promised_to = max((until + DAY for until in promised), default=None)
        self.then = max(day, self.promised_to or day)
        self.owed_from = self._owed_from()
        since = [
            fact for fact in actions
            if is_for(fact, self.bill.bill_id) and max(self.bill.due_on + DAY, self.owed_from) <= fact.day <= day
        ]  # fmt: skip
        self.referred, self.returned = (
            max((fact.day for fact in since if fact.kind == kind), default=None)
            for kind in ("agency_referral", "agency_return")
        )
        self.done = [fact for fact in since if self._covers(fact)]

    def _owed_from(self) -> date:
        """The first day from which on it was owed without a break, in an amount that is pursued."""
        enough = min(oracle.PURSUED_FROM, self.state.open)
        first = self.day
        while first > self.bill.issued_on:
            before = in_force(self.facts, self.bill.bill_id, first - DAY)
            if before is None or before < enough:
                break
            first -= DAY
        return first

    def _covers(self, fact: oracle.Fact) -> bool:
        """A step is for what was in force in the evening of its day: materially what is in force now."""
        then = in_force(self.facts, self.bill.bill_id, fact.day)
        return then is not None and self.state.open < then + oracle.PURSUED_FROM

    def _is_valid(self, fact: oracle.Fact, day: date) -> bool:
        return fact.kind not in LAPSES_AFTER or (day - fact.day).days <= LAPSES_AFTER[fact.kind]

    def _place(self, name: str) -> int:
        return next((place for place, row in enumerate(self.steps) if row["step"] == name), -1)

    def _allowed(self, place: int, *earlier: date | None) -> date:
        """By the age, and not while it was not owed, promised or with an agency."""
        returned = self.returned if self.referred else None
        known = [self.owed_from, self.promised_to, returned, *earlier]
        by_age = self.bill.due_on + int(self.steps[place]["min_days_overdue"]) * DAY
        return max([by_age, *(one for one in known if one)])

    def stage(self) -> Stage:
        valid = [fact for fact in self.done if self._is_valid(fact, self.then)]
        spent = [fact for fact in self.done if not self._is_valid(fact, self.then)]
        reached = max((self._place(fact.kind) for fact in valid), default=-1)
        lapsed = max((self._place(fact.kind) for fact in spent), default=-1)
        of_last = [fact for fact in valid if reached >= 0 and self._place(fact.kind) == reached]
        waited = min((fact.day for fact in of_last), default=None)

        def allowed(place: int) -> date:
            return self._allowed(place, waited + int(self.steps[place][self.wait]) * DAY if waited else None)

        def is_possible(place: int, since: date) -> bool:
            cuts = self.steps[place]["step"] in ("final_notice", "cut_off")
            return not cuts or self.supply.can_be_cut_off(max(since, self.then))

        # The law asks for a notice before a cut-off, so no pursuit of who is supplied begins with one, or after it.
        cut_off = self._place("cut_off")
        begins_before = cut_off if cut_off >= 0 and self.supply.can_be_cut_off(self.then) else len(self.steps)
        age = (self.then - self.bill.due_on).days
        asked = [
            place for place, row in enumerate(self.steps)
            if place < begins_before and int(row["min_days_overdue"]) <= age
            and is_possible(place, allowed(place) if place > reached else self.then)
        ]  # fmt: skip
        following = [
            (place, allowed(place)) for place in range(max([reached + 1, *asked]), len(self.steps))
            if is_possible(place, allowed(place))
        ]  # fmt: skip
        place, since = following[0] if following else (-1, None)
        if since and of_last:
            # The last day on which the next step may rest on the last one.
            rests_until = max(fact.day for fact in of_last) + LAPSES_AFTER.get(of_last[0].kind, 36500) * DAY
            again = self._allowed(reached, rests_until + DAY)
            if max(since, self.then) > rests_until and is_possible(reached, again):
                place, since = reached, again
        has_agency = self.referred and (not self.returned or self.referred > self.returned)
        return Stage(
            self.bill.bill_id, self.state.open, self.bill.due_on, self.steps[reached]["step"] if reached >= 0 else None,
            self.steps[lapsed]["step"] if lapsed > reached else None,
            min((fact.day for fact in self.done if fact.kind == "cut_off_approval"), default=None),
            place, self.steps[place]["step"] if place >= 0 else None, since, NEVER if has_agency else self.then,
        )  # fmt: skip


@dataclass(frozen=True)
class Lead:
    """The bill that speaks for a customer, from when on, for how much, and what holds it."""

    stage: Stage
    earliest: date | None
    amount: Decimal
    held_by: str | None


def total(stages: list[Stage]) -> Decimal:
    return sum((stage.open for stage in stages), ZERO)


def leading(stages: list[Stage], day: date, *, is_important: bool) -> Lead | None:
    """Of the bills that are free, or free next, the furthest step that may be taken for as much as is pursued; None
    where all of them are too little.
    """
    free = next(
        (when for when in sorted({stage.free_from for stage in stages})
         if total([stage for stage in stages if stage.free_from <= when]) >= oracle.PURSUED_FROM),
        None,
    )  # fmt: skip
    if free is None:
        return None
    held = "agency" if free == NEVER else "promise" if free > day else None
    stages = [stage for stage in stages if stage.free_from <= free]
    for rank in sorted({stage.next_rank for stage in stages}, reverse=True):
        counted = total([stage for stage in stages if stage.next_rank > rank])
        level = [stage for stage in stages if stage.next_rank == rank]
        needs_approval = is_important and level[0].next_step == "cut_off"
        approved = [stage for stage in level if stage.approved_on or not needs_approval]
        waiting = [stage for stage in level if stage not in approved]
        for group in (approved, waiting):
            since = {
                stage.bill_id: max(stage.allowed_from or day, stage.approved_on or date.min)
                if needs_approval
                else stage.allowed_from or day
                for stage in group
            }
            for when in sorted(set(since.values())):
                if counted + total([stage for stage in group if since[stage.bill_id] <= when]) < oracle.PURSUED_FROM:
                    continue
                speaks = min(
                    (stage for stage in group if since[stage.bill_id] == when),
                    key=lambda stage: (stage.due_on, stage.bill_id),
                )
                amount = counted + total([stage for stage in group if since[stage.bill_id] <= max(when, day)])
                hold = held or ("approval" if group is waiting else None)
                return Lead(speaks, None if hold == "approval" or rank < 0 else when, amount, hold)
            counted += total(group)
    raise AssertionError("all of them together are worth pursuing")


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
    overdue = sum((state.open for state in owed), ZERO)
    facts = ledger.facts_of[customer.customer_id]
    actions = sorted(
        (fact for fact in facts if fact.extract == "collection_action" and fact.day <= day), key=lambda fact: fact.day
    )
    # Supply that was cut off is off until it comes back; on one day the cut-off comes first.
    switched = sorted((fact.day, fact.kind) for fact in actions if fact.kind in ("cut_off", "reconnect"))
    supply = Supply(bool(switched) and switched[-1][1] == "cut_off", customer.closed_on)
    strategy = strategy_of(policy, customer.customer_id)
    steps = [row for row in policy.rows("dunning_steps") if row["strategy"] == strategy]
    holds = promise_holds(ledger, customer.customer_id, day)
    stages = [
        _Pursuit(
            steps, state, ledger.accounts_of(customer.customer_id), actions, holds, supply, day,
            is_home=customer.segment == "residential",
        ).stage()
        for state in owed
    ]  # fmt: skip
    listed = [
        fact.day for fact in facts
        if fact.extract == "external_risk" and fact.kind in ("bankruptcy", "licence_revoked")
        and fact.day <= day and (fact.until is None or fact.until > day)
    ]  # fmt: skip
    lead = leading(stages, day, is_important=is_important)
    last = lead.stage.last_step if lead else None
    lapsed = lead.stage.lapsed_step if lead else None
    if listed:
        return Pursued(overdue, last, lapsed, "claim", min(listed), "insolvency", None)
    if not lead:
        return Pursued(overdue, None, None, None, None, "dispute", None)
    if lead.held_by == "agency":
        return Pursued(overdue, last, lapsed, None, None, "agency", None)
    return Pursued(overdue, last, lapsed, lead.stage.next_step, lead.earliest, lead.held_by, lead.amount)
