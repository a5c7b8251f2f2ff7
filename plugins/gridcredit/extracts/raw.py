"""The raw tables: one partition per loaded file, so that a load is written, undone or retired as a whole."""

from __future__ import annotations

from psycopg import sql

from gridcredit.extracts.contract import Extract


def raw_table_ddl(extract: Extract) -> sql.Composed:
    """`create table raw.<extract>` as the contract says, every row with its file and line."""
    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column.sql_type),
            sql.SQL(" not null" if column.required else ""),
        )
        for column in extract.columns
    ]
    return sql.SQL(
        "create table if not exists raw.{table} ({columns}, _file_id bigint not null, _line_no bigint not null) "
        "partition by list (_file_id)"
    ).format(table=sql.Identifier(extract.name), columns=sql.SQL(", ").join(columns))


def create_partition(extract: Extract, file_id: int) -> sql.Composed:
    """A file's own table, not yet part of raw: filling a table made in the same transaction needs no write-ahead log."""
    return sql.SQL("create table {} (like raw.{}, check (_file_id = {}))").format(
        partition(extract.name, file_id), sql.Identifier(extract.name), sql.Literal(file_id)
    )


def attach_partition(extract: Extract, file_id: int) -> sql.Composed:
    """Make a filled table part of raw; its check spares Postgres another look at the rows."""
    return sql.SQL("alter table raw.{} attach partition {} for values in ({})").format(
        sql.Identifier(extract.name), partition(extract.name, file_id), sql.Literal(file_id)
    )


def partition(extract_name: str, file_id: int) -> sql.Identifier:
    """The table that holds what a file brought of an extract."""
    return sql.Identifier("raw", f"{extract_name}_load_{file_id}")
