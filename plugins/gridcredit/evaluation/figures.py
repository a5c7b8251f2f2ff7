"""How well a score tells defaults, by the libraries that everybody checks against: scikit-learn and scipy."""

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
    """Of a score that is higher the better; None where nobody or everybody defaulted.

    Intervals are percentiles of resamples, drawn from those who defaulted and those who did not.
    """
    parts = _parted(score, is_default)
    return parts and Power(len(score), len(parts[0]), _interval(*parts, _auc), _interval(*parts, _ks))


def auc(score: Floats, is_default: Flags) -> float | None:
    """The area under the curve alone; None where nobody or everybody defaulted."""
    parts = _parted(score, is_default)
    return parts and _auc(*parts)


def _parted(score: Floats, is_default: Flags) -> tuple[Floats, Floats] | None:
    bad, good = score[is_default], score[~is_default]
    return (bad, good) if len(bad) and len(good) else None


def _interval(bad: Floats, good: Floats, statistic: Statistic) -> Interval:
    rng = np.random.default_rng(1)
    draws = [statistic(rng.choice(bad, len(bad)), rng.choice(good, len(good))) for _ in range(RESAMPLES)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(statistic(bad, good), float(low), float(high))


def _auc(bad: Floats, good: Floats) -> float:
    from sklearn.metrics import roc_auc_score

    flags = np.r_[np.ones(len(bad)), np.zeros(len(good))]
    return float(roc_auc_score(flags, -np.r_[bad, good]))


def _ks(bad: Floats, good: Floats) -> float:
    from scipy.stats import ks_2samp

    return float(ks_2samp(bad, good).statistic)


def calibration_p(observed: int, defaults: int, expected_rate: float) -> float | None:
    """How probable so many defaults, or a less likely number, are by chance where the rate is the expected one."""
    from scipy.stats import binomtest

    return float(binomtest(defaults, observed, expected_rate).pvalue) if observed else None
