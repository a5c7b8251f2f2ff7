"""What tables are read by: description, key, columns and foreign keys, as the models and star.yml declare them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from gridcredit.contract.features import feature_library_yaml
from gridcredit.errors import GridCreditError
from gridcredit.files.strict_yaml import load_yaml
from gridcredit.settings import Settings

KEY_MARK = "Grain and key: "
# A foreign key of a model, as dbt writes it: schema, table, columns.
REFERENCE = re.compile(r"(\w+)\.(\w+) \(([\w, ]+)\)")


@dataclass(frozen=True)
class ForeignKey:
    """Columns whose values are a key of another table of the same schema."""

    columns: tuple[str, ...]
    table: str
    to_columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.columns)}) references {self.table} ({', '.join(self.to_columns)})"


@dataclass(frozen=True)
class Column:
    """A column that readers see."""

    name: str
    type: str
    text: str
    is_required: bool = False
    deprecated: str | None = None

    @property
    def full_text(self) -> str:
        """What it is, and that it will go where it will."""
        return f"{self.text}; deprecated: {self.deprecated}" if self.deprecated else self.text


@dataclass(frozen=True)
class Table:
    """A table that readers see. `text` says what it holds, without its key."""

    name: str
    text: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    group: str = ""
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def description(self) -> str:
        """What it holds, and what a row of it is of."""
        return f"{self.text} {KEY_MARK}{', '.join(self.key)}."

    @property
    def comment(self) -> str:
        """What Postgres says of it: BI tools show that, and find in it what it joins."""
        return "\n".join([self.description, *(f"foreign key {key}" for key in self.foreign_keys)])

    def column_comment(self, column: Column) -> str:
        """What Postgres says of a column, with the table that it alone joins."""
        joined = [key for key in self.foreign_keys if key.columns == (column.name,)]
        return f"{column.full_text}; joins {joined[0].table}" if joined else column.full_text


def published_tables(settings: Settings) -> list[Table]:
    """The published tables by name, as the models of `candidate` describe them.

    Raises:
        GridCreditError: a foreign key leads to no key of a published table.
    """
    by_hand = (settings.dbt_dir / "models" / "candidate" / "candidate.yml").read_text(encoding="utf-8")
    models = [model for text in (by_hand, feature_library_yaml(settings)) for model in load_yaml(text)["models"]]
    return _checked((_of_model(model) for model in models), "dbt_project/models/candidate/candidate.yml")


def star_tables(published: Iterable[Table]) -> list[Table]:
    """The dimensions and facts of `star`. A column without a text of its own means what it means in the tables that it
    is `of`.

    Raises:
        GridCreditError: a column is described nowhere, or a foreign key leads to no key.
    """
    known = {table.name: {column.name: column for column in table.columns} for table in published}
    tables = load_yaml((files("gridcredit.contract") / "star.yml").read_text(encoding="utf-8"))
    return _checked((_of_star(name, table, known) for name, table in tables.items()), "star.yml")


def _of_model(model: dict[str, Any]) -> Table:
    text, _, key = model["description"].strip().partition(KEY_MARK)
    return Table(
        name=model["name"],
        text=" ".join(text.split()),
        key=tuple(" ".join(key.split()).rstrip(".").split(", ")),
        columns=tuple(_of_column(column) for column in model["columns"]),
        foreign_keys=tuple(
            _foreign_key(model["name"], one["columns"], one["expression"])
            for one in model.get("constraints", [])
            if one["type"] == "foreign_key"
        ),
        group=model["config"]["group"],
        meta=model["config"].get("meta", {}),
    )


def _of_column(column: dict[str, Any]) -> Column:
    return Column(
        column["name"],
        column["data_type"],
        column["description"],
        is_required=any(one["type"] == "not_null" for one in column.get("constraints", [])),
        deprecated=column.get("config", {}).get("meta", {}).get("deprecated"),
    )


def _foreign_key(model: str, columns: list[str], expression: str) -> ForeignKey:
    found = REFERENCE.fullmatch(expression)
    if not found or found[1] != "published":
        raise GridCreditError(f"{model}: a foreign key reads `published.<table> (<columns>)`, not {expression!r}")
    return ForeignKey(tuple(columns), found[2], tuple(found[3].split(", ")))


def _of_star(name: str, table: dict[str, Any], known: dict[str, dict[str, Column]]) -> Table:
    columns = []
    for column, own in table["columns"].items():
        inherited = next((known[one][column] for one in table.get("of", []) if column in known[one]), None)
        if own:
            columns.append(Column(column, *own))
        elif inherited:
            columns.append(inherited)
        else:
            raise GridCreditError(f"star.yml: {name}.{column} has no text, and none of {table.get('of', [])} has it")
    keys = [
        ForeignKey(tuple(one["columns"]), one["table"], tuple(one["columns"])) for one in table.get("foreign_keys", [])
    ]
    return Table(name, table["text"], tuple(table["key"]), tuple(columns), tuple(keys))


def _checked(tables: Iterable[Table], where: str) -> list[Table]:
    """The tables by name, once each foreign key has been seen to lead from columns to a key."""
    by_name = {table.name: table for table in tables}
    for table in by_name.values():
        names = {column.name for column in table.columns}
        for key in table.foreign_keys:
            target = by_name.get(key.table)
            if not set(key.columns) <= names or target is None or key.to_columns != target.key:
                raise GridCreditError(f"{where}: {table.name}: foreign key {key}: no such columns, or not its key")
    return [by_name[name] for name in sorted(by_name)]
