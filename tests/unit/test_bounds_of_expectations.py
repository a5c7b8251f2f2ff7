"""The bounds of the checks, by what a column holds: a share, a score out of 100, an amount. A slip of a suite's figure
would pass all tests that take the figure from the suite.
"""

from __future__ import annotations

import json
from typing import Any

from gridcredit.quality.context import GATES
from gridcredit.settings import PROJECT_DIR

Bounds = tuple[Any, Any, float]

SHARE, OUT_OF_100, NOT_NEGATIVE = (0, 1, 1.0), (0, 100, 1.0), (0, None, 1.0)
BY_COLUMN: dict[str, Bounds] = {
    **dict.fromkeys(
        ("loss_rate", "on_time_rate_12m", "power_factor_12m", "peak_share_12m", "load_factor_12m", "paid_share"), SHARE
    ),
    **dict.fromkeys(("paid_rate", "paid_rate_not_reached", "mean_recovered_rate", "power_factor_standard"), SHARE),
    **dict.fromkeys(("score", "operating_score", "solvency_score", "share_pct"), OUT_OF_100),
    **dict.fromkeys(
        ("forecast_amount", "credit_limit", "exposure", "credit_balance", "money_at_stake", "open_amount"), NOT_NEGATIVE
    ),
    **dict.fromkeys(("late_charge", "receivable_amount", "amount", "overdue_amount", "expected_loss"), NOT_NEGATIVE),
    **dict.fromkeys(("days_without_supply", "unit_price", "contested_amount"), NOT_NEGATIVE),
    # The cent that a rounded sum of shares may be above one.
    "cumulative_share": (0, 1.000001, 1.0),
    # Nothing is written off of nothing.
    "proposed_amount": (0.01, None, 1.0),
    # A tenth worse than the naive forecast.
    "error_against_naive": (None, 1.1, 1.0),
    # What no payment explains is nothing.
    "unexplained_amount": (None, 0, 1.0),
    # The usual bounds of the index (Siddiqi, Credit Risk Scorecards): below 0.1 none, above 0.25 a shift.
    "psi": (None, 0.25, 1.0),
    "collection_rate": (0, 3, 0.9),
    # The first public supply of electricity was in 1881; single typing errors are not the file's.
    "opened_on": ("1880-01-01", None, 0.999),
    "deposit_amount": (0, None, 0.99),
    "guarantee_amount": (0, None, 0.99),
    "penalty": (0, 100_000_000, 1.0),
    "multiplier": (0.0001, 100_000, 1.0),
    "reading": (0, 100_000_000, 1.0),
}
# Of a delivery, with days that differ by extract: customers each week, readings and bills each month with some days to
# spare, payments on each working day.
OF_DELIVERIES: dict[str, list[Bounds]] = {
    "days_since_delivery": [(None, 7, 1.0), (None, 35, 1.0)],
    "days_since_newest_fact": [(None, 35, 1.0), (None, 3, 1.0)],
    "share_of_usual_rows": [(0.5, 3, 1.0), (0.02, None, 1.0)],
    "quarantined_share": [(None, 0.02, 1.0), (None, 0.5, 1.0)],
}
# Above nothing, not from nothing on.
STRICT = {"dispute.contested_amount", "instalment.amount"}
# Of how many rows a column may be empty, and how many may be out of order.
MOSTLY = {"candidate.customer_rating.score": 0.5, "raw.bill.due_on": 0.99}


def test_each_bound_is_that_of_what_the_column_holds() -> None:
    of_deliveries: dict[str, list[Bounds]] = {}
    mostly: dict[str, float] = {}
    strict: set[str] = set()
    for gate in GATES:
        for path in sorted((PROJECT_DIR / "expectations" / "suites" / gate).glob("*.json")):
            for one in json.loads(path.read_text(encoding="utf-8"))["expectations"]:
                kwargs = one["kwargs"]
                column = kwargs.get("column") or kwargs.get("column_A") or ""
                if one["type"] != "expect_column_values_to_be_between":
                    mostly |= {f"{gate}.{path.stem}.{column}": kwargs["mostly"]} if "mostly" in kwargs else {}
                    continue
                bounds = kwargs.get("min_value"), kwargs.get("max_value"), kwargs.get("mostly", 1.0)
                if path.stem == "delivery":
                    of_deliveries.setdefault(column, []).append(bounds)
                else:
                    assert bounds == BY_COLUMN[column], f"{gate}.{path.stem}.{column}"
                strict |= {f"{path.stem}.{column}"} if kwargs.get("strict_min") else set()
    assert of_deliveries == OF_DELIVERIES
    assert mostly == MOSTLY
    assert strict == STRICT
