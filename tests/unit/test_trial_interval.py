"""The interval of a trial in plain Python: where both strategies are the same, it excludes 0 in 5 cases of 100."""

from __future__ import annotations

import math
import random
import statistics

from tests.support.trial_oracle import difference, drawn_of, half_width

SUPPLIERS, CUSTOMERS, TRIALS, SHARE = 25, 400, 100, 10


def normal_half_width(rates: list[float], is_challenger: list[bool]) -> float:
    """What stood here before: 1.96 standard errors."""
    arms: tuple[list[float], list[float]] = ([], [])
    for rate, mine in zip(rates, is_challenger, strict=True):
        arms[mine].append(rate)
    return 1.96 * math.sqrt(sum(statistics.variance(arm) / len(arm) for arm in arms))


def test_where_nothing_differs_the_interval_excludes_nothing_in_95_of_100_trials() -> None:
    """30.11: 97 of 100 customers pay all, the others nothing; 40 of 400 customers are drawn for the challenger."""
    dice = random.Random(30)
    excluded = by_standard_error = 0
    for supplier in range(SUPPLIERS):
        rates = {f"{supplier}-{number}": float(dice.random() < 0.97) for number in range(CUSTOMERS)}
        width = half_width(rates, SHARE, 100)
        for trial in range(TRIALS):
            is_challenger = [drawn_of(f"{customer}salt {trial}", 100) < SHARE for customer in rates]
            seen = abs(difference(list(rates.values()), is_challenger))
            excluded += seen > width
            by_standard_error += seen > normal_half_width(list(rates.values()), is_challenger)
    share = excluded / (SUPPLIERS * TRIALS)
    assert 0.03 < share < 0.07, share
    assert by_standard_error / (SUPPLIERS * TRIALS) > 0.15, "by standard errors many more were excluded"


def test_what_is_better_is_seen() -> None:
    """A challenger by whom a fifth more of each debt comes in has an interval above 0."""
    customers = [f"C{number}" for number in range(CUSTOMERS)]
    is_challenger = [drawn_of(customer, 100) < 50 for customer in customers]
    dice = random.Random(11)
    rates = {
        customer: min(dice.random() * 0.6 + 0.2 * mine, 1)
        for customer, mine in zip(customers, is_challenger, strict=True)
    }
    assert difference(list(rates.values()), is_challenger) - half_width(rates, 50, 100) > 0
