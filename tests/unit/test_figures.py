"""Statistics against cases worked out by hand, and against formulae written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gridcredit.evaluation.figures import calibration_p, power
from gridcredit.evaluation.rules import Threshold


def test_power_of_a_hand_worked_case() -> None:
    """Bad 10 and 30, good 20, 40, 50: of six pairs the good one is higher in five."""
    found = power(np.array([10.0, 20, 30, 40, 50]), np.array([True, False, True, False, False]))
    assert found is not None
    assert found.auc.value == pytest.approx(5 / 6)
    assert found.gini == pytest.approx(2 / 3)
    # Up to 30 all bad and a third of the good have been passed.
    assert found.ks.value == pytest.approx(1 - 1 / 3)
    assert (found.observed, found.defaults) == (5, 2)


def test_a_score_of_one_class_has_no_power() -> None:
    assert power(np.array([1.0, 2.0]), np.array([True, True])) is None
    assert power(np.array([1.0, 2.0]), np.array([False, False])) is None


def test_the_interval_of_a_large_sample_is_that_of_the_formula() -> None:
    """Hanley and McNeil (1982): the standard error of an AUC."""
    rng = np.random.default_rng(7)
    bad, good = rng.normal(0, 1, 300), rng.normal(1, 1, 2000)
    found = power(np.r_[bad, good], np.r_[np.ones(300, bool), np.zeros(2000, bool)])
    assert found is not None
    area = found.auc.value
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + 299 * (q1 - area**2) + 1999 * (q2 - area**2)) / (300 * 2000)
    assert found.auc.upper - found.auc.lower == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.35)
    assert found.auc.lower < area < found.auc.upper


def test_calibration_is_the_binomial_test() -> None:
    """Ten customers, told 50 %: eight defaults or as unlikely a number come in 112 of 1024 cases."""
    assert calibration_p(10, 8, 0.5) == pytest.approx(112 / 1024)
    assert calibration_p(0, 0, 0.5) is None


@pytest.mark.parametrize(
    ("bad_when", "value", "status"),
    [
        ("below", 0.8, "ok"),
        ("below", 0.7, "warn"),
        ("below", 0.6, "breach"),
        ("above", 0.6, "ok"),
        ("above", None, "unknown"),
    ],
)
def test_what_a_threshold_says(bad_when: str, value: float | None, status: str) -> None:
    bounds = {"below": (0.75, 0.65), "above": (0.75, 0.85)}[bad_when]
    threshold = Threshold.model_validate(
        {"figure": "auc", "bad_when": bad_when, "warn": bounds[0], "breach": bounds[1], "reason": "r"}
    )
    assert threshold.status_of(value) == status
