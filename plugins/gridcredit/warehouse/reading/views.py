"""Views over what is published, for those who read it: the change feed, and the star for BI tools."""

from __future__ import annotations

from pathlib import Path

import structlog

from gridcredit.warehouse.connection import Connection
from gridcredit.warehouse.content import is_new_content

log = structlog.get_logger(__name__)

VIEWS_DIR = Path(__file__).parents[1] / "views"


def apply_views(connection: Connection) -> None:
    """Recreate the views of each file that changed; they stand on history tables, which only grow."""
    for path in sorted(VIEWS_DIR.glob("*.sql")):
        text = path.read_bytes()
        if is_new_content(connection, f"views/{path.name}", text):
            connection.execute(text)
            log.info("views_applied", file=path.name)
