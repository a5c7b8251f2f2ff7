"""A build on DuckDB: what it reads is copied out of Postgres, what is read after it goes back by COPY."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql

from gridcredit.errors import NotReadyError
from gridcredit.files.private import private_folder
from gridcredit.files.strict_yaml import load_yaml
from gridcredit.lake.copies import bring_up_to_date
from gridcredit.lineage.columns import Catalog
from gridcredit.settings import Settings
from gridcredit.transformation.engine import Engine
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.table_copies import Columns, columns_of, rows_as_csv

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class DuckDB(Engine):
    """A file in which DuckDB builds everything; gone when the build is over."""

    dialect = "duckdb"
    tables_persist = False

    @property
    def _file(self) -> Path:
        return self.settings.home / "engines" / "build.duckdb"

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
        private_folder(self._file.parent)
        with connect(self.settings) as connection, self._open() as engine:
            files = bring_up_to_date(connection, self.settings)
            for schema, table in sources(self.settings):
                engine.execute(f"create schema if not exists {schema}")
                if schema == "raw":
                    self._show(connection, engine, table, files[table])
                else:
                    self._take(connection, engine, schema, table)

    def take(self, schema: str, table: str) -> None:
        """Copy a table of Postgres once more."""
        with connect(self.settings) as connection, self._open() as engine:
            self._take(connection, engine, schema, table)

    def give_back(self, nodes: Iterable[Any], wanted: Collection[str]) -> None:
        """Put models' tables in Postgres in the place of what stands there, in one transaction."""
        with connect(self.settings) as connection, self._open() as engine:
            for node in nodes:
                if {f"{node.schema}.{node.name}", f"{node.schema}.*"} & set(wanted):
                    self._give_back(connection, engine, node)

    def catalog(self) -> Catalog:
        """The columns of all tables in the file."""
        found: Catalog = {}
        with self._open() as engine:
            columns = (
                "select table_schema, table_name, column_name, data_type from information_schema.columns order by "
                "ordinal_position"
            )
            for schema, table, column, kind in engine.execute(columns).fetchall():
                found.setdefault(schema, {}).setdefault(table, {})[column] = kind
        return found

    def end(self) -> None:
        """Remove the file, and what DuckDB writes beside it while memory is short."""
        shutil.rmtree(self._file.parent, ignore_errors=True)

    @contextmanager
    def _open(self) -> Iterator[DuckDBPyConnection]:
        import duckdb

        try:
            with duckdb.connect(str(self._file)) as engine:
                engine.execute("set TimeZone = 'UTC'")
                yield engine
        except (duckdb.Error, OSError) as error:
            raise NotReadyError(
                f"DuckDB: {str(error).splitlines()[0]}; check space and permissions of {self.settings.home}"
            ) from error

    def _show(self, connection: Connection, engine: DuckDBPyConnection, table: str, files: list[Path]) -> None:
        if files:
            names = ", ".join(f"'{file}'" for file in files)
            engine.execute(f"create view raw.{table} as select * from read_parquet([{names}])")  # noqa: S608 - our own names
        else:
            engine.execute(_create_table("raw", table, columns_of(connection, "raw", table)))

    def _take(self, connection: Connection, engine: DuckDBPyConnection, schema: str, table: str) -> None:
        columns = columns_of(connection, schema, table)
        engine.execute(_create_table(schema, table, columns))
        everything = sql.SQL("select * from {}").format(sql.Identifier(schema, table))
        with rows_as_csv(connection, everything, self._file.parent) as rows:
            engine.execute(f"insert into {schema}.{table} select * from {_read_csv(rows, columns)}")  # noqa: S608 - our own names

    def _give_back(self, connection: Connection, engine: DuckDBPyConnection, node: Any) -> None:  # noqa: ANN401 - dbt's nodes have no public type
        relation = sql.Identifier(node.schema, node.name)
        described = engine.execute(f"describe {node.schema}.{node.name}").fetchall()
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_postgres_type(kind))) for name, kind, *_ in described
        ]
        kind = sql.SQL("unlogged table" if node.config.get("unlogged") else "table")
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(node.schema)))
        _drop(connection, relation)
        connection.execute(sql.SQL("create {} {} ({})").format(kind, relation, sql.SQL(", ").join(columns)))
        # DuckDB writes beside it and renames.
        path = self._file.parent / "table.csv"
        engine.execute(f"copy {node.schema}.{node.name} to '{path}' (format csv, header false)")
        with (
            path.open("rb") as file,
            connection.cursor().copy(sql.SQL("copy {} from stdin (format csv)").format(relation)) as copy,
        ):
            while block := file.read(1 << 20):
                copy.write(block)
        path.unlink()
        for index in node.config.get("indexes") or []:
            unique = sql.SQL("unique " if index.get("unique") else "")
            names = sql.SQL(", ").join(map(sql.Identifier, index["columns"]))
            connection.execute(sql.SQL("create {}index on {} ({})").format(unique, relation, names))
        _comment(connection, relation, node)
        connection.execute(sql.SQL("analyze {}").format(relation))


def sources(settings: Settings) -> Iterator[tuple[str, str]]:
    """The schemas and tables that models read and dbt does not make."""
    for path in sorted((settings.dbt_dir / "models").glob("*_sources.yml")):
        for source in load_yaml(path.read_text(encoding="utf-8"))["sources"]:
            for table in source["tables"]:
                yield source["name"], table["name"]


def _read_csv(path: str, columns: Columns) -> str:
    """The expression by which DuckDB reads what Postgres wrote: an empty text is not null, as it stands in quotes."""
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return (
        f"read_csv('{path}', header=false, auto_detect=false, delim=',', quote='\"', escape='\"', "
        f"allow_quoted_nulls=false, columns={{{types}}})"
    )


def _create_table(schema: str, table: str, columns: Columns) -> str:
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return f"create or replace table {schema}.{table} ({typed})"


def _drop(connection: Connection, relation: sql.Identifier) -> None:
    """Remove what stands in the place of a table: a table, a view, or nothing."""
    row = connection.execute(
        "select relkind from pg_class where oid = to_regclass(%s)", [relation.as_string(connection)]
    ).fetchone()
    if row:
        kind = sql.SQL("view" if row[0] == "v" else "table")
        connection.execute(sql.SQL("drop {} {} cascade").format(kind, relation))


def _comment(connection: Connection, relation: sql.Identifier, node: Any) -> None:  # noqa: ANN401 - dbt's nodes have no public type
    connection.execute(sql.SQL("comment on table {} is {}").format(relation, sql.Literal(node.description)))
    for name, column in node.columns.items():
        statement = sql.SQL("comment on column {}.{} is {}")
        connection.execute(statement.format(relation, sql.Identifier(name), sql.Literal(column.description)))


def _postgres_type(kind: str) -> str:
    """The type of Postgres that holds what a DuckDB column does."""
    known = {"VARCHAR": "text", "HUGEINT": "numeric", "DOUBLE": "double precision", "TINYINT": "smallint"}
    return known.get(kind, kind.lower().replace("decimal", "numeric"))
