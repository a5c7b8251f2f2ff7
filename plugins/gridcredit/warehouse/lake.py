"""The lake: Parquet copies of the raw tables, one file per partition of raw, for engines other than Postgres.

It holds nothing that Postgres does not: a build brings it up to date, and whoever erases or reverts rows drops it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from psycopg import sql

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.files.private import private_folder
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection
from gridcredit.warehouse.raw_tables import partitions

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Names and types of columns as DuckDB takes them, in order.
Columns = dict[str, str]


def bring_up_to_date(connection: Connection, engine: DuckDBPyConnection, settings: Settings) -> dict[str, list[Path]]:
    """Copy the partitions of raw that the lake lacks, remove what raw no longer has; by extract the files that make it
    up.
    """
    private_folder(settings.lake_dir)
    remove_stale(connection, settings)
    lake: dict[str, list[Path]] = {}
    for extract in EXTRACTS:
        lake[extract] = sorted(_wanted(connection, extract, settings))
        for path in lake[extract]:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                _copy_partition(connection, engine, path)
    return lake


def remove_stale(connection: Connection, settings: Settings) -> None:
    """Remove the copies of what raw no longer has: loads that were reverted, retired or merged."""
    for folder in settings.lake_dir.glob("*"):
        for path in set(folder.iterdir()) - _wanted(connection, folder.name, settings):
            path.unlink()


def drop_lake(settings: Settings) -> None:
    """Remove all copies, after rows of raw were changed: the next build that needs them writes them again."""
    shutil.rmtree(settings.lake_dir, ignore_errors=True)


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
def rows_as_csv(connection: Connection, schema: str, table: str, folder: Path) -> Iterator[str]:
    """The rows of a table of Postgres in a file that lasts as long as the context."""
    with NamedTemporaryFile(dir=folder, suffix=".csv") as file:
        query = sql.SQL("copy (select * from {}) to stdout (format csv)").format(sql.Identifier(schema, table))
        with connection.cursor().copy(query) as copy:
            for block in copy:
                file.write(block)
        file.flush()
        yield file.name


def read_csv(path: str, columns: Columns) -> str:
    """The expression by which DuckDB reads what Postgres wrote: an empty text is not null, as it stands in quotes."""
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return (
        f"read_csv('{path}', header=false, auto_detect=false, delim=',', quote='\"', escape='\"', "
        f"allow_quoted_nulls=false, columns={{{types}}})"
    )


def _wanted(connection: Connection, extract: str, settings: Settings) -> set[Path]:
    return {settings.lake_dir / extract / f"{name}.parquet" for name in partitions(connection, extract)}


def _copy_partition(connection: Connection, engine: DuckDBPyConnection, path: Path) -> None:
    """Written beside and renamed into place: a copy is there whole, or not at all."""
    unfinished = path.with_suffix(".unfinished")
    with rows_as_csv(connection, "raw", path.stem, path.parent) as rows:
        source = read_csv(rows, columns_of(connection, "raw", path.stem))
        engine.execute(f"copy (select * from {source}) to '{unfinished}' (format parquet, compression zstd)")  # noqa: S608 - our own names
    unfinished.rename(path)


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
