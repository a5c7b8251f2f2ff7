"""Definitions that the warehouse holds (views, rights), by name: applied again where their text changed."""

from __future__ import annotations

import hashlib

from gridcredit.warehouse.connection import Connection


def is_applied(connection: Connection, name: str, content: bytes) -> bool:
    """Whether this very definition is the one applied last under its name."""
    query = "select from ops.applied where name = %s and sha256 = %s"
    return connection.execute(query, [name, hashlib.sha256(content).hexdigest()]).fetchone() is not None


def is_new_content(connection: Connection, name: str, content: bytes) -> bool:
    """Whether a definition is another than the one applied last under this name; the new one is recorded at once.

    In the transaction that applies it, so that a failure takes both back.
    """
    applied = connection.execute(
        "insert into ops.applied (name, sha256) values (%s, %s) on conflict (name) do update "
        "set sha256 = excluded.sha256, applied_at = now() where applied.sha256 <> excluded.sha256",
        [name, hashlib.sha256(content).hexdigest()],
    )
    return applied.rowcount == 1
