"""`make bench-recovery`: do the accounts reconcile, how far off were the forecasts, and how soon a payment clears a
warning.

The last is measured under a running scheduler: from a payment file's landing to the release in which the warnings it
pays for are gone.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from datetime import date
from pathlib import Path

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.operations import pipeline, services
from gridcredit.operations.demo import follow, last_delivery
from gridcredit.reporting.dashboard.facts import collect
from gridcredit.reporting.dashboard.page import past_errors
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import Connection, connect

from benchmarks.measure import quiet_logs, say, timed, warehouse

MAPPING = "demo"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--payments", type=int, default=1000)
    parser.add_argument("--ibm", type=Path, help="the IBM accounts receivable sample: its cash forecasts alone")
    options = parser.parse_args()
    quiet_logs()
    if options.ibm:
        print_forecasts_of(options.ibm)
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        say("simulate", timed(lambda: simulate(options.customers, 24, 1, files)))
        with warehouse(Path(folder) / "home") as settings:
            mapping = load_mappings(settings.mappings_dir)[MAPPING]
            for name in EXTRACTS:
                load_file(files / f"{name}.csv", mapping, settings)
            say("build and publish", timed(lambda: pipeline.build_ratings("first", settings=settings)))
            with connect(settings, autocommit=True) as connection:
                print_reconciliation(connection)
            for errors in past_errors(collect(settings, "en").rows["forecasts"]):
                print(
                    f"cash within {errors['months']} months, {errors['forecasts']} past forecasts: "
                    f"mean error {errors['forecast']:.1%}, naive {errors['naive']:.1%}"
                )
            measure_clearing(settings, options.payments)


def print_forecasts_of(ledger: Path) -> None:
    """Of a real ledger: the error of what was published against the better naive forecast's, over 12 windows."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with warehouse(Path(folder) / "home") as settings:
            load_file(ledger, load_mappings(settings.mappings_dir)["ibm_receivables"], settings)
            pipeline.build_ratings("ibm", date(2013, 12, 31), settings)
            with connect(settings) as connection:
                for months, day, method, ratio in connection.execute(
                    "select months, as_of_date, method, error_against_naive from published.cash_forecast "
                    "where error_against_naive is not null order by 1, 2"
                ):
                    print(f"{day}, {months} months ahead: {method}, error against the better naive one {ratio}")


def print_reconciliation(connection: Connection) -> None:
    """The largest differences of any month and place; all must be 0.00."""
    account, bills, opening, aged = (
        connection.execute(
            "select max(abs(opening_balance + billed_amount - collected_amount + refunded_amount - written_off_amount "
            "+ recovered_amount - closing_balance)), max(abs(receivable_amount - unallocated_amount "
            "- written_off_to_date - closing_balance)), "
            "(select max(abs(now.opening_balance - before.closing_balance)) from published.receivable_by_month as now "
            "join published.receivable_by_month as before on before.as_of_date = date_trunc('month', "
            "now.as_of_date)::date - 1 "
            "and (before.region, before.org_unit, before.segment) = (now.region, now.org_unit, now.segment)), "
            "(select max(abs(aged.amount - months.amount)) from (select as_of_date, sum(open_amount) as amount "
            "from published.receivable_by_age group by 1) as aged join (select as_of_date, sum(receivable_amount) as "
            "amount from published.receivable_by_month group by 1) as months using (as_of_date)) from "
            "published.receivable_by_month"
        ).fetchone()
        or (None,) * 4
    )
    print(
        f"largest difference: account {account}, open bills {bills}, opening and closing before {opening}, ages {aged}"
    )


def measure_clearing(settings: Settings, count: int) -> None:
    """Pay all that customers with an overdue warning owe, by `count` payments at most; wait until the warnings are
    gone.
    """
    with connect(settings, autocommit=True) as connection:
        debts = connection.execute(
            "select bill_id, customer_id, open_amount from (select *, count(*) over (order by customer_id) as "
            "up_to_here from published.late_charge where open_amount > 0 and customer_id in ("
            "select customer_id from published.customer_warning where rule = 'overdue_30_days')) as owed "
            "where up_to_here <= %s",
            [count],
        ).fetchall()
        payers = sorted({customer for _, customer, _ in debts})
        (as_of,) = connection.execute("select max(as_of_date) from published.release").fetchone() or (None,)
        say("Airflow: start to healthy", timed(lambda: services.start(settings, lambda _: None)))
        try:
            before = last_delivery(connection)
            folder = settings.landing_dir / MAPPING
            folder.mkdir(parents=True, exist_ok=True)
            partial = folder / "payment_late.csv.partial"
            with partial.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["payment_id", "customer_id", "bill_id", "paid_on", "amount"])
                for number, (bill, customer, amount) in enumerate(debts):
                    writer.writerow([f"LATE{number}", customer, bill, as_of, amount])
            landed = time.monotonic()
            partial.rename(folder / "payment_late.csv")
            follow(connection, before, 1, lambda _: None)
            seconds = time.monotonic() - landed
            (left,) = connection.execute(
                "select count(*) from published.customer_warning where rule = 'overdue_30_days' and customer_id = "
                "any(%s)",
                [payers],
            ).fetchone() or (None,)
        finally:
            services.stop_airflow(settings)
    say(
        "payment landed to cleared",
        seconds,
        f"{len(debts):,} payments of {len(payers):,} customers; still warned: {left}",
    )


if __name__ == "__main__":
    main()
