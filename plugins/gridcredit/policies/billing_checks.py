"""What a policy says of how bills are computed again from readings and tariff."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise

from gridcredit.errors import PolicyError
from gridcredit.policies.folder import Policy, fault

TABLE = "power_factor_adjustments"


def check_billing(policy: Policy) -> None:
    """Refuse with a PolicyError adjustments for a power factor that leave out one, or reward a worse one."""
    rows = policy.tables[TABLE]
    if rows and policy.header.power_factor_surcharge:
        raise PolicyError(
            f"{policy.folder / 'policy.yml'}: power_factor_surcharge is for policies without {TABLE}.csv: say one of "
            "the two"
        )
    by_standard: dict[Decimal, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for row in rows:
        factor, percentage = Decimal(row["power_factor"]), Decimal(row["adjustment_pct"])
        by_standard[Decimal(row["power_factor_standard"])].append((factor, percentage))
    for standard, steps in by_standard.items():
        factors = [factor for factor, _ in steps]
        if not 0 < standard <= 1 or factors[0] != 0 or factors[-1] != 1 or sorted(set(factors)) != factors:
            raise fault(policy, TABLE, f"the power factors of standard {standard} must rise from 0 to 1")
        if any(factor != round(factor, 2) for factor in factors):
            raise fault(policy, TABLE, f"the power factors of standard {standard} must be whole hundredths")
        if any(worse < better for (_, worse), (_, better) in pairwise(steps)):
            raise fault(policy, TABLE, f"with standard {standard} a better power factor must not cost more")
