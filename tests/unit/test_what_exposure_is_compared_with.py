"""The table of docs/warnings.md: how much of the limit a punctual customer uses, by the shipped policy."""

from __future__ import annotations

from decimal import Decimal

import pytest
from gridcredit.settings import PROJECT_DIR

from tests.support import oracle, shipped

POLICY = oracle.Policy(shipped.FOLDER)


@pytest.mark.parametrize("grade", ["AAA", "AA", "A", "BBB"])
def test_what_a_punctual_customer_uses_of_the_limit(grade: str) -> None:
    """30.10: two mean bills while the month before is owed, one after that, over a limit of so many."""
    months = next(Decimal(row["limit_months"]) for row in POLICY.rows("limits") if row["grade"] == grade)
    peak = next(
        Decimal(row["peak_season_factor"]) for row in POLICY.rows("season_factors") if row["segment"] == "commercial"
    )
    limit = months * peak
    row = f"| {grade} | {limit:.1f} | {oracle.rounded(2 / limit, 2)} | {oracle.rounded(1 / limit, 2)} |"
    assert row in (PROJECT_DIR / "docs" / "warnings.md").read_text(encoding="utf-8").splitlines()


def test_which_punctual_customers_are_warned_of() -> None:
    """30.10: nobody who pays in time is near his limit; with a bill overdue, what the page says of grades A and BBB."""
    used = {"A": (Decimal("0.8333"), Decimal("0.4167")), "BBB": (Decimal("1.1111"), Decimal("0.5556"))}
    rules = {"near_limit", "over_limit"}

    def warned(policy: oracle.Policy, days_overdue: int) -> dict[str, list[set[str]]]:
        return {
            grade: [
                oracle.warnings(policy, "commercial", {"utilisation": one, "max_days_overdue": Decimal(days_overdue)})
                & rules
                for one in both
            ]
            for grade, both in used.items()
        }

    late = {"A": [{"near_limit"}, set()], "BBB": [{"over_limit"}, set()]}
    assert warned(POLICY, 0) == {"A": [set(), set()], "BBB": [set(), set()]}
    assert warned(POLICY, 1) == late
    # The version before warned of both.
    assert warned(oracle.Policy(PROJECT_DIR / "policies" / "default" / "1.1"), 0) == late
