"""Keeps the lake as raw is: what it lacks is copied out of Postgres, what raw no longer has is removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import structlog
from psycopg import sql

from gridcredit.contract.arrow import raw_schema
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.files.content_hash import sha256_of
from gridcredit.lake.load_file import LoadFile
from gridcredit.lake.store import Key, LakeStore
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection
from gridcredit.warehouse.raw_tables import partitions
from gridcredit.warehouse.table_copies import rows_as_csv

log = structlog.get_logger(__name__)


def bring_up_to_date(connection: Connection, settings: Settings) -> dict[str, list[Path]]:
    """Copy the loads that the lake lacks out of raw, remove those that raw no longer has; by extract the files that
    make it up, on this machine.

    A file that is not as it was written is written again, and reported.

    Raises:
        NotReadyError: the lake cannot be reached, read or written.
    """
    store = LakeStore.of(settings)
    store.claim(connection)
    lake: dict[str, list[Path]] = {extract: [] for extract in EXTRACTS}
    _remove_stale(connection, store)
    hashes = _recorded(connection)
    for key in sorted(_in_raw(connection)):
        path = _as_written(store, key, hashes.get(key))
        if path is None:
            _copy_load(connection, store, key)
            path = store.fetch(key)
        if path is not None:
            lake[key[0]].append(path)
    return lake


def remove_stale(connection: Connection, settings: Settings) -> None:
    """Remove the files of loads that were reverted or retired."""
    if has_lake(settings):
        store = LakeStore.of(settings)
        store.claim(connection)
        _remove_stale(connection, store)


def drop_lake(connection: Connection, settings: Settings) -> list[str]:
    """Remove all files, after rows of raw were changed: the next build that needs them copies them. Returns the places
    where files of earlier settings may lie.
    """
    store = LakeStore.of(settings)
    if has_lake(settings):
        store.claim(connection)
        store.drop()
    places = connection.execute("select distinct place from lineage.lake_files where place <> %s", [store.place])
    return sorted(place for (place,) in places)


def has_lake(settings: Settings) -> bool:
    """Whether there is one: a URL names it, or a load or a build has written it."""
    return settings.lake_url is not None or settings.lake_dir.exists()


def _remove_stale(connection: Connection, store: LakeStore) -> None:
    for key in store.keys() - _in_raw(connection):
        store.remove(key)
    store.sweep()


def _in_raw(connection: Connection) -> set[Key]:
    return {
        (extract, file_id)
        for extract in EXTRACTS
        for files in partitions(connection, extract).values()
        for file_id in files
    }


def _recorded(connection: Connection) -> dict[Key, str]:
    found = connection.execute("select extract, file_id, sha256 from lineage.lake_files order by lake_file_id")
    return {(extract, file_id): digest for extract, file_id, digest in found}


def _as_written(store: LakeStore, key: Key, digest: str | None) -> Path | None:
    """The file, where it is as it was written and has the contract's columns."""
    path = store.fetch(key)
    if path is None or digest is None:
        return None
    if sha256_of(path) != digest:
        log.warning("lake_file_changed", extract=key[0], file_id=key[1], done="written again from raw")
        return None
    # The contract has a column more since an upgrade.
    return path if pyarrow.parquet.read_schema(path).equals(raw_schema(EXTRACTS[key[0]])) else None


def _copy_load(connection: Connection, store: LakeStore, key: Key) -> None:
    extract, file_id = key
    schema = raw_schema(EXTRACTS[extract])
    query = sql.SQL("select {} from {} where _file_id = {}").format(
        sql.SQL(", ").join(map(sql.Identifier, schema.names)), sql.Identifier("raw", extract), sql.Literal(file_id)
    )
    with (
        LoadFile(store, EXTRACTS[extract], file_id) as file,
        rows_as_csv(connection, query, store.workshop) as rows,
    ):
        for batch in _batches(Path(rows), schema):
            file.write(pyarrow.Table.from_batches([batch]))
        file.finish(connection, "copied")


def _batches(path: Path, schema: pyarrow.Schema) -> Iterator[pyarrow.RecordBatch]:
    """What Postgres wrote, typed: without quotes an empty value is null, in quotes it is a text."""
    if path.stat().st_size == 0:
        return
    with pyarrow.csv.open_csv(
        path,
        pyarrow.csv.ReadOptions(column_names=schema.names, block_size=16 << 20),
        pyarrow.csv.ParseOptions(newlines_in_values=True),
        pyarrow.csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ) as reader:
        yield from reader
