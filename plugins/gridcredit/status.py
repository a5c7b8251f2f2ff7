"""What an operator wants to know at a glance: what stands, what runs, and what of the server is open that should not be."""

from __future__ import annotations

from psycopg import sql

from gridcredit.runs import mark_killed
from gridcredit.settings import Settings
from gridcredit.warehouse import Connection, connect


def describe_status(settings: Settings) -> tuple[list[str], list[str]]:
    """Lines about the warehouse, and warnings that each say what to do."""
    with connect(settings) as connection:
        mark_killed(connection)
        release = connection.execute(
            "select release, as_of_date, published_at from lineage.releases order by release desc limit 1"
        ).fetchone()
        running = connection.execute(
            "select run_id, started_at from lineage.runs where status = 'running' order by started_at"
        ).fetchall()
        lines = (
            [f"release {release[0]} as of {release[1]}, published {release[2]:%Y-%m-%d %H:%M}"]
            if release
            else ["nothing has been published yet"]
        )
        lines += [f"running since {since:%Y-%m-%d %H:%M}: {run_id}" for run_id, since in running]
        return lines, [_how_to_close(connection, database) for database in open_databases(connection)]


def open_databases(connection: Connection) -> list[str]:
    """The databases of the server to which any login may connect, and make temporary tables there."""
    rows = connection.execute(
        "select datname from pg_database where datallowconn and (has_database_privilege('public', oid, 'connect') "
        "or has_database_privilege('public', oid, 'temporary')) order by 1"
    )
    return [database for (database,) in rows]


def _how_to_close(connection: Connection, database: str) -> str:
    statement = sql.SQL("revoke connect, temporary on database {} from public").format(sql.Identifier(database))
    return (
        f"any login may connect to the database {database!r} and fill it with temporary tables: as the server's "
        f"administrator, run `{statement.as_string(connection)}`"
    )
