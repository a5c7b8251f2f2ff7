"""A build on Spark: in a process of Java beside this one, or by Spark Connect (SPARK_REMOTE) on a cluster that sees the
home.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql

from gridcredit.errors import NotReadyError
from gridcredit.files.private import private_folder
from gridcredit.lake.copies import bring_up_to_date
from gridcredit.lineage.columns import Catalog
from gridcredit.transformation.copies import BuiltFromCopies, is_wanted, quoted, read_csv
from gridcredit.transformation.spark_session import begin_session, cause_of, end_session, in_one_line, remote
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.table_copies import Columns, columns_of, rows_as_csv

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyspark.sql import SparkSession


class Spark(BuiltFromCopies):
    """A session whose tables are Parquet files in a folder that is gone when the build is over."""

    dialect = "spark"
    _session: SparkSession
    # Whether what a cluster's catalog has by our names is ours.
    _owns_names = False

    @property
    def environment(self) -> dict[str, str]:
        """The profile's target, where tables are stored, and parsed models of its own."""
        return {
            "GRIDCREDIT_DBT_TARGET": "spark",
            "GRIDCREDIT_SPARK_TABLES": _escaped(self._tables),
            "DBT_TARGET_PATH": str(self.settings.home / "dbt" / "spark_target"),
        }

    @property
    def _tables(self) -> Path:
        return self.folder / "tables"

    def begin(self) -> None:
        """Start a session with all that models read: raw from the lake, the other sources as files of their own."""
        self.end()
        private_folder(self.folder)
        self._session = begin_session(self.folder, self.settings)
        if remote():
            self._require_own_names()
            self._owns_names = True
        with self.held_raw() as connection, self.duckdb() as duckdb, in_one_line(self.settings):
            files = bring_up_to_date(connection, self.settings)
            tables = list(self.sources())
            for schema in sorted({schema for schema, _ in tables}):
                self._session.sql(f"create schema if not exists {schema}")
            for schema, table in tables:
                if schema == "raw" and files[table]:
                    columns = columns_of(connection, schema, table)
                    self._show(schema, table, columns, self._linked(table, files[table]))
                else:
                    self._take(connection, duckdb, schema, table)

    def take(self, schema: str, table: str) -> None:
        """Copy a table of Postgres once more."""
        with connect(self.settings) as connection, self.duckdb() as duckdb:
            self._take(connection, duckdb, schema, table)

    def give_back(self, nodes: Iterable[Any], wanted: Collection[str]) -> None:
        """Put models' tables in Postgres; a view has no files until it is asked for."""
        nodes = list(nodes)
        for node in nodes:
            files = self._tables / node.schema / node.name
            if is_wanted(node, wanted) and node.config.materialized == "view" and not files.exists():
                self._session.sql(
                    f"create table {node.schema}.{node.name}__rows using parquet location {_quoted(files)} "  # noqa: S608 - our own names
                    f"as select * from {node.schema}.{node.name}"
                )
        super().give_back(nodes, wanted)

    def built(self, node: Any) -> str:  # noqa: ANN401 - dbt's nodes have no public type
        """A model's rows, from Spark's files."""
        return f"read_parquet({quoted(self._tables / node.schema / node.name / '*.parquet')})"

    def catalog(self) -> Catalog:
        """The columns of all tables of the session."""
        found: Catalog = {}
        for (schema,) in self._session.sql("show schemas").collect():
            for table in self._session.sql(f"show tables in {schema}").collect():
                columns = self._session.table(f"{schema}.{table.tableName}").schema.fields
                kinds = {column.name: column.dataType.simpleString() for column in columns}
                found.setdefault(schema, {})[table.tableName] = kinds
        return found

    def reason(self, message: str) -> str:
        """The cause, of a report of Java that is thousands of characters long."""
        return cause_of(message, self.settings) if "\n" in message else message

    def end(self) -> None:
        """Stop the session and its process, and remove the folder, and from a cluster's catalog what was in it."""
        if self._owns_names:
            with suppress(Exception):
                for schema in self._our_schemas():
                    self._session.sql(f"drop schema if exists {schema} cascade")
            self._owns_names = False
        end_session()
        super().end()

    def _our_schemas(self) -> set[str]:
        """The schemas of the session by the names that ours have."""
        ours = {schema for schema, _ in self.sources()}
        # A layer's schema has its folder's name.
        ours |= {self.schema_prefix + path.name for path in (self.settings.dbt_dir / "models").iterdir()}
        return ours & {schema for (schema,) in self._session.sql("show schemas").collect()}

    def _require_own_names(self) -> None:
        """Refuse a catalog in which others have tables by the names of our schemas: they would be replaced."""
        for schema in self._our_schemas():
            for table in self._session.sql(f"show tables in {schema}").collect():
                described = self._session.sql(f"describe table extended {schema}.{table.tableName}").collect()
                facts = {row.col_name: row.data_type for row in described}
                # A view has no place; those of a build that was killed are made again.
                place = facts.get("Location", str(self.folder))
                if str(self.folder) not in place:
                    raise NotReadyError(
                        f"the cluster's catalog has a table {schema}.{table.tableName} that is not this warehouse's: "
                        "give each warehouse a catalog of its own (spark.sql.defaultCatalog)"
                    )

    def _take(self, connection: Connection, duckdb: DuckDBPyConnection, schema: str, table: str) -> None:
        columns = columns_of(connection, schema, table)
        folder = self.folder / "sources" / schema / table
        folder.mkdir(parents=True, exist_ok=True)
        everything = sql.SQL("select * from {}").format(sql.Identifier(schema, table))
        with rows_as_csv(connection, everything, self.folder) as rows:
            source = read_csv(rows, columns)
            duckdb.execute(f"copy (select * from {source}) to {quoted(folder / 'rows.parquet')} (format parquet)")  # noqa: S608 - our own names
        self._show(schema, table, columns, folder)

    def _linked(self, table: str, files: Iterable[Path]) -> Path:
        """A folder of just these files: Spark lists it for each model, and loads go on while models are built."""
        folder = self.folder / "sources" / "raw" / table
        folder.mkdir(parents=True)
        for file in files:
            (folder / file.name).symlink_to(file.resolve())
        return folder

    def _show(self, schema: str, table: str, columns: Columns, folder: Path) -> None:
        typed = ", ".join(f"{name} {_spark_type(kind)}" for name, kind in columns.items())
        self._session.sql(f"drop table if exists {schema}.{table}")
        self._session.sql(f"create table {schema}.{table} ({typed}) using parquet location {_quoted(folder)}")


def _quoted(path: Path) -> str:
    """A path as a text of Spark's SQL."""
    return f"'{_escaped(path)}'"


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace("'", "\\'")


def _spark_type(kind: str) -> str:
    """The type of Spark that holds what a DuckDB column does."""
    known = {
        "text": "string",
        "varchar": "string",
        "timestamp with time zone": "timestamp",
        "timestamp without time zone": "timestamp_ntz",
        "double precision": "double",
    }
    return known.get(kind, kind)
