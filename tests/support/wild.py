"""Customers no simulator would make, each drawn by hypothesis: it tries the bounds of what may be, then at random."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from unittest.mock import patch

from gridcredit.contract.extracts import EXTRACTS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.internal.constants_ast import Constants

from tests.support import oracle
from tests.support.delivered import KINDS

Row = dict[str, object]
Rows = dict[str, list[Row]]


def draw_rows(count: int, make: Callable[[random.Random, int], Rows]) -> Rows:
    """The rows of so many draws together, since a warehouse for each would take minutes; the same ones every time."""
    found: Rows = defaultdict(list)
    made = 0

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example, HealthCheck.data_too_large],
    )
    @given(st.randoms(use_true_random=False))
    def collect(rng: random.Random) -> None:
        nonlocal made
        for extract, rows in make(rng, made).items():
            found[extract] += rows
        made += 1

    # It also tries the constants of whatever modules are loaded; without them the draws are the same in every session.
    with patch.object(HypothesisProvider, "_local_constants", Constants()):
        collect()
    return found


def wild_customer(rng: random.Random, number: int) -> Rows:
    """Reversals, bounces, surplus and unallocated credit, zero bills, odd dates."""
    rows: Rows = {"customer": [], "bill": [], "payment": []}
    customer = f"W{number:04d}"
    opened = date(2024, 6, 1) + timedelta(days=rng.randrange(740))
    rows["customer"].append(
        {
            "customer_id": customer,
            "name": customer,
            "segment": rng.choice(["public", "commercial", "residential"]),
            "region": "wild",
            "deposit_amount": rng.choice(["", 0, 100, 1000]),
            "contract_capacity_kva": rng.choice(["", 0, 50, 400]),
            # Without a draw of their own, so that all else stays as it was.
            "guarantee_amount": 250 if number % 3 == 0 else "",
            "guarantee_ends_on": date(2026, 1, 1) + timedelta(days=number) if number % 2 else "",
        }
        | {"opened_on": opened, "updated_at": "2024-01-01 00:00:00"}
    )
    bills: list[tuple[str, date, int]] = []
    for index in range(rng.randrange(0, 9)):
        issued = opened + timedelta(days=rng.randrange(700))
        cents = rng.choice([0, 1, 10_000, rng.randrange(1, 50_000)])
        bill: Row = {"bill_id": f"{customer}-{index}", "customer_id": customer, "period": f"{issued:%Y-%m}"}
        bill |= {"issued_on": issued, "due_on": issued + timedelta(days=rng.randrange(0, 40)), "amount": cents / 100}
        bills.append((f"{customer}-{index}", issued, cents))
        rows["bill"].append(bill | {"kind": "regular"})
        if rng.randrange(10) == 1:
            later = issued + timedelta(days=rng.randrange(0, 200))
            reversal: Row = {"bill_id": f"{customer}-{index}-R", "issued_on": later, "due_on": later}
            reversal |= {"amount": -cents / 100, "kind": "reversal", "reverses_bill_id": bill["bill_id"]}
            rows["bill"].append(bill | reversal)
    for index in range(rng.randrange(0, 14)):
        named, issued, cents = rng.choice(bills) if bills else ("none", opened, 5000)
        paid = issued + timedelta(days=rng.randrange(-5, 150))
        amount = rng.choice([cents, cents // 2, rng.randrange(1, 40_000)]) / 100
        payment: Row = {"payment_id": f"{customer}-P{index}", "customer_id": customer, "paid_on": paid}
        payment |= {"amount": amount, "bill_id": rng.choice([named, named, named, "", "unknown"])}
        rows["payment"].append(payment)
        if rng.randrange(7) == 1:
            bounced: Row = {"payment_id": f"{customer}-P{index}-R", "amount": -amount}
            bounced |= {
                "paid_on": paid + timedelta(days=rng.randrange(0, 60)),
                "reverses_payment_id": payment["payment_id"],
            }
            rows["payment"].append(payment | bounced)
    return rows


def wild_conduct(customer: str, rng: random.Random, number: int) -> Rows:
    """More findings, listings, reviews, orders and changes of party than any customer would survive."""
    rows: Rows = {}
    for name, until in oracle.CONDUCT.items():
        extract = EXTRACTS[name]
        known: dict[tuple[object, ...], Row] = {}
        for index in range(rng.randrange(0, 9)):
            day = date(2023, 1, 1) + timedelta(days=rng.randrange(1280))
            row: Row = {"customer_id": customer, extract.dated_by: day}
            if until and (rng.randrange(10) < 7 or until == "ends_on"):
                row[until] = day + timedelta(days=rng.randrange(0, 400))
            row |= {column.name: rng.choice(column.values) for column in extract.columns if column.name in KINDS}
            row |= {
                "inspection_id": f"I{number}-{index}",
                "investigation_id": f"V{number}-{index}",
                "order_id": f"O{number}-{index}",
                "action_id": f"A{number}-{index}",
                "override_id": f"G{number}-{index}",
                "grade": rng.choice(["AA", "BBB", "C", "D", "unknown"]),
                "reason": "settlement under way",
                "approver_id": "S2",
                "amount": rng.choice(["", 0, 50, 120.5, 400]),
                "officer_id": "S1",
                "party_name": rng.choice(["Li", "Wang"]),
                "share_pct": rng.choice(["", 10, 25, 60]),
                "operating_score": rng.choice(["", rng.randrange(101)]),
                "solvency_score": rng.randrange(101),
            }
            row = {column.name: row[column.name] for column in extract.columns if column.name in row}
            known[tuple(row[key] for key in extract.keys)] = row
        rows[name] = list(known.values())
    rows["instalment"] = [
        {
            "action_id": plan["action_id"],
            # The first may be due before the plan was made: then it is not counted.
            "due_on": date.fromisoformat(str(plan["acted_on"])) + timedelta(days=rng.choice([-3, 0, 20]) + 30 * index),
            "amount": rng.choice([5, 20, 60.5, 0]),
        }
        for plan in rows["collection_action"]
        if plan["kind"] == "instalment_plan" and rng.randrange(3)
        for index in range(rng.randrange(1, 5))
    ]
    return rows


def wild_meter(customer: str, last_day: date, rng: random.Random, number: int) -> Rows:
    """A meter that rolls over, runs backwards, is read twice a week or once a quarter, estimated, missed, tampered
    with.
    """
    readings: dict[tuple[object, ...], Row] = {}
    meter = f"WM{number:04d}"
    installed = date(2024, 3, 1) + timedelta(days=rng.randrange(400))
    meters: list[Row] = [
        {"meter_id": meter, "customer_id": customer, "installed_on": installed, "multiplier": rng.choice([1, 0.5, 40])}
    ]
    day, step, use = installed, rng.choice([4, 28, 30, 31, 90]), rng.randrange(1, 3000)
    registers = rng.choice([["total"], ["peak", "flat", "valley"], ["total", "reactive", "demand"], ["demand"]])
    figures: dict[str, float] = {register: rng.randrange(0, 99_000) for register in registers}
    falls_in = rng.randrange(8, 24)
    # A meter read twice a week has more readings than hypothesis draws choices: theirs follow from one seed of its own.
    rng = random.Random(rng.getrandbits(32))
    while day < last_day:
        for register in registers:
            used = use * (0.1 if (day - installed).days > 30 * falls_in else rng.uniform(0.8, 1.2)) * step / 30
            figures[register] = round((figures[register] + used) % 100_000, 2)
            figure = rng.choice([figures[register]] * 40 + [round(max(figures[register] - 50, 0), 2)])
            readings[meter, register, day] = {
                "meter_id": meter,
                "register": register,
                "read_on": day,
                "reading": figure if register != "demand" else rng.randrange(0, 300),
                "quality": rng.choice(["actual"] * 6 + ["", "edited", "missing", "estimated", "estimated"]),
                "event": rng.choice(["normal"] * 60 + ["", "tamper", "reverse", "cover_open"]),
            }
        day += timedelta(days=rng.choice([step, step, step, step + rng.randrange(0, 3), 3 * step]))
    return {"meter": meters, "meter_reading": list(readings.values())}


def hard_debtors() -> Rows:
    """Debts that an agency, a dispute, a plan or a missing approval holds, and two that may be cut off.

    Of one plan the first instalment was paid in time and the second is open; of the other the first was missed.
    """
    extracts = ("customer", "bill", "payment", "collection_action", "instalment", "service_order")
    rows: Rows = {name: [] for name in extracts}
    for name, actions, is_important, is_disputed in (
        ("agency", ("final_notice", "agency_referral"), False, False),
        ("dispute", ("notice",), False, True),
        ("important", ("final_notice",), True, False),
        ("approved", ("final_notice", "cut_off_approval"), True, False),
        ("plan", ("instalment_plan",), False, False),
        ("missed", ("instalment_plan",), False, False),
    ):
        who: Row = {"customer_id": f"H-{name}", "name": name, "segment": "public", "region": "wild"}
        who |= {"opened_on": "2020-01-01", "updated_at": "2024-01-01 00:00:00", "important_user": is_important}
        rows["customer"].append(
            {key: str(value).lower() if key == "important_user" else value for key, value in who.items()}
        )
        bill: Row = {
            "bill_id": f"H-{name}",
            "customer_id": f"H-{name}",
            "amount": 500,
            "period": "2026-03",
            "kind": "regular",
        }
        rows["bill"].append(
            bill | {"issued_on": "2026-04-02", "due_on": "2026-04-20", "disputed": str(is_disputed).lower()}
        )
        for number, kind in enumerate(actions):
            action: Row = {
                "action_id": f"H-{name}-{kind}",
                "customer_id": f"H-{name}",
                "kind": kind,
                "officer_id": "" if name == "missed" else "S1",
            }
            rows["collection_action"].append(action | {"acted_on": date(2026, 5, 26) + timedelta(days=number)})
        if "instalment_plan" in actions:
            for due_on, amount in (("2026-06-05", 100), ("2026-06-25", 200), ("2026-07-25", 200)):
                part: Row = {"action_id": f"H-{name}-instalment_plan", "due_on": due_on, "amount": amount}
                rows["instalment"].append(part)
    for name, paid_on in (("plan", "2026-06-05"), ("missed", "2026-06-06")):
        money: Row = {"payment_id": f"H-{name}", "customer_id": f"H-{name}", "bill_id": f"H-{name}"}
        rows["payment"].append(money | {"paid_on": paid_on, "amount": 100})
    closing: Row = {"order_id": "H-closing", "customer_id": "H-agency", "kind": "close", "requested_on": "2026-05-10"}
    rows["service_order"].append(closing)
    return rows


def reformed_rows(count: int) -> Rows:
    """Customers who pay in time, and whose theft of two years ago has ceased to count since the last month-end."""
    rows: Rows = {"customer": [], "bill": [], "payment": [], "inspection": []}
    for number in range(count):
        customer = f"R{number:04d}"
        who: Row = {"customer_id": customer, "name": customer, "segment": "residential", "region": "wild"}
        rows["customer"].append(who | {"opened_on": "2020-01-01", "updated_at": "2024-01-01 00:00:00"})
        theft: Row = {"inspection_id": f"{customer}-I", "customer_id": customer, "kind": "theft"}
        rows["inspection"].append(theft | {"found_on": "2024-06-05", "settled_on": "2024-07-01"})
        for index in range(14):
            issued = oracle.add_months(date(2025, 5, 3), index)
            bill: Row = {"bill_id": f"{customer}-{index}", "customer_id": customer, "amount": 80 + number}
            period = f"{oracle.previous_month_end(issued):%Y-%m}"
            dates: Row = {"period": period, "issued_on": issued, "due_on": issued.replace(day=23)}
            rows["bill"].append(bill | dates | {"kind": "regular"})
            rows["payment"].append(bill | {"payment_id": f"{customer}-P{index}", "paid_on": issued.replace(day=9)})
    return rows
