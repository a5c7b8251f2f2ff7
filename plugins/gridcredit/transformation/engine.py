"""Where models are built: in Postgres itself, or in another engine, which takes what it reads and gives back what is
read.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gridcredit.lineage.columns import Catalog, catalog
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

# What releases and their soundness read in Postgres when the models are built, besides what gate 2 names.
READ_AFTER_GATES = {"candidate.*", "features.bill_size_bound", "ledger.bill_balance"}


def read_in_postgres(settings: Settings) -> set[str]:
    """The tables that are read in Postgres when the models are built: `schema.table`, or `schema.*`."""
    found = set(READ_AFTER_GATES)
    for path in (settings.expectations_dir / "suites" / "candidate").glob("*.json"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"\b[a-z]+\.[a-z_]+", text))
        found.add(f"{json.loads(text).get('meta', {}).get('schema', 'candidate')}.{path.stem}")
    return found


def copies_folder(settings: Settings) -> Path:
    """Where engines other than Postgres store all that a build needs and makes."""
    return settings.home.resolve() / "engines"


def remove_left(settings: Settings) -> None:
    """Remove what a build that was killed has left of its copies, in which names are. The caller holds the lock of
    builds.
    """
    shutil.rmtree(copies_folder(settings), ignore_errors=True)


@contextmanager
def begun(engine: Engine) -> Iterator[None]:
    """An engine that has all that models read, and leaves nothing behind."""
    try:
        engine.begin()
        yield
    finally:
        engine.end()


class Engine:
    """Postgres: the models find their sources and leave their tables where they are, so nothing is taken or given
    back.
    """

    # Whose SQL dbt compiles, as sqlglot names it.
    dialect = "postgres"
    # Whether incremental builds find the tables of the last one.
    tables_persist = True

    def __init__(self, settings: Settings, schema_prefix: str = "") -> None:
        self.settings, self.schema_prefix = settings, schema_prefix

    @property
    def environment(self) -> dict[str, str]:
        """What dbt's profile and paths need, besides what is the same for all engines."""
        return {}

    def begin(self) -> None:
        """Take all that models read."""
        remove_left(self.settings)

    def take(self, schema: str, table: str) -> None:
        """Take a table once more: it has changed since the build began."""

    def give_back(self, nodes: Iterable[Any], wanted: Collection[str]) -> None:
        """Put those of the models' tables (dbt's nodes) that are wanted where the pipeline reads them: all, or none."""

    def reason(self, message: str) -> str:
        """Why a model failed, from what the database said."""
        return message

    def catalog(self) -> Catalog:
        """The columns of all tables that models read and make."""
        with connect(self.settings) as connection:
            return catalog(connection)

    def end(self) -> None:
        """Leave nothing behind."""
