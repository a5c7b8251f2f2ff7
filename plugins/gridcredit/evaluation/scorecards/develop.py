"""From a sample to a policy folder and what is known of it: `gridcredit scorecard fit`, and the DAG
recalibrate_scorecard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from gridcredit.contract.features import features, protected_features
from gridcredit.errors import GridCreditError
from gridcredit.evaluation.figures import Floats, Power, pooled_calibration_p, power
from gridcredit.evaluation.scorecards.calibrate import Calibration, calibrate, cut_grades, default_rates
from gridcredit.evaluation.scorecards.fit import Fitted, fit_scorecard
from gridcredit.evaluation.scorecards.policy_folder import refuse_existing, scorecard_tables, write_policy
from gridcredit.evaluation.scorecards.sample import Part, Sample, read_sample, unused_outcomes
from gridcredit.evaluation.scorecards.score import score
from gridcredit.evaluation.scorecards.verdict import CROSS_VALIDATED, Judged, Verdict, cross_validate, judge
from gridcredit.policies.evaluation_rules import EvaluationRules, read_rules
from gridcredit.policies.folder import NOBODY, Policy, refuse_name
from gridcredit.policies.store import policy_in_force
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect


@dataclass(frozen=True)
class GradeOutcome:
    """A grade of the new policy out of time: what it states, and what was observed of all obligors."""

    grade: str
    observed: int
    defaults: int
    expected_rate: float
    p_value: float | None


@dataclass(frozen=True)
class Development:
    """A scorecard with its policy folder, and what its card says of it."""

    policy: Policy
    base: Policy
    fitted: Fitted
    calibration: Calibration
    sample: Sample
    judged: list[Judged]
    by_group: dict[str, list[tuple[str, Power | None, int, float]]]
    grades: list[GradeOutcome]
    rules: EvaluationRules
    verdict: Verdict
    notes: list[str]


def develop(
    out: Path,
    version: str,
    effective_from: date,
    settings: Settings,
    *,
    indicators: list[str] | None = None,
    without: tuple[str, ...] = (),
    trusted: tuple[str, ...] = (),
) -> Development:
    """Fit a scorecard in place of that of the policy in force, and write it as a policy folder.

    Raises:
        GridCreditError: history, defaults or indicators do not allow it; the text says what is missing.
    """
    refuse_existing(out)
    refuse_name(version)
    rules = read_rules(settings)
    base = policy_in_force(settings, effective_from)
    known = list(features(settings))
    if protected := sorted({*(indicators or ()), *trusted} & set(protected_features(settings))):
        raise GridCreditError(f"{', '.join(protected)}: of protected attributes, which enter no score")
    if unknown := sorted({*(indicators or ()), *without, *trusted} - set(known)):
        raise GridCreditError(f"{', '.join(unknown)}: no such feature; docs/indicators.md lists them")
    sample = read_sample(settings)
    candidates = [name for name in indicators or known if name not in without]
    fitted = fit_scorecard(sample.fitted, base, candidates, rules.fit, asked=indicators is not None, trusted=trusted)
    tables = scorecard_tables(fitted, base, settings)
    # A default rate has all obligors in its denominator, the indeterminate ones too.
    obligors = sample.fitted.obligors
    of_obligors = score(replace(base, tables={**base.tables, **tables}), obligors)
    calibration = calibrate(of_obligors, obligors["is_default"].to_numpy())
    tables["grades"], out_of_reach = cut_grades(base, calibration)
    tables["default_rates"] = default_rates(base, tables["grades"], of_obligors, calibration)
    # Written once all is known: a fit that fails later leaves no folder.
    fitted_policy = replace(base, tables={**base.tables, **tables})
    scores = {name: score(fitted_policy, part.frame) for name, part in sample.parts.items()}
    judged = [found for name, part in sample.parts.items() if (found := _judge(name, part, scores[name], base))]
    if sample.out_of_time is None:
        ahead = cross_validate(sample.fitted, base, candidates, rules.fit)
        # Whom the policy gives no score is not judged.
        ahead[np.isnan(scores["fitted on"])] = np.nan
        judged += [found] if (found := _judge(CROSS_VALIDATED, sample.fitted, ahead, base)) else []
    of_judging = scores["out of time" if sample.out_of_time else "fitted on"]
    by_group = {column: _groups(sample.judging, column, of_judging, fitted_policy) for column in ("segment", "region")}
    grades = _grades(sample.judging, fitted_policy)
    verdict = judge(
        *(judged, sample.judging, [one.observed for one in grades], scores["fitted on"], of_judging, rules.fit),
        judging="out of time" if sample.out_of_time else CROSS_VALIDATED,
    )
    with connect(settings) as connection:
        notes = [*out_of_reach, *unused_outcomes(connection)]
    policy = write_policy(
        out,
        base,
        tables,
        {
            "version": version,
            "effective_from": effective_from.isoformat(),
            "approver": NOBODY,
            "description": f"Scorecard fitted to {sample.fitted.observed} month-ends of customers, "
            f"{sample.fitted.defaults} "
            f"defaults; all else as in {base.header.version}.",
        },
        settings,
    )
    return Development(policy, base, fitted, calibration, sample, judged, by_group, grades, rules, verdict, notes)


def _judge(name: str, part: Part, scores: Floats, base: Policy) -> Judged | None:
    is_default, by_base = part.frame["is_default"].to_numpy(), score(base, part.frame)
    known = ~np.isnan(scores) & ~np.isnan(by_base)
    both = [power(one[known], is_default[known]) for one in (scores, by_base)]
    return Judged(name, both[0], both[1], int((~known).sum())) if both[0] and both[1] else None


def _groups(part: Part, column: str, scores: Floats, policy: Policy) -> list[tuple[str, Power | None, int, float]]:
    """By group how well the score ranks, how many customers, and the share above the policy's middle grade."""
    scored = part.frame.assign(new_score=scores)
    middle = _middle(policy)
    return [
        (
            str(group),
            power(rows["new_score"].to_numpy(), rows["is_default"].to_numpy()),
            len(rows),
            float((rows["new_score"] >= middle).mean()),
        )
        for group, rows in scored.groupby(column, sort=True)
    ]


def _middle(policy: Policy) -> float:
    """The lowest score that still gets post-paid terms: who has it is approved."""
    postpaid = {row["grade"] for row in policy.tables["limits"] if row["payment_mode"] == "postpaid"}
    return min((float(row["min_score"]) for row in policy.tables["grades"] if row["grade"] in postpaid), default=0.0)


def _grades(part: Part, policy: Policy) -> list[GradeOutcome]:
    """Grades by the score alone, against what the policy states for each; customers come again each month-end."""
    rates = {row["grade"]: float(row["probability_of_default"]) for row in policy.tables["default_rates"]}
    grades = sorted(policy.tables["grades"], key=lambda row: float(row["min_score"]))
    names = pd.cut(
        score(policy, part.obligors),
        [*(float(row["min_score"]) for row in grades), float("inf")],
        labels=[row["grade"] for row in grades],
        right=False,
    )
    of_customers = (
        part.obligors.assign(new_grade=names)
        .groupby(["new_grade", "customer_id"], observed=True)["is_default"]
        .agg(["size", "sum"])
        .reset_index()
    )
    found = []
    for row in reversed(grades):
        grade, stated = row["grade"], rates[row["grade"]]
        of_grade = of_customers[of_customers["new_grade"] == grade]
        counts = [(int(size), int(defaults)) for size, defaults in of_grade[["size", "sum"]].to_numpy()]
        observed, defaults = (sum(one[place] for one in counts) for place in (0, 1))
        found.append(GradeOutcome(grade, observed, defaults, stated, pooled_calibration_p(counts, stated)))
    return found
