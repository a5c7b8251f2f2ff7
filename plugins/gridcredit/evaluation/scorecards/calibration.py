"""Default rates of a policy's grades from the supplier's own history: `gridcredit policy calibrate`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from gridcredit.errors import GridCreditError
from gridcredit.evaluation.figures import Interval, effective_size
from gridcredit.evaluation.scorecards.policy_folder import refuse_existing, write_policy
from gridcredit.policies.folder import NOBODY, Policy, refuse_name
from gridcredit.policies.store import policy_in_force
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

METHOD = "calibration: default rates of the supplier's own history"
# The policy's own rate counts as so many independent customers: history outweighs it where it has more.
POLICY_COUNTS_AS = 100
LEAST_RATE = 0.0001


@dataclass(frozen=True)
class GradeRate:
    """A grade's default rate: by the policy, as observed over the `observed` month-ends of customers, worth `size`
    independent ones, and between the two.
    """

    grade: str
    before: float
    observed: int
    customers: int
    defaults: int
    size: float
    now: Interval


@dataclass(frozen=True)
class Calibrated:
    """A policy with default rates of the supplier's own; `rates` are those that its folder has."""

    policy: Policy
    base: Policy
    rates: list[GradeRate]

    @property
    def facts(self) -> dict[str, Any]:
        return {"method": METHOD, "rates": [asdict(one) for one in self.rates]}


def calibrate_policy(out: Path, version: str, effective_from: date, settings: Settings) -> Calibrated:
    """Write the policy in force with default rates of the supplier's own history as a policy folder.

    Pooled are all month-ends rated by that version whose window is over; indeterminate ones count as not in default.

    Raises:
        GridCreditError: the folder already exists, or no rating of the version has an outcome.
    """
    refuse_existing(out)
    refuse_name(version)
    base = policy_in_force(settings, effective_from)
    with connect(settings) as connection:
        counts = connection.execute(
            "select grade_by_policy, customer_id, count(*)::int, count(*) filter (where outcome = 'default')::int "
            "from outcomes.outcome where outcome is not null and policy_version = %s group by 1, 2",
            [base.header.version],
        ).fetchall()
    if not counts:
        raise GridCreditError(
            f"no customer rated by {base.header.version} has an outcome yet: there is nothing to calibrate to"
        )
    rates = []
    for row in base.tables["default_rates"]:
        of_grade = [(observed, defaults) for grade, _, observed, defaults in counts if grade == row["grade"]]
        rates.append(shrunk_rate(row["grade"], float(row["probability_of_default"]), of_grade))
    rates = as_written(base, rates)
    values = {one.grade: one.now.value for one in rates}
    table = [row | {"probability_of_default": f"{values[row['grade']]:.4f}"} for row in base.tables["default_rates"]]
    header = {
        "version": version,
        "effective_from": effective_from.isoformat(),
        "approver": NOBODY,
        "description": f"Default rates of the supplier's own history; all else as in {base.header.version}.",
    }
    return Calibrated(write_policy(out, base, {"default_rates": table}, header, settings), base, rates)


def shrunk_rate(grade: str, before: float, counts: list[tuple[int, int]]) -> GradeRate:
    """The mean of a beta distribution: the policy's rate as the prior, the history by its effective size.

    `counts` has for each customer how many month-ends were observed, and how many of them ended in default.
    """
    from scipy.stats import beta

    observed, defaults = (sum(one[place] for one in counts) for place in (0, 1))
    size = effective_size(counts)
    came = size * defaults / observed if observed else 0.0
    bad, good = came + POLICY_COUNTS_AS * before, size - came + POLICY_COUNTS_AS * (1 - before)
    low, high = beta.ppf([0.025, 0.975], max(bad, 1e-6), max(good, 1e-6))
    now = Interval(bad / (bad + good), float(low), float(high))
    return GradeRate(grade, before, observed, len(counts), defaults, size, now)


def as_written(base: Policy, rates: list[GradeRate]) -> list[GradeRate]:
    """The rates as the folder has them: pooled, not below the least, with four digits; intervals hold them."""
    values = {grade: round(rate, 4) for grade, rate in _never_better_for_worse(base, rates).items()}
    return [
        replace(
            one,
            now=Interval(
                values[one.grade], min(one.now.lower, values[one.grade]), max(one.now.upper, values[one.grade])
            ),
        )
        for one in rates
    ]


def _never_better_for_worse(base: Policy, rates: list[GradeRate]) -> dict[str, float]:
    """By grade the rate, where a worse grade never has a lower one: neighbours out of order are pooled."""
    from sklearn.isotonic import IsotonicRegression

    ranks = {row["grade"]: int(row["grade_rank"]) for row in base.tables["grades"]}
    ranked = sorted((one for one in rates if one.grade in ranks), key=lambda one: ranks[one.grade])
    weights = [one.size + POLICY_COUNTS_AS for one in ranked]
    pooled = IsotonicRegression().fit_transform(
        np.arange(len(ranked)), [one.now.value for one in ranked], sample_weight=weights
    )
    found = {one.grade: one.now.value for one in rates}
    found |= {one.grade: float(rate) for one, rate in zip(ranked, pooled, strict=True)}
    return {grade: max(rate, LEAST_RATE) for grade, rate in found.items()}
