"""Rows without a key of their own: what distinguishes them, and whether a delivery repeats an earlier one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
from psycopg import sql

from gridcredit.contract.shapes import Extract
from gridcredit.errors import FileRefusedError
from gridcredit.ingestion.batch import Batch
from gridcredit.ingestion.mapping.columns import FILE_PLACEHOLDERS, PLACEHOLDER
from gridcredit.ingestion.mapping.rules import ExtractRule, FileRule
from gridcredit.warehouse.connection import Connection
from gridcredit.warehouse.raw_tables import partition

# Two hashes of 64 bits, so that no two rows share both.
_HASH_KEYS = ("gridcredit_row_1", "gridcredit_row_2")


def with_row_keys(batches: Iterator[Batch], rule: FileRule) -> Iterator[Batch]:
    """The batches, each row with a key by what it holds in the columns read and how many alike came before it."""
    seen: Counter[str] = Counter()
    for batch in batches:
        read = sorted(rule.sources() & batch.columns.keys())
        frame = pd.DataFrame({name: batch.columns[name].to_pandas() for name in read})
        hashes = [
            pd.util.hash_pandas_object(frame, index=False, hash_key=key, categorize=False).to_numpy(np.uint64)
            for key in _HASH_KEYS
        ]
        keys = []
        for first, second in zip(*hashes, strict=True):
            content = f"{first:016x}{second:016x}"
            seen[content] += 1
            keys.append(f"{content}-{seen[content]}")
        yield replace(batch, row_keys=pa.array(keys, pa.string()))


def made_keys(extract: Extract, part: ExtractRule) -> set[str]:
    """The key columns that are made of file and line."""
    return {
        name
        for name in extract.keys
        for one in part.parts()
        if set(PLACEHOLDER.findall(one.rule_of(name).template or "")) & set(FILE_PLACEHOLDERS)
    }


def overlap_notes(
    connection: Connection, mapping: str, rule: FileRule, extract: Extract, file_id: int, file_name: str
) -> list[str]:
    """What a load shares with the one before it, where the mapping does not say how files follow each other.

    Raises:
        FileRefusedError: the mapping says that each file holds new rows, and they would replace those of a file of the
        same name.
    """
    made = made_keys(extract, rule.extracts[extract.name])
    if not made or rule.delivery == "cumulative":
        return []
    earlier = connection.execute(
        "select file_id, file_name = %s from lineage.loads join lineage.files using (file_id) "
        "where mapping = %s and extract = %s and undone_at is null and retired_at is null and file_id <> %s "
        "order by 2 desc, 1 desc limit 1",
        [file_name, mapping, extract.name, file_id],
    ).fetchone()
    if earlier is None:
        return []
    before, same_name = earlier
    if same_name and rule.delivery == "delta":
        raise FileRefusedError(
            f"{file_name}: load {before} had this name, and {extract.name} has keys of file and line: its rows would "
            "be replaced; deliver each file under a name of its own"
        )
    if rule.delivery == "delta":
        return []
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in extract.columns if column.name not in made)
    (alike,) = connection.execute(
        sql.SQL(
            "select count(*) from (select {columns} from {new} intersect all "
            "select {columns} from raw.{table} where _file_id = %s) as alike"
        ).format(columns=columns, new=partition(extract.name, file_id), table=sql.Identifier(extract.name)),
        [before],
    ).fetchone() or (0,)
    findings = [f"{alike} rows are alike in all columns to rows of load {before}"] if alike else []
    findings += (
        [f"load {before} had the same file name, so that rows of the same lines replace its rows"] if same_name else []
    )
    return [f"{extract.name}: {one}: say `delivery: cumulative` or `delta` in the mapping" for one in findings]
