"""Writes one file of the lake: the rows that a load brought of an extract."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal, Self

import pyarrow as pa
import pyarrow.parquet

from gridcredit.contract.arrow import raw_schema
from gridcredit.contract.shapes import Extract
from gridcredit.files.content_hash import sha256_of
from gridcredit.files.private import private_folder
from gridcredit.lake.store import Key, LakeStore
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection


class LoadFile:
    """A Parquet file with the columns that raw has; it is in the lake when it is finished, and not before.

    Raises:
        NotReadyError: it cannot be written; says what to check.
    """

    def __init__(self, store: LakeStore, extract: Extract, file_id: int) -> None:
        self.store, self.schema, self.rows = store, raw_schema(extract), 0
        self.key: Key = (extract.name, file_id)
        with store.reached():
            self.path = private_folder(store.workshop) / f"{extract.name}_{file_id}.{os.getpid()}.unfinished"
            self.writer = pyarrow.parquet.ParquetWriter(self.path, self.schema, compression="zstd")

    def write(self, rows: pa.Table) -> None:
        """Add rows; columns that they lack are null."""
        lacking = {"_file_id": pa.repeat(pa.scalar(self.key[1], pa.int64()), len(rows))}
        columns = [
            rows.column(column.name).cast(column.type)
            if column.name in rows.column_names
            else lacking.get(column.name, pa.nulls(len(rows), column.type))
            for column in self.schema
        ]
        with self.store.reached():
            self.writer.write_table(pa.table(columns, schema=self.schema))
        self.rows += len(rows)

    def finish(self, connection: Connection, because: Literal["loaded", "copied"]) -> None:
        """Put the file into the lake, and record it in the caller's transaction."""
        extract, file_id = self.key
        with self.store.reached():
            self.writer.close()
            digest, size = sha256_of(self.path), self.path.stat().st_size
        self.store.put(self.path, self.key)
        connection.execute(
            "insert into lineage.lake_files (file_id, extract, rows, bytes, sha256, because, place) "
            "values (%s, %s, %s, %s, %s, %s, %s)",
            [file_id, extract, self.rows, size, digest, because, self.store.place],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave nothing of a file that was not finished."""
        self.writer.close()
        self.path.unlink(missing_ok=True)


@contextmanager
def load_files(
    connection: Connection, extracts: Collection[Extract], file_id: int, settings: Settings
) -> Iterator[dict[str, LoadFile]]:
    """The files of a load by extract, which whoever loads fills and finishes; none where loads do not fill the lake."""
    with ExitStack() as stack:
        store = LakeStore.of(settings)
        written = extracts if settings.fills_lake else []
        if written:
            store.claim(connection)
        yield {extract.name: stack.enter_context(LoadFile(store, extract, file_id)) for extract in written}
