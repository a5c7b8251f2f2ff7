"""Fits a scorecard: weight-of-evidence bins, logistic regression, points; by optbinning and scikit-learn.

Weight of evidence of a bin = ln(share of those who paid / share of those who defaulted). Points are a straight line of
the log-odds, so that the worst customer has 0 and the best 100: what a policy's score is. Factor = PDO / ln 2. A value
that is missing counts with the mean evidence of the known ones, so its points are neither the best nor the worst.
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
from gridcredit.evaluation.scorecards.sample import Part
from gridcredit.evaluation.scorecards.score import available
from gridcredit.policies.evaluation_rules import FitRules
from gridcredit.policies.folder import Policy

log = structlog.get_logger(__name__)

# Digits behind the point of a bin's bounds.
BOUND_DIGITS = 4
# A weight below half a hundredth is 0 in a policy.
LEAST_WEIGHT = 0.005


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
    missing_evidence: float
    missing_points: float

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


def fit_scorecard(
    part: Part,
    base: Policy,
    candidates: list[str],
    rules: FitRules,
    *,
    asked: bool = False,
    trusted: tuple[str, ...] = (),
) -> Fitted:
    """Fit on a part of the sample. `base` gives trends, and which segments an indicator leaves out.

    `asked`: the candidates were named by a person, so none of them is left out in silence. `trusted`: indicators of
    which a person has said that they were known at the month-end, however well they rank.

    Raises:
        GridCreditError: an indicator knows the outcome, or cannot be used though it was asked for, or none is left.
    """
    not_for = {row["indicator"]: row["not_for"] for row in base.tables["indicators"]}
    candidates = list(dict.fromkeys(candidates))
    frame = pd.DataFrame({name: available(part.frame, name, not_for.get(name, "")) for name in candidates})
    is_default = part.frame["is_default"].to_numpy()
    left_out = unusable(frame, rules)
    if asked and left_out:
        raise GridCreditError("; ".join(f"{name} cannot be fitted: {why}" for name, why in left_out.items()))
    usable = [name for name in candidates if name not in left_out]
    if not usable:
        raise _nothing_left(left_out)
    refuse_leaks(frame[usable], is_default, rules, trusted)
    # The solver warns of what we check ourselves: bins that it found nothing in.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        binning = _bin(frame[usable], is_default, trends(base), rules)
        chosen = _select(binning, frame, usable, left_out, rules)
        chosen = _drop_wrong_signs(binning, frame, is_default, chosen, left_out)
        if not chosen:
            raise _nothing_left(left_out)
        fitted = _without_weightless(binning, frame, is_default, chosen, not_for, left_out)
    log.info("scorecard_fitted", indicators=len(fitted.indicators), observed=part.observed, defaults=part.defaults)
    return Fitted(fitted.indicators, fitted.intercept, fitted.points_to_double_odds, left_out)


def _nothing_left(left_out: dict[str, str]) -> GridCreditError:
    why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
    return GridCreditError(f"no indicator separates defaults from others: {why or 'none was left to choose from'}")


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


def refuse_leaks(frame: pd.DataFrame, is_default: Any, rules: FitRules, trusted: tuple[str, ...] = ()) -> None:  # noqa: ANN401 - an array of flags
    """Raise a GridCreditError that asks about indicators which rank defaults better than is likely beforehand."""
    from sklearn.metrics import roc_auc_score

    questions = []
    for name in [one for one in frame if one not in trusted]:
        known = frame[name].notna().to_numpy()
        if len(np.unique(is_default[known])) < 2:
            continue
        values, flags = frame[name].to_numpy()[known], is_default[known]
        auc = roc_auc_score(flags, values)
        if max(auc, 1 - auc) > rules.max_auc_alone:
            means = f"mean {values[flags].mean():.2f} of {flags.sum():,} defaults"
            means += f", {values[~flags].mean():.2f} of {(~flags).sum():,} others"
            # Each bin needs defaults, so of such a one no cut can be made.
            perfect = "; it separates them without a fault, so it cannot be fitted" if max(auc, 1 - auc) == 1 else ""
            questions.append(f"{name} (AUC {max(auc, 1 - auc):.3f}; {means}{perfect})")
    if questions:
        raise GridCreditError(
            f"{', '.join(questions)} knows the outcome by itself, above max_auc_alone {rules.max_auc_alone} of "
            "evaluation.yml: was it known at the month-end? `--trust NAME` takes it, `--without NAME` leaves it out"
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


def _process(names: list[str], demanded: dict[str, str], rules: FitRules, least_defaults: int) -> Any:  # noqa: ANN401 - optbinning has no types
    from optbinning import BinningProcess

    return BinningProcess(
        names,
        min_prebin_size=rules.min_bin_share,
        min_bin_size=rules.min_bin_share,
        max_n_bins=rules.max_bins,
        split_digits=BOUND_DIGITS,
        # Of an indicator that the policy does not know either way will do, but only one.
        binning_fit_params={
            name: {"monotonic_trend": demanded.get(name, "auto_asc_desc"), "min_bin_n_event": least_defaults}
            for name in names
        },
    )


def _bin(frame: pd.DataFrame, is_default: Any, demanded: dict[str, str], rules: FitRules) -> Any:  # noqa: ANN401
    least_defaults = math.ceil(rules.min_bin_default_share * is_default.sum())
    return _process([str(name) for name in frame], demanded, rules, least_defaults).fit(frame, is_default)


def _select(
    binning: Any,  # noqa: ANN401
    frame: pd.DataFrame,
    usable: list[str],
    left_out: dict[str, str],
    rules: FitRules,
) -> list[str]:
    """By falling information value those that say enough, and do not repeat one that says more."""
    tables = {name: _bins_of(binning, name) for name in usable}
    values = {name: float(table["IV"].sum()) for name, table in tables.items()}
    evidence = _evidence(binning, frame, tables)
    correlation: Any = evidence.corr().abs()
    chosen: list[str] = []
    for name in sorted(usable, key=lambda one: -values[one]):
        if len(tables[name]) < 2:
            left_out[name] = "it has one bin: no cut leaves enough customers and defaults on both sides"
            continue
        if values[name] < rules.min_information_value:
            left_out[name] = f"its information value is {values[name]:.3f}, below {rules.min_information_value}"
            continue
        like = next((one for one in chosen if correlation.loc[name, one] > rules.max_correlation), None)
        if like:
            left_out[name] = f"it says what {like} says, with a correlation of {correlation.loc[name, like]:.2f}"
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
    chosen = list(chosen)
    evidence = _evidence(binning, frame, {name: _bins_of(binning, name) for name in chosen}) if chosen else frame
    while chosen:
        coefficients = _regression().fit(evidence[chosen].to_numpy(), is_default).coef_[0]
        worst = int(np.argmax(coefficients))
        if coefficients[worst] < 0:
            break
        left_out[chosen.pop(worst)] = "beside the others it would count the wrong way"
    return chosen


def _bins_of(binning: Any, name: str) -> pd.DataFrame:  # noqa: ANN401
    """An indicator's bins of values; those of missing and special values are no part of its points."""
    table: pd.DataFrame = binning.get_binned_variable(name).binning_table.build(add_totals=False)
    bins: pd.DataFrame = table[~table["Bin"].isin(["Special", "Missing"])]
    return bins.astype({"Count": int, "Event": int, "WoE": float, "IV": float})


def _missing_evidence(table: pd.DataFrame) -> float:
    """What a missing value counts as: the mean evidence of the values that are known, by how often each is seen."""
    return float(np.average(table["WoE"], weights=table["Count"]))


def _evidence(binning: Any, frame: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:  # noqa: ANN401
    """The evidence of each customer's values, by the indicators of `tables`."""
    known: Any = binning.transform(frame[list(binning.variable_names)], metric="woe")[list(tables)]
    missing = {name: _missing_evidence(table) for name, table in tables.items()}
    found: pd.DataFrame = known.mask(frame[list(tables)].isna().to_numpy(), pd.DataFrame(missing, index=known.index))
    return found


def _without_weightless(
    binning: Any,  # noqa: ANN401
    frame: pd.DataFrame,
    is_default: Any,  # noqa: ANN401
    chosen: list[str],
    not_for: dict[str, str],
    left_out: dict[str, str],
) -> Fitted:
    """The scorecard of the chosen, without those whose weight would be written as 0."""
    while True:
        fitted = _scale(binning, frame, is_default, chosen, not_for)
        weightless = [one.name for one in fitted.indicators if one.weight < LEAST_WEIGHT]
        if not weightless:
            return fitted
        left_out |= dict.fromkeys(weightless, "its weight rounds to 0 of 100")
        chosen = [name for name in chosen if name not in weightless]


def _scale(
    binning: Any,  # noqa: ANN401
    frame: pd.DataFrame,
    is_default: Any,  # noqa: ANN401
    names: list[str],
    not_for: dict[str, str],
) -> Fitted:
    """Points = -coefficient x (evidence - the least evidence) x factor, so that the best bins add up to 100."""
    tables = {name: _bins_of(binning, name) for name in names}
    model = _regression().fit(_evidence(binning, frame, tables).to_numpy(), is_default)
    coefficients = dict(zip(names, model.coef_[0].astype(float), strict=True))
    spread = sum(-coefficients[name] * (table["WoE"].max() - table["WoE"].min()) for name, table in tables.items())
    factor = 100 / spread
    indicators = []
    for name, table in tables.items():
        bounds = [None, *(float(one) for one in binning.get_binned_variable(name).splits), None]
        points = -coefficients[name] * (table["WoE"] - table["WoE"].min()) * factor
        bins = [
            FittedBin(lower, upper, int(row["Count"]), int(row["Event"]), float(row["WoE"]), float(given))
            for (lower, upper), (_, row), given in zip(pairwise(bounds), table.iterrows(), points, strict=True)
        ]
        missing = _missing_evidence(table)
        of_missing = -coefficients[name] * (missing - float(table["WoE"].min())) * factor
        information = float(table["IV"].sum())
        indicators.append(
            FittedIndicator(name, not_for.get(name, ""), information, coefficients[name], bins, missing, of_missing)
        )
    return Fitted(indicators, float(model.intercept_[0]), factor * math.log(2))


def log_odds(fitted: Fitted, frame: pd.DataFrame) -> Floats:
    """ln(odds of default) that the regression gives; NaN for whom nothing is known: they have no score either."""
    is_anything_known = np.zeros(len(frame), dtype=bool)
    total = np.full(len(frame), fitted.intercept)
    for one in fitted.indicators:
        values = available(frame, one.name, one.not_for)
        known = ~np.isnan(values)
        is_anything_known |= known
        evidence = np.array([b.weight_of_evidence for b in one.bins])
        bounds = [b.upper for b in one.bins if b.upper is not None]
        total[known] += one.coefficient * evidence[np.digitize(values[known], bounds)]
        total[~known] += one.coefficient * one.missing_evidence
    total[~is_anything_known] = np.nan
    return total
