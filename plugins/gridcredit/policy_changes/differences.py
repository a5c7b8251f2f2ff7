"""What differs between two policies, row by row."""

from __future__ import annotations

from dataclasses import dataclass

from gridcredit.policies.folder import Policy
from gridcredit.policies.tables import POLICY_TABLES


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
            key = POLICY_TABLES[table].key
            rest = {name: text for name, text in row.items() if name not in key}
            found[table, " ".join(row[column] for column in key)] = "  ".join(
                f"{name}={text}" for name, text in rest.items() if text
            )
    return found
