"""What the metering models must say, in plain Python with the standard library's statistics, reading by reading."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction

from tests.support.oracle import Features, rounded

ENERGY = ("total", "peak", "flat", "valley")
ZERO = Decimal(0)


@dataclass(frozen=True)
class Reading:
    meter_id: str
    register: str
    read_on: date
    figure: Decimal
    quality: str
    event: str


@dataclass(frozen=True)
class Meter:
    multiplier: Decimal
    installed_on: date
    removed_on: date | None

    def measures_on(self, day: date) -> bool:
        """A meter ends on the day on which the next one begins."""
        return self.installed_on <= day and (self.removed_on is None or day < self.removed_on)


@dataclass
class Month:
    """What a customer's meters measured in a month."""

    amounts: dict[str, Decimal] = field(default_factory=dict)
    spans: list[tuple[date, date]] = field(default_factory=list)
    estimated: int = 0
    events: set[tuple[str, date]] = field(default_factory=set)
    demands: dict[str, Decimal] = field(default_factory=dict)

    @property
    def energy(self) -> Decimal | None:
        if "total" in self.amounts:
            return self.amounts["total"]
        if all(name in self.amounts for name in ENERGY[1:]):
            return sum((self.amounts[name] for name in ENERGY[1:]), ZERO)
        return None

    def in_kva(self, active: Decimal) -> Decimal:
        """What was measured in kW over the power factor in hundredths; as it is where there is none."""
        reactive = self.amounts.get("reactive")
        if self.energy is None or reactive is None or not (self.energy or reactive):
            return active
        return active / (rounded(self.energy / (self.energy**2 + reactive**2).sqrt(), 2) or 1)

    @property
    def days(self) -> int:
        return (max(last for _, last in self.spans) - min(first for first, _ in self.spans)).days if self.spans else 0

    @property
    def has_gap(self) -> bool:
        return any((last - first).days > 45 for first, last in self.spans)

    @property
    def daily(self) -> Decimal | None:
        return self.energy / self.days if self.energy is not None and self.days else None


def maximum_demand(meters: dict[str, Meter], demands: dict[str, Decimal]) -> Decimal:
    """The largest sum of what meters show that measure on the same day; each by itself at least."""
    days = {meters[name].installed_on for name in demands}
    together = [sum((kw for name, kw in demands.items() if meters[name].measures_on(day)), ZERO) for day in days]
    return max([*together, *demands.values()])


def months_of_use(meters: dict[str, Meter], readings: list[Reading]) -> dict[int, Month]:
    """By number of the month: the readings of a customer's meters, taken pair by pair."""
    months: dict[int, Month] = defaultdict(Month)
    by_register: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for reading in readings:
        if reading.quality != "missing":
            by_register[reading.meter_id, reading.register].append(reading)
    for (meter_id, register), taken in by_register.items():
        taken.sort(key=lambda reading: reading.read_on)
        before: Reading | None = None
        for reading in taken:
            month = months[12 * reading.read_on.year + reading.read_on.month]
            amount: Decimal | None = None
            if reading.event in ("tamper", "cover_open"):
                month.events.add(("tamper", reading.read_on))
            if reading.event == "reverse":
                month.events.add(("reverse", reading.read_on))
            if register == "demand":
                amount = reading.figure * meters[meter_id].multiplier
                month.demands[meter_id] = max(amount, month.demands.get(meter_id, amount))
            elif before is not None:
                used = reading.figure - before.figure
                dial = Decimal(10) ** len(str(int(before.figure)))
                if used < 0 and -used > dial / 2:
                    used += dial
                if used >= 0:
                    amount = used * meters[meter_id].multiplier
                    month.amounts[register] = month.amounts.get(register, ZERO) + amount
                else:
                    month.events.add(("reverse", reading.read_on))
            if before is not None and register in ENERGY:
                month.spans.append((before.read_on, reading.read_on))
                month.estimated += reading.quality == "estimated"
            before = reading
    for month in months.values():
        if month.demands:
            month.amounts["demand"] = maximum_demand(meters, month.demands)
    return {number: month for number, month in months.items() if month.spans or "demand" in month.amounts}


def usage_features(
    months: dict[int, Month],
    day: date,
    capacity: Decimal | None,
    service_changes: Decimal,
    season: dict[int, Decimal],
) -> Features:
    """The indicators that rest on use: by the last month before the day's, of the four before it."""
    now = 12 * day.year + day.month
    number = max((number for number in months if now - 4 <= number < now), default=None)
    if number is None:
        return {}
    features: Features = {}
    quarter = [months[n] for n in range(number - 2, number + 1) if n in months]
    with localcontext() as context:
        context.prec = 40
        pairs = [
            (this.daily, before.daily)
            for n in range(number - 2, number + 1)
            if (this := months.get(n)) and (before := months.get(n - 12)) and not this.has_gap and not before.has_gap
            if this.daily is not None and before.daily is not None
        ]
        then = sum((before for _, before in pairs), ZERO)
        if len(pairs) == 3 and then > 0:
            features["usage_trend"] = rounded(100 * (sum((this for this, _ in pairs), ZERO) / then - 1), 1)
        demands = [month.in_kva(month.amounts["demand"]) for month in quarter if "demand" in month.amounts]
        days = sum(month.days for month in quarter)
        energies = [month.in_kva(month.energy) for month in quarter if month.energy is not None]
        load = max(demands) if demands else sum(energies, ZERO) / (24 * days) if energies and days else None
        if load is not None and capacity:
            features["capacity_use"] = rounded(100 * rounded(load, 3) / capacity, 1)
        drop = has_dropped(months, number) and service_changes == 0
        daily, median = months[number].daily, seasonal_median(months, number, season)
        if daily is not None and median and (usual := rounded(median * season[month_of(number)], 3)):
            features["usage_against_segment"] = rounded(100 * (rounded(daily, 3) / usual - 1), 1)
            drop = drop and features["usage_against_segment"] < Decimal("-33.3")
        year = [months[n] for n in range(number - 11, number + 1) if n in months]
        features |= year_of_use(year, [months[n] for n in range(number - 23, number - 11) if n in months])
    features["tamper_events_6m"] = Decimal(
        sum(len(months[n].events) for n in range(number - 5, number + 1) if n in months)
    )
    tampered = any(months[n].events for n in range(number - 5, number + 1) if n in months)
    estimated = [month for month in quarter if month.spans and month.estimated == len(month.spans)]
    features["evasion_signal"] = Decimal(2 * drop + 2 * tampered + (len(estimated) >= 3))
    return features


def year_of_use(year: list[Month], year_before: list[Month]) -> Features:
    """What twelve months of use show together, and against the twelve before."""

    def total(months: list[Month], name: str) -> Decimal | None:
        found = [
            value for month in months if (value := getattr(month, name, None) or month.amounts.get(name)) is not None
        ]
        return sum(found, ZERO) if found else None

    features: Features = {
        "estimated_months_12m": Decimal(sum(month.estimated > 0 for month in year)),
        "gap_months_12m": Decimal(sum(month.has_gap for month in year)),
    }
    energy, days = total(year, "energy"), sum(month.days for month in year)
    demand = max((month.amounts["demand"] for month in year if "demand" in month.amounts), default=ZERO)
    if energy is not None and days and demand:
        features["load_factor_12m"] = rounded(energy / (24 * days * demand), 4)
    # A register that is new says nothing of the months before: their energy is no part of the whole.
    for register in ("peak", "reactive"):
        both = [month for month in year if register in month.amounts and month.energy is not None]
        whole, part = total(both, "energy"), total(both, register)
        if whole is None or part is None:
            continue
        if register == "peak" and whole:
            features["peak_share_12m"] = rounded(part / whole, 4)
        if register == "reactive" and (whole or part):
            features["power_factor_12m"] = rounded(whole / (whole**2 + part**2).sqrt(), 4)
    before, days_before = total(year_before, "energy"), sum(month.days for month in year_before)
    if energy is not None and before and days >= 300 and days_before >= 300:
        features["usage_growth_12m"] = rounded(100 * ((energy / days) / (before / days_before) - 1), 1)
    return features


def daily_of_past(months: dict[int, Month], number: int) -> list[Decimal]:
    """The daily use of the twelve months before, if six at least were measured."""
    past = [
        month.energy / month.days if month.energy is not None else None
        for n in range(number - 12, number)
        if (month := months.get(n)) and month.days > 0
    ]
    return [value for value in past if value is not None] if len(past) >= 6 else []


def month_of(number: int) -> int:
    return (number - 1) % 12 + 1


def seasonal_median(months: dict[int, Month], number: int, season: dict[int, Decimal]) -> Decimal | None:
    """The median of daily use in the twelve months before, of each month what it would be without its season."""
    if not daily_of_past(months, number):
        return None
    return statistics.median(
        daily / season[month_of(n)]
        for n in range(number - 12, number)
        if n in months and (daily := months[n].daily) is not None
    )


def is_a_third_below(month: Month, before: Month) -> bool:
    """Of two months' daily use; in fractions, since decimals would round where the two are alike to the last digit."""
    if month.energy is None or before.energy is None or not before.days:
        return True
    return Fraction(month.energy) / month.days < Fraction(before.energy) / before.days * 2 / 3


def has_dropped(months: dict[int, Month], number: int) -> bool:
    """Whether a month's use lies 3.5 robust deviations below the twelve months before, and a third below them."""
    daily = months[number].daily
    known = daily_of_past(months, number)
    if daily is None or not known:
        return False
    median = statistics.median(known)
    before = months.get(number - 12)
    if daily >= median * 2 / 3 or (before and not is_a_third_below(months[number], before)) or median <= 0:
        return False
    deviation = max(statistics.median([abs(value - median) for value in known]), median / 100)
    return rounded((daily - median) / (Decimal("1.4826") * deviation), 2) <= Decimal("-3.5")
