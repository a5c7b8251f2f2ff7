"""Reverts a load as a whole: its rows leave raw, its record stays."""

from __future__ import annotations

import psycopg
import structlog

from gridcredit.errors import GridCreditError
from gridcredit.lake.copies import remove_stale
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.raw_tables import LOCK_TIMEOUT, take_out, wait_briefly

log = structlog.get_logger(__name__)


def revert_load(file_id: int, reason: str, settings: Settings | None = None) -> list[str]:
    """Drop what a file brought into raw, and what was repaired of it since, and record why; returns the names of the
    files, its own first.

    Releases stand as they are: the next build no longer sees the rows. Quarantined rows stay where they are; those
    whose repair is reverted wait again.

    Raises:
        GridCreditError: there is no such load, it is reverted already, or a build is reading it.
    """
    with connect(settings) as connection:
        wait_briefly(connection, LOCK_TIMEOUT)
        names = [_revert(connection, file_id, reason)]
        # Repairs of repairs have higher numbers than what they repair.
        for repair in _repairs(connection, file_id):
            names.append(_revert(connection, repair, f"load {file_id}, which it repairs, was reverted: {reason}"))
        remove_stale(connection, settings or get_settings())
    log.info("load_reverted", file_id=file_id, reason=reason, files=names)
    return names


def _revert(connection: Connection, file_id: int, reason: str) -> str:
    row = connection.execute(
        "select file_name, undone_at from lineage.files where file_id = %s for update", [file_id]
    ).fetchone()
    if row is None:
        raise GridCreditError(f"there is no load {file_id}: `gridcredit load list` shows what there is")
    name, undone_at = row
    if undone_at is not None:
        raise GridCreditError(f"load {file_id} ({name}) was reverted on {undone_at:%Y-%m-%d %H:%M} UTC")
    extracts = connection.execute(
        "select extract from lineage.loads where file_id = %s and retired_at is null order by 1", [file_id]
    )
    try:
        for (extract,) in extracts.fetchall():
            take_out(connection, extract, file_id)
    except psycopg.errors.LockNotAvailable as error:
        raise GridCreditError(f"load {file_id} is being read by a build: try again when it has ended") from error
    connection.execute(
        "update lineage.files set undone_at = clock_timestamp(), undone_because = %s where file_id = %s",
        [reason, file_id],
    )
    connection.execute("update quarantine.rows set resubmitted_in = null where resubmitted_in = %s", [file_id])
    return str(name)


def _repairs(connection: Connection, file_id: int) -> list[int]:
    """The standing loads of rows of a load's quarantine, and of theirs."""
    found = connection.execute(
        "with recursive repairs as (select %(load)s::bigint as file_id union "
        "select rows.resubmitted_in from quarantine.rows inner join repairs using (file_id) "
        "where rows.resubmitted_in is not null) "
        "select file_id from repairs inner join lineage.files using (file_id) "
        "where file_id <> %(load)s and undone_at is null order by 1",
        {"load": file_id},
    )
    return [one for (one,) in found]
