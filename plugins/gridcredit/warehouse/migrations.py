"""Brings a warehouse up to date: databases and roles, migrations, raw tables, the reader's role."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import LiteralString

import psycopg
import structlog
from psycopg import sql

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import GridCreditError, NotReadyError
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import (
    AIRFLOW,
    AIRFLOW_ROLE,
    OWNER_ROLE,
    READER_ROLE,
    WAREHOUSE,
    WAREHOUSE_ROLE,
    Connection,
    connect_as_owner,
    pipeline_role,
    reader_password,
)
from gridcredit.warehouse.embedded_postgres import SUPERUSER, EmbeddedPostgres
from gridcredit.warehouse.locks import changing_what_is_read
from gridcredit.warehouse.ownership import give_to_pipeline, owns_evidence
from gridcredit.warehouse.raw_tables import raw_index_ddl, raw_table_ddl
from gridcredit.warehouse.reading.preparation import prepare_readers

log = structlog.get_logger(__name__)

DDL_DIR = Path(__file__).parent / "ddl"


def prepare(settings: Settings | None = None) -> None:
    """Start the embedded server where it is the one in use, and bring roles, databases and schemas up to date."""
    settings = settings or get_settings()
    if settings.warehouse_url is None:
        server = EmbeddedPostgres(settings)
        server.start()
        _create_databases(server)
    migrate(settings)


def _create_databases(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
        # What Postgres makes for everybody is open to every login.
        admin.execute("revoke connect, temporary on database postgres, template1 from public")
        _ensure_owner(admin, server)
    ensure_database(server, WAREHOUSE, OWNER_ROLE)
    ensure_database(server, AIRFLOW, AIRFLOW_ROLE)


def _ensure_owner(admin: Connection, server: EmbeddedPostgres) -> None:
    """The pipeline's role, and the owner, who may become it and not the other way round."""
    names = {"owner": sql.Identifier(OWNER_ROLE), "pipeline": sql.Identifier(WAREHOUSE_ROLE)}
    # A kill in between leaves nothing half done.
    with admin.transaction():
        _ensure_role(admin, server, WAREHOUSE_ROLE)
        if not _ensure_role(admin, server, OWNER_ROLE):
            return
        admin.execute(sql.SQL("alter role {owner} createrole").format(**names))
        admin.execute(sql.SQL("grant {pipeline} to {owner}").format(**names))
        # As it was until 0.2.0: the pipeline's role owned all, and made the roles of readers.
        admin.execute(sql.SQL("alter role {pipeline} nocreaterole").format(**names))
        if _exists(admin, "select 1 from pg_database where datname = %s", WAREHOUSE):
            names["database"] = sql.Identifier(WAREHOUSE)
            admin.execute(sql.SQL("alter database {database} owner to {owner}").format(**names))
        _hand_over_readers(admin, names)


def _hand_over_readers(admin: Connection, names: dict[str, sql.Identifier]) -> None:
    """The roles that the pipeline made are the owner's, and so is who is a member of them."""
    made = admin.execute(
        "select roleid::regrole::text, array(select member::regrole::text from pg_auth_members as inner_one "
        "where inner_one.roleid = outer_one.roleid and grantor = outer_one.member) from pg_auth_members as outer_one "
        "where member = %s::regrole and admin_option order by 1",
        [WAREHOUSE_ROLE],
    ).fetchall()
    for role, members in made:
        parts = names | {"role": sql.SQL(role)}
        admin.execute(sql.SQL("grant {role} to {owner} with admin option").format(**parts))
        for member in members:
            granted = sql.SQL("grant {role} to {member} granted by {owner}")
            admin.execute(granted.format(**parts, member=sql.SQL(member)))
        admin.execute(sql.SQL("revoke {role} from {pipeline} cascade").format(**parts))


def _ensure_role(admin: Connection, server: EmbeddedPostgres, role: str) -> bool:
    """Make a login whose password is in the secrets file, where it is not there; returns whether it is new."""
    if _exists(admin, "select 1 from pg_roles where rolname = %s", role):
        return False
    password = sql.Literal(server.settings.secret(f"postgres_{role}"))
    admin.execute(sql.SQL("create role {} login password {}").format(sql.Identifier(role), password))
    return True


def ensure_database(server: EmbeddedPostgres, database: str, role: str) -> None:
    """A database of the embedded server and the role that owns it and alone may connect, where they are not there
    yet.
    """
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
        _ensure_role(admin, server, role)
        if not _exists(admin, "select 1 from pg_database where datname = %s", database):
            name = sql.Identifier(database)
            admin.execute(sql.SQL("create database {} owner {}").format(name, sql.Identifier(role)))
            admin.execute(sql.SQL("revoke all on database {} from public").format(name))


def migrate(settings: Settings | None = None) -> None:
    """Apply the DDL files that this warehouse has not seen, make the raw tables and the reader's role, and bring what
    is published to this version; all as the owner of the evidence.

    Raises:
        GridCreditError: something is to be done, and this process does not connect as the owner.
    """
    settings = settings or get_settings()
    with connect_as_owner(settings) as connection:
        if not owns_evidence(connection):
            _require_migrated(connection)
            prepare_readers(settings)
            return
    # Two that find an empty warehouse at once: one of them makes the table.
    with suppress(psycopg.errors.UniqueViolation), connect_as_owner(settings) as connection:
        connection.execute("create schema if not exists ops")
        connection.execute(
            "create table if not exists ops.migrations (name text primary key, applied_at timestamptz not null default "
            "now())"
        )
    with connect_as_owner(settings) as connection, changing_what_is_read(connection, settings):
        connection.execute("lock table ops.migrations in exclusive mode")
        seen = {name for (name,) in connection.execute("select name from ops.migrations")}
        _check_order(connection, is_new=not seen)
        for path in sorted(DDL_DIR.glob("*.sql")):
            if path.name not in seen:
                connection.execute(path.read_text())
                connection.execute("insert into ops.migrations (name) values (%s)", [path.name])
                log.info("migration_applied", name=path.name)
        for extract in EXTRACTS.values():
            connection.execute(raw_table_ddl(extract))
            connection.execute(raw_index_ddl(extract))
        give_to_pipeline(connection, pipeline_role(settings))
        _ensure_reader(connection, settings)
        _move_accepted_files(settings)
    prepare_readers(settings)


def _require_migrated(connection: Connection) -> None:
    seen = {name for (name,) in connection.execute("select name from ops.migrations")}
    if missing := sorted({path.name for path in DDL_DIR.glob("*.sql")} - seen):
        raise GridCreditError(
            f"this version changes the warehouse ({', '.join(missing)}), which its owner does: `gridcredit prepare` "
            "with GRIDCREDIT_OWNER_URL, then run this again"
        )


def _check_order(connection: Connection, *, is_new: bool) -> None:
    """Refuse to make a warehouse in a database that sorts texts by a language, and warn of one that was made so: where
    figures tie, keys decide, by their bytes on every engine.
    """
    (order,) = connection.execute(
        "select coalesce(to_jsonb(one) ->> 'datlocale', to_jsonb(one) ->> 'daticulocale', datcollate) "
        "from pg_database as one where datname = current_database()"
    ).fetchone() or ("",)
    if order.upper().replace("-", "") in {"C", "POSIX", "C.UTF8", "PG_UNICODE_FAST"}:
        return
    if is_new:
        raise NotReadyError(
            f"the warehouse's database sorts texts by {order}: make it anew by `create database ... template template0 "
            "locale_provider builtin builtin_locale 'C.UTF-8'`, before Postgres 17 by `... lc_collate 'C'`"
        )
    log.warning("database_sorts_by_language", locale=order, what_to_do="move it to one of C.UTF-8: decision 20")


def _move_accepted_files(settings: Settings) -> None:
    """To where they are now: until 0.1.0 accepted files were under `archive`, which is the customer's file alone."""
    before = settings.home / "archive"
    for path in sorted(before.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
            continue
        target = settings.accepted_dir / path.relative_to(before)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    if before.is_dir():
        before.rmdir()


def _ensure_reader(connection: Connection, settings: Settings) -> None:
    """The role that BI tools log in with: reads `published`, and nothing else."""
    if not _exists(connection, "select 1 from pg_roles where rolname = %s", READER_ROLE):
        role, literal = sql.Identifier(READER_ROLE), sql.Literal(reader_password(settings))
        try:
            connection.execute(sql.SQL("create role {} login password {}").format(role, literal))
        except psycopg.errors.InsufficientPrivilege as error:
            raise GridCreditError(
                f"the warehouse role may not create roles: ask its administrator for `create role {READER_ROLE} login`"
            ) from error
    role = sql.Identifier(READER_ROLE)
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("grant connect on database {} to {}").format(database, role))
    connection.execute(sql.SQL("grant usage on schema published to {}").format(role))
    connection.execute(sql.SQL("grant select on published.release, published.my_org_unit to {}").format(role))


def _exists(connection: Connection, query: LiteralString, value: str) -> bool:
    return connection.execute(query, [value]).fetchone() is not None
