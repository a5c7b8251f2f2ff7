"""The published tables: their contract, and the rows that a release opens and closes in them.

Each is stored as intervals of releases (`valid_from_release`, `valid_to_release`) in `published.<table>_history`;
the view `published.<table>` shows what is current, the function `published.<table>_as_of` what a release showed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import LiteralString

from psycopg import sql

from gridcredit.contract.described import Table, published_tables
from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings
from gridcredit.warehouse.comments import OF_RELEASE
from gridcredit.warehouse.connection import READER_ROLE, Connection


@dataclass(frozen=True)
class PublishedTable:
    """A published table: its key, and the scope whose rows a run replaces; all of them without one."""

    key: tuple[str, ...]
    scope: str | None = None
    scope_key: tuple[str, ...] = ()


def _as_declared() -> dict[str, PublishedTable]:
    """By name, as dbt_project/models/candidate declares them; `meta.scope` of a model names the scope and its
    columns.
    """
    tables = {}
    for table in published_tables(Settings()):
        scope = table.meta.get("scope", {})
        tables[table.name] = PublishedTable(table.key, scope.get("model"), tuple(scope.get("by", ())))
    return tables


TABLES = _as_declared()


@dataclass(frozen=True)
class Change:
    """How a release changed a table: rows that came and went, and the sums of their hashes."""

    opened: int
    opened_hash: Decimal
    closed: int
    closed_hash: Decimal


def published_columns(connection: Connection, table: str) -> list[str]:
    """The columns of a published table, in the order in which they came."""
    columns = table_columns(connection, "published", f"{table}_history")
    return [name for name in columns if name not in ("valid_from_release", "valid_to_release")]


def row_hash(columns: Sequence[str], relation: str) -> sql.Composed:
    """The hash of a row's published content."""
    return sql.SQL("lineage.row_hash(row({})::text)").format(
        sql.SQL(", ").join(sql.Identifier(relation, name) for name in columns)
    )


def change_rows(connection: Connection, statement: sql.Composed, columns: Sequence[str]) -> tuple[int, Decimal]:
    """Run an update of, or an insert into, a `history`; returns how many rows it changed and the sum of their
    hashes.
    """
    changed = sql.SQL("with changed as ({} returning {} as hash) select count(*), coalesce(sum(hash), 0) from changed")
    rows, total = connection.execute(changed.format(statement, row_hash(columns, "history"))).fetchone() or (0, 0)
    return rows, Decimal(total)


def ensure_published(connection: Connection, described: Table) -> None:
    """Bring the history table and the view of a published table to its contract; the connection is the owner's."""
    table, history = described.name, f"{described.name}_history"
    wanted = _contract_columns(connection, described)
    present = {
        name: kind
        for name, kind in table_columns(connection, "published", history).items()
        if name not in ("valid_from_release", "valid_to_release")
    }
    view_columns = table_columns(connection, "published", table)
    if present == wanted and "release" in view_columns:
        return
    names = {
        "history": sql.Identifier("published", history),
        "view": sql.Identifier("published", table),
        "as_of": sql.Identifier("published", f"{table}_as_of"),
        "reader": sql.Identifier(READER_ROLE),
        "key": sql.SQL(", ").join(map(sql.Identifier, described.key)),
        "columns": sql.SQL(", ").join(sql.Identifier("history", name) for name in wanted),
        "of_release": sql.SQL(", ").join(
            sql.Identifier("current_release", name) for name in OF_RELEASE if name not in wanted
        ),
        "open_index": sql.Identifier(f"{history}_current"),
    }
    if not present:
        statements: list[LiteralString] = [
            "create table {history} (like pg_temp.wanted, "
            "valid_from_release bigint not null, valid_to_release bigint, primary key ({key}, valid_from_release))",
            "create unique index {open_index} on {history} ({key}) where valid_to_release is null",
        ]
        for statement in statements:
            connection.execute(sql.SQL(statement).format(**names))
    else:
        changed = [name for name, kind in present.items() if wanted.get(name) != kind]
        if changed:
            raise GridCreditError(
                f"published.{table}: the contract lost or retyped {', '.join(changed)}; published columns may only be "
                "added"
            )
        for name, kind in wanted.items():
            if name not in present:
                connection.execute(
                    sql.SQL("alter table {} add column {} {}").format(
                        names["history"], sql.Identifier(name), sql.SQL(kind)
                    )
                )
    connection.execute("select lineage.protect_history(to_regclass(%s))", [f"published.{history}"])
    view: tuple[LiteralString, ...] = (
        "drop view if exists {view}",
        # Flat tables themselves say which day they are of.
        # With the reader's own rights: the rows that he sees of the history are those that he sees of it.
        "create view {view} with (security_invoker = true) as "
        "select {columns}, {of_release} from {history} as history cross join ("
        "select release, as_of_date from published.release order by release desc limit 1) as current_release "
        "where valid_to_release is null",
        "grant select on {view}, {history} to {reader}",
        "create or replace function {as_of}(release_number bigint) returns setof {history} language sql stable begin "
        "atomic select * from {history} where valid_from_release <= release_number "
        "and (valid_to_release is null or valid_to_release > release_number); end",
        "comment on function {as_of} is 'The rows that a release showed.'",
    )
    for statement in view:
        connection.execute(sql.SQL(statement).format(**names))


def _contract_columns(connection: Connection, described: Table) -> dict[str, str]:
    """The columns of a contract with their types, as Postgres writes them; made as the temporary table `wanted`."""
    columns = [
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(column.type),
            sql.SQL(" not null" if column.is_required else ""),
        )
        for column in described.columns
    ]
    connection.execute("drop table if exists pg_temp.wanted")
    connection.execute(sql.SQL("create temporary table wanted ({}) on commit drop").format(sql.SQL(", ").join(columns)))
    return table_columns(connection, "pg_temp", "wanted")


def require_published(connection: Connection, table: str) -> None:
    """A GridCreditError where a candidate has other columns than what is published."""
    shown = set(published_columns(connection, table))
    if others := sorted(shown ^ table_columns(connection, "candidate", table).keys()):
        raise GridCreditError(
            f"published.{table} and what was built differ in {', '.join(others)}: `gridcredit prepare` brings what is "
            "published to this version, then run this again"
        )


def not_yet_published(connection: Connection) -> list[str]:
    """The tables of this version that the newest release, of an earlier one, did not have: empty until the next."""
    known = connection.execute(
        "select table_name from lineage.release_tables where release = (select max(release) from lineage.releases)"
    ).fetchall()
    return sorted(TABLES.keys() - {table for (table,) in known}) if known else []


def table_columns(connection: Connection, schema: str, table: str) -> dict[str, str]:
    """The columns of a table with their types, in order; none where there is no such table."""
    rows = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute "
        "where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
        [f"{schema}.{table}"],
    ).fetchall()
    return dict(rows)


def replace_rows(
    connection: Connection, table: str, published: PublishedTable, dropped: list[date], release: int
) -> Change:
    """Close the rows in scope that are gone or changed, open the new and the changed."""
    columns = published_columns(connection, table)
    history = f"published.{table}_history"

    def listed(alias: str, names: Sequence[str]) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(alias, name) for name in names)

    parts: dict[str, sql.Composable] = {
        "history": sql.Identifier("published", f"{table}_history"),
        "candidate": sql.Identifier("candidate", table),
        "release": sql.Literal(release),
        "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "old": listed("history", columns),
        "new": listed("candidate", columns),
        "old_key": listed("history", published.key),
        "new_key": listed("candidate", published.key),
        "dropped": sql.Literal(dropped),
    }
    in_scope = sql.Composed([])
    dropped_rows = (0, Decimal(0))
    if published.scope:
        in_scope = sql.SQL("and ({}) in (select {} from {}) ").format(
            listed("history", published.scope_key),
            sql.SQL(", ").join(map(sql.Identifier, published.scope_key)),
            sql.Identifier("scope", published.scope),
        )
        if dropped and "as_of_date" in published.scope_key:
            dropped_rows = change_rows(
                connection,
                sql.SQL(
                    "update {history} as history set valid_to_release = {release} "
                    "where valid_to_release is null and as_of_date = any({dropped}::date[])"
                ).format(**parts),
                columns,
            )
    closed_rows = change_rows(
        connection,
        sql.SQL(
            "update {history} as history set valid_to_release = {release} "
            "where valid_to_release is null {in_scope}"
            "and not exists (select 1 from {candidate} as candidate where ({new_key}) = ({old_key}) "
            "and row({new}) is not distinct from row({old}))"
        ).format(**parts, in_scope=in_scope),
        columns,
    )
    opened = change_rows(
        connection,
        sql.SQL(
            "insert into {history} as history ({columns}, valid_from_release) "
            "select {new}, {release} from {candidate} as candidate "
            "where not exists (select 1 from {history} as history where ({new_key}) = ({old_key}) "
            "and valid_to_release is null {in_scope})"
        ).format(**parts, in_scope=in_scope),
        columns,
    )
    # The next run's statements are planned with what is known of this one's rows: few of many are in scope.
    (rows,) = connection.execute(
        "select reltuples from pg_class where oid = to_regclass(%s)", [history]
    ).fetchone() or (0,)
    if opened[0] > 0.1 * rows:
        connection.execute(sql.SQL("analyze {history}").format(**parts))
    return Change(opened[0], opened[1], dropped_rows[0] + closed_rows[0], dropped_rows[1] + closed_rows[1])


def require_release(connection: Connection, release: int) -> date:
    """The date of a release; a GridCreditError where there is none."""
    row = connection.execute("select as_of_date from lineage.releases where release = %s", [release]).fetchone()
    if row is None:
        raise GridCreditError(f"there is no release {release}; `gridcredit release list` shows those there are")
    found: date = row[0]
    return found
