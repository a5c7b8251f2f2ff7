"""`make bench-scorecards`: expert policy, fitted scorecard and gradient boosting out of time, and SQL against Python,
by size.

Gradient boosting is a yardstick only: nobody could explain its grades.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.features import features
from gridcredit.evaluation.figures import Power, power
from gridcredit.evaluation.outcomes import build_outcomes
from gridcredit.evaluation.scorecards.develop import Development, develop
from gridcredit.evaluation.scorecards.score import score
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.operations import pipeline
from gridcredit.policy_changes.simulation import simulate_policy
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import Connection
from psycopg import sql
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.daily_run import RESULTS
from benchmarks.measure import quiet_logs, say, timed, warehouse

LAST_DAY = date(2026, 6, 18)


def main() -> None:
    """Measure every size, print, and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[1000, 5000, 20_000])
    options = parser.parse_args()
    quiet_logs()
    found = {str(customers): measure(customers) for customers in options.customers}
    (RESULTS / "scorecards.json").write_text(json.dumps(found, indent=2) + "\n")
    print(f"stored in {RESULTS / 'scorecards.json'}")


def measure(customers: int) -> dict[str, Any]:
    """One size: build, fit, judge."""
    print(f"{customers:,} customers", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        simulate(customers, 38, 1, files, through=LAST_DAY)
        with warehouse(Path(folder) / "home") as settings:
            settings.history_months = 24
            demo = load_mappings(settings.mappings_dir)["demo"]
            for name in EXTRACTS:
                load_file(files / f"{name}.csv", demo, settings)
            say("  build", timed(lambda: pipeline.build_ratings("rated", LAST_DAY, settings)))
            outcomes = timed(lambda: build_outcomes(settings))
            say("  outcomes", outcomes)
            started = time.monotonic()
            made = develop(Path(folder) / "fitted", "fitted", date(2026, 7, 1), settings)
            fit = time.monotonic() - started
            say(
                "  fit and judge",
                fit,
                f"{made.sample.fitted.observed:,} observed, {made.sample.fitted.defaults:,} defaults",
            )
            ways = ways_out_of_time(made, settings)
            for name, one in ways.items():
                print(f"  {name:<22} AUC {one.auc}  KS {one.ks}", flush=True)
            equal, compared = equality(made, settings)
            print(f"  SQL scores as Python does: {equal:,} of {compared:,}", flush=True)
    return {
        "seconds of outcomes": outcomes,
        "seconds to fit and judge": fit,
        "observed out of time": made.sample.judging.observed,
        "defaults out of time": made.sample.judging.defaults,
        **{name: {"AUC": str(one.auc), "KS": str(one.ks)} for name, one in ways.items()},
        "scores equal": f"{equal} of {compared}",
    }


def ways_out_of_time(made: Development, settings: Settings) -> dict[str, Power]:
    """The power of each way of scoring out of time."""
    fitted, judged = made.sample.fitted.frame, made.sample.judging.frame
    # A feature that is never available, or the same for all, has no bins to boost on.
    names = [name for name in features(settings) if fitted[name].nunique() > 1]
    boosted = HistGradientBoostingClassifier(random_state=1).fit(fitted[names].to_numpy(), fitted["is_default"])
    scores = {
        made.base.header.version: score(made.base, judged),
        "fitted scorecard": score(made.policy, judged),
        "gradient boosting": -boosted.predict_proba(judged[names].to_numpy())[:, 1],
    }
    is_default = judged["is_default"].to_numpy()
    return {name: found for name, values in scores.items() if (found := power(values, is_default))}


def equality(made: Development, settings: Settings) -> tuple[int, int]:
    """How many customers the warehouse scores as Python does, of how many."""
    names = list(features(settings))
    found: dict[str, Any] = {}

    def read(connection: Connection) -> None:
        columns = sql.SQL(", ").join(sql.SQL("{}::float8").format(sql.Identifier(name)) for name in names)
        query = sql.SQL(
            "select customer_id, segment, rating.score::float8, {} from simulated_features.customer_feature "
            "join staging.stg_customer using (customer_id) "
            "join simulated_credit.rating as rating using (as_of_date, customer_id) "
            f"where as_of_date = '{LAST_DAY}'"
        )
        found["rows"] = connection.execute(query.format(columns)).fetchall()

    simulate_policy(made.policy, LAST_DAY, settings, then=read)
    frame = pd.DataFrame(found["rows"], columns=["customer_id", "segment", "score", *names])
    frame = frame.astype(dict.fromkeys(["score", *names], "float64"))
    same = np.isclose(score(made.policy, frame), frame["score"], atol=1e-9, equal_nan=True)
    return int(same.sum()), len(frame)


if __name__ == "__main__":
    main()
