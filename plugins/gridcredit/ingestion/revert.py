"""Reverts a load as a whole: its rows leave raw, its record stays."""

from __future__ import annotations

import psycopg
import structlog

from gridcredit.errors import GridCreditError
from gridcredit.lake.copies import remove_stale
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.raw_tables import LOCK_TIMEOUT, take_out, wait_briefly

log = structlog.get_logger(__name__)


def revert_load(file_id: int, reason: str, settings: Settings | None = None) -> str:
    """Drop what a file brought into raw and record why; returns the file's name.

    Releases stand as they are: the next build no longer sees the rows. Quarantined rows stay where they are.

    Raises:
        GridCreditError: there is no such load, it is reverted already, or a build is reading it.
    """
    with connect(settings) as connection:
        wait_briefly(connection, LOCK_TIMEOUT)
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
        remove_stale(connection, settings or get_settings())
    log.info("load_reverted", file_id=file_id, reason=reason)
    return str(name)
