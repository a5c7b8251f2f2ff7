"""Scores a frame of features as a policy does: what the warehouse does in SQL, for samples and challengers."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridcredit.evaluation.figures import Flags, Floats
from gridcredit.policies.checks import ALL_DIMENSIONS
from gridcredit.policies.folder import Policy


def score(policy: Policy, frame: pd.DataFrame) -> Floats:
    """Points of the available indicators out of their weight, 0 to 100 with two decimals; NaN where none is available,
    or less than the policy asks for.

    An indicator with `missing_points` counts with them where it applies and has no value.

    `frame` has a column for each indicator, NaN where it is not available, `segment`, and `bills_due_12m` where the
    policy asks for so many.
    """
    points = np.zeros(len(frame), dtype=np.int64)
    weights = np.zeros(len(frame), dtype=np.int64)
    is_anything_known = np.zeros(len(frame), dtype=bool)
    for row in policy.tables["indicators"]:
        values = available(frame, row["indicator"], row["not_for"])
        known = ~np.isnan(values)
        is_anything_known |= known
        of_bin = np.array([hundredths(one["points"]) for one in policy.bins_of(row["indicator"])])
        points[known] += of_bin[bin_numbers(policy, row["indicator"], values[known])]
        weights[known] += hundredths(row["weight"])
        if of_missing := row.get("missing_points"):
            missing = ~known & applies(frame, row["not_for"])
            points[missing] += hundredths(of_missing)
            weights[missing] += hundredths(row["weight"])
    is_scored = is_anything_known & is_enough_known(policy, frame)
    exact = np.where(is_scored, (20_000 * points + weights) // np.maximum(2 * weights, 1), -1)
    result: Floats = np.where(exact < 0, np.nan, exact / 100)
    return result


def is_enough_known(policy: Policy, frame: pd.DataFrame) -> Flags:
    """Whether as many bills were due as the policy asks for, and of each dimension in `required_weights` the share of
    its weight is available.
    """
    enough = np.ones(len(frame), dtype=bool)
    if least := policy.header.least_bills_due:
        enough &= frame["bills_due_12m"].to_numpy() >= least
    for needed in policy.tables["required_weights"]:
        known, applicable = np.zeros(len(frame), dtype=np.int64), np.zeros(len(frame), dtype=np.int64)
        for row in policy.tables["indicators"]:
            if needed["dimension"] in (ALL_DIMENSIONS, row["dimension"]):
                weight = hundredths(row["weight"])
                known += weight * ~np.isnan(available(frame, row["indicator"], row["not_for"]))
                applicable += weight * applies(frame, row["not_for"])
        # In whole numbers: a share that is just met is met.
        part, whole = Decimal(needed["min_share"]).as_integer_ratio()
        enough &= known * whole >= applicable * part
    return enough


def bin_numbers(policy: Policy, indicator: str, values: Floats) -> npt.NDArray[np.intp]:
    """The place of each value's bin among the indicator's."""
    bounds = [float(one["upper_bound"]) for one in policy.bins_of(indicator) if one["upper_bound"]]
    return np.digitize(values, bounds)


def available(frame: pd.DataFrame, indicator: str, not_for: str) -> Floats:
    """An indicator's values, NaN for the segments that it leaves out."""
    values: Floats = frame[indicator].to_numpy(dtype="float64", copy=True)
    values[~applies(frame, not_for)] = np.nan
    return values


def applies(frame: pd.DataFrame, not_for: str) -> Flags:
    """Whether an indicator applies to each row's segment."""
    if not not_for:
        return np.ones(len(frame), dtype=bool)
    return ~frame["segment"].isin(not_for.split("|")).to_numpy(dtype=bool)


def hundredths(text: str) -> int:
    """A decimal of two places as a whole number: sums of them are exact."""
    return round(float(text) * 100)
