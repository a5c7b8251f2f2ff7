"""The raw tables: one partition per loaded file, so that a load is written, reverted or retired as a whole."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg import sql

from gridcredit.contract.shapes import Extract

LOCK_TIMEOUT = "30s"
# Loads of one extract wait for each other's commits; whoever holds a lock longer is no load.
LOAD_LOCK_TIMEOUT = "5min"


def raw_table_ddl(extract: Extract) -> sql.Composed:
    """`create table raw.<extract>` as the contract says, every row with its file and line."""
    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column.sql_type),
            # A tombstone has its key alone; of other rows the loader has seen to it that nothing required is missing.
            sql.SQL(" not null" if column.key else ""),
        )
        for column in extract.columns
    ]
    return sql.SQL(
        "create table if not exists raw.{table} ({columns}, _file_id bigint not null, _line_no bigint not null, "
        "_deleted boolean, _extra jsonb) "
        "partition by list (_file_id)"
    ).format(table=sql.Identifier(extract.name), columns=sql.SQL(", ").join(columns))


def raw_index_ddl(extract: Extract) -> sql.Composed:
    """An index that finds a customer's rows for whoever traces a figure.

    Of blocks, since it must cost next to nothing to load: exports are sorted by customer or by meter, or are small.
    """
    return sql.SQL("create index if not exists {} on raw.{} using brin ({}) with (pages_per_range = 16)").format(
        sql.Identifier(f"{extract.name}_of_one"), sql.Identifier(extract.name), sql.Identifier(extract.found_by)
    )


def create_partition(extract: Extract, table: sql.Identifier, file_ids: list[int]) -> sql.Composed:
    """A table for the rows of files, not yet part of raw: filled in the same transaction it needs no write-ahead
    log.
    """
    return sql.SQL("create table {} (like raw.{}, check (_file_id in ({})))").format(
        table, sql.Identifier(extract.name), sql.SQL(", ").join(map(sql.Literal, file_ids))
    )


def analyze_partition(table: sql.Identifier) -> sql.Composed:
    """Let Postgres know a filled table. Until it does, the checks of a first load are planned for a few rows: with
    290,000 customers one of them took more than ten minutes.
    """
    return sql.SQL("analyze {}").format(table)


def attach_partition(extract: Extract, table: sql.Identifier, file_ids: list[int]) -> sql.Composed:
    """Make a filled table part of raw; its check spares Postgres another reading of the rows."""
    return sql.SQL("alter table raw.{} attach partition {} for values in ({})").format(
        sql.Identifier(extract.name), table, sql.SQL(", ").join(map(sql.Literal, file_ids))
    )


def partitions(connection: psycopg.Connection[Any], extract_name: str) -> dict[str, list[int]]:
    """The partitions of a raw table, and the files whose rows each holds."""
    rows = connection.execute(
        "select relname, pg_get_expr(relpartbound, oid) from pg_inherits join pg_class on oid = inhrelid "
        "where inhparent = to_regclass(%s) order by relname",
        [f"raw.{extract_name}"],
    )
    return {name: sorted(map(int, re.findall(r"\d+", bound))) for name, bound in rows}


def same_key(extract: Extract, one: str, other: str) -> sql.Composed:
    """The condition by which two aliases of an extract's tables hold one fact."""
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(one, key), sql.Identifier(other, key)) for key in extract.keys
    )


def wait_briefly(connection: psycopg.Connection[Any], timeout: str = LOCK_TIMEOUT) -> None:
    """A build that reads raw goes first: for the rest of the transaction a lock is waited for this long and no
    longer.
    """
    connection.execute("select set_config('lock_timeout', %s, true)", [timeout])


def take_out(connection: psycopg.Connection[Any], extract_name: str, file_id: int) -> None:
    """Remove a file's rows: by dropping its own partition, or out of the one that it was merged into."""
    table = partition(extract_name, file_id)
    if connection.execute("select to_regclass(%s)", [table.as_string(connection)]).fetchone() != (None,):
        connection.execute(sql.SQL("drop table {}").format(table))
    else:
        connection.execute(
            sql.SQL("delete from raw.{} where _file_id = %s").format(sql.Identifier(extract_name)), [file_id]
        )


def partition(extract_name: str, first_file_id: int, last_file_id: int | None = None) -> sql.Identifier:
    """The table that holds what a file, or the files from one to another, brought of an extract."""
    loads = str(first_file_id) if last_file_id is None else f"{first_file_id}_to_{last_file_id}"
    return sql.Identifier("raw", f"{extract_name}_load_{loads}")
