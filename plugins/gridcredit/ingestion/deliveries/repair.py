"""Rows of a load's quarantine that come again repaired: they count as rows of that load, at their lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from psycopg import sql

from gridcredit.contract.shapes import Extract
from gridcredit.ingestion.batch import Batch
from gridcredit.ingestion.mapping.rules import ExtractRule, made_keys
from gridcredit.warehouse.connection import Connection
from gridcredit.warehouse.raw_tables import partition, same_key

# The column of an exported file with the line that a row has in its own file.
LINE = "_line"
_ROW_KEY = re.compile(r"([0-9a-f]{32})-([0-9]+)")


@dataclass(frozen=True)
class Repair:
    """The load that rows come from, the name of its file, and by extract the lines that wait in its quarantine."""

    file_id: int
    file_name: str
    waiting: dict[str, frozenset[int]]

    def batches(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The batches, each row with the line that it has in its own file."""
        for batch in batches:
            lines = np.array([int(line) for line in batch.columns[LINE].to_pylist()], dtype=np.int64)
            yield replace(batch, source_line_no=lines)

    def part_of(self, batch: Batch, extract: str) -> Batch:
        """The rows that wait for an extract; the others are accepted in it already."""
        waits = np.isin(batch.source_lines, list(self.waiting.get(extract, ())))
        mask = pa.array(waits)
        return replace(
            batch,
            columns={name: values.filter(mask) for name, values in batch.columns.items()},
            line_no=batch.line_no[waits],
            source_line_no=batch.source_lines[waits],
            row_keys=None if batch.row_keys is None else batch.row_keys.filter(mask),
        )


def rows_alike(connection: Connection, repair: Repair, parts: list[tuple[Extract, ExtractRule]]) -> Counter[str]:
    """How many rows of the load, and of what was repaired of it, hold the same, by the content that is in made keys:
    a repaired row is one more.
    """
    seen: Counter[str] = Counter()
    for extract, part in parts:
        for key in made_keys(extract, part):
            query = sql.SQL(
                "select {} from {} where _file_id = %(load)s or _file_id in "
                "(select resubmitted_in from quarantine.rows where file_id = %(load)s)"
            ).format(sql.Identifier(key), sql.Identifier("raw", extract.name))
            for (value,) in connection.execute(query, {"load": repair.file_id}):
                for content, number in _ROW_KEY.findall(value):
                    seen[content] = max(seen[content], int(number))
    return seen


def take_out_accepted(
    connection: Connection,
    repair: Repair,
    extract: Extract,
    part: ExtractRule,
    file_id: int,
    source_lines: dict[int, int],
) -> int:
    """Take out of a repair what its lines have brought already: of several rows of a line the sound ones; returns how
    many. `source_lines` are by the line of the repair that of the load.
    """
    made = made_keys(extract, part)
    alike = sql.SQL(" and ").join(
        sql.SQL("held.{0} is not distinct from rows.{0}").format(sql.Identifier(column.name))
        for column in extract.columns
        if column.name not in made
    )
    return connection.execute(
        sql.SQL(
            "delete from {rows} as rows using {raw} as held, unnest(%s::bigint[], %s::bigint[]) as lines (own, source) "
            "where held._file_id = {load} and held._line_no = lines.source and rows._line_no = lines.own and {alike}"
        ).format(
            rows=partition(extract.name, file_id),
            raw=sql.Identifier("raw", extract.name),
            load=sql.Literal(repair.file_id),
            alike=alike,
        ),
        [list(source_lines), list(source_lines.values())],
    ).rowcount


def take_out_superseded(connection: Connection, repair: Repair, extract: Extract, file_id: int) -> int:
    """Take out of a repair the rows whose key a later load holds, which counts; returns how many."""
    return connection.execute(
        sql.SQL(
            "delete from {rows} as rows where exists "
            "(select from {raw} as later where later._file_id > {load} and {same_key})"
        ).format(
            rows=partition(extract.name, file_id),
            raw=sql.Identifier("raw", extract.name),
            load=sql.Literal(repair.file_id),
            same_key=same_key(extract, "later", "rows"),
        )
    ).rowcount
