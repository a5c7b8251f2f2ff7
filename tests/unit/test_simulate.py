"""The simulator: repeatable to the byte, coherent, and driven by what it hides."""

import csv
import hashlib
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from gridcredit import simulate as simulator
from gridcredit.cli import app
from gridcredit.extracts.contract import EXTRACTS
from gridcredit.simulate import simulate
from typer.testing import CliRunner


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
    assert len(digest(tmp_path / "a")) == 5


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
    assert {row["segment"] for row in customers.values()} == {kind.name for kind in simulator.SEGMENTS}
    for bill in bills.values():
        assert bill["period"] >= customers[bill["customer_id"]]["opened_on"][:7]
        parts = sum(Decimal(bill[name]) for name in ("energy_charge", "demand_charge", "adjustment"))
        assert Decimal(bill["amount"]) == parts
    for payment in payments.values():
        if payment["bill_id"]:
            assert bills[payment["bill_id"]]["customer_id"] == payment["customer_id"]
        if payment["reverses_payment_id"]:
            assert Decimal(payment["amount"]) == -Decimal(payments[payment["reverses_payment_id"]]["amount"])


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
    assert len(digest(tmp_path / "out")) == 5
