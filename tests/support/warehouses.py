"""Warehouses of a worker: lent to a test, then dropped."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
from psycopg import sql

from tests.support.prepared import Prepared, copy_home, create_database, drop_database, settings_for

# By hash of a model's SQL, so none is taken for another's.
LEARNT = {"lineage.column_upstream": "sql_hash", "lineage.model_sql": "fingerprint"}
WarehouseFactory = Callable[..., Settings]


class Warehouses:
    """Copies prepared warehouses within a server, and drops them.

    What was learnt of the models serves the next: which columns rest on which.
    """

    def __init__(self, server: EmbeddedPostgres, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self._names: dict[str, Settings] = {}

    def make(self, prepared: Prepared) -> Settings:
        """Settings of a copy, whose home is its own."""
        name = next(name for number in range(1, 100) if (name := f"test_{number}") not in self._names)
        create_database(self.server, name, prepared.name)
        home = Path(tempfile.mkdtemp(prefix="home", dir=self.folder))
        settings = settings_for(self.server, name, home, prepared.options)
        copy_home(prepared, settings)
        if self._columns.exists():
            with connect(settings) as connection:
                for table in LEARNT:
                    _learn(connection, table, self._columns / table)
        self._names[name] = settings
        return settings

    def drop(self, settings: Settings) -> None:
        """Remove the database and its home."""
        name = next(name for name, made in self._names.items() if made is settings)
        self._columns.mkdir(exist_ok=True)
        with connect(settings) as connection:
            for table in LEARNT:
                with connection.cursor().copy(sql.SQL("copy {} to stdout").format(sql.SQL(table))) as copy:
                    (self._columns / table).write_bytes(b"".join(copy))
        drop_database(self.server, name)
        shutil.rmtree(settings.home, ignore_errors=True)
        del self._names[name]

    @contextmanager
    def lent(self, prepared: Prepared) -> Iterator[Settings]:
        """A copy, for as long as the context lasts."""
        settings = self.make(prepared)
        try:
            yield settings
        finally:
            self.drop(settings)

    @property
    def _columns(self) -> Path:
        """What the last one dropped knew of columns, a file for each table of `LEARNT`."""
        return self.folder / "columns"


def _learn(connection: Connection, table: str, learnt: Path) -> None:
    names = {"table": sql.SQL(table), "key": sql.Identifier(LEARNT[table])}
    connection.execute(sql.SQL("create temp table learnt as select * from {table} limit 0").format(**names))
    with connection.cursor().copy("copy learnt from stdin") as copy:
        copy.write(learnt.read_bytes())
    connection.execute(
        sql.SQL("insert into {table} select * from learnt where {key} not in (select {key} from {table})").format(
            **names
        )
    )
    connection.execute("drop table learnt")
