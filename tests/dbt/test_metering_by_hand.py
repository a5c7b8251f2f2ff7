"""Demand, split months, the power factor and advice, computed by hand on readings and tariffs of a few customers."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from gridcredit.settings import Settings

from tests.support.by_hand import build_by_hand
from tests.support.power_factor import power_factor_percentage
from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import Warehouses

DAY = date(2026, 6, 19)
MONTH_END = date(2026, 5, 31)
# Tariff, register, first day, price of a kWh, of a kW of demand, of a kVA of capacity, power factor standard.
TARIFFS = """
plain, total, 2020-01-01, 0.50, , ,
plain, total, 2026-03-16, 0.60, , ,
peaks, peak, 2020-01-01, 1.00, , ,
peaks, flat, 2020-01-01, 0.70, , ,
peaks, valley, 2020-01-01, 0.40, , ,
peaks, peak, 2026-03-11, 1.20, , ,
late, total, 2026-03-10, 0.50, , ,
demand, total, 2020-01-01, 1.00, 40, ,
moving, total, 2020-01-01, 1.00, 31, ,
moving, total, 2026-03-11, 1.00, 62, ,
s90, total, 2020-01-01, 1.00, , , 0.90
s85, total, 2020-01-01, 1.00, , , 0.85
s80, total, 2020-01-01, 1.00, , , 0.80
odd, total, 2020-01-01, 1.00, , , 0.95
capacity, total, 2020-01-01, 1.00, , 20, 0.85
"""
# Meter, customer, installed, removed, multiplier.
METERS = """
M-side-1, side, 2020-01-01, , 1
M-side-2, side, 2021-01-01, , 2
M-changed-1, changed, 2020-01-01, 2026-04-15, 1
M-changed-2, changed, 2026-04-15, , 1
M-three-1, three, 2020-01-01, 2026-04-15, 1
M-three-2, three, 2026-04-16, , 1
M-three-3, three, 2022-01-01, , 5
"""
# Meter, register, day, figure.
READINGS = """
M-side-1, demand, 2026-04-30, 30
M-side-2, demand, 2026-04-30, 50
M-changed-1, demand, 2026-04-15, 80
M-changed-2, demand, 2026-04-30, 60
M-three-1, demand, 2026-04-15, 80
M-three-2, demand, 2026-04-30, 60
M-three-3, demand, 2026-04-30, 5
M-read, total, 2026-02-28, 1000
M-read, total, 2026-03-15, 1100
M-read, total, 2026-03-31, 1400
M-unread, total, 2026-02-28, 1000
M-unread, total, 2026-03-31, 1310
M-peaks, peak, 2026-02-28, 0
M-peaks, peak, 2026-03-10, 70
M-peaks, peak, 2026-03-31, 100
M-peaks, flat, 2026-02-28, 0
M-peaks, flat, 2026-03-31, 10
M-peaks, valley, 2026-02-28, 0
M-peaks, valley, 2026-03-31, 31
M-late, total, 2026-02-28, 0
M-late, total, 2026-03-31, 310
M-moving, total, 2026-02-28, 0
M-moving, total, 2026-03-31, 100
M-moving, demand, 2026-03-31, 10
M-unmeasured, total, 2026-02-28, 0
M-unmeasured, total, 2026-03-31, 100
"""
# 30 + 50 x 2 side by side; the larger of 80 and 60 where one replaced the other; with 25 of a third beside the larger.
DEMAND_BY_HAND = {"side": "130.000", "changed": "80.000", "three": "105.000"}
# Bill's customer: tariff, energy charge, demand charge, whether estimated. Of 400 kWh 100 were used up to the 15th: 100
# x 0.50 + 300 x 0.60. Of 310 unread ones 15 days' 150 and 16 days' 160. Peak 70 x 1.00 + 30 x 1.20, 10 at 0.70, 31 at
# 0.40. A demand price of 31 for ten days and of 62 for 21 is 52 on average. Where nothing was priced on the first days,
# or demand is priced and not measured, nothing is known.
SPLIT_BY_HAND = {
    "read": ("plain", "230.00", "0.00", False),
    "unread": ("plain", "171.00", "0.00", True),
    "peaks": ("peaks", "125.40", "0.00", False),
    "moving": ("moving", "100.00", "520.00", True),
    "late": ("late", None, None, False),
    "unmeasured": ("demand", None, None, False),
}
# Customer: tariff, kWh, kvarh of April 2026; power factor, percent, adjustment. 0.8962 is rounded to 0.90, where
# nothing is due.
FACTORS_BY_HAND = {
    "poor": ("s90", 6800, 7332, "0.68", "12.0000", "816.00"),
    "worst": ("s90", 5000, 8660, "0.50", "45.0000", "2250.00"),
    "close": ("s90", 8962, 4437, "0.90", "0.0000", "0.00"),
    "good": ("s90", 9600, 2800, "0.96", "-0.7500", "-72.00"),
    "good85": ("s85", 9200, 3919, "0.92", "-0.8000", "-73.60"),
    "poor80": ("s80", 5800, 8146, "0.58", "12.0000", "696.00"),
    # A standard that the policy's table does not have.
    "odd": ("odd", 100, 10, "1.00", None, None),
    "good80": ("s80", 8500, 5268, "0.85", "-0.5000", "-42.50"),
}
# A year whose mean load is 10 kW in each month: customer, tariff, capacity in kVA, kvarh for each kWh, demand by month
# (January's, others').
YEARS: dict[str, tuple[str, int, float, tuple[int, int]]] = {
    "uneven": ("demand", 10, 0, (100, 20)),
    "large": ("demand", 1000, 0, (20, 20)),
    "by_capacity": ("capacity", 1000, 0.75, (100, 100)),
}
# 30 kW at a power factor of 0.90 all year, of 400 kVA, and 110 kW in July: 122 kVA, which are 30 % of 407. July's bill
# is not measured: its reading ends 51 days; there is none; the bill names no energy charge. Only of the first is July's
# demand known for all that.
HIDDEN = {"gap_in_july": Decimal("0.00"), "unread_july": None, "unnamed_july": None}
YEARS |= dict.fromkeys(HIDDEN, ("capacity", 400, 0.4843, (110, 30)))
JUNE, JULY = date(2025, 6, 1), date(2025, 7, 1)
# Of 100 kVA of contract: kW, kWh and kvarh of May 2026; the use of capacity in %. 28 kW at 0.70 are 40 kVA, 95 kW at
# 0.80 118.75; without reactive energy kW are taken. Without demand the mean load counts: 22,320 kWh in 31 days are 30
# kW, at 0.80 37.5 kVA.
LOADS = {
    "small_load": (28, 7000, 7141, "40.0"),
    "full_load": (95, 8000, 6000, "118.8"),
    "unknown_factor": (28, 7000, None, "28.0"),
    "mean_load": (None, 22320, 16740, "37.5"),
}
MONTHS = [date(2025 + (5 + number) // 12, (5 + number) % 12 + 1, 1) for number in range(12)]
CAPACITIES = {who: capacity for who, (_, capacity, _, _) in YEARS.items()} | dict.fromkeys(LOADS, 100)


def rows_of(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(",")] for line in table.strip().splitlines()]


def last_day(month: date) -> date:
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def kwh_of(month: date) -> int:
    return 240 * last_day(month).day


def files() -> dict[str, list[str]]:
    header = "register,valid_from,unit_price,demand_price,capacity_price,power_factor_standard"
    found: dict[str, list[str]] = {
        "customer": ["customer_id,name,segment,opened_on,tariff_code,contract_capacity_kva,updated_at"],
        "bill": ["bill_id,customer_id,period,issued_on,due_on,energy_charge,demand_charge,adjustment,amount,kind"],
        "tariff": [f"tariff_code,{header}", *(",".join(row) for row in rows_of(TARIFFS))],
        "meter": [
            "meter_id,customer_id,installed_on,removed_on,multiplier",
            *(",".join(row) for row in rows_of(METERS)),
        ],
        "meter_reading": ["meter_id,register,read_on,reading", *(",".join(row) for row in rows_of(READINGS))],
    }

    def add(who: str, tariff: str, meter: bool = True) -> None:
        capacity = CAPACITIES.get(who, "")
        found["customer"].append(f"{who},{who},industrial,2020-01-01,{tariff},{capacity},2024-01-01 00:00:00")
        if meter:
            found["meter"].append(f"M-{who},{who},2020-01-01,,1")

    def bill(who: str, month: date, charges: tuple[Any, Any, Any]) -> None:
        amount = sum((Decimal(charge or 0) for charge in charges), Decimal(0))
        issued = last_day(month) + timedelta(days=3)
        prices = ",".join("" if charge is None else str(charge) for charge in charges)
        found["bill"].append(
            f"{who}-{month:%m},{who},{month:%Y-%m},{issued},{issued + timedelta(20)},{prices},{amount},regular"
        )

    for who in DEMAND_BY_HAND:
        add(who, "demand", meter=False)
    for who, (tariff, energy, demand, _) in SPLIT_BY_HAND.items():
        add(who, tariff)
        bill(who, date(2026, 3, 1), (energy or "1.00", demand, 0))
    for who, (tariff, kwh, kvarh, *_, adjustment) in FACTORS_BY_HAND.items():
        add(who, tariff)
        for register, used in {"total": kwh, "reactive": kvarh}.items():
            found["meter_reading"] += [f"M-{who},{register},2026-03-31,0", f"M-{who},{register},2026-04-30,{used}"]
        bill(who, date(2026, 4, 1), (kwh, 0, adjustment or "0.00"))
    for who, (kw, total, reactive, _) in LOADS.items():
        add(who, "demand")
        for register, figure in (("total", total), ("reactive", reactive)):
            if figure is not None:
                found["meter_reading"] += [
                    f"M-{who},{register},2026-04-30,0",
                    f"M-{who},{register},2026-05-31,{figure}",
                ]
        if kw is not None:
            found["meter_reading"].append(f"M-{who},demand,2026-05-31,{kw}")
    for who, (tariff, _, tangent, demands) in YEARS.items():
        add(who, tariff)
        shown = 0
        highest = 7 if who in HIDDEN else 1
        found["meter_reading"] += [f"M-{who},{register},2025-05-31,0" for register in ("total", "reactive")]
        for month in MONTHS:
            shown += kwh_of(month)
            end = date(2025, 6, 10) if (who, month) == ("gap_in_july", JUNE) else last_day(month)
            if (who, month) != ("unread_july", JULY):
                found["meter_reading"] += [
                    f"M-{who},total,{end},{shown}",
                    f"M-{who},reactive,{end},{round(shown * tangent, 2)}",
                    f"M-{who},demand,{end},{demands[0] if month.month == highest else demands[1]}",
                ]
            bill(who, month, (None if (who, month) == ("unnamed_july", JULY) else "1.00", 0, 0))
    return found


@pytest.fixture(scope="module")
def hand(warehouses: Warehouses, empty: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder: Path = tmp_path_factory.mktemp("metering")
    with warehouses.lent(empty) as settings:
        texts = {name: "\n".join([*lines, ""]) for name, lines in files().items()}
        build_by_hand(texts, [MONTH_END, DAY], folder, settings)
        yield settings


def test_demand_of_meters_side_by_side_is_added_and_of_a_changed_one_the_larger(hand: Settings) -> None:
    found = rows(
        hand, "select customer_id, max_demand_kw::text from metering.usage_month where usage_month = date '2026-04-01'"
    )
    assert {who: demand for who, demand in found if who in DEMAND_BY_HAND} == DEMAND_BY_HAND


def test_a_price_that_changes_within_a_month_splits_it(hand: Settings) -> None:
    found = rows(
        hand,
        "select customer_id, tariff_code, computed_energy_charge::text, computed_demand_charge::text, is_estimated, "
        "outcome from metering.bill_check where period = date '2026-03-01'",
    )
    split = {
        who: (tariff, *charges, is_estimated) if outcome != "not measured" else (tariff, None, None, is_estimated)
        for who, tariff, *charges, is_estimated, outcome in found
        if who in SPLIT_BY_HAND
    }
    assert split == SPLIT_BY_HAND
    outcomes = {who: outcome for who, *_, outcome in found if who in SPLIT_BY_HAND}
    assert {who for who, outcome in outcomes.items() if outcome == "not measured"} == {"late", "unmeasured"}
    assert {outcomes[who] for who in ("read", "unread", "peaks", "moving")} == {"agrees"}


def test_a_power_factor_costs_or_earns_what_the_rule_of_1983_says(hand: Settings) -> None:
    found = rows(
        hand,
        "select customer_id, power_factor::text, adjustment_pct::text, computed_adjustment::text, outcome "
        "from metering.bill_check where period = date '2026-04-01'",
    )
    factors = {who: tuple(rest) for who, *rest in found if who in FACTORS_BY_HAND}
    assert factors == {
        who: (*said, "agrees" if said[-1] else "not measured") for who, (_, _, _, *said) in FACTORS_BY_HAND.items()
    }


def test_the_policys_table_is_that_of_the_rule(hand: Settings) -> None:
    """Every hundredth of the three standards, step by step as the rule's text says."""
    found = rows(
        hand, "select power_factor_standard, power_factor, adjustment_pct from metering.power_factor_percentage"
    )
    want = {
        (standard, factor): power_factor_percentage(standard, factor)
        for standard in (Decimal("0.90"), Decimal("0.85"), Decimal("0.80"))
        for factor in (Decimal(hundredth) / 100 for hundredth in range(101))
    }
    assert {(standard, factor): percentage for standard, factor, percentage in found} == want
    # From the rule's own tables.
    for standard, factor, percentage in (
        ("0.90", "0.89", "0.5"), ("0.90", "0.70", "10"), ("0.90", "0.66", "14"), ("0.90", "0.64", "17"),
        ("0.90", "0.93", "-0.45"),
        ("0.85", "0.91", "-0.65"), ("0.85", "0.62", "13"), ("0.80", "0.91", "-1.15"), ("0.80", "0.54", "17"),
    ):  # fmt: skip
        assert want[Decimal(standard), Decimal(factor)] == Decimal(percentage)


def test_capacity_is_used_in_kva(hand: Settings) -> None:
    used = rows(
        hand, "select customer_id, capacity_use::text from features.customer_feature where as_of_date = %s", DAY
    )
    assert {who: use for who, use in used if who in LOADS} == {who: use for who, (*_, use) in LOADS.items()}
    advice = rows(hand, "select customer_id, advice from candidate.customer_advice where advice like 'capacity%%'")
    assert {(who, said) for who, said in advice if who in LOADS} == {
        ("full_load", "capacity_exceeded"),
        ("unknown_factor", "capacity_too_large"),
    }


def test_a_month_that_was_not_measured_hides_no_load(hand: Settings) -> None:
    found = rows(
        hand,
        "select customer_id, money_at_stake from candidate.customer_advice where advice = 'capacity_too_large'",
    )
    assert {who: money for who, money in found if who in HIDDEN} == HIDDEN


def test_money_at_stake_is_the_years_bills_under_the_advice(hand: Settings) -> None:
    """Each month's bill by itself; nothing where the tariff does not charge what the advice changes."""
    cent = Decimal("0.01")
    found = rows(hand, "select customer_id, advice, money_at_stake from candidate.customer_advice")
    worth = {(who, advice): money for who, advice, money in found if who in YEARS}
    # Only January's 100 kW lie above 10 / 0.3 kW; the tariff does not charge capacity.
    assert worth["uneven", "low_load_factor"] == Decimal("2666.67")
    assert worth["uneven", "capacity_exceeded"] is None
    assert worth["large", "capacity_too_large"] is None
    # 100 kW at a power factor of 0.8 are 125 kVA, and 30 % of 416.67; charges are 2.5 % higher for the power factor.
    capacity = 12 * 20 * Decimal("1.025") * (1000 - Decimal(125) * 100 / 30)
    assert worth["by_capacity", "capacity_too_large"] == capacity.quantize(cent, ROUND_HALF_UP)
    assert worth["by_capacity", "low_load_factor"] is None
    # From 0.80 to 0.90 it goes from 2.5 % more to 0.5 % less.
    charges = sum(kwh_of(month) + 20 * 1000 for month in MONTHS)
    assert worth["by_capacity", "low_power_factor"] == (Decimal(charges) * 3 / 100).quantize(cent, ROUND_HALF_UP)
