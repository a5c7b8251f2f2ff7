"""Which columns rest on which, as a build has read it from the models' SQL: ten seconds that the next one saves."""

from __future__ import annotations

import os
from pathlib import Path

from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from psycopg import sql

# By hash of a model's SQL, so none is taken for another's.
LEARNT = {"lineage.column_upstream": "sql_hash", "lineage.model_sql": "fingerprint"}


def store_learnt(settings: Settings, folder: Path) -> None:
    """Write what a warehouse knows, in place of what was there; somebody may read meanwhile."""
    folder.mkdir(exist_ok=True)
    with connect(settings) as connection:
        for table in LEARNT:
            with connection.cursor().copy(sql.SQL("copy {} to stdout").format(sql.SQL(table))) as copy:
                written = folder / f"{table}.{os.getpid()}"
                written.write_bytes(b"".join(copy))
            written.rename(folder / table)


def learn(settings: Settings, folder: Path) -> None:
    """Add to what a warehouse knows what is stored."""
    with connect(settings) as connection:
        for table, key in LEARNT.items():
            if not (folder / table).exists():
                continue
            names = {"table": sql.SQL(table), "key": sql.Identifier(key)}
            connection.execute(sql.SQL("create temp table learnt as select * from {table} limit 0").format(**names))
            with connection.cursor().copy("copy learnt from stdin") as copy:
                copy.write((folder / table).read_bytes())
            connection.execute(
                sql.SQL(
                    "insert into {table} select * from learnt where {key} not in (select {key} from {table})"
                ).format(**names)
            )
            connection.execute("drop table learnt")
