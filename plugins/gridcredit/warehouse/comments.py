"""What Postgres itself says of what readers see: comments on tables and columns, where BI tools look for them."""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from gridcredit.contract.described import Table, published_tables, star_tables
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection

# What each published view says of the release in force, where the table does not by itself.
OF_RELEASE = {"release": "number of the release in force", "as_of_date": "the day that the release is of"}
OF_HISTORY = {
    "valid_from_release": "first release that shows the row",
    "valid_to_release": "first release that no longer shows it; null while current",
}


def apply_comments(connection: Connection, settings: Settings) -> None:
    """Bring the comments of `published`, `star` and the departments' views to what the models and star.yml say.

    What is there is compared, so a view that was made again has its comments again, and a changed text needs no build.
    """
    published = published_tables(settings)
    described = {table.name: table for table in published}
    star = {table.name: table for table in star_tables(published)}
    found = connection.execute(
        "select nspname, relname, relkind = 'v', obj_description(pg_class.oid), "
        "array_agg(attname order by attnum), array_agg(col_description(attrelid, attnum) order by attnum) "
        "from pg_class join pg_namespace on pg_namespace.oid = relnamespace join pg_attribute on attrelid = "
        "pg_class.oid where relkind in ('r', 'v') and attnum > 0 and not attisdropped "
        "and (nspname in ('published', 'star') or starts_with(nspname, 'dept_')) "
        "group by nspname, relname, relkind, pg_class.oid"
    ).fetchall()
    for schema, name, is_view, text, columns, texts in found:
        table = (star if schema == "star" else described).get(name.removesuffix("_history"))
        if table:
            kind: LiteralString = "view" if is_view else "table"
            relation = sql.Identifier(schema, name)
            _change(connection, sql.SQL("comment on {} {}").format(sql.SQL(kind), relation), text, table.comment)
            wanted = _column_comments(table)
            for column, present in zip(columns, texts, strict=True):
                place = sql.Identifier(schema, name, column)
                _change(connection, sql.SQL("comment on column {}").format(place), present, wanted[column])


def _column_comments(table: Table) -> dict[str, str]:
    return OF_RELEASE | OF_HISTORY | {column.name: table.column_comment(column) for column in table.columns}


def _change(connection: Connection, where: sql.Composed, present: str | None, wanted: str) -> None:
    if present != wanted:
        connection.execute(sql.SQL("{} is {}").format(where, sql.Literal(wanted)))
