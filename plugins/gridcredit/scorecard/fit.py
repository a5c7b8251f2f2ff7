"""Fits a scorecard: weight-of-evidence bins, logistic regression, points; by optbinning and scikit-learn.

Weight of evidence of a bin = ln(share of those who paid / share of those who defaulted). Points are a straight line of the
log-odds, so that the worst customer has 0 and the best 100: what a policy's score is. Factor = PDO / ln 2.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import structlog

from gridcredit.errors import GridCreditError
from gridcredit.evaluation.figures import Floats
from gridcredit.evaluation.rules import FitRules
from gridcredit.policy.folder import Policy
from gridcredit.scorecard.sample import Part
from gridcredit.scorecard.score import available

log = structlog.get_logger(__name__)

# Digits behind the point of a bin's bounds.
BOUND_DIGITS = 4


@dataclass(frozen=True)
class FittedBin:
    """A range of an indicator: its bounds, None where open, and what was seen in it."""

    lower: float | None
    upper: float | None
    observed: int
    defaults: int
    weight_of_evidence: float
    points: float


@dataclass(frozen=True)
class FittedIndicator:
    """An indicator of the scorecard."""

    name: str
    not_for: str
    information_value: float
    coefficient: float
    bins: list[FittedBin]

    @property
    def weight(self) -> float:
        return max(one.points for one in self.bins)


@dataclass(frozen=True)
class Fitted:
    """A scorecard: its indicators, its odds, and why the other candidates are not in it."""

    indicators: list[FittedIndicator]
    intercept: float
    points_to_double_odds: float
    left_out: dict[str, str] = field(default_factory=dict)


def fit_scorecard(part: Part, base: Policy, candidates: list[str], rules: FitRules, *, asked: bool = False) -> Fitted:
    """Fit on a part of the sample. `base` tells trends, and which segments an indicator leaves out.

    `asked`: the candidates were named by a person, so none of them is left out in silence.

    Raises:
        GridCreditError: an indicator knows the outcome, or cannot be used though it was asked for, or none is left.
    """
    not_for = {row["indicator"]: row["not_for"] for row in base.tables["indicators"]}
    frame = pd.DataFrame({name: available(part.frame, name, not_for.get(name, "")) for name in candidates})
    is_default = part.frame["is_default"].to_numpy()
    left_out = unusable(frame, rules)
    if asked and left_out:
        raise GridCreditError("; ".join(f"{name} cannot be fitted: {why}" for name, why in left_out.items()))
    usable = [name for name in candidates if name not in left_out]
    refuse_leaks(frame[usable], is_default, rules)
    # The solver warns of what we check ourselves: bins that it found nothing in.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        binning = _bin(frame[usable], is_default, trends(base), rules)
        chosen = _select(binning, frame, usable, left_out, rules)
        chosen = _drop_wrong_signs(binning, frame, is_default, chosen, left_out)
        if not chosen:
            raise GridCreditError(
                "no indicator tells defaults from others: "
                + "; ".join(f"{name}: {why}" for name, why in left_out.items())
            )
        fitted = _scale(frame[chosen], is_default, trends(base), not_for, rules)
    log.info("scorecard_fitted", indicators=len(fitted.indicators), observed=part.observed, defaults=part.defaults)
    return Fitted(fitted.indicators, fitted.intercept, fitted.points_to_double_odds, left_out)


def unusable(frame: pd.DataFrame, rules: FitRules) -> dict[str, str]:
    """Indicators that nothing can be fitted to, each with why."""
    found = {}
    for name in frame:
        values = frame[name].dropna()
        share = len(values) / len(frame)
        if values.nunique() < 2:
            found[str(name)] = "it has a single value" if len(values) else "it is never available"
        elif share < rules.min_available_share:
            found[str(name)] = f"it is available of {share:.0%}, below {rules.min_available_share:.0%}"
    return found


def refuse_leaks(frame: pd.DataFrame, is_default: Any, rules: FitRules) -> None:  # noqa: ANN401 - an array of flags
    """Raise a GridCreditError that names indicators which by themselves know who defaulted."""
    from sklearn.metrics import roc_auc_score

    leaks = []
    for name in frame:
        known = frame[name].notna().to_numpy()
        if len(np.unique(is_default[known])) == 2:
            auc = roc_auc_score(is_default[known], frame[name].to_numpy()[known])
            if max(auc, 1 - auc) > rules.max_auc_alone:
                leaks.append(f"{name} (AUC {max(auc, 1 - auc):.3f})")
    if leaks:
        raise GridCreditError(
            f"{', '.join(leaks)} knows the outcome by itself, above {rules.max_auc_alone}: it must have learnt of it after "
            "the month-end; mend it, or leave it out with --without"
        )


def trends(base: Policy) -> dict[str, str]:
    """The trend of the default rate that the base policy's points demand of an indicator; none where they turn."""
    found = {}
    for row in base.tables["indicators"]:
        points = [float(one["points"]) for one in base.bins_of(row["indicator"])]
        if points == sorted(points):
            found[row["indicator"]] = "descending"
        elif points == sorted(points, reverse=True):
            found[row["indicator"]] = "ascending"
        else:
            found[row["indicator"]] = "auto"
    return found


def _process(names: list[str], demanded: dict[str, str], rules: FitRules) -> Any:  # noqa: ANN401 - optbinning has no types
    from optbinning import BinningProcess

    return BinningProcess(
        names,
        min_prebin_size=rules.min_bin_share,
        max_n_bins=rules.max_bins,
        split_digits=BOUND_DIGITS,
        # Of an indicator that the policy does not know either way will do, but only one.
        binning_fit_params={name: {"monotonic_trend": demanded.get(name, "auto_asc_desc")} for name in names},
    )


def _bin(frame: pd.DataFrame, is_default: Any, demanded: dict[str, str], rules: FitRules) -> Any:  # noqa: ANN401
    return _process([str(name) for name in frame], demanded, rules).fit(frame, is_default)


def _select(
    binning: Any,  # noqa: ANN401
    frame: pd.DataFrame,
    usable: list[str],
    left_out: dict[str, str],
    rules: FitRules,
) -> list[str]:
    """By falling information value those that tell enough, and do not repeat one that tells more."""
    values = dict(zip(binning.summary()["name"], binning.summary()["iv"].astype(float), strict=True))
    evidence = binning.transform(frame[usable], metric="woe")
    correlation = evidence.corr().abs()
    chosen: list[str] = []
    for name in sorted(usable, key=lambda one: -values[one]):
        if values[name] < rules.min_information_value:
            left_out[name] = f"its information value is {values[name]:.3f}, below {rules.min_information_value}"
            continue
        like = next((one for one in chosen if correlation.loc[name, one] > rules.max_correlation), None)
        if like:
            left_out[name] = f"it tells what {like} tells, with a correlation of {correlation.loc[name, like]:.2f}"
        else:
            chosen.append(name)
    return chosen


def _regression() -> Any:  # noqa: ANN401
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=np.inf, max_iter=1000)


def _drop_wrong_signs(
    binning: Any,  # noqa: ANN401
    frame: pd.DataFrame,
    is_default: Any,  # noqa: ANN401
    chosen: list[str],
    left_out: dict[str, str],
) -> list[str]:
    """Leave out, the worst first, indicators whose evidence would count the wrong way beside the others."""
    evidence = binning.transform(frame[list(binning.variable_names)], metric="woe")
    chosen = list(chosen)
    while chosen:
        coefficients = _regression().fit(evidence[chosen].to_numpy(), is_default).coef_[0]
        worst = int(np.argmax(coefficients))
        if coefficients[worst] < 0:
            break
        left_out[chosen.pop(worst)] = "beside the others it would count the wrong way"
    return chosen


def _scale(
    frame: pd.DataFrame,
    is_default: Any,  # noqa: ANN401
    demanded: dict[str, str],
    not_for: dict[str, str],
    rules: FitRules,
) -> Fitted:
    from optbinning import Scorecard

    names = [str(name) for name in frame]
    card = Scorecard(
        _process(names, demanded, rules),
        _regression(),
        scaling_method="min_max",
        scaling_method_params={"min": 0, "max": 100},
    ).fit(frame, is_default)
    table = card.table(style="detailed")
    indicators = []
    for name in names:
        rows = table[(table["Variable"] == name) & ~table["Bin"].isin(["Special", "Missing"])]
        points = rows["Points"].astype(float)
        splits = [float(one) for one in card.binning_process_.get_binned_variable(name).splits]
        bounds = [None, *splits, None]
        indicators.append(
            FittedIndicator(
                name,
                not_for.get(name, ""),
                float(rows["IV"].astype(float).sum()),
                float(rows["Coefficient"].iloc[0]),
                [
                    FittedBin(
                        lower,
                        upper,
                        int(row["Count"]),
                        int(row["Event"]),
                        float(row["WoE"]),
                        # Each indicator's worst bin has 0 points: their sum is the same.
                        float(row["Points"]) - float(points.min()),
                    )
                    for (lower, upper), (_, row) in zip(pairwise(bounds), rows.iterrows(), strict=True)
                ],
            )
        )
    # One point of the score is so much of the log-odds.
    spread = sum(
        abs(one.coefficient)
        * (max(b.weight_of_evidence for b in one.bins) - min(b.weight_of_evidence for b in one.bins))
        for one in indicators
    )
    return Fitted(indicators, float(card.estimator_.intercept_[0]), 100 * math.log(2) / spread)


def log_odds(fitted: Fitted, frame: pd.DataFrame) -> Floats:
    """ln(odds of default) that the regression gives; evidence of what is not available is 0."""
    total = np.full(len(frame), fitted.intercept)
    for one in fitted.indicators:
        values = available(frame, one.name, one.not_for)
        known = ~np.isnan(values)
        evidence = np.array([b.weight_of_evidence for b in one.bins])
        bounds = [b.upper for b in one.bins if b.upper is not None]
        total[known] += one.coefficient * evidence[np.digitize(values[known], bounds)]
    return total
