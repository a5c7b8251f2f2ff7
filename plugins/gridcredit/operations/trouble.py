"""Says in one line what befell the machine or the database, and what to do; nothing of it is the program's fault."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from gridcredit.errors import NotReadyError

_FULL = "the disk is full: free some space and try again; nothing was stored in part"
_GONE = "the database server ended or cannot be reached: start it (`make up`, or your own server) and try again"
_HELD = "another session holds a lock that this needs: wait until it has ended, or end it, and try again"
_BUSY = "the database server has no connection or memory to spare: wait, or raise its limits, and try again"


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn what cannot be foreseen of machine and database into an error that a later try may not meet.

    Raises:
        NotReadyError: the disk is full, the server is gone or short of resources, or a lock is held.
    """
    try:
        yield
    except (psycopg.Error, OSError) as error:
        text = _explanation(error)
        if text is None:
            raise
        raise NotReadyError(text) from None


def _explanation(error: psycopg.Error | OSError) -> str | None:
    if isinstance(error, OSError):
        return _FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
    state = error.sqlstate or ""
    if state == "53100":
        return _FULL
    if state.startswith("53"):
        return _BUSY
    if state in ("55P03", "40P01"):
        return _HELD
    if state.startswith(("08", "57P")) or (isinstance(error, psycopg.OperationalError) and not state):
        return _GONE
    return None
