"""How well a score predicts defaults, by scipy; tests compare with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Statistic = Callable[[Floats, Floats], float]

RESAMPLES = 100


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    lower: float
    upper: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.lower:.3f} to {self.upper:.3f})"


@dataclass(frozen=True)
class Power:
    """How well a score ranks those who default below those who do not: Gini = 2 AUC - 1; KS = max |F_bad - F_good|."""

    observed: int
    defaults: int
    auc: Interval
    ks: Interval

    @property
    def gini(self) -> float:
        return 2 * self.auc.value - 1


def power(score: Floats, is_default: Flags) -> Power | None:
    """Of a score that is higher the better; None where nobody or everybody defaulted. Who has no score (NaN) is not
    observed.

    Intervals are percentiles of resamples, drawn from those who defaulted and those who did not.
    """
    parts = _parted(score, is_default)
    return parts and Power(sum(map(len, parts)), len(parts[0]), _interval(*parts, _auc), _interval(*parts, _ks))


def auc(score: Floats, is_default: Flags) -> float | None:
    """The area under the curve alone; None where nobody or everybody defaulted."""
    parts = _parted(score, is_default)
    return parts and _auc(*parts)


def _parted(score: Floats, is_default: Flags) -> tuple[Floats, Floats] | None:
    known = ~np.isnan(score)
    bad, good = score[is_default & known], score[~is_default & known]
    return (bad, good) if len(bad) and len(good) else None


def _interval(bad: Floats, good: Floats, statistic: Statistic) -> Interval:
    rng = np.random.default_rng(1)
    draws = [statistic(rng.choice(bad, len(bad)), rng.choice(good, len(good))) for _ in range(RESAMPLES)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(statistic(bad, good), float(low), float(high))


def _auc(bad: Floats, good: Floats) -> float:
    """By Mann and Whitney: the share of pairs in which who paid has the higher score, those alike counted half."""
    from scipy.stats import mannwhitneyu

    # The method is of the test's probability, which nobody asks for.
    return float(mannwhitneyu(good, bad, method="asymptotic").statistic / (len(bad) * len(good)))


def _ks(bad: Floats, good: Floats) -> float:
    from scipy.stats import ks_2samp

    return float(ks_2samp(bad, good, method="asymp").statistic)


def stability_index(counts: list[int], counts_before: list[int]) -> float:
    """PSI = sum of (p - q) ln(p / q) over bins; an empty bin counts as one in ten thousand, so that it is finite."""
    now, before = (np.maximum(np.array(one) / max(sum(one), 1), 0.0001) for one in (counts, counts_before))
    return float(np.sum((now - before) * np.log(now / before)))


def effective_size(counts: list[tuple[int, int]]) -> float:
    """How many independent observations a pool is worth in which customers come again.

    `counts` has for each customer (observed, defaults). Size = r (1 - r) / variance of r by customers (cluster-robust);
    where nobody or everybody defaulted, as if each customer's month-ends said the same: (sum of n)^2 / sum of n^2.
    """
    if not counts:
        return 0.0
    observed, defaults = np.array(counts, dtype=float).T
    total = observed.sum()
    rate = defaults.sum() / total
    repeated = total**2 / np.sum(observed**2)
    if rate in (0, 1) or len(counts) < 2:
        return float(repeated)
    variance = np.sum((defaults - rate * observed) ** 2) / total**2 * len(counts) / (len(counts) - 1)
    return float(min(total, rate * (1 - rate) / variance)) if variance > 0 else float(repeated)


def pooled_rate(counts: list[tuple[int, int]]) -> Interval:
    """The default rate of month-ends pooled, with the interval of Wilson of as many observations as the pool is worth.

    `counts` has for each customer (observed, defaults), and somebody who was observed.
    """
    from statsmodels.stats.proportion import proportion_confint

    observed, defaults = (sum(one[place] for one in counts) for place in (0, 1))
    # Neither is a whole number: rounded, 0.4 defaults would be none.
    size = max(effective_size(counts), 1)
    lower, upper = proportion_confint(size * defaults / observed, size, method="wilson")
    return Interval(defaults / observed, float(lower), float(upper))


def pooled_calibration_p(counts: list[tuple[int, int]], expected_rate: float) -> float | None:
    """As `calibration_p`, of month-ends pooled: the binomial test of as many observations as the pool is worth."""
    observed, defaults = (sum(one[place] for one in counts) for place in (0, 1))
    size = round(effective_size(counts))
    return calibration_p(size, round(size * defaults / observed), expected_rate) if size else None


def calibration_p(observed: int, defaults: int, expected_rate: float) -> float | None:
    """How probable so many defaults, or a less likely number, are by chance where the rate is the expected one."""
    from scipy.stats import binomtest

    return float(binomtest(defaults, observed, expected_rate).pvalue) if observed else None
