"""Which columns a model's column rests on, read from the SQL that dbt compiled."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

import structlog

from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect

log = structlog.get_logger(__name__)

# By schema, table and column the type.
Catalog = dict[str, dict[str, dict[str, str]]]

# What says nothing of columns: comments, literals (dates differ each night), and the database before schema and table.
_COMMENT_OR_LITERAL = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|(\"[^\"]*\")", re.DOTALL)
_DATABASE = re.compile(r'"\w+"\.(?="\w+"\."\w+")')


@dataclass(frozen=True, order=True)
class ColumnName:
    """A column of the warehouse."""

    schema: str
    table: str
    column: str


@dataclass(frozen=True)
class Model:
    """A dbt model as it was run: where it is, its compiled SQL, and whose SQL that is."""

    unique_id: str
    schema: str
    table: str
    sql: str
    dialect: str = "postgres"


@dataclass(frozen=True)
class Upstream:
    """A column that another rests on: its value comes from it, or (`is_direct` false) it decides which rows are
    counted.
    """

    column: ColumnName
    is_direct: bool


def catalog(connection: Connection, schemas: Collection[str] | None = None) -> Catalog:
    """The columns of the tables and views of some schemas, or of the whole warehouse, with their types."""
    found: Catalog = {}
    for schema, table, column, kind in connection.execute(
        "select nspname, relname, attname, format_type(atttypid, atttypmod) from pg_attribute "
        "join pg_class on pg_class.oid = attrelid join pg_namespace on pg_namespace.oid = relnamespace "
        "where attnum > 0 and not attisdropped and relkind in ('r', 'v', 'p') "
        "and nspname not in ('pg_catalog', 'information_schema') and not relispartition "
        "and (%(schemas)s::text[] is null or nspname = any(%(schemas)s)) order by nspname, relname, attnum",
        {"schemas": None if schemas is None else list(schemas)},
    ):
        found.setdefault(schema, {}).setdefault(table, {})[column] = kind
    return found


def upstream_of(model: Model, known: Any) -> dict[str, list[Upstream]]:  # noqa: ANN401 - sqlglot's schema
    """By column of the model the columns of other relations it rests on; of a count, those the query reads at all."""
    import sqlglot
    from sqlglot import exp

    query = sqlglot.parse_one(model.sql, dialect=model.dialect)
    reader = _Reader(query.copy(), known)
    tables = {name: {Upstream(one, True) for one in found} for name, found in reader.columns(query).items()}
    read = {Upstream(one.column, False) for found in tables.values() for one in found}
    if not read:
        read = {
            Upstream(ColumnName(table.db, table.name, column), False)
            for table in query.find_all(exp.Table)
            if table.db
            for column in known.column_names(exp.Table(this=table.this, db=table.args.get("db")))
        }
    return {name: sorted(found or read, key=lambda one: one.column) for name, found in tables.items()}


class _Reader:
    """Reads which columns of tables a query's own are made from.

    Of a lateral subquery sqlglot knows what is read of the query around it, but not which tables are read within: the
    subquery is read as a query of its own, with the CTEs of the whole before it.
    """

    def __init__(self, whole: Any, known: Any) -> None:  # noqa: ANN401 - sqlglot's expression and schema
        self.ctes = [(one.alias, one.this) for one in whole.ctes]
        self.known = known
        # By subquery, which is held so that no other gets its place.
        self.laterals: dict[int, tuple[Any, dict[str, Any]]] = {}

    def columns(self, query: Any) -> dict[str, set[ColumnName]]:  # noqa: ANN401
        """By column of the query."""
        return {name: set(self._below(root)) for name, root in self._lineage(query).items()}

    def _lineage(self, query: Any) -> dict[str, Any]:  # noqa: ANN401
        from sqlglot.lineage import lineage

        found: dict[str, Any] = lineage(
            None, query, schema=self.known, dialect="postgres", trim_selects=False, copy=False
        )
        return found

    def _below(self, node: Any) -> Iterator[ColumnName]:  # noqa: ANN401 - sqlglot's node
        from sqlglot import exp

        if isinstance(node.source, exp.Table) and node.source.db:
            yield ColumnName(node.source.db, node.source.name, _column_of(node))
        found = self._lateral(node) if isinstance(node.source, exp.Lateral) else None
        if found is None:
            for child in node.downstream:
                yield from self._below(child)
        else:
            yield from self._below(found)
            outer = {leaf.name for leaf in found.walk() if not leaf.downstream}
            for child in node.downstream:
                if child.name in outer:
                    yield from self._below(child)

    def _lateral(self, node: Any) -> Any:  # noqa: ANN401
        """The lineage of a lateral subquery's column; None of a function's."""
        from sqlglot import exp

        inner = node.source.this.unnest()
        if not isinstance(inner, exp.Query):
            return None
        if id(inner) not in self.laterals:
            query = inner.copy()
            for name, cte in self.ctes:
                query = query.with_(name, as_=cte.copy(), copy=False)
            self.laterals[id(inner)] = inner, self._lineage(query)
        return self.laterals[id(inner)][1].get(_column_of(node))


def _column_of(node: Any) -> str:  # noqa: ANN401
    name: str = node.name.rsplit(".", 1)[-1].strip('"')
    return name


def record_columns(
    fingerprint: str, models: list[Model], settings: Settings, read_catalog: Callable[[], Catalog] | None = None
) -> None:
    """Store what the columns of a build's models rest on; what was read of the same SQL before is not read again.

    `read_catalog` returns the columns of all tables where the models were not built in the warehouse.
    """
    with connect(settings) as connection:
        recorded = _texts(connection, "select unique_id from lineage.model_sql where fingerprint = %s", fingerprint)
        models = [model for model in models if model.unique_id not in recorded]
        if not models:
            return
        tables = read_catalog() if read_catalog else catalog(connection)
        by_hash = {_sql_hash(model, tables): model for model in models}
        read = _texts(connection, "select sql_hash from lineage.model_sql where sql_hash = any(%s)", list(by_hash))
        if unread := {sql_hash: model for sql_hash, model in by_hash.items() if sql_hash not in read}:
            _read_columns(unread, tables, connection)
        with connection.cursor().copy("copy lineage.model_sql (fingerprint, unique_id, sql_hash) from stdin") as copy:
            for sql_hash, model in by_hash.items():
                copy.write_row((fingerprint, model.unique_id, sql_hash))
    log.info("columns_recorded", models=len(models), read=len(unread))


def _texts(connection: Connection, query: LiteralString, value: object) -> set[str]:
    return {text for (text,) in connection.execute(query, [value])}


def _sql_hash(model: Model, tables: Catalog) -> str:
    """Of what decides which columns are found: the SQL without its literals, and the columns of the tables that it
    names.
    """
    words = _DATABASE.sub("", _COMMENT_OR_LITERAL.sub(lambda found: found[1] or "", model.sql))
    named = set(re.findall(r"\w+", words))
    columns = [
        (schema, table, *tables[schema][table])
        for schema in sorted(named & tables.keys())
        for table in sorted(named & tables[schema].keys())
    ]
    parts = (model.unique_id, model.schema, model.table, model.dialect, words, columns)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _read_columns(by_hash: dict[str, Model], tables: Catalog, connection: Connection) -> None:
    from sqlglot.schema import MappingSchema

    known = MappingSchema(_without_types(tables), dialect="postgres", normalize=False)
    with connection.cursor().copy(
        "copy lineage.column_upstream (sql_hash, unique_id, schema_name, table_name, column_name, upstream_schema, "
        "upstream_table, upstream_column, is_direct) from stdin"
    ) as copy:
        for sql_hash, model in by_hash.items():
            for column, found in upstream_of(model, known).items():
                for one in found:
                    copy.write_row(
                        (sql_hash, model.unique_id, model.schema, model.table, column)
                        + (one.column.schema, one.column.table, one.column.column, one.is_direct)
                    )


def _without_types(known: Catalog) -> dict[str, object]:
    """Types do not matter for where a value comes from, and of some Postgres types sqlglot knows nothing."""
    return {
        schema: {table: dict.fromkeys(columns, "text") for table, columns in tables.items()}
        for schema, tables in known.items()
    }
