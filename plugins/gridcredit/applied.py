"""What was applied to the warehouse last, by name: the hash of what it follows from."""

from __future__ import annotations

import hashlib

from gridcredit.warehouse import Connection


def apply_once(connection: Connection, name: str, follows_from: bytes) -> bool:
    """Whether what a name stands for is to be applied, since it follows from something else than last time; recorded at once.

    In the transaction that applies it, so that a failure takes both back.
    """
    applied = connection.execute(
        "insert into ops.applied (name, sha256) values (%s, %s) on conflict (name) do update "
        "set sha256 = excluded.sha256, applied_at = now() where applied.sha256 <> excluded.sha256",
        [name, hashlib.sha256(follows_from).hexdigest()],
    )
    return applied.rowcount == 1
