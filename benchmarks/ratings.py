"""`make bench-ratings`: does SQL say what plain Python says, does the score predict who will not pay, and what does it
cost.

Three figures on simulated customers: how many of them the oracle of the tests agrees with, to the cent and the point;
AUC and KS of the score at month-ends against what happened in the six months after; and the seconds that the ratings of
one date take, by layer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import date
from pathlib import Path

import pandas as pd
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import connect

from benchmarks.daily_run import RESULTS, print_run
from benchmarks.measure import quiet_logs, say, timed, warehouse
from tests.support import oracle, service_oracle, shipped
from tests.support.delivered import all_features, as_oracles_read, read_rows

LAST_DAY = date(2026, 6, 18)
# So that six months after each month-end have been seen.
RATED_ON = date(2025, 12, 18)
POLICY = shipped.FOLDER
# The bills that were more than 60 days overdue, and the day on which that was so first.
DEFAULTS = """
with last_state as (
    select distinct on (bill_id) * from ledger.bill_balance order by bill_id, valid_from desc
)
select customer_id, due_on + 61 as defaulted_on from last_state
where judged_amount > 0 and coalesce(settled_on, 'infinity') > due_on + 60 and due_on + 61 <= %s
"""
SCORES = """
select ratings.as_of_date, ratings.customer_id, ratings.score, behaviour.max_days_overdue > 60 as is_in_default
from credit.rating as ratings
join features.payment_behaviour as behaviour using (as_of_date, customer_id)
join scope.as_of_date as dates on ratings.as_of_date = dates.as_of_date and not dates.is_latest
where ratings.grade_by_policy <> 'NR'
"""


def main() -> None:
    """Measure agreement and power at one size, and the time at another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000, help="whom the oracle and the outcome are asked about")
    parser.add_argument("--timed-customers", type=int, default=100_000, help="who are rated against the clock")
    options = parser.parse_args()
    quiet_logs()
    found: dict[str, object] = {"customers": options.customers, "timed customers": options.timed_customers}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        simulate(options.customers, 38, 1, files, through=LAST_DAY)
        with warehouse(Path(folder) / "home") as settings:
            build(files, settings, RATED_ON, 24)
            found |= power(settings)
            found |= agreement(files, settings)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        simulate(options.timed_customers, 24, 1, files, through=LAST_DAY)
        with warehouse(Path(folder) / "home") as settings:
            found["seconds of one date"] = build(files, settings, LAST_DAY, 1)
            with connect(settings) as connection:
                print_run(connection, "ratings", float(str(found["seconds of one date"])))
    for name, value in found.items():
        print(f"{name:<52} {value}")
    (RESULTS / "ratings.json").write_text(json.dumps(found, indent=2) + "\n")
    print(f"stored in {RESULTS / 'ratings.json'}")


def build(files: Path, settings: Settings, day: date, months: int) -> float:
    """Load all files and rate as of a day and the month-ends before; seconds of the build."""
    settings.history_months = months
    mapping = load_mappings(settings.mappings_dir)["demo"]
    for name in EXTRACTS:
        load_file(files / f"{name}.csv", mapping, settings)
    seconds = timed(lambda: pipeline.build_ratings("ratings", day, settings))
    say("build", seconds)
    return seconds


def power(settings: Settings) -> dict[str, object]:
    """AUC and KS of the score at month-ends: of all who were rated, and of those who were not in default already."""
    with connect(settings) as connection:
        defaults = pd.DataFrame(connection.execute(DEFAULTS, [LAST_DAY]).fetchall(), columns=["customer", "on"])
        scores = pd.DataFrame(
            connection.execute(SCORES).fetchall(), columns=["day", "customer", "score", "is_in_default"]
        )
    scores["score"] = scores["score"].astype(float)
    found: dict[str, object] = {}
    for who, rows in (("all", scores), ("not in default", scores[~scores["is_in_default"]])):
        outcomes = [outcome(group, defaults) for _, group in rows.groupby("day")]
        known = [one for one in outcomes if one is not None]
        for name, values in zip(("share who defaulted", "AUC", "KS"), zip(*known, strict=True), strict=True):
            figures = (sum(values) / len(values), min(values), max(values))
            found[f"{who}: {name}: mean, lowest, highest"] = [round(float(figure), 4) for figure in figures]
        found[f"{who}: month-ends"] = len(known)
    return found


def outcome(group: pd.DataFrame, defaults: pd.DataFrame, months: int = 6) -> tuple[float, float, float] | None:
    """Of a month-end: the share who defaulted in the months after, AUC and KS; None where nobody or all did."""
    day = pd.Timestamp(str(group["day"].iloc[0])).date()
    within = defaults[(defaults["on"] > day) & (defaults["on"] <= oracle.add_months(day, months))]
    bad = group["customer"].isin(within["customer"])
    good = ~bad
    if not bad.any() or bad.all():
        return None
    # Mann and Whitney: how often one who paid has the higher score than one who did not; ties count half.
    wins = group["score"].rank()[good].sum() - good.sum() * (good.sum() + 1) / 2
    shares = pd.DataFrame({"bad": bad.groupby(group["score"]).sum(), "good": good.groupby(group["score"]).sum()})
    distance = (shares["bad"].cumsum() / bad.sum() - shares["good"].cumsum() / good.sum()).abs().max()
    return float(bad.mean()), float(wins / (bad.sum() * good.sum())), float(distance)


def agreement(files: Path, settings: Settings) -> dict[str, object]:
    """How many customers the oracle says the same of: every feature, the rating, the limit and the exposure."""
    policy = oracle.Policy(POLICY)
    names = ("customer", "bill", "payment", "meter", "meter_reading", *oracle.CONDUCT)
    ledger, months = as_oracles_read(read_rows([files / f"{name}.csv" for name in names]))
    with connect(settings) as connection:
        cursor = connection.execute("select * from published.feature_library")
        columns = [column.name for column in cursor.description or ()]
        features = {row[0]: dict(zip(columns, row, strict=True)) for row in cursor.fetchall()}
        month_ends = [
            day for (day,) in connection.execute("select as_of_date from scope.as_of_date where not is_latest")
        ]
        ratings = {
            row[0]: row[1:]
            for row in connection.execute("select customer_id, grade, score from published.customer_rating").fetchall()
        }
        money = {
            row[0]: row[1:]
            for row in connection.execute(
                "select customer_id, credit_limit, exposure from published.credit_limit"
            ).fetchall()
        }
    agreed = {"features": 0, "grade and score": 0, "limit and exposure": 0}
    rated = 0
    for customer in ledger.customers:
        name = customer.customer_id
        if customer.opened_on > RATED_ON:
            continue
        rated += 1
        wanted = all_features(policy, ledger, customer, months.get(name, {}), RATED_ON, month_ends)
        wanted.pop("days_to_next_due", None)
        got = {key: value for key, value in features[name].items() if key in columns[4:] and value is not None}
        agreed["features"] += got == wanted
        grade, _, score = oracle.rate(policy, ledger, customer, wanted, RATED_ON)
        agreed["grade and score"] += ratings[name] == (grade, score)
        wanted_money = service_oracle.limit_and_exposure(policy, ledger, customer, grade, RATED_ON)
        agreed["limit and exposure"] += money[name] == wanted_money
    return {"customers compared": rated, **{f"agree in {what}": count for what, count in agreed.items()}}


if __name__ == "__main__":
    main()
