"""What readers read, made before anything is published: published tables, views over them, rights and texts.

All of it belongs to the owner of the evidence. A run adds rows, and changes none of it.
"""

from __future__ import annotations

import json
from pathlib import Path

import structlog
from psycopg import sql

from gridcredit.contract.described import published_tables
from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings
from gridcredit.warehouse import ownership
from gridcredit.warehouse import published_tables as publishing
from gridcredit.warehouse.comments import apply_comments
from gridcredit.warehouse.connection import Connection, connect_as_owner, pipeline_role
from gridcredit.warehouse.content import is_applied, is_new_content
from gridcredit.warehouse.locks import changing_what_is_read
from gridcredit.warehouse.reading import access, views

log = structlog.get_logger(__name__)

CODE = (access, ownership, publishing, views)


def prepare_readers(settings: Settings) -> None:
    """Bring what readers read to this version's contracts, views, rights and texts, where any of it is another.

    Raises:
        GridCreditError: something is to be done, and this process does not connect as the owner.
    """
    with connect_as_owner(settings) as connection:
        if _is_done(connection, settings):
            return
        if not ownership.owns_evidence(connection):
            raise GridCreditError(
                "what is published, or who reads it (policies/departments.yml), is to change, which the warehouse's "
                "owner does: `gridcredit prepare` with GRIDCREDIT_OWNER_URL, then run this again"
            )
    with connect_as_owner(settings) as connection, changing_what_is_read(connection, settings):
        # Of two that find something to do, one does it.
        connection.execute("lock table ops.migrations in exclusive mode")
        if _is_done(connection, settings):
            return
        ownership.take_over(connection, pipeline_role(settings))
        for table in published_tables(settings):
            publishing.ensure_published(connection, table)
        views.apply_views(connection)
        access.apply_access(connection, settings)
        ownership.hand_over(connection, pipeline_role(settings))
        apply_comments(connection, settings)
        is_new_content(connection, "readers", _wanted(connection, settings))
    log.info("readers_prepared")


def _is_done(connection: Connection, settings: Settings) -> bool:
    is_as_wanted = is_applied(connection, "readers", _wanted(connection, settings))
    return is_as_wanted and not ownership.is_due(connection, pipeline_role(settings))


def _wanted(connection: Connection, settings: Settings) -> bytes:
    """What the above follows from: files, code, and what the owner has there, by its oid."""
    files = [
        settings.dbt_dir / "dbt_project.yml",
        settings.dbt_dir / "models" / "candidate" / "candidate.yml",
        Path(publishing.__file__).parents[1] / "contract" / "star.yml",
        *sorted(views.VIEWS_DIR.glob("*.sql")),
        *(Path(str(module.__file__)) for module in CODE),
    ]
    relations = connection.execute(
        sql.SQL(
            "select pg_class.oid::bigint, pg_get_userbyid(relowner) from pg_class "
            "join pg_namespace on pg_namespace.oid = relnamespace "
            "where relkind in ('r', 'p', 'v') and (nspname = any(%s) or starts_with(nspname, 'dept_')) and {} "
            "and relowner = (select nspowner from pg_namespace where nspname = 'lineage') order by 1"
        ).format(sql.SQL(ownership.LASTING)),
        [list(ownership.RIGHTS)],
    ).fetchall()
    departments = access.read_departments(settings).model_dump()
    server = connection.info.server_version // 10_000
    present = json.dumps([server, pipeline_role(settings), relations, departments]).encode()
    return b"\n".join([present, *(path.read_bytes() for path in files)])
