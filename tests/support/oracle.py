"""What the models must say, computed in plain Python from the field's definitions, one customer and date at a time.

Nothing here is taken from the SQL: what is owed comes from the account engine.
"""

from __future__ import annotations

import calendar
import csv
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from itertools import pairwise
from pathlib import Path

import yaml

from tests.support import account_engine, promise_oracle

ZERO = Decimal(0)
# A debt below this is not pursued.
PURSUED_FROM = Decimal(1)
# A bill is late of which this share was not paid in time, however small the amount.
LATE_SHARE = Decimal("0.05")


# The extracts that report conduct, and of each the column that says until when a row stands.
CONDUCT = {
    "inspection": "settled_on",
    "external_risk": "removed_on",
    "investigation": None,
    "service_order": None,
    "party": None,
    "collection_action": "promise_date",
    "grade_override": "ends_on",
}


@dataclass(frozen=True)
class Bill:
    bill_id: str
    customer_id: str
    issued_on: date
    due_on: date
    amount: Decimal
    reverses: str | None = None
    period: date = date.min
    kind: str = "regular"
    is_disputed: bool = False


@dataclass(frozen=True)
class Payment:
    payment_id: str
    customer_id: str
    bill_id: str | None
    paid_on: date
    amount: Decimal
    reverses: str | None = None


@dataclass(frozen=True)
class Terms:
    changed_on: date
    deposit: Decimal | None = None
    capacity: Decimal | None = None
    payment_mode: str = ""
    tariff: str = ""
    guarantee: Decimal | None = None
    guaranteed_until: date = date.max


@dataclass(frozen=True)
class Customer:
    customer_id: str
    segment: str
    region: str
    opened_on: date
    closed_on: date | None = None
    terms: tuple[Terms, ...] = ()
    org_unit: str = "unknown"

    def terms_on(self, day: date) -> Terms:
        """What the contract said on a day; before the first word of it, what that says."""
        past = [terms for terms in self.terms if terms.changed_on <= day]
        return past[-1] if past else self.terms[0]

    def security_on(self, day: date) -> Decimal | None:
        """Deposit and guarantee, if either is known; a guarantee stands on its last day too."""
        terms = self.terms_on(day)
        guarantee = terms.guarantee if day <= terms.guaranteed_until else None
        held = [amount for amount in (terms.deposit, guarantee) if amount is not None]
        return sum(held, ZERO) if held else None


@dataclass(frozen=True)
class Fact:
    """A row of one of the extracts that report conduct: its kind, its day, and until when it stands."""

    extract: str
    customer_id: str
    kind: str
    day: date
    until: date | None
    row: dict[str, str]


@dataclass
class BillThen:
    """A bill as it stood on a day: what is left of it after credit notes, and the amount that it counts with for
    behaviour.
    """

    bill: Bill
    standing: Decimal
    judged: Decimal
    in_time: Decimal
    settled_on: date | None
    open: Decimal
    as_of: date
    paid: Decimal = ZERO
    written_off: Decimal = ZERO
    contested: Decimal = ZERO

    @property
    def disputed(self) -> Decimal:
        """What of the open amount is contested."""
        return min(self.open, self.contested)

    @property
    def is_in_time(self) -> bool:
        """Whether what was not paid by the due date is less than is pursued, and than a share of the bill."""
        return self.judged - self.in_time < min(PURSUED_FROM, LATE_SHARE * self.judged)

    @property
    def days_late(self) -> int:
        """From the due date until it was settled; a bill that was paid in time but for less than is pursued is not
        late.
        """
        if self.is_in_time:
            return 0
        return max(((self.settled_on or self.as_of) - self.bill.due_on).days, 0)

    @property
    def paid_part(self) -> Decimal:
        return self.judged if self.settled_on else min(self.paid, self.judged)


@dataclass
class Ledger:
    """All facts of a supplier, in any order."""

    customers: list[Customer]
    bills: list[Bill]
    payments: list[Payment]
    facts: list[Fact] = field(default_factory=list)
    # By the plan's action: due day and amount.
    instalments: dict[str, list[tuple[date, Decimal]]] = field(default_factory=dict)
    disputes: list[account_engine.Dispute] = field(default_factory=list)
    facts_of: dict[str, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    bills_of: dict[str, list[Bill]] = field(default_factory=lambda: defaultdict(list))
    bills_then: dict[tuple[str, date], list[BillThen]] = field(default_factory=dict)
    # By segment and day the bills that each tenth of the customers begins at.
    bounds: dict[tuple[str, date], dict[int, Decimal]] = field(default_factory=dict)
    promised: dict[str, list[promise_oracle.Part]] = field(default_factory=dict)
    _accounts_of: dict[str, account_engine.Facts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for fact in self.facts:
            self.facts_of[fact.customer_id].append(fact)
        for bill in self.bills:
            if not bill.reverses:
                self.bills_of[bill.customer_id].append(bill)

    def accounts_of(self, customer_id: str) -> account_engine.Facts:
        """The money of a customer, and of those whose bills and payments it names: others are no concern of his."""
        if not self._accounts_of:
            self._accounts_of = self._separated()
        return self._accounts_of.get(customer_id, account_engine.Facts((), (), ()))

    def _separated(self) -> dict[str, account_engine.Facts]:
        write_offs = [
            account_engine.WriteOff(
                fact.row["action_id"], fact.customer_id, fact.row["bill_id"] or None, fact.day,
                Decimal(fact.row["amount"]) if fact.row["amount"] else None,
            )
            for fact in self.facts
            if fact.extract == "collection_action" and fact.kind == "write_off"
        ]  # fmt: skip
        linked = _Linked()
        for bill in self.bills:
            linked.link(("customer", bill.customer_id), ("bill", bill.bill_id), ("bill", bill.reverses))
        for payment in self.payments:
            linked.link(
                ("customer", payment.customer_id), ("payment", payment.payment_id), ("payment", payment.reverses),
                ("bill", payment.bill_id),
            )  # fmt: skip
        for action in write_offs:
            linked.link(("customer", action.customer_id), ("bill", action.bill_id))
        bills, payments, actions = defaultdict(list), defaultdict(list), defaultdict(list)
        disputes = defaultdict(list)
        for dispute in self.disputes:
            disputes[linked.root(("bill", dispute.bill_id))].append(dispute)
        for bill in self.bills:
            bills[linked.root(("customer", bill.customer_id))].append(
                account_engine.Bill(
                    bill.bill_id,
                    bill.customer_id,
                    bill.issued_on,
                    bill.due_on,
                    bill.amount,
                    bill.reverses,
                    bill.is_disputed,
                )
            )
        for payment in self.payments:
            payments[linked.root(("customer", payment.customer_id))].append(
                account_engine.Payment(
                    payment.payment_id,
                    payment.customer_id,
                    payment.bill_id,
                    payment.paid_on,
                    payment.amount,
                    payment.reverses,
                )
            )
        for action in write_offs:
            actions[linked.root(("customer", action.customer_id))].append(action)
        names = {bill.customer_id for bill in self.bills} | {payment.customer_id for payment in self.payments}
        names |= {action.customer_id for action in write_offs}
        roots = {name: linked.root(("customer", name)) for name in names}
        parts = {
            root: account_engine.Facts(
                tuple(bills[root]), tuple(payments[root]), tuple(actions[root]), tuple(disputes[root])
            )
            for root in roots.values()
        }
        return {name: parts[root] for name, root in roots.items()}


Node = tuple[str, str | None]


class _Linked:
    """Things that hang together, by the first of each lot."""

    def __init__(self) -> None:
        self._parents: dict[Node, Node] = {}

    def root(self, node: Node) -> Node:
        while (parent := self._parents.get(node, node)) != node:
            node = parent
        return node

    def link(self, first: Node, *others: Node) -> None:
        for other in others:
            if other[1]:
                self._parents[self.root(other)] = self.root(first)


def year_before(day: date) -> date:
    return months_back(day, 12)


def months_back(day: date, months: int) -> date:
    """The day so many months before; of a month-end the month-end."""
    next_day = day + timedelta(days=1)
    return month_end_after(day, -months) if next_day.day == 1 else add_months(day, -months)


def month_end_after(month_end: date, months: int) -> date:
    """The last day of the month so many months after the one that ends on a day."""
    return add_months(month_end + timedelta(days=1), months) - timedelta(days=1)


def add_months(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def bills_as_of(ledger: Ledger, customer_id: str, day: date) -> list[BillThen]:
    """Each bill of a customer as it stood at the end of a day."""
    known = ledger.bills_then.get((customer_id, day))
    if known is not None:
        return known
    facts = ledger.accounts_of(customer_id)
    balances = account_engine.bills_as_of(facts, day)
    states = []
    for bill in ledger.bills_of[customer_id]:
        balance = balances.get(bill.bill_id)
        if balance is None:
            continue
        judged, settled_on = account_engine.behaviour_of(facts, bill.bill_id, day)
        judged_on = account_engine.judged_on(facts, bill.bill_id, day)
        in_time = account_engine.paid_in_time(facts, bill.bill_id, judged_on) if judged else ZERO
        standing = balance.amount - balance.credited
        states.append(
            BillThen(
                bill, standing, judged, in_time, settled_on if judged else None, balance.open, day,
                balance.paid, balance.written_off - balance.recovered, balance.contested,
            )
        )  # fmt: skip
    states.sort(key=lambda state: (state.bill.due_on, state.bill.bill_id))
    ledger.bills_then[customer_id, day] = states
    return states


def undisputed(bills: list[BillThen]) -> list[BillThen]:
    """What counts while something is disputed: no bill of which nothing else is open, and the rest of the others."""
    return [
        replace(state, judged=state.judged - state.disputed, open=state.open - state.disputed)
        for state in bills
        if not state.open or state.open > state.disputed
    ]


def rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


Features = dict[str, Decimal]


@dataclass(frozen=True)
class Billed:
    """What was billed for use since a day: its amount, its bills, and the months that they cover."""

    amount: Decimal
    amounts: list[Decimal]
    months_issued: int
    months: int
    months_per_bill: int
    is_known: bool


def billed_since(bills: list[BillThen], start: date) -> Billed:
    """Of bills for use: each covers the months up to the next one's, the last as many as the shortest of those, or as
    lie between the first and the newest before it. More than 15 months are a gap, and no bill's.
    """
    of_use = [state for state in bills if state.standing > 0 and state.bill.kind == "regular"]
    issued = [state for state in of_use if start < state.bill.issued_on]
    months_issued = {(state.bill.issued_on.year, state.bill.issued_on.month) for state in issued}
    periods = sorted({state.bill.period for state in issued})
    covered = [months_between(one, following) for one, following in pairwise(periods)]
    before = [state.bill.period for state in of_use if issued and state.bill.period < periods[0]]
    apart = covered + [months_between(max(before), periods[0])] if before else covered
    known = [months for months in apart if months <= 15]
    last = min(known, default=1)
    months = min(sum(covered) + last, max(15, len(periods) * last)) if issued else 0
    amounts = [state.standing for state in issued]
    return Billed(sum(amounts, ZERO), amounts, len(months_issued), months, last, bool(known))


def mean_monthly_bill(bills: list[BillThen], start: date) -> Decimal | None:
    """What a month costs, by the months that the bills since a day cover."""
    billed = billed_since(bills, start)
    return billed.amount / billed.months if billed.months else None


def months_between(earlier: date, later: date) -> int:
    return 12 * (later.year - earlier.year) + later.month - earlier.month


def share(part: Decimal | int, whole: Decimal | int) -> Decimal:
    return rounded(Decimal(part) / Decimal(whole), 4)


def measures_of(due: list[BillThen], months: int) -> Features:
    """What is measured of the bills that fell due in a window."""
    weight = sum((state.judged for state in due), ZERO)
    return {
        f"{name}_{months}m": value
        for name, value in {
            "on_time_rate": share(sum((state.in_time for state in due), ZERO), weight),
            "avg_days_late": rounded(sum((state.days_late * state.judged for state in due), ZERO) / weight, 2),
            "paid_share": share(sum((state.paid_part for state in due), ZERO), weight),
            "late_share": share(sum(state.days_late > 0 for state in due), len(due)),
            "half_paid_share": share(sum(2 * state.paid_part >= state.judged for state in due), len(due)),
            "times_over_30d": Decimal(sum(state.days_late > 30 for state in due)),
            "worst_days_late": Decimal(max(state.days_late for state in due)),
        }.items()
    }


def recent_features(due: list[BillThen], day: date, half_life: int) -> Features:
    """A year's bills, of which each half-life of calendar months halves the weight, to six digits."""
    weights = [
        rounded(Decimal(0.5 ** (months_between(state.bill.due_on, day) / half_life)), 6) * state.judged for state in due
    ]
    whole = sum(weights, ZERO)

    def weighted(values: list[Decimal]) -> Decimal:
        return (
            sum((w * value / state.judged for w, value, state in zip(weights, values, due, strict=True)), ZERO) / whole
        )

    return {
        "recent_on_time_rate": rounded(weighted([state.in_time for state in due]), 4),
        "recent_days_late": rounded(weighted([state.days_late * state.judged for state in due]), 2),
        "recent_paid_share": rounded(weighted([state.paid_part for state in due]), 4),
    }


def run_features(due: list[BillThen], day: date) -> Features:
    """Runs of late bills and of bills in time, how long ago the last late one was, and how far days late spread."""
    late = [state.bill.due_on for state in due if state.days_late > 0]
    in_time = [state.bill.due_on for state in due if state.is_in_time]
    good_days = set(in_time) - set(late)
    found: Features = {
        "late_streak": Decimal(sum(due_on > max(good_days, default=date.min) for due_on in late)),
        "on_time_streak": Decimal(sum(due_on > max(late, default=date.min) for due_on in in_time)),
    }
    days = [Decimal(state.days_late) for state in due]
    mean = sum(days, ZERO) / len(days)
    variance = sum(((one - mean) ** 2 for one in days), ZERO) / len(days)
    found["days_late_spread_12m"] = rounded(variance.sqrt(), 2)
    if late:
        found["months_since_late"] = Decimal(months_between(max(late), day))
    return found


def oldest_pursued(owed: list[BillThen]) -> date | None:
    """The due date of the bill that, counted from the oldest, brings the sum to what is pursued."""
    total = ZERO
    for due_on in sorted({state.bill.due_on for state in owed}):
        total += sum((state.open for state in owed if state.bill.due_on == due_on), ZERO)
        if total >= PURSUED_FROM:
            return due_on
    return None


def payment_features(ledger: Ledger, customer_id: str, day: date, half_life: int = 3) -> Features:
    """The payment dimension's indicators and the figures that warnings use; only what is available."""
    bills = bills_as_of(ledger, customer_id, day)
    facts = ledger.accounts_of(customer_id)
    start = year_before(day)
    due = [state for state in undisputed(bills) if start < state.bill.due_on <= day and state.judged > 0]
    pursued = [state for state in undisputed(bills) if state.open > 0 and state.bill.due_on < day]
    weight = sum((state.judged for state in due), ZERO)
    features: Features = {}
    with localcontext() as context:
        context.prec = 40
        for months in (1, 3, 6, 12):
            since = months_back(day, months)
            if in_window := [state for state in due if state.bill.due_on > since]:
                features |= measures_of(in_window, months)
            if due:
                bounced = account_engine.payments_returned(facts, customer_id, since, day)
                features[f"bounced_{months}m"] = Decimal(bounced)
        features["bills_due_12m"] = Decimal(len(due))
        if due:
            features["written_off_share_12m"] = share(sum((state.written_off for state in due), ZERO), weight)
            features |= recent_features(due, day, half_life) | run_features(due, day)
        for name, short, long in (
            ("on_time_trend", "on_time_rate_3m", "on_time_rate_12m"),
            ("days_late_trend", "avg_days_late_3m", "avg_days_late_12m"),
        ):
            if short in features:
                features[name] = features[short] - features[long]
        of_use = billed_since(bills, start)
        billed, months = of_use.amount, of_use.months
        overdue = sum((state.open for state in pursued), ZERO)
        # Without a debt and without a bill of the last 12 months there is nothing to judge by.
        judged = any(state.open > 0 or state.bill.due_on > start or state.bill.issued_on > start for state in bills)
        if judged and overdue == 0:
            features["overdue_months"] = ZERO
        elif judged:
            # In one division: a mean with an end to its digits could tip a figure that stands on an edge.
            features["overdue_months"] = rounded(overdue * months / billed, 2) if billed > 0 else Decimal(99)
        features["months_billed_12m"] = Decimal(of_use.months_issued)
        open_in_all = sum((state.open for state in bills), ZERO)
        counted = sum((state.open for state in undisputed(bills)), ZERO)
        if judged and counted == 0:
            features["open_months"] = ZERO
        elif judged:
            features["open_months"] = rounded(counted * months / billed, 2) if billed > 0 else Decimal(99)
        if open_in_all:
            features["overdue_share"] = share(overdue, open_in_all)
            disputed = sum((state.disputed for state in bills), ZERO)
            features["disputed_share"] = share(disputed, open_in_all)
        if billed > 0:
            features["bill_spread_12m"] = rounded(max(of_use.amounts) * len(of_use.amounts) / billed, 2)
    features["overdue_bills"] = Decimal(len(pursued))
    oldest = oldest_pursued(pursued)
    features["max_days_overdue"] = Decimal((day - oldest).days if oldest else 0)
    if overdue < PURSUED_FROM:
        features |= {"overdue_bills": ZERO, "max_days_overdue": ZERO}
        if "overdue_months" in features:
            features["overdue_months"] = ZERO
    # Neither a cent nor what is disputed is a debt that falls due.
    next_due = oldest_pursued([state for state in undisputed(bills) if state.open > 0 and state.bill.due_on >= day])
    if next_due:
        features["days_to_next_due"] = Decimal((next_due - day).days)
    return features


def conduct_features(ledger: Ledger, customer: Customer, day: date) -> Features:
    """What the customer did and had happen by the end of a day, fact by fact."""
    known = [fact for fact in ledger.facts_of[customer.customer_id] if fact.day <= day]
    standing = [fact for fact in known if fact.until is None or fact.until > day]

    def age(fact: Fact) -> int:
        return 12 * (day.year - fact.day.year) + day.month - fact.day.month

    def of(facts: list[Fact], extract: str, *kinds: str) -> list[Fact]:
        return [fact for fact in facts if fact.extract == extract and (not kinds or fact.kind in kinds)]

    found = [fact for fact in of(known, "inspection", "theft", "breach") if age(fact) < 36]
    features: Features = {
        "theft_or_breach_36m": rounded(Decimal(sum(36 - age(fact) for fact in found)) / 36, 2),
        "theft_24m": Decimal(sum(age(fact) < 24 for fact in of(known, "inspection", "theft"))),
        "breach_12m": Decimal(sum(age(fact) < 12 for fact in of(known, "inspection", "breach"))),
        "safety_findings_12m": Decimal(sum(age(fact) < 12 for fact in of(standing, "inspection", "safety"))),
        "court_listings": Decimal(len(of(standing, "external_risk", "court_enforcement"))),
        "regulatory_listings": Decimal(len(of(standing, "external_risk", "tax_arrears", "operating_abnormality"))),
        "broken_promises_12m": Decimal(
            sum(
                12 * (day.year - broken.year) + day.month - broken.month < 12
                for broken in broken_promises(ledger, customer.customer_id)
                if broken <= day
            )
        ),
        "kept_promises_12m": Decimal(
            sum(
                12 * (day.year - kept.year) + day.month - kept.month < 12
                for kept, gone in kept_promises(ledger, customer.customer_id)
                if kept <= day < gone
            )
        ),
        "open_theft_cases": Decimal(len(of(standing, "inspection", "theft"))),
        "external_risk": Decimal(len(of(standing, "external_risk"))),
        "insolvency_listings": Decimal(len(of(standing, "external_risk", "bankruptcy", "licence_revoked"))),
        "dishonest_debtor_listings": Decimal(len(of(standing, "external_risk", "dishonest_debtor"))),
        "tenure": Decimal(12 * (day.year - customer.opened_on.year) + day.month - customer.opened_on.month),
        "service_change": Decimal(
            sum(
                age(fact) < 6
                for fact in of(known, "service_order", "suspend", "capacity_decrease", "transfer", "close")
            )
        ),
    }
    features["closing_orders_6m"] = Decimal(sum(age(fact) < 6 for fact in of(known, "service_order", "close")))
    ages = [age(fact) for fact in of(known, "investigation")]
    features["months_since_review"] = Decimal(min(ages)) if ages else features["tenure"]
    reviews = sorted(of(known, "investigation"), key=lambda fact: (fact.day, fact.row["investigation_id"]))
    if reviews and age(reviews[-1]) < 12:
        scores = [
            Decimal(reviews[-1].row[name]) for name in ("operating_score", "solvency_score") if reviews[-1].row[name]
        ]
        if scores:
            mean = rounded(sum(scores, ZERO) / len(scores), 2)
            features["investigated_standing"] = rounded(50 + (mean - 50) * (12 - age(reviews[-1])) / 12, 2)
    changes = sum(
        changed <= day and 12 * (day.year - changed.year) + day.month - changed.month < 6
        for changed in party_changes(ledger, customer.customer_id)
    )
    return features | {"party_change": Decimal(changes)}


def party_changes(ledger: Ledger, customer_id: str) -> list[date]:
    """The days on which a legal representative came, or a shareholder's part changed by a quarter of all or more.

    Who was there from the first is none, nor is a term that is renewed. Where a part of a quarter or more ends, and
    nobody's begins on that day, the end is one.
    """
    found = []
    for role in ("legal_representative", "shareholder"):
        holders = [fact for fact in ledger.facts_of[customer_id] if fact.extract == "party" and fact.kind == role]
        first = min((fact.day for fact in holders), default=date.max)
        came = []
        for fact in holders:
            others = [one for one in holders if one.row["party_name"] == fact.row["party_name"] and one.day < fact.day]
            before = [part_of(one) for one in others if last_day(one) >= fact.day - timedelta(days=1)]
            is_change = abs(part_of(fact) - max(before, default=ZERO)) >= 25 if role == "shareholder" else not before
            if fact.day > first and is_change:
                came.append(fact.day)
        found += came
        for fact in holders:
            if role == "legal_representative" or last_day(fact) == date.max or part_of(fact) < 25:
                continue
            left = last_day(fact) + timedelta(days=1)
            others = [one for one in holders if one.row["party_name"] == fact.row["party_name"]]
            if left not in came and not any(one.day <= left <= last_day(one) for one in others):
                found.append(left)
    return found


def part_of(party: Fact) -> Decimal:
    """The share in per cent."""
    return Decimal(party.row["share_pct"] or 0)


def last_day(party: Fact) -> date:
    """The last day of the role."""
    return date.fromisoformat(party.row["valid_to"]) if party.row["valid_to"] else date.max


def broken_promises(ledger: Ledger, customer_id: str) -> list[date]:
    """The days on which it was known that a promise, or a plan, was not kept."""
    parts = promise_oracle.parts_of(ledger, customer_id)
    broken: list[date] = []
    for fact in ledger.facts_of[customer_id]:
        if fact.extract != "collection_action" or fact.kind not in ("promise", "instalment_plan") or fact.until is None:
            continue
        mine = [part.broken_on for part in parts if part.action_id == fact.row["action_id"] and part.broken_on]
        ending = end_of_plan(ledger, fact)
        if ending and ending.kind != "plan_completed":
            broken.append(ending.day)
        elif mine:
            # Also a plan that people called completed is kept by its money alone.
            broken.append(min(mine))
    return broken


def kept_promises(ledger: Ledger, customer_id: str) -> list[tuple[date, date]]:
    """From the day after each promise, or plan, that was kept, until its money went back."""
    parts = promise_oracle.parts_of(ledger, customer_id)
    kept: list[tuple[date, date]] = []
    for fact in ledger.facts_of[customer_id]:
        if fact.extract != "collection_action" or fact.kind not in ("promise", "instalment_plan") or fact.until is None:
            continue
        ending = end_of_plan(ledger, fact)
        if ending and ending.kind != "plan_completed":
            continue
        mine = [part for part in parts if part.action_id == fact.row["action_id"]]
        begins = max((part.due_on for part in mine), default=date.max - timedelta(1)) + timedelta(1)
        ends = min((part.broken_on for part in mine if part.broken_on), default=date.max)
        if ends > begins:
            kept.append((begins, ends))
    return kept


@dataclass(frozen=True)
class Ending:
    """What ended a plan, and the first day on which it stood no longer."""

    day: date
    kind: str


def end_of_plan(ledger: Ledger, plan: Fact) -> Ending | None:
    """What ended a plan before its last day: the first word of its bill or of all plans, or an instalment not paid."""
    if plan.kind != "instalment_plan" or plan.until is None:
        return None
    endings = [
        (fact.day, fact.row["action_id"], fact.kind)
        for fact in ledger.facts_of[plan.customer_id]
        if fact.extract == "collection_action"
        and fact.kind in ("plan_broken", "plan_completed")
        and plan.day <= fact.day <= plan.until
        and fact.row["bill_id"] in ("", plan.row["bill_id"])
    ]
    missed = [
        part.broken_on
        for part in promise_oracle.parts_of(ledger, plan.customer_id)
        if part.action_id == plan.row["action_id"] and part.may_be_missed and part.broken_on
    ]
    if missed:
        endings.append((min(missed), "", "instalment_missed"))
    return min((Ending(day, kind) for day, _, kind in sorted(endings)), key=lambda ending: ending.day, default=None)


def override_of(ledger: Ledger, customer_id: str, day: date, grades: set[str]) -> str | None:
    """The grade that a person has set for a day: of several that stand the one that began last."""
    standing = [
        fact
        for fact in ledger.facts_of[customer_id]
        if fact.extract == "grade_override" and fact.day <= day and (fact.until is None or fact.until >= day)
    ]
    last = max(standing, key=lambda fact: (fact.day, fact.row["override_id"]), default=None)
    return last.row["grade"] if last and last.row["grade"] in grades else None


def rounded_monthly_bill(ledger: Ledger, customer_id: str, day: date) -> Decimal:
    """The mean monthly bill of the last year to the cent, 0 without a bill: what deposits and limits are measured
    by.
    """
    with localcontext() as context:
        context.prec = 40
        return rounded(mean_monthly_bill(bills_as_of(ledger, customer_id, day), year_before(day)) or ZERO, 2)


def security(ledger: Ledger, customer: Customer, day: date) -> Features:
    """Deposit and guarantee in mean monthly bills."""
    mean = rounded_monthly_bill(ledger, customer.customer_id, day)
    held = customer.security_on(day)
    if held is None or mean <= 0:
        return {}
    with localcontext() as context:
        context.prec = 40
        return {"security": rounded(held / mean, 2)}


@dataclass
class Policy:
    """The shipped policy, read from its reviewed files."""

    folder: Path

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def points(self, indicator: str, value: Decimal) -> Decimal:
        return Decimal(self.bin(indicator, value)["points"])

    def bin(self, indicator: str, value: Decimal) -> dict[str, str]:
        for row in self.rows_of_bins[indicator]:
            above = not row["lower_bound"] or value >= Decimal(row["lower_bound"])
            below = not row["upper_bound"] or value < Decimal(row["upper_bound"])
            if above and below:
                return row
        raise AssertionError(f"no bin of {indicator} holds {value}")

    def __post_init__(self) -> None:
        self.rows_of_bins: dict[str, list[dict[str, str]]] = defaultdict(list)
        for row in self.rows("bins"):
            self.rows_of_bins[row["indicator"]].append(row)
        self.not_for = {row["indicator"]: row["not_for"].split("|") for row in self.rows("indicators")}
        self.missing_points = {
            row["indicator"]: Decimal(row["missing_points"])
            for row in self.rows("indicators")
            if row.get("missing_points")
        }
        self.vetoes = self.rows("vetoes")
        self.weights = {row["indicator"]: Decimal(row["weight"]) for row in self.rows("indicators")}
        self.grades = [(row["grade"], int(row["grade_rank"]), Decimal(row["min_score"])) for row in self.rows("grades")]
        self.conditions = self.rows("warning_conditions")
        self.transitions = {row["grade_before"]: row["best_grade"] for row in self.rows("transitions")}
        header = yaml.safe_load((self.folder / "policy.yml").read_text(encoding="utf-8"))
        self.new_customer_months: int = header["new_customer_months"]
        self.new_customer_grade: str = header["new_customer_grade"]
        self.half_life: int = header.get("half_life_months", 3)
        self.least_bills_due: int = header.get("least_bills_due") or 0
        required = self.folder / "required_weights.csv"
        self.required = {
            row["dimension"]: Decimal(row["min_share"])
            for row in (self.rows("required_weights") if required.exists() else [])
        }
        self.dimensions = {row["indicator"]: row["dimension"] for row in self.rows("indicators")}


def bill_size(policy: Policy, ledger: Ledger, customer: Customer, day: date, bases: list[date]) -> Features:
    """Of how many in a hundred customers of its segment the customer's mean bill is the larger, in tens.

    By the policy's table; without one by the bills of the segment on the month-end before, of `bases` that were rated,
    or on the first of them, once it has come.
    """
    mean = judged_bill(ledger, customer.customer_id, day)
    if mean is None:
        return {}
    if sizes := policy.rows("bill_sizes"):
        bounds = {
            int(row["percentile"]): Decimal(row["mean_monthly_bill"])
            for row in sizes
            if row["segment"] == customer.segment
        }
    else:
        past = [basis for basis in bases if basis <= previous_month_end(day)]
        known = [max(past)] if past else [min(bases)] if min(bases) <= day else []
        bounds = own_bounds(ledger, customer.segment, known[0]) if known else {}
    reached = [percentile for percentile, bound in bounds.items() if bound <= mean]
    return {"bill_size": Decimal(max(reached))} if bounds else {}


def own_bounds(ledger: Ledger, segment: str, basis: date) -> dict[int, Decimal]:
    """The smallest bill of the segment than which a tenth, two tenths, ... of the bills are smaller, none of under
    twenty; no bill where too many are alike.
    """
    known = ledger.bounds.get((segment, basis))
    if known is None:
        bills = sorted(
            bill
            for one in ledger.customers
            if one.segment == segment and (bill := judged_bill(ledger, one.customer_id, basis)) is not None
        )
        known = {}
        if len(bills) >= 20:
            known[0] = ZERO
            for percentile in range(10, 100, 10):
                reaching = [bill for bill in bills if 100 * bisect_left(bills, bill) >= percentile * len(bills)]
                if reaching:
                    known[percentile] = reaching[0]
        ledger.bounds[segment, basis] = known
    return known


def judged_bill(ledger: Ledger, customer_id: str, day: date) -> Decimal | None:
    """The mean monthly bill to the cent; None without one, or where credit notes outweigh the bills."""
    with localcontext() as context:
        context.prec = 40
        mean = mean_monthly_bill(bills_as_of(ledger, customer_id, day), year_before(day))
        return None if mean is None or rounded(mean, 2) < 0 else rounded(mean, 2)


def indicators_of(policy: Policy, customer: Customer, features: Features) -> list[str]:
    """The indicators that apply to this customer's segment and are available."""
    return [name for name in policy.rows_of_bins if name in features and customer.segment not in policy.not_for[name]]


def holds(condition: dict[str, str], facts: Features) -> bool:
    """Whether a condition on a feature holds."""
    tests = {
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        "=": lambda a, b: a == b,
    }
    return bool(tests[condition["comparator"]](facts[condition["feature"]], Decimal(condition["threshold"])))


Rating = tuple[str, int | None, Decimal | None]


def rate(
    policy: Policy, ledger: Ledger, customer: Customer, features: Features, day: date, before: Features | None = None
) -> Rating:
    """Grade, its rank and the score: the policy's, or that which a person has set; in default never better than the
    worst.
    """
    grade, rank, score = rate_by_policy(policy, customer, features, day, before)
    ranks = {grade: rank for grade, rank, _ in policy.grades}
    override = override_of(ledger, customer.customer_id, day, set(ranks))
    if override and not in_default(features):
        return override, ranks[override], score
    return grade, rank, score


def rate_by_policy(
    policy: Policy, customer: Customer, features: Features, day: date, before: Features | None = None
) -> Rating:
    """The grade of the score, of the hardest veto, or of the step from the month-end `before` that is allowed at
    best.
    """
    score = score_of(policy, customer, features)
    rank = rank_of_score(policy, customer, features, score, day)
    if in_default(features):
        worst = max(policy.grades, key=lambda row: row[1])
        return worst[0], worst[1], score
    if rank is None:
        return "NR", None, score
    ranks = {grade: rank for grade, rank, _ in policy.grades}
    if policy.transitions and before is not None:
        then = previous_month_end(day)
        score_then = score_of(policy, customer, before)
        is_new = add_months(customer.opened_on, policy.new_customer_months) > then
        if score_then is not None and not is_new:
            rank_then = rank_of_score(policy, customer, before, score_then, then)
            if in_default(before):
                rank_then = max(ranks.values())
            grade_then = next(grade for grade, known, _ in policy.grades if known == rank_then)
            rank = max(rank, ranks.get(policy.transitions.get(grade_then, ""), 0))
    return next(grade for grade, known, _ in policy.grades if known == rank), rank, score


def in_default(features: Features) -> bool:
    """Our definition of default: a debt that is pursued is more than 60 days overdue."""
    return features.get("max_days_overdue", ZERO) > 60


def score_of(policy: Policy, customer: Customer, features: Features) -> Decimal | None:
    """Points of what is available, out of a hundred; what is missing counts where the policy gives it points."""
    available = indicators_of(policy, customer, features)
    if not available or not is_enough_known(policy, customer, available, features):
        return None
    missing = [
        name for name in policy.missing_points if name not in available and customer.segment not in policy.not_for[name]
    ]
    points = sum((policy.points(name, features[name]) for name in available), ZERO)
    points += sum((policy.missing_points[name] for name in missing), ZERO)
    with localcontext() as context:
        context.prec = 40
        return rounded(100 * points / sum((policy.weights[name] for name in [*available, *missing]), ZERO), 2)


def is_enough_known(policy: Policy, customer: Customer, available: list[str], features: Features) -> bool:
    """Whether as many bills were due as the policy asks for, and of each dimension the share of its weight is known."""
    if features.get("bills_due_12m", ZERO) < policy.least_bills_due:
        return False
    speaking = [name for name in policy.weights if customer.segment not in policy.not_for[name]]
    for dimension, least in policy.required.items():
        of_it = [name for name in speaking if dimension in ("all", policy.dimensions[name])]
        known = sum((policy.weights[name] for name in of_it if name in available), ZERO)
        if known < least * sum((policy.weights[name] for name in of_it), ZERO):
            return False
    return True


def rank_of_score(
    policy: Policy, customer: Customer, features: Features, score: Decimal | None, day: date
) -> int | None:
    """The rank that the score gives, or that a new customer counts as, capped by the hardest veto that applies."""
    ranks = {grade: rank for grade, rank, _ in policy.grades}
    if add_months(customer.opened_on, policy.new_customer_months) > day:
        rank = ranks.get(policy.new_customer_grade)
    else:
        rank = min(rank for _, rank, floor in policy.grades if score >= floor) if score is not None else None
    capped = [
        ranks[veto["best_grade"]] for veto in policy.vetoes if veto["feature"] in features and holds(veto, features)
    ]
    if rank is None:
        # What leaves the worst grade alone gives it, whatever else is known.
        return max(ranks.values()) if max(ranks.values()) in capped else None
    return max([rank, *capped])


def warnings(policy: Policy, segment: str, facts: Features) -> set[str]:
    """The rules for a segment all of whose conditions hold."""
    rules = {row["rule"] for row in policy.rows("warning_rules") if segment not in row["not_for"].split("|")}
    return {
        rule
        for rule in rules
        if all(row["feature"] in facts and holds(row, facts) for row in policy.conditions if row["rule"] == rule)
    }


def ageing_bucket(days: int) -> str:
    """The bucket that a number of days overdue falls in."""
    for last, name in (
        (0, "not due"),
        (30, "1-30"),
        (60, "31-60"),
        (90, "61-90"),
        (180, "91-180"),
        (360, "181-360"),
    ):
        if days <= last:
            return name
    return "over 360"


def previous_month_end(day: date) -> date:
    return day.replace(day=1) - timedelta(days=1)
