"""What differs between two policies, row by row."""

from __future__ import annotations

from dataclasses import dataclass

from gridcredit.policies.folder import Policy

# What names a row of a policy table, for those whose first column does not.
KEYS: dict[str, tuple[str, ...]] = {
    "bins": ("indicator", "bin"),
    "season_indices": ("segment", "month"),
    "bill_sizes": ("segment", "percentile"),
    "required_weights": ("dimension",),
    "power_factor_adjustments": ("power_factor_standard", "power_factor"),
    "dunning_steps": ("strategy", "step_rank"),
    "warning_conditions": ("rule", "feature", "comparator"),
}


@dataclass(frozen=True)
class Difference:
    """A row of a table, or a field of policy.yml: as it was and as it is, None where there is none."""

    table: str
    key: str
    before: str | None
    after: str | None


def compare_policies(one: Policy, other: Policy) -> list[Difference]:
    """All differences from one policy to another, in the order of the tables."""
    before, after = _rows(one), _rows(other)
    return [
        Difference(table, key, before.get((table, key)), after.get((table, key)))
        for table, key in dict.fromkeys([*before, *after])
        if before.get((table, key)) != after.get((table, key))
    ]


def _rows(policy: Policy) -> dict[tuple[str, str], str]:
    found = {
        ("policy.yml", field): str(value)
        for field, value in policy.header.model_dump().items()
        if field not in ("policy", "version", "description")
    }
    for table, rows in policy.tables.items():
        for row in rows:
            key = KEYS.get(table, tuple(row)[:1])
            rest = {name: text for name, text in row.items() if name not in key}
            found[table, " ".join(row[column] for column in key)] = "  ".join(
                f"{name}={text}" for name, text in rest.items() if text
            )
    return found
