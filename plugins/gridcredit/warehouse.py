"""The warehouse: its address, connections, schema migrations and roles."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import quote, urlsplit

import psycopg
import structlog
from psycopg import sql

from gridcredit.embedded_postgres import SUPERUSER, EmbeddedPostgres
from gridcredit.errors import GridCreditError
from gridcredit.extracts.contract import EXTRACTS
from gridcredit.extracts.raw import raw_index_ddl, raw_table_ddl
from gridcredit.settings import Settings, get_settings

log = structlog.get_logger(__name__)

DDL_DIR = Path(__file__).parent / "ddl"
WAREHOUSE, WAREHOUSE_ROLE = "warehouse", "gridcredit"
AIRFLOW, AIRFLOW_ROLE = "airflow", "airflow"
READER_ROLE = "bi_reader"

Connection = psycopg.Connection[tuple[Any, ...]]

# A server that does not answer is given up: at once, or within a minute of silence in the middle of a query.
TIME_OUTS: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


def warehouse_url(settings: Settings | None = None) -> str:
    """The warehouse's URL: of the environment, else of the embedded Postgres."""
    settings = settings or get_settings()
    if settings.warehouse_url is not None:
        return settings.warehouse_url.get_secret_value()
    return EmbeddedPostgres(settings).url(WAREHOUSE_ROLE, WAREHOUSE)


def reader_url(settings: Settings) -> str:
    """The warehouse's URL for the role that BI tools read by."""
    if settings.warehouse_url is None:
        return EmbeddedPostgres(settings).url(READER_ROLE, WAREHOUSE)
    url = urlsplit(settings.warehouse_url.get_secret_value())
    host = url.netloc.rpartition("@")[2]
    return url._replace(netloc=f"{READER_ROLE}:{quote(_reader_password(settings))}@{host}").geturl()


def _reader_password(settings: Settings) -> str:
    password = settings.bi_reader_password
    return password.get_secret_value() if password else settings.secret(f"postgres_{READER_ROLE}")


def reader_address(settings: Settings) -> str:
    """The same without the password, to be shown."""
    url = urlsplit(reader_url(settings))
    return url._replace(netloc=f"{url.username}@{url.netloc.rpartition('@')[2]}").geturl()


def airflow_database_url(settings: Settings | None = None) -> str:
    """The URL of Airflow's metadata database: of the environment, else of the embedded Postgres."""
    settings = settings or get_settings()
    if settings.airflow_database_url is not None:
        return settings.airflow_database_url.get_secret_value()
    return EmbeddedPostgres(settings).url(AIRFLOW_ROLE, AIRFLOW)


def connect(
    settings: Settings | None = None, *, autocommit: bool = False, application_name: str = "gridcredit"
) -> Connection:
    """A connection to the warehouse; `with connect() as c` commits at its end and rolls back on an error."""
    return psycopg.connect(
        warehouse_url(settings), autocommit=autocommit, application_name=application_name, **TIME_OUTS
    )


def prepare(settings: Settings | None = None) -> None:
    """Start the embedded server where it is the one in use, and bring roles, databases and schemas up to date."""
    settings = settings or get_settings()
    if settings.warehouse_url is None:
        server = EmbeddedPostgres(settings)
        server.start()
        _create_databases(server, settings)
    migrate(settings)


def _create_databases(server: EmbeddedPostgres, settings: Settings) -> None:
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
        # What Postgres makes for everybody is open to every login.
        admin.execute("revoke connect, temporary on database postgres, template1 from public")
        for database, role, rights in (
            (WAREHOUSE, WAREHOUSE_ROLE, "createrole"),
            (AIRFLOW, AIRFLOW_ROLE, ""),
        ):
            if not _exists(admin, "select 1 from pg_roles where rolname = %s", role):
                admin.execute(
                    sql.SQL("create role {} login {} password {}").format(
                        sql.Identifier(role),
                        sql.SQL(rights),
                        sql.Literal(settings.secret(f"postgres_{role}")),
                    )
                )
            if not _exists(admin, "select 1 from pg_database where datname = %s", database):
                name = sql.Identifier(database)
                admin.execute(sql.SQL("create database {} owner {}").format(name, sql.Identifier(role)))
                admin.execute(sql.SQL("revoke all on database {} from public").format(name))


def migrate(settings: Settings | None = None) -> None:
    """Apply the DDL files that this warehouse has not seen, make the raw tables and the reader's role."""
    from gridcredit.locks import changing_what_is_read

    settings = settings or get_settings()
    # Two that find an empty warehouse at once: one of them makes the table.
    with suppress(psycopg.errors.UniqueViolation), connect(settings) as connection:
        connection.execute("create schema if not exists ops")
        connection.execute(
            "create table if not exists ops.migrations (name text primary key, applied_at timestamptz not null default now())"
        )
    with connect(settings) as connection, changing_what_is_read(connection, settings):
        connection.execute("lock table ops.migrations in exclusive mode")
        seen = {name for (name,) in connection.execute("select name from ops.migrations")}
        for path in sorted(DDL_DIR.glob("*.sql")):
            if path.name not in seen:
                connection.execute(path.read_text())
                connection.execute("insert into ops.migrations (name) values (%s)", [path.name])
                log.info("migration_applied", name=path.name)
        for extract in EXTRACTS.values():
            connection.execute(raw_table_ddl(extract))
            connection.execute(raw_index_ddl(extract))
        _ensure_reader(connection, settings)


def _ensure_reader(connection: Connection, settings: Settings) -> None:
    """The role that BI tools log in with: reads `published`, and nothing else."""
    if not _exists(connection, "select 1 from pg_roles where rolname = %s", READER_ROLE):
        role, literal = sql.Identifier(READER_ROLE), sql.Literal(_reader_password(settings))
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


@cache
def code_version() -> str:
    """The version of this code: the package's, with the git commit where there is one."""
    import subprocess

    from gridcredit import __version__

    project_dir = get_settings().project_dir
    with suppress(OSError):
        result = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607 - git is found on the PATH or not used
            cwd=project_dir,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode == 0:
            return f"{__version__}+{result.stdout.strip()}"
    return __version__
