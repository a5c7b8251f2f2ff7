"""Apache Superset for BI: in an environment of its own, with a database of its own, reading the warehouse as
`bi_reader`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from gridcredit.errors import GridCreditError
from gridcredit.files.private import write_private
from gridcredit.operations.airflow_environment import LOOPBACK, shared_environment, with_driver
from gridcredit.operations.processes import (
    end,
    end_of_log,
    is_ours,
    listens,
    noted,
    one_at_a_time,
    port_for,
    run_to_end,
    spawn,
    wait_until_healthy,
)
from gridcredit.releases.release import list_releases
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import SUPERSET, SUPERSET_ROLE, connect, reader_url, superset_database_url
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
from gridcredit.warehouse.leftovers import SUPERSET_SERVICE, refuse_leftovers
from gridcredit.warehouse.migrations import ensure_database, prepare
from gridcredit.warehouse.published_tables import not_yet_published

ADMIN = "admin"
USUAL_PORT = 8088


def start(settings: Settings, progress: Callable[[str], None] = print) -> str:
    """Start Superset with what is in bi/; returns the address of its pages. Where nothing is new it says so at once.

    Raises:
        GridCreditError: it is not installed, did not start, or still runs for a home that was removed.
    """
    python = settings.project_dir / ".venv-superset" / "bin" / "python"
    if not python.exists():
        raise GridCreditError(f"Superset is not installed: there is no {python}; `make bi` installs it")
    with one_at_a_time(settings, progress):
        return _start(python, settings, progress)


def _start(python: Path, settings: Settings, progress: Callable[[str], None]) -> str:
    running = pid(settings)
    # Airflow and Postgres run for the same home.
    refuse_leftovers(settings, frozenset(filter(None, [running])), frozenset([SUPERSET_SERVICE]))
    progress("start Postgres, and bring what BI tools read up to date")
    prepare(settings)
    if not list_releases(settings):
        progress(
            "nothing is published yet: charts show errors until the first release (`make demo`, or files of your own)"
        )
    with connect(settings) as connection:
        if newer := not_yet_published(connection):
            progress(f"empty until the next release, since they are newer than the one in force: {', '.join(newer)}")
    if settings.superset_database_url is None:
        _require_embedded(settings)
        ensure_database(EmbeddedPostgres(settings), SUPERSET, SUPERSET_ROLE)
    environment = superset_environment(settings)
    state = _read_state(settings)
    content = _content(environment, settings)
    is_new = state.get("content") != content
    if running and not is_new:
        return str(state["address"])
    stop(settings, progress)
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    if is_new:
        progress("bring Superset's own database up to date and import dashboards (a minute, when something is new)")
        login = {"SUPERSET_ADMIN": ADMIN, "SUPERSET_ADMIN_PASSWORD": settings.secret("superset_admin")}
        script = settings.project_dir / "bi" / "prepare.py"
        run_to_end([str(python), str(script)], environment | login, settings.home, "Superset's database", progress)
    port = port_for("Superset", USUAL_PORT, progress)
    progress("start Superset")
    server = [str(python), "-m", "gunicorn", "--bind", f"{LOOPBACK}:{port}", "superset.app:create_app()"]
    process = spawn(server, environment, _log_file(settings), settings.home)
    address = f"http://{LOOPBACK}:{port}"
    state = {"address": address, "home": str(settings.home), "process": noted(process), "content": content}
    write_private(_state_file(settings), json.dumps(state))
    wait_until_healthy(lambda: _unhealthy(address, settings), _log_file(settings), progress)
    return address


def stop(settings: Settings, progress: Callable[[str], None] = print) -> list[str]:
    """Stop the Superset that this home started; returns the names of what was stopped."""
    running = pid(settings)
    if running is None:
        return []
    progress("stop Superset")
    end([psutil.Process(running)], progress)
    return [SUPERSET_SERVICE]


def pid(settings: Settings) -> int | None:
    """The process of the Superset that this home started, while it runs."""
    process = _read_state(settings).get("process")
    return int(process["pid"]) if process and is_ours(process) else None


def address(settings: Settings) -> str | None:
    """Where Superset's pages are, while it runs."""
    return str(_read_state(settings)["address"]) if pid(settings) else None


def superset_environment(settings: Settings) -> dict[str, str]:
    """What docker/superset.env says, and this machine's paths, addresses and secrets."""
    return (
        os.environ
        | shared_environment(settings, "superset.env")
        | {
            "SUPERSET_CONFIG_PATH": str(settings.project_dir / "bi" / "superset_config.py"),
            "SUPERSET_HOME": str(settings.home / "superset"),
            "SUPERSET_SECRET_KEY": settings.secret("superset_key"),
            "SUPERSET_DATABASE_URL": with_driver(superset_database_url(settings), "psycopg2"),
            "SUPERSET_WAREHOUSE_URL": with_driver(reader_url(settings), "psycopg2"),
        }
    )


def _require_embedded(settings: Settings) -> None:
    if settings.warehouse_url is not None:
        raise GridCreditError(
            "the warehouse is on a server of your own: make an empty database there with a role that owns it, "
            "and set GRIDCREDIT_SUPERSET_DATABASE_URL"
        )


def _content(environment: dict[str, str], settings: Settings) -> str:
    """A hash of all that is brought into Superset's database, and of where that is."""
    found = hashlib.sha256(environment["SUPERSET_DATABASE_URL"].encode())
    bundle = sorted(path for path in (settings.project_dir / "bi").rglob("*") if path.suffix in (".yaml", ".py"))
    for path in (settings.project_dir / "requirements-superset.lock", *bundle):
        found.update(str(path).encode() + path.read_bytes())
    return found.hexdigest()


def _unhealthy(address: str, settings: Settings) -> str:
    """Its name while it does not answer yet."""
    import httpx

    running = pid(settings)
    if running is None:
        raise GridCreditError(f"Superset ended at once; the end of its log: {end_of_log(_log_file(settings))}")
    if not listens(running, urlsplit(address).port or 0):
        return "Superset"
    try:
        is_healthy = httpx.get(f"{address}/health", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        is_healthy = False
    return "" if is_healthy else "Superset"


def _log_file(settings: Settings) -> Path:
    return settings.log_dir / f"{SUPERSET_SERVICE}.log"


def _state_file(settings: Settings) -> Path:
    return settings.home / "superset.json"


def _read_state(settings: Settings) -> dict[str, Any]:
    path = _state_file(settings)
    state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return state
