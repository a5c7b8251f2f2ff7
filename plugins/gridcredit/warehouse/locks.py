"""Locks of the warehouse: tables of `ops`, on which readers have no right, so that nobody but the pipeline can take
them.

A lock of a table needs no transaction id: a long build does not hold vacuum up.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, LiteralString

import structlog
from psycopg import errors, sql

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import Connection, connect

log = structlog.get_logger(__name__)

# How often a wait is reported.
REPORT_SECONDS = 10.0
HOLDERS: LiteralString = (
    "select distinct coalesce(nullif(application_name, ''), 'a client'), usename, pid from pg_locks "
    "join pg_stat_activity using (pid) join pg_class on pg_class.oid = relation "
    "join pg_namespace on pg_namespace.oid = relnamespace join pg_database on pg_database.oid = database "
    "where granted and pid <> pg_backend_pid() and pg_database.datname = current_database() and "
)
# What readers read.
READ: LiteralString = (
    "(nspname in ('published', 'star', 'lineage', 'policy', 'evaluation') or starts_with(nspname, 'dept_'))"
)
LOCKS: dict[str, LiteralString] = {
    "build": "nspname = 'ops' and relname = 'build_lock'",
    "gate": "nspname = 'ops' and relname = 'gate_lock'",
}


@contextmanager
def exclusive(what: Literal["build", "gate"], settings: Settings | None = None) -> Iterator[Connection]:
    """Hold a lock of the warehouse, whichever process or worker asks; waits for whoever holds it, not to be nested.

    Yields a connection on which each statement is committed by itself.

    Raises:
        GridCreditError: another session held it for longer than `lock_patience_seconds`; names that session.
    """
    settings = settings or get_settings()
    name = f"gridcredit {what}, process {os.getpid()} on {platform.node()}"
    with connect(settings, application_name=name) as holder:
        _take(holder, what, settings.lock_patience_seconds)
        with connect(settings, autocommit=True) as connection:
            yield connection


@contextmanager
def changing_what_is_read(connection: Connection, settings: Settings) -> Iterator[None]:
    """Wait `reader_patience_seconds` for readers whose open transactions hold a table that this one changes.

    Raises:
        GridCreditError: they did not end; names their sessions.
    """
    _limit_wait(connection, settings.reader_patience_seconds)
    try:
        yield
    except errors.LockNotAvailable as error:
        connection.rollback()
        raise GridCreditError(
            f"tables cannot be changed while others hold them: {_holders(connection, READ)}; "
            "end their transactions, or `select pg_terminate_backend(SESSION)`, and run this again"
        ) from error


def _take(holder: Connection, what: Literal["build", "gate"], patience: float) -> None:
    table = sql.Identifier("ops", f"{what}_lock")
    deadline = time.monotonic() + patience
    while True:
        _limit_wait(holder, min(REPORT_SECONDS, patience))
        try:
            holder.execute(sql.SQL("lock table {} in exclusive mode").format(table))
        except errors.LockNotAvailable as error:
            holder.rollback()
            who = _holders(holder, LOCKS[what])
            if time.monotonic() >= deadline:
                raise GridCreditError(
                    f"the {what} has waited {patience:.0f} s for {who}: let that end, or end it "
                    "by `select pg_terminate_backend(SESSION)`, and run this again"
                ) from error
            log.warning("waits_for_lock", lock=what, held_by=who)
        else:
            return


def _limit_wait(connection: Connection, seconds: float) -> None:
    """For the rest of the transaction: how long a lock is waited for (0 would be without end), and that it may be
    idle.
    """
    connection.execute(
        "select set_config('lock_timeout', %s, true), set_config('idle_in_transaction_session_timeout', '0', true)",
        [f"{max(1, round(1000 * seconds))}ms"],
    )


def _holders(connection: Connection, relations: LiteralString) -> str:
    """The sessions that hold tables of this database, in words."""
    rows = connection.execute(HOLDERS + relations + " order by pid").fetchall()
    named = [f"{name} (login {login}, session {pid})" for name, login, pid in rows]
    return ", ".join(named) or "a session that has ended by now"
