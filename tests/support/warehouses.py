"""Warehouses of a worker: lent to a test, then dropped."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gridcredit.settings import Settings
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres

from tests.support.learnt import learn, store_learnt
from tests.support.prepared import Prepared, copy_home, create_database, drop_database, settings_for

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
        # As long as the other's name: its parse is moved at once (dbt_parse.py).
        name = next(name for number in range(1, 100) if (name := f"{prepared.name[:-2]}{number:02}") not in self._names)
        create_database(self.server, name, prepared.name)
        home = Path(tempfile.mkdtemp(prefix="home", dir=self.folder))
        settings = settings_for(self.server, name, home, prepared.options)
        copy_home(prepared, settings)
        learn(settings, self._columns if self._columns.exists() else prepared.learnt)
        self._names[name] = settings
        return settings

    def drop(self, settings: Settings) -> None:
        """Remove the database and its home."""
        name = next(name for name, made in self._names.items() if made is settings)
        store_learnt(settings, self._columns)
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
        """What the last one dropped knew of columns."""
        return self.folder / "columns"
