"""From a score to a probability of default, and from probabilities to grades."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from gridcredit.evaluation.figures import Floats
from gridcredit.policies.folder import Policy, Rows


@dataclass(frozen=True)
class Calibration:
    """Probability of default = 1 / (1 + exp(-(intercept + slope * score))); the slope is negative."""

    intercept: float
    slope: float

    def probability(self, score: Any) -> Any:  # noqa: ANN401 - a number or an array of them
        """Of a score, or of many."""
        return 1 / (1 + np.exp(-(self.intercept + self.slope * score)))

    def score_at(self, probability: float) -> float:
        """The score at which so many default."""
        return (math.log(probability / (1 - probability)) - self.intercept) / self.slope

    @property
    def points_to_double_odds(self) -> float:
        """How many more points double the odds of paying."""
        return -math.log(2) / self.slope


def calibrate(score: Floats, is_default: Any) -> Calibration:  # noqa: ANN401 - an array of flags
    """Fit a logistic curve of the score."""
    from sklearn.linear_model import LogisticRegression

    known = ~np.isnan(score)
    model = LogisticRegression(C=np.inf, max_iter=1000).fit(score[known].reshape(-1, 1), is_default[known])
    return Calibration(float(model.intercept_[0]), float(model.coef_[0][0]))


def cut_grades(base: Policy, calibration: Calibration) -> tuple[Rows, list[str]]:
    """The base policy's grades, cut where the probability of default passes from what it states for one to that of the
    next.

    The cut between two grades is the geometric mean of their probabilities. Returns the rows of `grades`, and what is
    to be reported: grades whose cut no score can reach.
    """
    rates = {row["grade"]: float(row["probability_of_default"]) for row in base.tables["default_rates"]}
    grades = sorted(base.tables["grades"], key=lambda row: int(row["grade_rank"]))
    cuts = [
        calibration.score_at(math.sqrt(rates[better["grade"]] * rates[worse["grade"]]))
        for better, worse in pairwise(grades)
    ]
    rows: Rows = []
    floor = 0.0
    # From the worst up: floors rise by a hundredth at least, and none is beyond the 100 that a score can reach.
    for better, (grade, cut) in zip(
        range(len(grades) - 1, -1, -1), zip(reversed(grades), [0.0, *reversed(cuts)], strict=True), strict=True
    ):
        floor = 0.0 if not rows else min(max(round(cut, 2), floor + 0.01), 100 - 0.01 * better)
        rows.append(grade | {"min_score": f"{floor:.2f}" if floor else "0"})
    return rows[::-1], [
        f"{better['grade']}: the cut to {worse['grade']} would be at {cut:.2f} points, and scores go from 0 to 100: "
        "its floor is put at the edge; with few in it, its default rate says little"
        for (better, worse), cut in zip(pairwise(grades), cuts, strict=True)
        if not 0 < cut <= 100
    ]


def default_rates(base: Policy, grades: Rows, score: Floats, calibration: Calibration) -> Rows:
    """By grade the mean probability of those whose score falls in it; the base policy's where nobody's does."""
    probabilities = calibration.probability(score)
    ceiling, rates = np.inf, {}
    for grade in grades:
        floor = float(grade["min_score"])
        within = (score >= floor) & (score < ceiling)
        if within.any():
            rates[grade["grade"]] = f"{max(float(np.mean(probabilities[within])), 0.0001):.4f}"
        ceiling = floor
    return [
        row | {"probability_of_default": rates.get(row["grade"], row["probability_of_default"])}
        for row in base.tables["default_rates"]
    ]
