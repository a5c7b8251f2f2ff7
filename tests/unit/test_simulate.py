"""The simulator: repeatable to the byte, coherent, and driven by what it hides."""

import csv
import hashlib
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from gridcredit.cli.app import app
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.simulation import simulate
from gridcredit.simulation import supplier as simulator
from gridcredit.simulation.customers import SEGMENTS
from typer.testing import CliRunner

from tests.support.power_factor import power_factor_percentage


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.csv"))
    }


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_same_seed_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate(200, 6, seed, tmp_path / name, defects=20)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert digest(tmp_path / "a") != digest(tmp_path / "c")
    assert len(digest(tmp_path / "a")) == len(EXTRACTS) + 3


def test_more_customers_do_not_change_the_earlier_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator, "BLOCK", 50)
    simulate(50, 6, 1, tmp_path / "one")
    simulate(120, 6, 1, tmp_path / "more")
    for name in EXTRACTS:
        first = (tmp_path / "one" / f"{name}.csv").read_bytes()
        assert (tmp_path / "more" / f"{name}.csv").read_bytes().startswith(first)


@pytest.fixture(scope="module")
def supplier(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    folder = tmp_path_factory.mktemp("supplier")
    simulate(1500, 24, 4, folder)
    found = {name: rows(folder / f"{name}.csv") for name in EXTRACTS}
    return found | {"truth": rows(folder / "truth" / "creditworthiness.csv")}


def test_facts_refer_to_each_other(supplier: dict[str, list[dict[str, str]]]) -> None:
    customers = {row["customer_id"]: row for row in supplier["customer"]}
    bills = {row["bill_id"]: row for row in supplier["bill"]}
    payments = {row["payment_id"]: row for row in supplier["payment"]}
    assert len(bills) == len(supplier["bill"])
    assert len(payments) == len(supplier["payment"])
    assert {row["segment"] for row in customers.values()} == {kind.name for kind in SEGMENTS}
    for bill in bills.values():
        assert bill["period"] >= customers[bill["customer_id"]]["opened_on"][:7]
        if bill["kind"] == "regular":
            parts = sum(Decimal(bill[name]) for name in ("energy_charge", "demand_charge", "adjustment"))
            assert Decimal(bill["amount"]) == parts
        if bill["reverses_bill_id"]:
            named = bills[bill["reverses_bill_id"]]
            assert named["customer_id"] == bill["customer_id"]
            assert 0 < -Decimal(bill["amount"]) / Decimal(named["amount"]) <= 1
            assert named["issued_on"] < bill["issued_on"]
    for payment in payments.values():
        assert not payment["bill_id"] or payment["bill_id"] in bills
        if payment["reverses_payment_id"]:
            named = payments[payment["reverses_payment_id"]]
            assert 0 < -Decimal(payment["amount"]) / Decimal(named["amount"]) <= 1
            assert named["paid_on"] < payment["paid_on"]
    plans = {row["action_id"]: row for row in supplier["collection_action"] if row["kind"] == "instalment_plan"}
    parts_of: dict[str, Decimal] = defaultdict(Decimal)
    for row in supplier["instalment"]:
        assert plans[row["action_id"]]["acted_on"] < row["due_on"]
        parts_of[row["action_id"]] += Decimal(row["amount"])
    assert parts_of == {action: Decimal(plan["amount"]) for action, plan in plans.items()}


def test_every_kind_of_payment_occurs(supplier: dict[str, list[dict[str, str]]]) -> None:
    payments = supplier["payment"]
    due = {row["bill_id"]: row["due_on"] for row in supplier["bill"]}
    amounts = {row["bill_id"]: row["amount"] for row in supplier["bill"]}
    named = [row for row in payments if row["bill_id"] and not row["reverses_payment_id"]]
    assert any(not row["bill_id"] for row in payments)
    assert any(row["reverses_payment_id"] for row in payments)
    assert any(row["paid_on"] > due[row["bill_id"]] for row in named)
    assert any(Decimal(row["amount"]) < Decimal(amounts[row["bill_id"]]) for row in named)
    assert max(date.fromisoformat(row["paid_on"]) for row in payments) <= date(2026, 6, 19)


def test_what_does_not_go_by_the_book_occurs_in_its_share(supplier: dict[str, list[dict[str, str]]]) -> None:
    """Counted by what a document is to the ledger: its sign, and what it names."""
    bills = {row["bill_id"]: row for row in supplier["bill"]}
    payments = {row["payment_id"]: row for row in supplier["payment"]}
    actions = Counter(row["kind"] for row in supplier["collection_action"])
    regular = sum(row["kind"] == "regular" for row in bills.values())
    of_bills: Counter[str] = Counter()
    for row in bills.values():
        named = bills.get(row["reverses_bill_id"])
        if named and Decimal(row["amount"]) > 0:
            of_bills["credit note taken back"] += 1
        elif named:
            of_bills["cancelled" if Decimal(row["amount"]) == -Decimal(named["amount"]) else "credit note"] += 1
        elif Decimal(row["amount"]) < 0:
            of_bills["stand-alone credit"] += 1
    of_payments: Counter[str] = Counter()
    of_bill: dict[str, Decimal] = defaultdict(Decimal)
    for row in payments.values():
        amount, returned = Decimal(row["amount"]), payments.get(row["reverses_payment_id"])
        if amount < 0:
            kind = "returned" if returned else "returned of a bill" if row["bill_id"] else "refund"
            of_payments["part returned" if returned and -amount < Decimal(returned["amount"]) else kind] += 1
        elif row["bill_id"]:
            of_payments["paid by another"] += bills[row["bill_id"]]["customer_id"] != row["customer_id"]
            of_bill[row["bill_id"]] += amount
    of_payments["more than the bill"] = sum(paid > Decimal(bills[bill]["amount"]) for bill, paid in of_bill.items())
    for kind, least, most in (("cancelled", 0.004, 0.012), ("credit note", 0.007, 0.017)):
        assert least < of_bills[kind] / regular < most, kind
    for kind, least, most in (("paid by another", 0.002, 0.03), ("more than the bill", 0.003, 0.03)):
        assert least < of_payments[kind] / len(payments) < most, kind
    assert of_bills.keys() >= {"credit note taken back", "stand-alone credit"}
    assert of_payments.keys() >= {"returned", "part returned", "returned of a bill", "refund"}
    assert actions.keys() >= {"instalment_plan", "plan_broken", "write_off", "promise"}


def test_disputes_are_of_open_bills_and_won_ones_are_credited(supplier: dict[str, list[dict[str, str]]]) -> None:
    bills = {row["bill_id"]: row for row in supplier["bill"]}
    disputes = supplier["dispute"]
    assert len(disputes) / len(bills) < 0.02
    assert Counter(row["outcome"] for row in disputes).keys() == {
        "", "for_customer", "partly_for_customer", "against_customer", "withdrawn",
    }  # fmt: skip
    assert {bool(row["contested_amount"]) for row in disputes} == {True, False}
    for row in disputes:
        named = bills[row["bill_id"]]
        assert named["customer_id"] == row["customer_id"]
        assert named["issued_on"] < row["opened_on"]
        assert (row["closed_on"] > row["opened_on"]) if row["closed_on"] else not row["outcome"]
        contested = Decimal(row["contested_amount"] or named["amount"])
        assert 0 < contested <= Decimal(named["amount"])
        credited = bills.get(f"BD{row['dispute_id'][1:]}")
        if credited:
            assert credited["reverses_bill_id"] == row["bill_id"]
            assert credited["issued_on"] >= row["closed_on"]
            share = {"for_customer": Decimal(1), "partly_for_customer": Decimal("0.5")}[row["outcome"]]
            assert abs(Decimal(credited["amount"]) + contested * share) <= Decimal("0.01")


def test_the_hidden_creditworthiness_drives_payment(supplier: dict[str, list[dict[str, str]]]) -> None:
    paid: dict[str, Decimal] = defaultdict(Decimal)
    billed: dict[str, Decimal] = defaultdict(Decimal)
    for row in supplier["payment"]:
        paid[row["customer_id"]] += Decimal(row["amount"])
    for row in supplier["bill"]:
        billed[row["customer_id"]] += Decimal(row["amount"])
    ranked = sorted((float(row["creditworthiness"]), row["customer_id"]) for row in supplier["truth"])
    ratios = [paid[customer] / billed[customer] for _, customer in ranked if billed[customer]]
    third = len(ratios) // 3
    assert sum(ratios[:third], Decimal(0)) / third < sum(ratios[-third:], Decimal(0)) / third - Decimal("0.04")
    # Some arrears are cured, some are not.
    assert any(ratio < Decimal("0.5") for ratio in ratios)
    assert any(ratio > Decimal("0.9") for ratio in ratios[:third])


def test_the_command_takes_its_options(tmp_path: Path) -> None:
    options = ["simulate", "--customers", "20", "--months", "3", "--seed", "1", "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(app, options).exit_code == 0
    assert len(digest(tmp_path / "out")) == len(EXTRACTS) + 3


def test_readings_and_tariff_give_the_bill(supplier: dict[str, list[dict[str, str]]]) -> None:
    """Recomputed from the files alone: register differences x multiplier x price, demand, power factor."""
    meters = {row["meter_id"]: row for row in supplier["meter"]}
    prices = {(row["tariff_code"], row["register"]): row for row in supplier["tariff"]}
    tariffs = {row["customer_id"]: row["tariff_code"] for row in supplier["customer"]}
    shown: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
    for row in supplier["meter_reading"]:
        assert row["read_on"] not in shown[row["meter_id"], row["register"]]
        shown[row["meter_id"], row["register"]][row["read_on"]] = Decimal(row["reading"])
    used: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
    for (meter, register), figures in shown.items():
        multiplier = Decimal(meters[meter]["multiplier"])
        customer = meters[meter]["customer_id"]
        days = sorted(figures)
        if register == "demand":
            for day in days:
                used[customer, day[:7]][register] = figures[day] * multiplier
            continue
        for earlier, later in pairwise(days):
            turned = figures[later] - figures[earlier]
            turned += 1_000_000 if turned < 0 else 0
            assert register not in used[customer, later[:7]]
            used[customer, later[:7]][register] = turned * multiplier
    assert any(row["removed_on"] for row in meters.values())
    cent = Decimal("0.01")
    for bill in supplier["bill"]:
        if bill["kind"] != "regular":
            continue
        registers = used[bill["customer_id"], bill["period"]]
        tariff = tariffs[bill["customer_id"]]
        assert registers["total"] == Decimal(bill["energy_kwh"])
        energy = sum(
            (
                kwh * Decimal(prices[tariff, name]["unit_price"])
                for name, kwh in registers.items()
                if (tariff, name) in prices
            ),
            Decimal(0),
        ).quantize(cent, ROUND_HALF_UP)
        assert Decimal(bill["energy_charge"]) == energy
        if "demand" not in registers:
            assert (bill["demand_charge"], bill["adjustment"]) == ("0.00", "0.00")
            continue
        terms = prices[tariff, "peak"]
        demand = registers["demand"] * Decimal(terms["demand_price"])
        assert Decimal(bill["demand_charge"]) == demand
        factor = registers["total"] / (registers["total"] ** 2 + registers["reactive"] ** 2).sqrt()
        percentage = power_factor_percentage(Decimal(terms["power_factor_standard"]), factor)
        assert Decimal(bill["adjustment"]) == ((energy + demand) * percentage / 100).quantize(cent, ROUND_HALF_UP)


def test_events_follow_from_what_happened(supplier: dict[str, list[dict[str, str]]]) -> None:
    due = {row["bill_id"]: row["due_on"] for row in supplier["bill"]}
    for action in supplier["collection_action"]:
        assert action["acted_on"] > due[action["bill_id"]]
        assert (action["kind"] == "promise") == bool(action["promise_date"])
    changes = {
        (row["customer_id"], row["party_name"])
        for row in supplier["party"]
        if row["role"] == "legal_representative" and row["valid_to"]
    }
    notices = {(row["customer_id"], row["old_value"]) for row in supplier["department_notice"]}
    assert notices
    assert notices <= changes
    meters = {row["meter_id"]: row["customer_id"] for row in supplier["meter"]}
    tampered = {
        meters[row["meter_id"]]: row["read_on"] for row in supplier["meter_reading"] if row["event"] == "tamper"
    }
    thefts = {row["customer_id"]: row["found_on"] for row in supplier["inspection"] if row["kind"] == "theft"}
    assert tampered
    assert set(tampered) & set(thefts)
    assert all(thefts[customer] > day for customer, day in tampered.items() if customer in thefts)
    spans = sorted((row["customer_id"], row["valid_from"], row["valid_to"]) for row in supplier["officer_assignment"])
    for (customer, _, until), (next_customer, begins, _) in pairwise(spans):
        if customer == next_customer:
            assert date.fromisoformat(begins) - date.fromisoformat(until) == timedelta(days=1)
        else:
            assert until == ""
    for name, extract in EXTRACTS.items():
        keys = [tuple(row[key] for key in extract.keys) for row in supplier[name]]
        # The simulated supplier has no definition of default of its own.
        assert keys or name == "outcome", name
        assert len(set(keys)) == len(keys), name


def test_daily_readings_hold_the_monthly_ones(tmp_path: Path) -> None:
    """Meters read daily show the same figures at month's end, a figure for each day once, and never one that falls."""
    shown: dict[str, dict[tuple[str, str, str], Decimal]] = {}
    for name, daily in (("monthly", False), ("daily", True)):
        simulate(40, 4, 3, tmp_path / name, daily_readings=daily)
        with (tmp_path / name / "meter_reading.csv").open() as file:
            rows = list(csv.DictReader(file))
        shown[name] = {(row["meter_id"], row["register"], row["read_on"]): Decimal(row["reading"]) for row in rows}
        assert len(shown[name]) == len(rows)
    assert shown["monthly"].items() <= shown["daily"].items()
    assert len(shown["daily"]) > 20 * len(shown["monthly"])
    falls = [
        before - after
        for ((meter, register, _), before), ((next_meter, next_register, _), after) in pairwise(
            sorted(shown["daily"].items())
        )
        if (meter, register) == (next_meter, next_register) and register != "demand" and after < before
    ]
    assert all(fall > 500_000 for fall in falls)
