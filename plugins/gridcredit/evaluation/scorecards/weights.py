"""Weights of indicators by method, for a supplier without a history to fit to.

Analytic hierarchy process (Saaty): the weights are the principal eigenvector of a matrix of pairwise comparisons;
consistency ratio = ((largest eigenvalue - n) / (n - 1)) / mean of random matrices of the same size. Entropy: an
indicator that says the same of everybody says nothing; its weight grows with 1 + (sum of p ln p) / ln n, p being each
customer's share of the indicator's points.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.evaluation.figures import Floats
from gridcredit.evaluation.scorecards.score import available, bin_numbers
from gridcredit.files.strict_yaml import load_yaml
from gridcredit.policies.folder import Policy, Rows

# Mean consistency index of random matrices by their size (Saaty 1980).
RANDOM_INDEX = dict(
    enumerate([0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59], start=1)
)
MAX_CONSISTENCY_RATIO = 0.1

Weights = dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """A matrix of pairwise comparisons: its weights, which add up to 1, and its consistency ratio."""

    weights: Weights
    consistency_ratio: float


def compare_pairs(names: list[str], matrix: Floats) -> Comparison:
    """The weights of a reciprocal matrix: `matrix[i, j]` says how many times more i counts than j.

    Raises:
        PolicyError: the matrix is not reciprocal, too large, or contradicts itself (ratio 0.1 or more).
    """
    size = len(names)
    if size not in RANDOM_INDEX or matrix.shape != (size, size):
        raise PolicyError(
            f"the matrix of {', '.join(names)} must be {size} x {size}, of at most {max(RANDOM_INDEX)} names"
        )
    if (matrix <= 0).any() or not np.allclose(matrix * matrix.T, 1, rtol=0.01):
        raise PolicyError(f"the matrix of {', '.join(names)} must be reciprocal: 1 on its diagonal, 1/x across from x")
    values, vectors = np.linalg.eig(matrix)
    largest = int(np.argmax(values.real))
    vector = np.abs(vectors[:, largest].real)
    index = (values[largest].real - size) / (size - 1) if size > 1 else 0.0
    ratio = float(index / RANDOM_INDEX[size]) if RANDOM_INDEX[size] else 0.0
    if ratio >= MAX_CONSISTENCY_RATIO:
        raise PolicyError(
            f"the comparisons of {', '.join(names)} contradict each other: consistency ratio {ratio:.3f}, and "
            f"{MAX_CONSISTENCY_RATIO} is too much; check the pair that fits the others least"
        )
    return Comparison(dict(zip(names, (vector / vector.sum()).tolist(), strict=True)), ratio)


def read_hierarchy(path: Path, base: Policy) -> Weights:
    """Weights of a file of comparisons: `dimensions`, and for each dimension its indicators.

    Each is `{names: [...], matrix: [[1, 3], [1/3, 1]]}`; a dimension with one indicator needs no matrix.

    Raises:
        PolicyError: the file does not cover the base policy's indicators, or a matrix is refused.
    """
    try:
        document: dict[str, Any] = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    of_dimension: dict[str, list[str]] = {}
    for row in base.tables["indicators"]:
        of_dimension.setdefault(row["dimension"], []).append(row["indicator"])
    try:
        dimensions = _comparison(document["dimensions"])
        weights: Weights = {}
        for dimension, weight in dimensions.weights.items():
            names = of_dimension[dimension]
            within = _comparison(document[dimension]).weights if len(names) > 1 else {names[0]: 1.0}
            weights |= {name: weight * share for name, share in within.items()}
    except KeyError as error:
        raise PolicyError(f"{path}: {error} is not compared, or no dimension of {base.header.version}") from None
    except (TypeError, ValueError) as error:
        raise PolicyError(f"{path}: a comparison needs names and a matrix of numbers: {error}") from None
    known = {row["indicator"] for row in base.tables["indicators"]}
    if weights.keys() != known:
        raise PolicyError(f"{path}: must compare each of {', '.join(sorted(known ^ weights.keys()))} once")
    return weights


def _comparison(part: dict[str, Any]) -> Comparison:
    matrix = np.array([[float(Fraction(str(cell))) for cell in row] for row in part["matrix"]])
    return compare_pairs(list(part["names"]), matrix)


def entropy_weights(base: Policy, frame: pd.DataFrame) -> Weights:
    """Weights of the base policy's indicators by how differently customers stand in them; they add up to 1.

    `frame` has a row for each customer, with segment and indicators.
    """
    differing: Weights = {}
    for row in base.tables["indicators"]:
        points = _points(base, row, frame)
        known = points[~np.isnan(points)]
        if len(known) < 2 or known.sum() == 0:
            differing[row["indicator"]] = 0.0
            continue
        shares = known / known.sum()
        positive = shares[shares > 0]
        differing[row["indicator"]] = max(float(1 + (positive * np.log(positive)).sum() / np.log(len(known))), 0.0)
    total = sum(differing.values())
    if total == 0:
        raise GridCreditError("no indicator differs between customers: entropy gives no weights")
    return {name: value / total for name, value in differing.items()}


def _points(base: Policy, row: dict[str, str], frame: pd.DataFrame) -> Floats:
    """Each customer's share of the indicator's weight, NaN where it is not available."""
    values = available(frame, row["indicator"], row["not_for"])
    points = np.array([float(one["points"]) for one in base.bins_of(row["indicator"])]) / float(row["weight"])
    numbers = bin_numbers(base, row["indicator"], np.nan_to_num(values))
    result: Floats = np.where(np.isnan(values), np.nan, points[numbers])
    return result


def combine(by_comparison: Weights | None, by_entropy: Weights | None, entropy_share: float) -> Weights:
    """A weighted mean of both; one alone where there is no other."""
    if by_comparison is None or by_entropy is None:
        one = by_comparison or by_entropy
        if one is None:
            raise GridCreditError("give comparisons (--matrices), a share of entropy (--entropy-share), or both")
        return one
    return {
        name: (1 - entropy_share) * weight + entropy_share * by_entropy[name] for name, weight in by_comparison.items()
    }


def weighted_tables(base: Policy, weights: Weights) -> dict[str, Rows]:
    """The base policy's indicators and bins with other weights: points have the same share of the weight as before."""
    hundredths = {name: round(10_000 * weight) for name, weight in weights.items()}
    used = {name: weight for name, weight in hundredths.items() if weight > 0}
    heaviest = max(used, key=lambda name: used[name])
    used[heaviest] += 10_000 - sum(used.values())
    before = {row["indicator"]: float(row["weight"]) for row in base.tables["indicators"]}

    def scaled(row: dict[str, str], column: str) -> dict[str, str]:
        share = float(row[column]) / before[row["indicator"]]
        return {column: f"{round(share * used[row['indicator']]) / 100:.2f}"}

    return {
        "indicators": [
            row | scaled(row, "weight") | (scaled(row, "missing_points") if row.get("missing_points") else {})
            for row in base.tables["indicators"]
            if row["indicator"] in used
        ],
        "bins": [row | scaled(row, "points") for row in base.tables["bins"] if row["indicator"] in used],
    }
