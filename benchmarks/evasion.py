"""`make bench-evasion`: how far a signal of evasion can be trusted, against the thefts of a simulated supplier.

At the month-ends of a year, each customer who stole in the month that ended counts as a thief. Of those named, the
share who are (precision), and of the thieves the share who are named (recall), by threshold of `evasion_signal` and by
cause.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import date
from pathlib import Path

import pandas as pd
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import connect
from scipy.stats import binomtest

from benchmarks.daily_run import RESULTS
from benchmarks.measure import quiet_logs, say, timed, warehouse
from tests.support.suppliers import load

LAST_DAY = date(2026, 6, 18)
MONTHS, MONTH_ENDS, ENOUGH_THIEVES = 26, 12, 80
EXTRACTS = ("customer", "bill", "payment", "tariff", "meter", "meter_reading", "service_order", "inspection")
SIGNALS = """
select as_of_date, customer_id, evasion_signal, tamper_events_6m > 0, theft_24m > 0
from features.customer_feature join scope.as_of_date using (as_of_date)
where not is_latest and evasion_signal is not null
"""
COLUMNS = ["as_of_date", "customer_id", "signal", "has_tampered", "was_found"]


def main() -> None:
    """Simulate, build, and compare the signals with who stole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=30_000)
    options = parser.parse_args()
    quiet_logs()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        simulate(options.customers, MONTHS, 1, files, through=LAST_DAY)
        with warehouse(Path(folder) / "home") as settings:
            say("build", timed(lambda: _build(files, settings)))
            with connect(settings) as connection:
                signals = pd.DataFrame(connection.execute(SIGNALS).fetchall(), columns=COLUMNS)
        thefts = pd.read_csv(files / "truth" / "theft.csv", parse_dates=["stolen_from", "found_on"])
    thieves, found = measure(signals, thefts)
    print(f"{options.customers:,} customers, {thieves} thieves, {MONTH_ENDS} month-ends")
    if thieves < ENOUGH_THIEVES:
        print(f"fewer than {ENOUGH_THIEVES} thieves: the figures below say little; ask for more customers")
    for name, figures in found.items():
        print(f"{name:<28} {figures}")
    report: dict[str, object] = {"customers": options.customers, "thieves": thieves} | found
    (RESULTS / "evasion.json").write_text(json.dumps(report, indent=2) + "\n")


def _build(files: Path, settings: Settings) -> None:
    settings.history_months = MONTH_ENDS
    load(files, settings, EXTRACTS)
    pipeline.build_ratings("evasion", LAST_DAY, settings)


def measure(signals: pd.DataFrame, thefts: pd.DataFrame) -> tuple[int, dict[str, dict[str, object]]]:
    """How many thieves, and precision and recall by threshold and by cause; whom an inspection has found is not
    counted.
    """
    rows = signals[~signals["was_found"].fillna(False).astype(bool)].merge(thefts, on="customer_id", how="left")
    month = pd.to_datetime(rows["as_of_date"]).dt.to_period("M").dt.to_timestamp()
    is_thief = (rows["stolen_from"] <= month) & ~(rows["found_on"].dt.to_period("M").dt.to_timestamp() <= month)
    signal, tampered = rows["signal"].astype(int), rows["has_tampered"].fillna(False).astype(bool)
    has_fallen = signal - 2 * tampered >= 2
    named = {
        "check it: 1 or more": signal >= 1,
        "2 or more": signal >= 2,
        "3 or more": signal >= 3,
        "4 or more": signal >= 4,
        "a fall of use alone": has_fallen & ~tampered & (signal == 2),
        "tampering alone": tampered & (signal == 2),
        "tampering, or a fall and more": tampered | (signal >= 3),
        "estimated readings alone": signal == 1,
    }
    return rows.loc[is_thief, "customer_id"].nunique(), {
        name: _precision_and_recall(is_named, is_thief, rows["customer_id"]) for name, is_named in named.items()
    }


def _precision_and_recall(is_named: pd.Series, is_thief: pd.Series, customer: pd.Series) -> dict[str, object]:
    """With the 95 % interval of Wilson; customers who are named at several month-ends count each time."""
    both, count = int((is_named & is_thief).sum()), int(is_named.sum())
    thieves = set(customer[is_thief])
    interval = binomtest(both, count).proportion_ci(method="wilson") if count else (None, None)
    return {
        "named": count,
        "precision": round(both / count, 3) if count else None,
        "interval": [round(float(bound), 3) for bound in interval if bound is not None],
        "recall": round(both / int(is_thief.sum()), 3) if is_thief.any() else None,
        "thieves ever named": round(len(set(customer[is_named & is_thief])) / len(thieves), 3) if thieves else None,
    }


if __name__ == "__main__":
    main()
