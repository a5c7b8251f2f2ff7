"""A trial of two strategies on hand-made accounts: whom it counts, whom it draws, and its interval, all computed in
plain Python.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from statistics import fmean

import pytest
from gridcredit import policies
from gridcredit.operations import runs
from gridcredit.settings import Settings
from gridcredit.transformation import runner
from gridcredit.warehouse.connection import connect

from tests.support import shipped
from tests.support.prepared import Prepared
from tests.support.suppliers import deliver
from tests.support.trial_oracle import drawn_of, half_width
from tests.support.warehouses import Warehouses

DAY = date(2026, 6, 19)
SALT = " spring"
# How likely each is, and by what factor more or fewer debts default then.
SCENARIOS = {"base": ("0.5", "1"), "downturn": ("0.3", "1.8"), "upturn": ("0.2", "0.4")}
CUSTOMERS = [f"C{number}" for number in range(400)]


def paid(number: int) -> int:
    """What a customer pays within 30 days of a bill of 100.00 due in the trial."""
    return (0, 100, 100, 30)[number * 7 % 13 % 4]


def files() -> dict[str, str]:
    """Each customer has a bill of before the trial, paid late, and one of the trial."""
    customers, bills, payments = [], [], []
    for number, who in enumerate(CUSTOMERS):
        customers.append(f"{who},{who},residential,2020-01-01,,,2024-01-01 00:00:00")
        bills.append(f"{who}-old,{who},2025-12,2026-01-01,2026-01-15,100,regular,")
        bills.append(f"{who}-new,{who},2026-02,2026-03-02,2026-03-16,100,regular,")
        payments.append(f"{who}-P,{who},{who}-old,2026-02-27,100,")
        if paid(number):
            payments.append(f"{who}-Q,{who},{who}-new,2026-04-01,{paid(number)},")
    found = {
        "customer": ["customer_id,name,segment,opened_on,closed_on,deposit_amount,updated_at", *customers],
        "bill": ["bill_id,customer_id,period,issued_on,due_on,amount,kind,disputed", *bills],
        "payment": ["payment_id,customer_id,bill_id,paid_on,amount,reverses_payment_id", *payments],
    }
    return {name: "\n".join([*lines, ""]) for name, lines in found.items()}


@pytest.fixture(scope="module")
def trial(warehouses: Warehouses, empty: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("trials")
    with warehouses.lent(empty) as settings:
        settings.policies_dir = folder / "policies"
        shutil.copytree(Settings().policies_dir, settings.policies_dir)
        own = settings.policies_dir / "default" / shipped.NUMBER
        (own / "dunning_strategies.csv").write_text("strategy,share_pct\nstandard,60\nearly_call,40\n")
        lines = [f"{name},{probability},{factor}" for name, (probability, factor) in SCENARIOS.items()]
        (own / "loss_scenarios.csv").write_text("\n".join(["scenario,probability,default_factor", *lines, ""]))
        with (own / "policy.yml").open("a") as header:
            header.write(f"trial_since: 2026-03-01\ntrial_salt: '{SALT}'\n")
        for name, text in files().items():
            deliver(folder / f"{name}.csv", settings, text)
        run = runs.start_run("trial", DAY, settings)
        policies.load_policies(settings)
        runner.build(run, [date(2026, 5, 31), DAY])
        yield settings


def strategy_of(customer: str) -> str:
    """Strategies share the hundredths in the order of their names."""
    return "early_call" if drawn_of(customer + SALT, 100) < 40 else "standard"


def test_a_trial_counts_what_fell_due_since_it_began(trial: Settings) -> None:
    """30.11: debts of before the trial say nothing of it; each trial draws its own customers; the interval is of
    redraws.
    """
    rates = {who: paid(number) / 100 for number, who in enumerate(CUSTOMERS)}
    arms = {
        name: [rate for who, rate in rates.items() if strategy_of(who) == name] for name in ("early_call", "standard")
    }
    difference = fmean(arms["early_call"]) - fmean(arms["standard"])
    width = half_width(rates, 40, 100)
    with connect(trial) as connection:
        rows = {
            strategy: rest
            for strategy, *rest in connection.execute(
                "select strategy, customers, mean_recovered_rate, difference, difference_low, difference_high "
                "from candidate.strategy_result where days_recovered = 30"
            )
        }
        pursued = connection.execute("select customer_id, strategy from candidate.work_list").fetchall()
    count, mean, *interval = rows["early_call"]
    assert count == len(arms["early_call"])
    assert float(mean) == pytest.approx(fmean(arms["early_call"]), abs=0.00006)
    expected = [difference, difference - width, difference + width]
    assert [float(value) for value in interval] == pytest.approx(expected, abs=0.00006)
    assert rows["standard"][0] == len(arms["standard"])
    assert rows["standard"][2:] == [None, None, None]
    assert len(pursued) > 100
    assert all(strategy == strategy_of(who) for who, strategy in pursued)


def test_losses_are_expected_over_all_scenarios(trial: Settings) -> None:
    """31.3: a default rate is the mean of what each scenario makes of it, 1 at most, weighted by its probability."""
    with connect(trial) as connection:
        rows = connection.execute(
            "select default_rate, expected_default_rate from receivables.default_matrix"
        ).fetchall()
    for rate, expected in rows:
        scenarios = [Decimal(share) * min(rate * Decimal(factor), Decimal(1)) for share, factor in SCENARIOS.values()]
        assert abs(sum(scenarios) - expected) <= Decimal("0.0000005")
    assert len({rate for rate, _ in rows}) > 1
