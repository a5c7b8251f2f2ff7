"""What the data dictionary says, from the models' own metadata and the column lineage of the last build."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gridcredit.lineage.columns import ColumnName
from gridcredit.warehouse.connection import Connection
from gridcredit.warehouse.published_tables import TABLES

# From what came in to what is published; a schema for each layer, side by side where none builds on another.
LAYERS = (
    ("raw",),
    ("policy", "ops", "lineage"),
    ("staging",),
    ("scope", "ledger"),
    ("archive", "metering"),
    ("features",),
    ("credit",),
    ("warnings",),
    ("collections",),
    ("receivables", "monitoring"),
    ("outcomes", "evaluation"),
    ("candidate",),
)


@dataclass(frozen=True)
class Column:
    """A column, the columns it is made from, and the delivered columns that these come from in the end."""

    name: str
    type: str
    description: str
    upstream: list[ColumnName]
    delivered: list[ColumnName]


@dataclass(frozen=True)
class Relation:
    """A model or a source of dbt's project."""

    unique_id: str
    layer: str
    name: str
    description: str
    columns: list[Column] = field(default_factory=list)
    upstream: list[str] = field(default_factory=list)

    @property
    def is_published(self) -> bool:
        return self.layer == "candidate" and self.name in TABLES


def read_dictionary(manifest: dict[str, Any], connection: Connection) -> list[Relation]:
    """Every model and source by layer and name.

    Columns have their upstream once something has been built: before, nothing is known of it.
    """
    upstream = _upstream_columns(connection)
    built: dict[tuple[str, str], list[str]] = {}
    for column in sorted(upstream):
        built.setdefault((column.schema, column.table), []).append(column.column)
    relations = [
        Relation(
            unique_id=unique_id,
            layer=node["schema"],
            name=node["name"],
            description=node["description"],
            columns=[
                Column(
                    name,
                    node["columns"].get(name, {}).get("data_type") or "",
                    node["columns"].get(name, {}).get("description", ""),
                    sorted(upstream.get(this := ColumnName(node["schema"], node["name"], name), ())),
                    sorted(_delivered(this, upstream)),
                )
                # Those that are described, then the others that the last build made.
                for name in dict.fromkeys([*node["columns"], *built.get((node["schema"], node["name"]), [])])
            ],
            upstream=[
                parent for parent in manifest["parent_map"].get(unique_id, []) if not parent.startswith("macro.")
            ],
        )
        for unique_id, node in (manifest["nodes"] | manifest["sources"]).items()
        if node["resource_type"] in ("model", "source")
    ]
    order = [layer for layers in LAYERS for layer in layers]
    return sorted(relations, key=lambda one: (order.index(one.layer), one.name))


def _upstream_columns(connection: Connection) -> dict[ColumnName, set[ColumnName]]:
    """By column those it is made from, as the last build that recorded them had it."""
    found: dict[ColumnName, set[ColumnName]] = {}
    for row in connection.execute(
        "select schema_name, table_name, column_name, upstream_schema, upstream_table, upstream_column "
        "from lineage.columns where fingerprint = (select fingerprint from lineage.runs "
        "where exists (select 1 from lineage.columns where columns.fingerprint = runs.fingerprint) "
        "order by started_at desc limit 1)"
    ):
        found.setdefault(ColumnName(*row[:3]), set()).add(ColumnName(*row[3:]))
    return found


def _delivered(start: ColumnName, upstream: dict[ColumnName, set[ColumnName]]) -> Iterable[ColumnName]:
    """The columns of raw that a column rests on in the end."""
    seen, waiting = {start}, [start]
    while waiting:
        for one in upstream.get(waiting.pop(), ()):
            if one not in seen:
                seen.add(one)
                waiting.append(one)
    return {one for one in seen if one.schema == "raw"}
