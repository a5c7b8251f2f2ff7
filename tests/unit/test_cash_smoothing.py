"""Exponential smoothing against what its formula gives by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from gridcredit.transformation.cash_smoothing import smoothed


def test_a_year_of_months_is_needed() -> None:
    assert smoothed([100.0] * 11) is None


def test_what_never_changes_continues() -> None:
    assert smoothed([250_000.0] * 12) == pytest.approx([250_000.0] * 4, rel=1e-6)


def test_without_a_season_every_month_ahead_is_the_level() -> None:
    """The level of simple smoothing is a weighted mean of the months, and the same for each month ahead."""
    months = [90.0, 110.0, 95.0, 105.0, 100.0, 98.0, 102.0, 97.0, 103.0, 99.0, 101.0, 100.0]
    found = smoothed(months)
    assert found is not None
    assert all(one == pytest.approx(other) for one, other in pairwise(found))
    assert min(months) < found[0] < max(months)


def test_from_two_years_on_a_season_comes_again() -> None:
    year = [100.0 + 10 * month for month in range(12)]
    assert smoothed(year * 3) == pytest.approx(year[:4], rel=0.01)


def test_the_same_months_give_the_same_cents() -> None:
    months = [1000.0 + (37 * number) % 91 for number in range(30)]
    assert smoothed(months) == smoothed(months)


def test_cash_is_not_negative() -> None:
    assert smoothed([float(max(1000 - 100 * month, -500)) for month in range(20)]) == [0.0] * 4
