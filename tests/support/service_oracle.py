"""Exposure, classes, advice and reviews, in plain Python from the policy's files."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, localcontext

from tests.support import oracle
from tests.support.oracle import ZERO, Customer, Features, Ledger, Policy, rounded
from tests.support.usage_oracle import Month


def months_between(earlier: date, later: date) -> int:
    return 12 * (later.year - earlier.year) + later.month - earlier.month


def unbilled(ledger: Ledger, customer: Customer, day: date) -> Decimal:
    """The mean monthly bill for each month since the last one billed, the running one included, three at the most."""
    periods = [
        state.bill.period
        for state in oracle.bills_as_of(ledger, customer.customer_id, day)
        if state.bill.kind == "regular"
    ]
    if not periods or customer.terms_on(day).payment_mode == "prepaid":
        return ZERO
    end = min(day, customer.closed_on) if customer.closed_on else day
    months = min(max(months_between(max(periods), end), 0), 3)
    return months * max(oracle.rounded_monthly_bill(ledger, customer.customer_id, day), ZERO)


def limit_and_exposure(
    policy: Policy, ledger: Ledger, customer: Customer, grade: str, day: date
) -> tuple[Decimal, Decimal]:
    """The limit of a grade, and open bills with what is not billed yet."""
    months = next(row["limit_months"] for row in policy.rows("limits") if row["grade"] == grade)
    limit = customer.terms_on(day).deposit or ZERO
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


def advice_of(
    policy: Policy,
    customer: Customer,
    features: Features,
    months: dict[int, Month],
    prices: dict[tuple[str, str], tuple[Decimal, Decimal | None]],
    surcharges: dict[str, list[tuple[date, Decimal]]],
    day: date,
) -> dict[str, Decimal | None]:
    """By advice the money at stake in a year; `prices` by tariff and register, `surcharges` by customer."""
    now = months_between(date(1, 1, 1), day) + 13
    number = max((number for number in months if now - 4 <= number < now), default=0)
    year = [months[n] for n in range(number - 11, number + 1) if n in months]
    quarter = [months[n] for n in range(number - 2, number + 1) if n in months]
    found: dict[str, Decimal | None] = {}
    terms = customer.terms_on(day)
    with localcontext() as context:
        context.prec = 40
        energy = sum((month.energy for month in year if month.energy is not None), ZERO)
        peak = sum((month.amounts.get("peak", ZERO) for month in year), ZERO)
        days = sum(month.days for month in year)
        demand = max((month.amounts["demand"] for month in year if "demand" in month.amounts), default=ZERO)
        load = max((month.amounts["demand"] for month in quarter if "demand" in month.amounts), default=None)
        if load is None:
            spent = sum((month.energy for month in quarter if month.energy is not None), ZERO)
            load = rounded(spent / (24 * sum(month.days for month in quarter)), 3) if quarter and spent else ZERO
        demand_price = max(
            (price for (tariff, _), (_, price) in prices.items() if tariff == terms.tariff and price is not None),
            default=None,
        )
        peak_price, valley_price = prices.get((terms.tariff, "peak")), prices.get((terms.tariff, "valley"))
        for row in policy.rows("advice_rules"):
            is_for = customer.segment not in row["not_for"].split("|")
            if not is_for or row["feature"] not in features or not oracle.holds(row, features):
                continue
            bound, money = Decimal(row["threshold"]), None
            if row["advice"] == "low_power_factor":
                start = oracle.year_before(day)
                own = surcharges.get(customer.customer_id, [])
                of_year = [max(amount, ZERO) for issued, amount in own if start < issued <= day]
                money = sum(of_year, ZERO) if of_year else None
            elif row["advice"] == "high_peak_share" and peak_price and valley_price:
                money = (peak - bound * energy) * (peak_price[0] - valley_price[0])
            elif demand_price is not None and row["advice"] == "low_load_factor":
                money = 12 * demand_price * (demand - energy / (24 * days) / bound)
            elif demand_price is not None and terms.capacity and row["advice"] == "capacity_too_large":
                money = 12 * demand_price * (terms.capacity - load / (bound / 100))
            elif demand_price is not None and terms.capacity and row["advice"] == "capacity_exceeded":
                money = 12 * demand_price * (load - terms.capacity * bound / 100)
            found[row["advice"]] = rounded(max(money, ZERO), 2) if money is not None else None
    return found


def review_of(
    policy: Policy,
    ledger: Ledger,
    customer: Customer,
    facts: Features,
    notices: list[date],
    falls: list[tuple[date, int]],
    day: date,
) -> tuple[str, date] | None:
    """The rule whose day comes first, and that day; `notices` are the days of departments' notices, `falls` days and steps."""
    mine = ledger.facts_of[customer.customer_id]
    reviews = [fact.day for fact in mine if fact.extract == "investigation" and fact.day <= day]
    reviewed = max(reviews, default=None)

    def is_open(happened: date) -> bool:
        return happened <= day and (reviewed is None or happened > reviewed)

    noted = [one for one in notices if is_open(one)]
    facts = facts | {"open_notices": Decimal(len(noted))}
    changed = [one for one in oracle.party_changes(ledger, customer.customer_id) if months_between(one, day) < 6]
    found = []
    for row in policy.rows("review_rules"):
        if customer.segment in row["not_for"].split("|"):
            continue
        if row["feature"] == "grade_steps_down":
            # In the month of the fall a review settles it.
            starts = [
                fell for fell, steps in falls
                if oracle.holds(row, {"grade_steps_down": Decimal(steps)}) and (reviewed is None or reviewed < fell)
            ]  # fmt: skip
        elif row["feature"] not in facts or not oracle.holds(row, facts):
            continue
        elif row["feature"] == "open_notices":
            starts = noted
        elif row["feature"] == "party_change":
            starts = [one for one in changed if is_open(one)]
        else:
            starts = [reviewed or max(customer.opened_on, date(2026, 1, 1))]
        if starts:
            found.append((oracle.add_months(min(starts), int(row["months"])), int(row["months"]), row["review_rule"]))
    return (min(found)[2], min(found)[0]) if found else None
