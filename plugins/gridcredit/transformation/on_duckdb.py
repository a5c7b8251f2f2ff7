"""A build on DuckDB: what it reads is copied out of Postgres, what is read after it goes back by COPY."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql

from gridcredit.files.private import private_folder
from gridcredit.lake.copies import bring_up_to_date
from gridcredit.lineage.columns import Catalog
from gridcredit.transformation.copies import BuiltFromCopies, quoted, read_csv
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.table_copies import Columns, columns_of, rows_as_csv

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class DuckDB(BuiltFromCopies):
    """A file in which DuckDB builds everything; gone when the build is over, with what it writes beside it while memory
    is short.
    """

    dialect = "duckdb"

    @property
    def _file(self) -> Path:
        return self.folder / "build.duckdb"

    @property
    def environment(self) -> dict[str, str]:
        """The profile's target, its file, and parsed models of its own."""
        return {
            "GRIDCREDIT_DBT_TARGET": "duckdb",
            "GRIDCREDIT_DUCKDB_FILE": str(self._file),
            "DBT_TARGET_PATH": str(self.settings.home / "dbt" / "duckdb_target"),
        }

    def begin(self) -> None:
        """Make a new file with all that models read: raw from the lake, the other sources as tables."""
        self.end()
        private_folder(self.folder)
        with self.held_raw() as connection, self.duckdb() as engine:
            files = bring_up_to_date(connection, self.settings)
            for schema, table in self.sources():
                engine.execute(f"create schema if not exists {schema}")
                if schema == "raw":
                    self._show(connection, engine, table, files[table])
                else:
                    self._take(connection, engine, schema, table)

    def take(self, schema: str, table: str) -> None:
        """Copy a table of Postgres once more."""
        with connect(self.settings) as connection, self.duckdb() as engine:
            self._take(connection, engine, schema, table)

    def catalog(self) -> Catalog:
        """The columns of all tables in the file."""
        found: Catalog = {}
        with self.duckdb() as engine:
            columns = (
                "select table_schema, table_name, column_name, data_type from information_schema.columns order by "
                "ordinal_position"
            )
            for schema, table, column, kind in engine.execute(columns).fetchall():
                found.setdefault(schema, {}).setdefault(table, {})[column] = kind
        return found

    @contextmanager
    def duckdb(self, database: str | None = None) -> Iterator[DuckDBPyConnection]:
        """The build's own file."""
        with super().duckdb(database or str(self._file)) as engine:
            yield engine

    def _show(self, connection: Connection, engine: DuckDBPyConnection, table: str, files: list[Path]) -> None:
        if files:
            names = ", ".join(map(quoted, files))
            engine.execute(f"create view raw.{table} as select * from read_parquet([{names}])")  # noqa: S608 - our own names
        else:
            engine.execute(_create_table("raw", table, columns_of(connection, "raw", table)))

    def _take(self, connection: Connection, engine: DuckDBPyConnection, schema: str, table: str) -> None:
        columns = columns_of(connection, schema, table)
        engine.execute(_create_table(schema, table, columns))
        everything = sql.SQL("select * from {}").format(sql.Identifier(schema, table))
        with rows_as_csv(connection, everything, self.folder) as rows:
            engine.execute(f"insert into {schema}.{table} select * from {read_csv(rows, columns)}")  # noqa: S608 - our own names


def _create_table(schema: str, table: str, columns: Columns) -> str:
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return f"create or replace table {schema}.{table} ({typed})"
