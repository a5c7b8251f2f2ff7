"""How an extract of the input contract is described: columns, their kinds, keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "text", "date", "month", "timestamp", "boolean", "money", "price", "energy", "number", "code", "integer", "json"
]

# Decimals by kind: digits in all and behind the point.
DECIMALS: dict[Kind, tuple[int, int]] = {"money": (18, 2), "price": (18, 6), "energy": (18, 3), "number": (18, 4)}
SQL_TYPES: dict[Kind, str] = {
    "text": "text",
    "code": "text",
    "date": "date",
    "month": "date",
    "timestamp": "timestamptz",
    "boolean": "boolean",
    "integer": "bigint",
    "json": "jsonb",
    **{kind: f"numeric({digits}, {scale})" for kind, (digits, scale) in DECIMALS.items()},
}


@dataclass(frozen=True)
class Column:
    """One column: a `code` takes one of `values` only; money, prices, energy and numbers are exact decimals.

    `personal` says that it holds the name of a person or firm, or the number of an identity document.
    """

    name: str
    kind: Kind
    text: str
    required: bool = False
    key: bool = False
    values: tuple[str, ...] = ()
    unit: str = ""
    personal: Literal["", "name", "number"] = ""

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.kind]

    @property
    def is_identifier(self) -> bool:
        """Whether it names one thing, so that values that look alike must be alike."""
        return self.kind == "text" and (self.name.endswith(("_id", "_code")) or self.personal == "number")


@dataclass(frozen=True)
class Extract:
    """One canonical extract: its columns, of which the keys identify a fact across deliveries.

    `dated_by` is the column with the business date of a fact: what is as of a date reads none that is later.
    `fresh_days` is the number of days after which a supplier's operators should ask where the next delivery is;
    None where an extract comes only when something happens, and a file without rows says that nothing has.
    `known_early` says that its facts are known before their date: what is as of a date reads later ones too.
    `named` says of rows with a `name` and a `value` what the value of each known name is; None of all other extracts.
    """

    name: str
    text: str
    columns: tuple[Column, ...]
    dated_by: str
    fresh_days: int | None = None
    known_early: bool = False
    named: tuple[Column, ...] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.key)

    @property
    def personal_columns(self) -> dict[str, str]:
        """The columns with names and numbers of persons, each with which of the two."""
        return {column.name: column.personal for column in self.columns if column.personal}

    @property
    def found_by(self) -> str:
        """The column by which a customer's rows are found: his own number, or that of his meter, plan or tariff.

        Rows that are of no customer are found by the policy's version.
        """
        owners = ("customer_id", "meter_id", "action_id", "tariff_code", "policy_version")
        return next(name for name in owners if self.column(name))

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


def key_column(name: str, text: str, kind: Kind = "text", values: tuple[str, ...] = ()) -> Column:
    return Column(name, kind, text, required=True, key=True, values=values)
