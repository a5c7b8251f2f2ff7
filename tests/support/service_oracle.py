"""Exposure, classes, advice and reviews, in plain Python from the policy's files."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext

from tests.support import oracle
from tests.support.oracle import ZERO, Customer, Features, Ledger, Policy, rounded
from tests.support.power_factor import power_factor_percentage
from tests.support.usage_oracle import ENERGY, Month


def months_between(earlier: date, later: date) -> int:
    return 12 * (later.year - earlier.year) + later.month - earlier.month


def unbilled(ledger: Ledger, customer: Customer, day: date, only_supplied: bool = False) -> Decimal:
    """The mean monthly bill for each month since those of the last bill, three at the most; of what is supplied so far
    the running month by its days, else whole.
    """
    bills = oracle.bills_as_of(ledger, customer.customer_id, day)
    start = oracle.year_before(day)
    periods = [
        state.bill.period
        for state in bills
        if state.bill.kind == "regular" and state.standing > 0 and state.bill.issued_on > start
    ]
    if not periods or customer.terms_on(day).payment_mode == "prepaid":
        return ZERO
    end = min(day, customer.closed_on) if customer.closed_on else day
    # The last bill may be for several months.
    months = Decimal(months_between(max(periods), end) - oracle.billed_since(bills, start).months_per_bill + 1)
    with localcontext() as context:
        context.prec = 40
        if only_supplied and months_between(end, day) == 0:
            days = monthrange(day.year, day.month)[1]
            months -= Decimal(days - day.day) / days
        mean = max(oracle.rounded_monthly_bill(ledger, customer.customer_id, day), ZERO)
        return rounded(min(max(months, ZERO), Decimal(3)) * mean, 2)


def limit_and_exposure(
    policy: Policy, ledger: Ledger, customer: Customer, grade: str, day: date
) -> tuple[Decimal, Decimal]:
    """The limit of a grade, and open bills with what is not billed yet."""
    months = next(row["limit_months"] for row in policy.rows("limits") if row["grade"] == grade)
    limit = customer.security_on(day) or ZERO
    if months:
        factor = next(
            row["peak_season_factor"] for row in policy.rows("season_factors") if row["segment"] == customer.segment
        )
        mean = oracle.rounded_monthly_bill(ledger, customer.customer_id, day)
        limit = rounded(mean * Decimal(factor) * Decimal(months), 2)
    is_open = sum((state.open for state in oracle.bills_as_of(ledger, customer.customer_id, day)), ZERO)
    return limit, is_open + unbilled(ledger, customer, day)


def class_of(policy: Policy, features: Features, rank: int | None) -> str:
    """The first class that fits."""
    ranks = {grade: rank for grade, rank, _ in policy.grades}
    for row in policy.rows("customer_classes"):
        size, trend = features.get("bill_size"), features.get("usage_trend")
        fits = (
            (not row["min_bill_size"] or (size is not None and size >= Decimal(row["min_bill_size"])))
            and (not row["min_usage_trend"] or (trend is not None and trend >= Decimal(row["min_usage_trend"])))
            and (not row["worst_grade"] or (rank is not None and rank <= ranks[row["worst_grade"]]))
        )
        if fits:
            return row["customer_class"]
    raise AssertionError("the last class fits everybody")


@dataclass(frozen=True)
class Price:
    """A register's price, and what its tariff charges besides energy."""

    unit: Decimal
    demand: Decimal | None
    standard: Decimal | None


@dataclass(frozen=True)
class Charged:
    """A month's bill as readings and tariff give it."""

    month: Month
    energy: Decimal
    charges: Decimal
    demand_price: Decimal | None
    peak_less_valley: Decimal | None
    standard: Decimal | None
    factor: Decimal | None

    @property
    def percentage(self) -> Decimal:
        return power_factor_percentage(self.standard, self.factor) if self.standard and self.factor else ZERO

    def lower_by(self, advice: str, bound: Decimal) -> Decimal | None:
        """By how much the same bill is lower under an advice; None where the tariff does not charge what it changes."""
        adjusted = 1 + self.percentage / 100
        if advice == "low_load_factor" and self.demand_price is not None:
            over = self.month.amounts["demand"] - self.energy / (24 * self.month.days * bound)
            return self.demand_price * adjusted * max(over, ZERO)
        if advice == "high_peak_share" and self.peak_less_valley is not None:
            return self.peak_less_valley * adjusted * max(self.month.amounts["peak"] - bound * self.energy, ZERO)
        if advice == "low_power_factor" and self.standard and self.factor:
            better = power_factor_percentage(self.standard, max(self.factor, bound))
            return self.charges * (self.percentage - better) / 100
        return None


def charged(month: Month, prices: dict[str, Price]) -> Charged | None:
    """A month's use at a tariff's prices; None where something that is priced was not measured."""
    energy = month.energy
    priced = {name: price for name, price in prices.items() if name in ENERGY}
    used = month.amounts | ({"total": energy} if energy is not None else {})
    demand_price = max((price.demand for price in prices.values() if price.demand is not None), default=None)
    standard = max((price.standard for price in prices.values() if price.standard is not None), default=None)
    needed = [*priced, *(["demand"] if demand_price is not None else []), *(["reactive"] if standard else [])]
    if energy is None or month.has_gap or not priced or any(name not in used for name in needed):
        return None
    charges = rounded(sum((used[name] * price.unit for name, price in priced.items()), ZERO), 2)
    charges += rounded(demand_price * used["demand"], 2) if demand_price is not None else ZERO
    apparent = (energy**2 + used["reactive"] ** 2).sqrt() if "reactive" in used else ZERO
    return Charged(
        month, energy, charges, demand_price,
        prices["peak"].unit - prices["valley"].unit if {"peak", "valley"} <= prices.keys() else None,
        standard, rounded(energy / apparent, 2) if apparent else None,
    )  # fmt: skip


def advice_of(
    policy: Policy,
    customer: Customer,
    features: Features,
    months: dict[int, Month],
    prices: dict[str, dict[str, Price]],
    bills: list[tuple[date, date]],
    day: date,
) -> dict[str, Decimal | None]:
    """By advice the money at stake in a year; `prices` by tariff and register, `bills` with days of issue and
    months.
    """
    found: dict[str, Decimal | None] = {}
    with localcontext() as context:
        context.prec = 40
        own = [
            charged(months[number], prices.get(customer.terms_on(period).tariff, {}))
            for issued, period in bills
            if oracle.year_before(day) < issued <= day
            and period < day.replace(day=1)
            and (number := 12 * period.year + period.month) in months
        ]
        for row in policy.rows("advice_rules"):
            is_for = customer.segment not in row["not_for"].split("|")
            if not is_for or row["feature"] not in features or not oracle.holds(row, features):
                continue
            lower = [bill.lower_by(row["advice"], Decimal(row["threshold"])) for bill in own if bill is not None]
            known = [amount for amount in lower if amount is not None]
            found[row["advice"]] = rounded(max(sum(known, ZERO), ZERO), 2) if known else None
    return found


def review_of(
    policy: Policy,
    ledger: Ledger,
    customer: Customer,
    facts: Features,
    notices: list[date],
    falls: list[dict[date, int]],
    day: date,
) -> tuple[str, date] | None:
    """The rule whose day comes first, and that day; `notices` are the days of departments' notices, `falls` the steps
    down by each rated day of a month.
    """
    mine = ledger.facts_of[customer.customer_id]
    reviews = [fact.day for fact in mine if fact.extract == "investigation" and fact.day <= day]
    reviewed = max(reviews, default=None)
    unseen_from = reviewed + timedelta(1) if reviewed else max(customer.opened_on, date(2026, 1, 1))

    def is_open(happened: date) -> bool:
        return happened <= day and (reviewed is None or happened > reviewed)

    noted = [one for one in notices if is_open(one)]
    facts = facts | {"open_notices": Decimal(len(noted))}
    changed = [one for one in oracle.party_changes(ledger, customer.customer_id) if unseen_from <= one <= day]
    found = []
    for row in policy.rows("review_rules"):
        if customer.segment in row["not_for"].split("|"):
            continue
        if row["feature"] == "grade_steps_down":
            # A review settles it once a rating has shown it.
            starts = []
            for steps in falls:
                shown = [one for one in steps if oracle.holds(row, {"grade_steps_down": Decimal(steps[one])})]
                if max(steps) in shown and min(shown) >= unseen_from:
                    starts.append(max(min(shown).replace(day=1), unseen_from))
        elif row["feature"] == "party_change":
            starts = changed
        elif row["feature"] not in facts or not oracle.holds(row, facts):
            continue
        elif row["feature"] == "open_notices":
            starts = noted
        else:
            starts = [reviewed or max(customer.opened_on, date(2026, 1, 1))]
        if starts:
            found.append((oracle.add_months(min(starts), int(row["months"])), int(row["months"]), row["review_rule"]))
    return (min(found)[2], min(found)[0]) if found else None
