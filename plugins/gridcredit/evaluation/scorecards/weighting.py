"""From comparisons and entropy to a policy folder: `gridcredit scorecard weights`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from psycopg import sql

from gridcredit.errors import GridCreditError
from gridcredit.evaluation.feature_frame import as_floats, feature_frame
from gridcredit.evaluation.scorecards.policy_folder import refuse_existing, write_policy
from gridcredit.evaluation.scorecards.weights import combine, entropy_weights, read_hierarchy, weighted_tables
from gridcredit.policies.folder import NOBODY, Policy, refuse_name
from gridcredit.policies.store import policy_in_force
from gridcredit.settings import Settings
from gridcredit.transformation.engines import require_layers
from gridcredit.warehouse.connection import connect


@dataclass(frozen=True)
class Weighted:
    """A policy with weights by method, and what its card says."""

    policy: Policy
    base: Policy
    method: str
    facts: dict[str, Any]


def weigh(
    out: Path, version: str, effective_from: date, settings: Settings, *, matrices: Path | None, entropy_share: float
) -> Weighted:
    """Write the policy in force with other weights as a policy folder.

    Raises:
        GridCreditError: neither method is asked for, a matrix contradicts itself, or no customer has been rated yet.
    """
    refuse_existing(out)
    refuse_name(version)
    base = policy_in_force(settings, effective_from)
    by_comparison = read_hierarchy(matrices, base) if matrices else None
    by_entropy = entropy_weights(base, _customers(base, settings)) if entropy_share else None
    chosen = combine(by_comparison, by_entropy, entropy_share)
    method = " and ".join(
        [*(["analytic hierarchy process"] if by_comparison else []), *(["entropy weights"] if by_entropy else [])]
    )
    tables = weighted_tables(base, chosen)
    header = {
        "version": version,
        "effective_from": effective_from.isoformat(),
        "approver": NOBODY,
        "description": f"Weights by {method}; all else as in {base.header.version}.",
    }
    policy = write_policy(out, base, tables, header, settings)
    now = {row["indicator"]: row["weight"] for row in tables["indicators"]}
    facts = {
        "method": method,
        "entropy_share": entropy_share,
        "weights": [
            {
                "indicator": row["indicator"],
                "before": row["weight"],
                "by_comparison": 100 * by_comparison[row["indicator"]] if by_comparison else None,
                "by_entropy": 100 * by_entropy[row["indicator"]] if by_entropy else None,
                "now": now.get(row["indicator"], "0"),
            }
            for row in base.tables["indicators"]
        ],
    }
    return Weighted(policy, base, method, facts)


def _customers(base: Policy, settings: Settings) -> pd.DataFrame:
    names = [row["indicator"] for row in base.tables["indicators"]]
    with connect(settings) as connection:
        if connection.execute("select from published.feature_library limit 1").fetchone() is None:
            raise GridCreditError("entropy needs customers who have been rated: run `gridcredit run` first")
        require_layers(connection)
        # Attributes are no columns of what is published.
        query = sql.SQL(
            "select library.segment, {} from published.feature_library as library "
            "join features.customer_feature as feature using (customer_id) "
            "where feature.as_of_date = (select as_of_date from published.release order by release desc limit 1) "
            "order by library.customer_id"
        ).format(as_floats(names, "feature"))
        return feature_frame(connection.execute(query).fetchall(), ["segment"], names)
