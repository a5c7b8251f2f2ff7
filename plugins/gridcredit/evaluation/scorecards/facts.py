"""What a model card says of a fitted scorecard, as plain values: stored with the proposal, and drawn from again at any
time.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from gridcredit.evaluation.figures import Power
from gridcredit.evaluation.scorecards.develop import Development
from gridcredit.evaluation.scorecards.sample import Part
from gridcredit.evaluation.scorecards.score import score

METHOD = "fitted scorecard: weight of evidence and logistic regression"


def facts_of(development: Development) -> dict[str, Any]:
    """The facts, as JSON has them."""
    sample, fitted, calibration = development.sample, development.fitted, development.calibration
    # What the folder says, whose hundredths add up.
    weighed = {row["indicator"]: row for row in development.policy.tables["indicators"]}
    points = {(row["indicator"], row["bin"]): row["points"] for row in development.policy.tables["bins"]}
    return {
        "method": METHOD,
        "verdicts": development.verdict.lines,
        "is_worse": development.verdict.is_worse,
        "notes": development.notes,
        "outcome": development.rules.outcome.model_dump(),
        "fit": development.rules.fit.model_dump(),
        "parts": [
            {"part": name, "without_score": int(np.isnan(score(development.policy, part.frame)).sum())} | _part(part)
            for name, part in sample.parts.items()
        ],
        "exclusions": sample.exclusions,
        "intercept": fitted.intercept,
        "points_to_double_odds": fitted.points_to_double_odds,
        "indicators": [
            {
                "indicator": one.name,
                "not_for": one.not_for,
                "weight": float(weighed[one.name]["weight"]),
                "information_value": one.information_value,
                "coefficient": one.coefficient,
                "missing_evidence": one.missing_evidence,
                "missing_points": float(weighed[one.name]["missing_points"]),
                "bins": [
                    {
                        "lower": each.lower,
                        "upper": each.upper,
                        "observed": each.observed,
                        "defaults": each.defaults,
                        "weight_of_evidence": each.weight_of_evidence,
                        "points": float(points[one.name, str(number)]),
                    }
                    for number, each in enumerate(one.bins, start=1)
                ],
            }
            for one in fitted.indicators
        ],
        "left_out": fitted.left_out,
        "calibration": {
            "intercept": calibration.intercept,
            "slope": calibration.slope,
            "points_to_double_odds": calibration.points_to_double_odds,
            "score_at_odds_20": calibration.score_at(1 / 21),
        },
        "judged": [
            {
                "part": one.part,
                "fitted": _power(one.fitted),
                "base": _power(one.base),
                "without_score": one.without_score,
            }
            for one in development.judged
        ],
        "grades": [asdict(one) | {"min_score": _min_score(development, one.grade)} for one in development.grades],
        "by_group": {
            column: [
                {
                    "member": member,
                    "customers": count,
                    "postpaid_share": share,
                    "power": _power(power) if power else None,
                }
                for member, power, count, share in groups
            ]
            for column, groups in development.by_group.items()
        },
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "observed": part.observed,
        "indeterminate": len(part.obligors) - part.observed,
        "customers": int(part.frame["customer_id"].nunique()),
        "defaults": part.defaults,
        "first": part.month_ends[0].isoformat(),
        "last": part.month_ends[-1].isoformat(),
        "month_ends": len(part.month_ends),
    }


def _power(power: Power) -> dict[str, Any]:
    return asdict(power) | {"gini": power.gini}


def _min_score(development: Development, grade: str) -> float:
    return next(float(row["min_score"]) for row in development.policy.tables["grades"] if row["grade"] == grade)
