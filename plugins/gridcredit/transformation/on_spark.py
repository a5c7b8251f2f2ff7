"""A build on Spark: in a process of Java beside this one, or by Spark Connect (SPARK_REMOTE) on a cluster that sees the
home.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridcredit.files.private import private_folder
from gridcredit.lineage.columns import Catalog
from gridcredit.transformation.copies import BuiltFromCopies, sources
from gridcredit.warehouse import lake
from gridcredit.warehouse.connection import Connection, connect

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyspark.sql import SparkSession

# What the models' figures rest on, whoever runs the session: decimals are exact or an error, days are those of UTC.
SEMANTICS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.cteRecursionRowLimit": "-1",
}


class Spark(BuiltFromCopies):
    """A session whose tables are Parquet files in a folder that is gone when the build is over."""

    dialect = "spark"
    _session: SparkSession

    @property
    def environment(self) -> dict[str, str]:
        """The profile's target, and parsed models of its own."""
        return {
            "GRIDCREDIT_DBT_TARGET": "spark",
            "DBT_TARGET_PATH": str(self.settings.home / "dbt" / "spark_target"),
        }

    @property
    def _tables(self) -> Path:
        return self.folder / "tables"

    def begin(self) -> None:
        """Start a session with all that models read: raw from the lake, the other sources as files of their own."""
        self.end()
        private_folder(self.folder)
        self._session = self._begin_session()
        with connect(self.settings) as connection, self.duckdb() as duckdb:
            files = lake.bring_up_to_date(connection, duckdb, self.settings)
            tables = list(sources(self.settings))
            for schema in sorted({schema for schema, _ in tables}):
                self._session.sql(f"create schema {schema}")
            for schema, table in tables:
                if schema == "raw" and files[table]:
                    columns = lake.columns_of(connection, schema, table)
                    self._show(schema, table, columns, self.settings.lake_dir / table)
                else:
                    self._take(connection, duckdb, schema, table)

    def take(self, schema: str, table: str) -> None:
        """Copy a table of Postgres once more."""
        with connect(self.settings) as connection, self.duckdb() as duckdb:
            self._take(connection, duckdb, schema, table)

    def built(self, node: Any) -> str:  # noqa: ANN401 - dbt's nodes have no public type
        """A model's rows, from Spark's files."""
        return f"read_parquet('{self._tables}/{node.schema}.db/{node.name}/*.parquet')"

    def catalog(self) -> Catalog:
        """The columns of all tables of the session."""
        session = self._session
        found: Catalog = {}
        for schema in session.catalog.listDatabases():
            for table in session.catalog.listTables(schema.name):
                columns = session.table(f"{schema.name}.{table.name}").schema.fields
                found.setdefault(schema.name, {})[table.name] = {one.name: one.dataType.simpleString() for one in columns}
        return found

    def end(self) -> None:
        """Stop the session and its process, and remove the folder."""
        _stop()
        super().end()

    def _begin_session(self) -> SparkSession:
        from pyspark.sql import SparkSession

        builder = SparkSession.builder
        if not os.environ.get("SPARK_REMOTE"):
            for name, value in self._local().items():
                builder = builder.config(name, value)
        session = builder.getOrCreate()
        for name, value in SEMANTICS.items():
            session.conf.set(name, value)
        return session

    def _local(self) -> dict[str, str]:
        return {
            "spark.master": self.settings.spark_master,
            "spark.driver.memory": self.settings.spark_memory,
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.warehouse.dir": str(self._tables),
            "spark.local.dir": str(self.folder / "scratch"),
            "spark.sql.shuffle.partitions": "2",
        }

    def _take(self, connection: Connection, duckdb: DuckDBPyConnection, schema: str, table: str) -> None:
        columns = lake.columns_of(connection, schema, table)
        folder = self.folder / "sources" / schema / table
        folder.mkdir(parents=True, exist_ok=True)
        with lake.rows_as_csv(connection, schema, table, self.folder) as rows:
            source = lake.read_csv(rows, columns)
            duckdb.execute(f"copy (select * from {source}) to '{folder}/rows.parquet' (format parquet)")  # noqa: S608 - our own names
        self._show(schema, table, columns, folder)

    def _show(self, schema: str, table: str, columns: lake.Columns, folder: Path) -> None:
        typed = ", ".join(f"{name} {_spark_type(kind)}" for name, kind in columns.items())
        self._session.sql(f"drop table if exists {schema}.{table}")
        self._session.sql(f"create table {schema}.{table} ({typed}) using parquet location '{folder}'")


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


def _stop() -> None:
    """The process of Java goes too: it would hold its memory until this one ends."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    if session := SparkSession.getActiveSession() or getattr(SparkSession, "_instantiatedSession", None):
        session.stop()
    if gateway := SparkContext._gateway:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait(timeout=60)
        SparkContext._gateway = SparkContext._jvm = None
