"""`make bench-policies`: does one version of a policy rank better than another, without being fitted to anything?

Each supplier is rated at its month-ends by both versions. AUC and KS are those of the score against what happened
after, the mean over month-ends, of the customers whom both rate. Simulated suppliers: a bill more than 60 days overdue
within six months. The IBM ledger (--ibm FILE): a bill paid more than 30 days late of those due within three months.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
from gridcredit import policies
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.operations import runs
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.simulation import simulate
from gridcredit.transformation import runner
from gridcredit.warehouse.connection import connect

from benchmarks.daily_run import RESULTS
from benchmarks.measure import quiet_logs, warehouse
from benchmarks.ratings import outcome
from tests.support import shipped
from tests.support.suppliers import load

# Bills that were so many days overdue, and the day on which that was so first.
LATE_BILLS = """
with last_state as (
    select distinct on (bill_id) * from ledger.bill_balance order by bill_id, valid_from desc
)
select customer_id, due_on + %(days)s + 1 as defaulted_on from last_state
where judged_amount > 0 and coalesce(settled_on, 'infinity') > due_on + %(days)s and due_on + %(days)s + 1 <= %(until)s
"""
SCORES = """
select as_of_date, customer_id, score from credit.score join scope.as_of_date using (as_of_date)
where not is_latest and score is not null and not is_new_customer
"""


@dataclass(frozen=True)
class Supplier:
    """A supplier: how its files are loaded, the day it is rated on, and what counts as default how long after."""

    name: str
    load: Callable[[Settings], object]
    rated_on: date
    known_until: date
    days_overdue: int
    months_after: int


def main() -> None:
    """Rate each supplier by both versions and print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[1000, 5000, 20000])
    parser.add_argument("--ibm", type=Path, help="the IBM accounts receivable sample")
    parser.add_argument("--older", type=Path, default=PROJECT_DIR / "policies" / "default" / "1.0")
    parser.add_argument("--newer", type=Path, default=shipped.FOLDER)
    options = parser.parse_args()
    quiet_logs()
    found: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        suppliers = [simulated(customers, folder) for customers in options.customers]
        if options.ibm:
            suppliers.append(ibm(options.ibm))
        for supplier in suppliers:
            found[supplier.name] = compare(supplier, {"older": options.older, "newer": options.newer}, folder)
            for which, figures in found[supplier.name].items():
                print(
                    f"{supplier.name:<24}{which:<8}",
                    *(f"{name} {value:<9.4f}" for name, value in figures.items()),
                    flush=True,
                )
    (RESULTS / "policies.json").write_text(json.dumps(found, indent=2) + "\n")
    print(f"stored in {RESULTS / 'policies.json'}")


def simulated(customers: int, folder: Path) -> Supplier:
    """A simulated supplier, of whom six months after the last month-end are known."""
    files, until = folder / f"{customers} customers", date(2026, 6, 18)
    simulate(customers, 38, 1, files, through=until)
    return Supplier(f"{customers} simulated", lambda settings: load(files, settings), date(2025, 12, 18), until, 60, 6)


def ibm(file: Path) -> Supplier:
    """The IBM ledger."""

    def load_ledger(settings: Settings) -> object:
        return load_file(file, load_mappings(settings.mappings_dir)["ibm_receivables"], settings)

    return Supplier("IBM ledger", load_ledger, date(2013, 9, 30), date(2013, 12, 31), 30, 4)


def compare(supplier: Supplier, versions: dict[str, Path], folder: Path) -> dict[str, dict[str, float]]:
    """By version its AUC, KS, share of the top score and number of distinct scores."""
    scores: dict[str, pd.DataFrame] = {}
    with tempfile.TemporaryDirectory(dir=folder) as home, warehouse(Path(home)) as settings:
        supplier.load(settings)
        settings.history_months = 24
        settings.policies_dir = one_policy_each(versions, Path(home) / "versions")
        for which in versions:
            settings.policy = which
            run = runs.start_run(which, supplier.rated_on, settings)
            policies.load_policies(settings)
            runner.build(run, runs.as_of_dates(run.as_of_date, settings.history_months), full_refresh=True)
            with connect(settings) as connection:
                rows = connection.execute(SCORES).fetchall()
                late = connection.execute(
                    LATE_BILLS, {"days": supplier.days_overdue, "until": supplier.known_until}
                ).fetchall()
            scores[which] = pd.DataFrame(rows, columns=["day", "customer", "score"])
    defaults = pd.DataFrame(late, columns=["customer", "on"])
    both = scores["older"].merge(scores["newer"], on=["day", "customer"], suffixes=("_older", "_newer"))
    return {which: figures_of(both, f"score_{which}", defaults, supplier.months_after) for which in versions}


def one_policy_each(versions: dict[str, Path], folder: Path) -> Path:
    """A policies folder in which each version is a policy of its own, in force from the first."""
    shutil.copytree(PROJECT_DIR / "policies", folder, ignore=shutil.ignore_patterns("default", "regional"))
    for which, source in versions.items():
        copy = folder / which / "1"
        shutil.copytree(source, copy)
        lines = (copy / "policy.yml").read_text(encoding="utf-8").splitlines()
        new = {"policy:": which, "version:": f"{which}-1", "effective_from:": "2000-01-01"}
        lines = [
            f"{line.split()[0]} {new[line.split()[0]]}" if line.split()[:1] and line.split()[0] in new else line
            for line in lines
        ]
        (copy / "policy.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def figures_of(both: pd.DataFrame, column: str, defaults: pd.DataFrame, months: int) -> dict[str, float]:
    """What a version's scores are worth."""
    rated = both.assign(score=both[column].astype(float))
    known = [one for _, group in rated.groupby("day") if (one := outcome(group, defaults, months)) is not None]
    newest = rated[rated["day"] == rated["day"].max()]["score"]
    return {
        "month-ends": float(len(known)),
        "defaulted": sum(one[0] for one in known) / len(known),
        "AUC": sum(one[1] for one in known) / len(known),
        "KS": sum(one[2] for one in known) / len(known),
        "share of the top score": float((newest == newest.max()).mean()),
        "most frequent score": float(newest.value_counts(normalize=True).max()),
        "distinct scores": float(newest.nunique()),
    }


if __name__ == "__main__":
    main()
