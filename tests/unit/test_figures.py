"""Statistics against cases computed by hand, and against formulae written out."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest
from gridcredit.evaluation.figures import calibration_p, pooled_rate, power
from gridcredit.evaluation.watch import calibration_by_grade
from gridcredit.policies.evaluation_rules import Threshold


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
    """Ten customers, expected 50 %: eight defaults or as unlikely a number come in 112 of 1024 cases."""
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


def test_a_pooled_rate_is_worth_its_customers() -> None:
    """100 customers each seen twelve times, always alike, 20 in default: as 99 seen once, by Wilson's formula."""
    rate = pooled_rate([(12, 12)] * 20 + [(12, 0)] * 80)
    size, share, z = 99, 0.2, 1.959964
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    width = z / (1 + z**2 / size) * (share * (1 - share) / size + z**2 / (4 * size**2)) ** 0.5
    assert rate.value == pytest.approx(0.2)
    assert (rate.lower, rate.upper) == pytest.approx((middle - width, middle + width), abs=1e-6)


Row = tuple[str, str, int, int, float, bool]


class Observed:
    """Stands for the warehouse: grade, customer, month-ends observed, of them in default, the sum of what the policy
    said, whether it said 1.
    """

    def __init__(self, *rows: Row) -> None:
        self.rows = rows

    def execute(self, *_: object) -> Observed:
        return self

    def fetchall(self) -> list[Row]:
        return list(self.rows)


def calibrated(*observed: Row) -> dict[tuple[str, str], float | None]:
    found = calibration_by_grade(Observed(*observed), date(2026, 5, 31))  # type: ignore[arg-type] # no connection, but all that is asked of one
    return {(one.member, one.figure): one.value for one in found}


def test_versions_are_tested_by_what_each_said() -> None:
    """BB said 8 % for eleven month-ends and 26 % at the last: 9.5 %, not the 26 % that rated one of them."""
    figures = calibrated(*(("BB", f"C{number}", 12, 1, 11 * 0.08 + 0.26, False) for number in range(50)))
    assert figures["BB", "told_default_rate"] == pytest.approx(0.095)
    # 50 of 600: as likely as can be.
    assert (figures["BB", "calibration_p"] or 0) > 0.5


def test_a_grade_that_is_certain_to_default_is_not_tested() -> None:
    """One payer would refute a probability of 1; its rate is reported anyway."""
    figures = calibrated(
        ("B", "C1", 12, 0, 2.4, False),
        ("B", "C2", 12, 12, 2.4, False),
        ("D", "C3", 12, 12, 12.0, True),
        ("D", "C4", 12, 0, 12.0, True),
    )
    assert figures["D", "default_rate"] == 0.5
    assert figures["D", "told_default_rate"] == 1
    assert ("D", "calibration_p") not in figures
    assert ("B", "calibration_p") in figures
