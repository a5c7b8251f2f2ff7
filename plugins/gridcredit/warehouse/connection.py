"""The warehouse: its addresses and connections."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres

log = structlog.get_logger(__name__)

WAREHOUSE, WAREHOUSE_ROLE, OWNER_ROLE = "warehouse", "gridcredit", "gridcredit_owner"
AIRFLOW, AIRFLOW_ROLE = "airflow", "airflow"
SUPERSET, SUPERSET_ROLE = "superset", "superset"
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


def owner_url(settings: Settings) -> str:
    """The warehouse's URL for the role that evidence belongs to; the pipeline's own where there is no other."""
    if settings.owner_url is not None:
        return settings.owner_url.get_secret_value()
    if settings.warehouse_url is not None:
        return warehouse_url(settings)
    return EmbeddedPostgres(settings).url(OWNER_ROLE, WAREHOUSE)


def pipeline_role(settings: Settings) -> str:
    """The role that the pipeline connects as."""
    return str(conninfo_to_dict(warehouse_url(settings))["user"])


def reader_url(settings: Settings) -> str:
    """The warehouse's URL for the role that BI tools read by."""
    if settings.warehouse_url is None:
        return EmbeddedPostgres(settings).url(READER_ROLE, WAREHOUSE)
    url = urlsplit(settings.warehouse_url.get_secret_value())
    host = url.netloc.rpartition("@")[2]
    return url._replace(netloc=f"{READER_ROLE}:{quote(reader_password(settings))}@{host}").geturl()


def reader_password(settings: Settings) -> str:
    """The password of the role that BI tools read by: a setting, or the installation's own."""
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


def superset_database_url(settings: Settings) -> str:
    """The URL of Superset's metadata database: of the environment, else of the embedded Postgres."""
    if settings.superset_database_url is not None:
        return settings.superset_database_url.get_secret_value()
    return EmbeddedPostgres(settings).url(SUPERSET_ROLE, SUPERSET)


def connect(
    settings: Settings | None = None, *, autocommit: bool = False, application_name: str = "gridcredit"
) -> Connection:
    """A connection to the warehouse; `with connect() as c` commits at its end and rolls back on an error."""
    url = warehouse_url(settings)
    # Days are those of UTC, whatever the server's or the role's own zone is.
    options = f"{conninfo_to_dict(url).get('options') or ''} -c TimeZone=UTC".strip()
    return psycopg.connect(url, autocommit=autocommit, application_name=application_name, options=options, **TIME_OUTS)


def connect_as_owner(settings: Settings) -> Connection:
    """A connection of the role that evidence belongs to: for migrations, for rights, and never while a run builds."""
    if settings.owner_url is not None and settings.warehouse_url is None:
        raise GridCreditError("GRIDCREDIT_OWNER_URL goes with GRIDCREDIT_WAREHOUSE_URL: set both, of one database")
    connection = psycopg.connect(owner_url(settings), application_name="gridcredit owner", **TIME_OUTS)
    if (found := conninfo_to_dict(warehouse_url(settings)).get("dbname")) != connection.info.dbname:
        connection.close()
        raise GridCreditError(
            f"GRIDCREDIT_OWNER_URL leads to the database {connection.info.dbname!r}, and GRIDCREDIT_WAREHOUSE_URL to "
            f"{found!r}: set both, of one database"
        )
    # Nothing that others made is found by its mere name.
    connection.execute("set search_path = pg_catalog, pg_temp")
    connection.commit()
    return connection


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
