"""Views over what is published, for those who read it: the change feed, and the star for BI tools."""

from __future__ import annotations

import hashlib
from pathlib import Path

import structlog

from gridcredit.warehouse import Connection

log = structlog.get_logger(__name__)

VIEWS_DIR = Path(__file__).parent / "views"


def apply_views(connection: Connection) -> None:
    """Make the views of each file anew where the file changed since; they stand on history tables, which only grow."""
    for path in sorted(VIEWS_DIR.glob("*.sql")):
        name, text = f"views/{path.name}", path.read_text()
        digest = hashlib.sha256(text.encode()).hexdigest()
        if connection.execute("select 1 from ops.applied where (name, sha256) = (%s, %s)", [name, digest]).fetchone():
            continue
        connection.execute(text)
        connection.execute(
            "insert into ops.applied (name, sha256) values (%s, %s) "
            "on conflict (name) do update set sha256 = excluded.sha256, applied_at = now()",
            [name, digest],
        )
        log.info("views_applied", file=path.name)
