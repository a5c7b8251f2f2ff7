"""What engines other than Postgres have in common: they build from copies, and give back by COPY what is read after."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import sql

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import NotReadyError, TransformFailedError
from gridcredit.files.strict_yaml import load_yaml
from gridcredit.lake.store import LakeStore
from gridcredit.transformation.engine import Engine, copies_folder, remove_left
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.table_copies import Columns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class BuiltFromCopies(Engine):
    """An engine with a folder of its own, which is gone when the build is over."""

    tables_persist = False
    _holder: Connection | None = None

    @property
    def folder(self) -> Path:
        """Where all that the build needs and makes is stored."""
        return copies_folder(self.settings)

    def end(self) -> None:
        """Remove the folder, and what was fetched for the build."""
        if self._holder:
            self._holder.close()
            self._holder = None
        remove_left(self.settings)
        LakeStore.of(self.settings).forget_fetched()

    def sources(self) -> Iterator[tuple[str, str]]:
        """The schemas and tables that models read and dbt does not make."""
        for path in sorted((self.settings.dbt_dir / "models").glob("*_sources.yml")):
            for source in load_yaml(path.read_text(encoding="utf-8"))["sources"]:
                prefix = self.schema_prefix if source["name"] == "policy" else ""
                for table in source["tables"]:
                    yield prefix + source["name"], table["name"]

    @contextmanager
    def held_raw(self) -> Iterator[Connection]:
        """A connection, while another one sees to it that no load is taken out of raw until the build ends."""
        self._holder = connect(self.settings)
        tables = sql.SQL(", ").join(sql.Identifier("raw", extract) for extract in EXTRACTS)
        self._holder.execute(sql.SQL("lock table {} in access share mode").format(tables))
        with connect(self.settings) as connection:
            yield connection

    def give_back(self, nodes: Iterable[Any], wanted: Collection[str]) -> None:
        """Put models' tables in Postgres in the place of what stands there, in one transaction."""
        with connect(self.settings) as connection, self.duckdb() as duckdb:
            for node in nodes:
                if is_wanted(node, wanted):
                    self._give_back(connection, duckdb, node)

    def built(self, node: Any) -> str:  # noqa: ANN401 - dbt's nodes have no public type
        """A model's rows, as DuckDB reads them."""
        return f"{node.schema}.{node.name}"

    @contextmanager
    def duckdb(self, database: str = ":memory:") -> Iterator[DuckDBPyConnection]:
        """DuckDB, which writes and reads Parquet and CSV; what fails is a matter of the folder's disk."""
        import duckdb

        try:
            with duckdb.connect(database) as engine:
                engine.execute("set TimeZone = 'UTC'")
                yield engine
        except (duckdb.IOException, duckdb.OutOfMemoryException, OSError) as error:
            raise NotReadyError(
                f"DuckDB: {str(error).splitlines()[0]}; check space and permissions of {self.settings.home}"
            ) from error
        except duckdb.Error as error:
            raise TransformFailedError(f"DuckDB: {str(error).splitlines()[0]}") from error

    def _give_back(self, connection: Connection, duckdb: DuckDBPyConnection, node: Any) -> None:  # noqa: ANN401 - dbt's nodes have no public type
        relation = sql.Identifier(node.schema, node.name)
        rows = f"select * from {self.built(node)}"  # noqa: S608 - our own names
        described = duckdb.execute(f"describe {rows}").fetchall()
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_postgres_type(kind))) for name, kind, *_ in described
        ]
        kind = sql.SQL("unlogged table" if node.config.get("unlogged") else "table")
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(node.schema)))
        _drop(connection, relation)
        connection.execute(sql.SQL("create {} {} ({})").format(kind, relation, sql.SQL(", ").join(columns)))
        # DuckDB writes beside it and renames.
        path = self.folder / "table.csv"
        duckdb.execute(f"copy ({rows}) to {quoted(path)} (format csv, header false)")
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


def is_wanted(node: Any, wanted: Collection[str]) -> bool:  # noqa: ANN401 - dbt's nodes have no public type
    """Whether a model's table is among those wanted: `schema.table`, or `schema.*`."""
    return f"{node.schema}.{node.name}" in wanted or f"{node.schema}.*" in wanted


def quoted(path: Path | str) -> str:
    """A path as a text of DuckDB's SQL."""
    return "'" + str(path).replace("'", "''") + "'"


def read_csv(path: str, columns: Columns) -> str:
    """The expression by which DuckDB reads what Postgres wrote: an empty text is not null, as it stands in quotes."""
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return (
        f"read_csv({quoted(path)}, header=false, auto_detect=false, delim=',', quote='\"', escape='\"', "
        f"allow_quoted_nulls=false, columns={{{types}}})"
    )


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
