"""Which columns a model's column rests on, read from the SQL that dbt compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import structlog

from gridcredit.settings import Settings
from gridcredit.warehouse import Connection, connect

log = structlog.get_logger(__name__)

# By schema, table and column the type.
Catalog = dict[str, dict[str, dict[str, str]]]


@dataclass(frozen=True, order=True)
class ColumnName:
    """A column of the warehouse."""

    schema: str
    table: str
    column: str


@dataclass(frozen=True)
class Model:
    """A dbt model as it was run: where it is, and its compiled SQL."""

    unique_id: str
    schema: str
    table: str
    sql: str


@dataclass(frozen=True)
class Upstream:
    """A column that another rests on: its value comes from it, or (`is_direct` false) it decides which rows are counted."""

    column: ColumnName
    is_direct: bool


def catalog(connection: Connection) -> Catalog:
    """The columns of every table and view of the warehouse, with their types."""
    found: Catalog = {}
    for schema, table, column, kind in connection.execute(
        "select nspname, relname, attname, format_type(atttypid, atttypmod) from pg_attribute "
        "join pg_class on pg_class.oid = attrelid join pg_namespace on pg_namespace.oid = relnamespace "
        "where attnum > 0 and not attisdropped and relkind in ('r', 'v', 'p') "
        "and nspname not in ('pg_catalog', 'information_schema') and not relispartition "
        "order by nspname, relname, attnum"
    ):
        found.setdefault(schema, {}).setdefault(table, {})[column] = kind
    return found


def upstream_of(model: Model, known: Any) -> dict[str, list[Upstream]]:  # noqa: ANN401 - sqlglot's schema
    """By column of the model the columns of other relations it rests on; of a count, those the query reads at all."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.lineage import lineage

    query = sqlglot.parse_one(model.sql, dialect="postgres")
    tables: dict[str, set[Upstream]] = {}
    for name, root in lineage(None, query, schema=known, dialect="postgres", trim_selects=False, copy=False).items():
        tables[name] = {
            Upstream(ColumnName(node.source.db, node.source.name, node.name.rsplit(".", 1)[-1].strip('"')), True)
            for node in root.walk()
            if isinstance(node.source, exp.Table) and node.source.db
        }
    read = {Upstream(one.column, False) for found in tables.values() for one in found}
    if not read:
        read = {
            Upstream(ColumnName(table.db, table.name, column), False)
            for table in query.find_all(exp.Table)
            if table.db
            for column in known.column_names(exp.Table(this=table.this, db=table.args.get("db")))
        }
    return {name: sorted(found or read, key=lambda one: one.column) for name, found in tables.items()}


def record_columns(fingerprint: str, models: list[Model], settings: Settings) -> None:
    """Store what the columns of a build's models rest on, once for each fingerprint."""
    from sqlglot.schema import MappingSchema

    with connect(settings) as connection:
        if connection.execute("select 1 from lineage.columns where fingerprint = %s limit 1", [fingerprint]).fetchone():
            return
        known = MappingSchema(_without_types(catalog(connection)), dialect="postgres", normalize=False)
        with connection.cursor().copy(
            "copy lineage.columns (fingerprint, unique_id, schema_name, table_name, column_name, upstream_schema, "
            "upstream_table, upstream_column, is_direct) from stdin"
        ) as copy:
            for model in models:
                for column, found in upstream_of(model, known).items():
                    for one in found:
                        copy.write_row(
                            (fingerprint, model.unique_id, model.schema, model.table, column)
                            + (one.column.schema, one.column.table, one.column.column, one.is_direct)
                        )
    log.info("columns_recorded", models=len(models))


def _without_types(known: Catalog) -> dict[str, object]:
    """Types do not matter for where a value comes from, and of some Postgres types sqlglot knows nothing."""
    return {
        schema: {table: dict.fromkeys(columns, "text") for table, columns in tables.items()}
        for schema, tables in known.items()
    }
