"""Copies of the warehouse's tables as text, for engines other than Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from psycopg import sql

from gridcredit.files.private import private_folder
from gridcredit.warehouse.connection import Connection

# Names and types of columns as DuckDB takes them, in order.
Columns = dict[str, str]


def columns_of(connection: Connection, schema: str, table: str) -> Columns:
    """The columns of a table of Postgres as DuckDB types; a number without a stated scale gets the one that its values
    need.
    """
    found = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = to_regclass(%s) "
        "and attnum > 0 and not attisdropped order by attnum",
        [sql.Identifier(schema, table).as_string(connection)],
    ).fetchall()
    return {name: _duckdb_type(connection, schema, table, name, kind) for name, kind in found}


@contextmanager
def rows_as_csv(connection: Connection, query: sql.Composed, folder: Path) -> Iterator[str]:
    """What a query finds, in a file that lasts as long as the context."""
    with NamedTemporaryFile(dir=private_folder(folder), suffix=".csv") as file:
        with connection.cursor().copy(sql.SQL("copy ({}) to stdout (format csv)").format(query)) as copy:
            for block in copy:
                file.write(block)
        file.flush()
        yield file.name


def _duckdb_type(connection: Connection, schema: str, table: str, column: str, kind: str) -> str:
    if kind == "numeric":
        query = sql.SQL("select coalesce(max(scale(trim_scale({}))), 0) from {}")
        (scale,) = connection.execute(
            query.format(sql.Identifier(column), sql.Identifier(schema, table))
        ).fetchone() or (0,)
        return f"decimal(18,{scale})"
    if kind.endswith("[]") or kind in ("jsonb", "name"):
        return "varchar"
    return kind
