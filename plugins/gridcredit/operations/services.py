"""Airflow's services beside the embedded Postgres: started for a person or the demo; and all that runs stopped again.
Loopback only.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import structlog

from gridcredit.errors import GridCreditError
from gridcredit.files.private import write_private
from gridcredit.operations import processes, superset
from gridcredit.operations.airflow_api import ADMIN
from gridcredit.operations.airflow_environment import LOOPBACK, airflow_environment, password_file
from gridcredit.operations.processes import (
    end,
    end_of_log,
    is_ours,
    listens,
    noted,
    one_at_a_time,
    port_for,
    run_to_end,
    wait_until_healthy,
)
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import airflow_database_url
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
from gridcredit.warehouse.leftovers import AIRFLOW_SERVICES, leftovers, refuse_leftovers
from gridcredit.warehouse.migrations import prepare

log = structlog.get_logger(__name__)

USUAL_PORT = 8080
SERVICES = {name: ["--skip-serve-logs"] if name in ("scheduler", "triggerer") else [] for name in AIRFLOW_SERVICES}


def start(
    settings: Settings,
    progress: Callable[[str], None] = print,
    overrides: Mapping[str, str] | None = None,
    api_port: int | None = None,
) -> str:
    """Start what does not run yet; returns the address of Airflow's pages. Overrides go before our environment.

    The API answers before the others start, so that none of them asks in vain.

    Raises:
        GridCreditError: a service ended, or did not become healthy; or one still runs for a home that was removed or
        moved.
    """
    with one_at_a_time(settings, progress):
        return _start(settings, progress, overrides or {}, api_port)


def _start(
    settings: Settings, progress: Callable[[str], None], overrides: Mapping[str, str], api_port: int | None
) -> str:
    refuse_leftovers(settings, _known(settings))
    if settings.airflow_logins == "named":
        _require_named(settings)
    progress("start Postgres")
    prepare(settings)
    for mapping in sorted(settings.mappings_dir.glob("*.yml")):
        (settings.landing_dir / mapping.stem).mkdir(parents=True, exist_ok=True)
    state = _read_state(settings)
    runs = [service for service, entry in (state or {"processes": {}})["processes"].items() if is_ours(entry)]
    if runs and state and state["home"] != str(settings.home):
        raise GridCreditError(
            f"Airflow's {', '.join(runs)} still run for {state['home']}, from where {settings.home} was moved: "
            "stop them with `make down`, then try again"
        )
    if state and len(runs) == len(SERVICES):
        return str(state["address"])
    stop_airflow(settings)
    write_admin_password(settings)
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    port = api_port or port_for("Airflow", USUAL_PORT, progress)
    environment = airflow_environment(settings, port) | dict(overrides)
    progress("bring Airflow's database up to date")
    migrate_airflow(environment, settings, progress)
    if settings.airflow_logins == "named":
        add_service_login(environment, settings, progress)
    address = f"http://{LOOPBACK}:{port}"
    api, *others = SERVICES
    _start_services([api], address, environment, settings, progress)
    wait_until_healthy(lambda: _unhealthy(["metadatabase"], address, settings), settings.log_dir, progress)
    _start_services(others, address, environment, settings, progress)
    progress("wait until Airflow reports its services healthy")
    parts = ["metadatabase", "scheduler", "triggerer", "dag_processor"]
    wait_until_healthy(lambda: _unhealthy(parts, address, settings), settings.log_dir, progress)
    return address


def _start_services(
    names: list[str],
    address: str,
    environment: Mapping[str, str],
    settings: Settings,
    progress: Callable[[str], None],
) -> None:
    """Start services, each written to the state file as soon as it runs."""
    started = (_read_state(settings) or {"processes": {}})["processes"]
    for service in names:
        progress(f"start Airflow {service}")
        process = spawn([service, *SERVICES[service]], environment, settings.log_dir / f"{service}.log")
        started[service] = noted(process)
        state = {"address": address, "home": str(settings.home), "processes": started}
        write_private(_state_file(settings), json.dumps(state))


def spawn(arguments: list[str], environment: Mapping[str, str], log_file: Path) -> psutil.Popen:
    """Start one of Airflow's processes, which outlives ours and writes to a log of its own."""
    folder = Path(environment["GRIDCREDIT_PROJECT_DIR"])
    return processes.spawn([sys.executable, "-m", "airflow", *arguments], environment, log_file, folder)


def ask_airflow(arguments: list[str], settings: Settings) -> int:
    """Run a command of Airflow's own on the Airflow of this machine; returns its exit status."""
    port = urlsplit(address(settings) or "").port or USUAL_PORT
    environment = airflow_environment(settings, port)
    command = [sys.executable, "-m", "airflow", *arguments]
    return subprocess.run(command, env=environment, cwd=settings.project_dir, check=False).returncode


def write_admin_password(settings: Settings) -> Path:
    """The file Airflow reads its login from: one password, generated once."""
    path = password_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, json.dumps({ADMIN: settings.secret("airflow_admin")}))
    return path


def address(settings: Settings) -> str | None:
    """Where Airflow's pages are, while its API server runs."""
    state = _read_state(settings)
    runs = state and "api-server" in state["processes"] and is_ours(state["processes"]["api-server"])
    return str(state["address"]) if state and runs else None


def still_running_elsewhere(settings: Settings) -> list[str]:
    """What runs for this home although the home no longer knows of it."""
    return [f"{one.name} (process {one.pid})" for one in leftovers(settings, _known(settings))]


def stop(settings: Settings, progress: Callable[[str], None] = print) -> list[str]:
    """Stop what was started from here and only that; returns the names of what was stopped."""
    if not settings.home.exists():
        return _stop(settings, progress)
    with one_at_a_time(settings, progress):
        return _stop(settings, progress)


def _stop(settings: Settings, progress: Callable[[str], None]) -> list[str]:
    stopped = stop_airflow(settings, progress) + superset.stop(settings, progress)
    if settings.warehouse_url is None and EmbeddedPostgres(settings).port() is not None:
        progress("stop Postgres")
        EmbeddedPostgres(settings).stop()
        stopped.append("postgres")
    left = leftovers(settings, _known(settings))
    end([psutil.Process(one.pid) for one in left], progress)
    return stopped + [one.name for one in left]


def stop_airflow(settings: Settings, progress: Callable[[str], None] = print) -> list[str]:
    """Stop Airflow's services that this home started."""
    state = _read_state(settings)
    if not state:
        return []
    running = {service: entry for service, entry in state["processes"].items() if is_ours(entry)}
    if running:
        progress("stop Airflow")
    end([psutil.Process(int(entry["pid"])) for entry in running.values()], progress)
    if running:
        _give_back_tries(settings)
    _state_file(settings).unlink(missing_ok=True)
    return list(running)


def _give_back_tries(settings: Settings) -> None:
    """Tasks that were stopped with Airflow are run again after the next start: that is no failed try of theirs.

    Airflow has no command for it; its scheduler counts a task that it finds orphaned as tried once more.
    """
    with (
        contextlib.suppress(psycopg.OperationalError, GridCreditError),
        psycopg.connect(airflow_database_url(settings)) as connection,
    ):
        connection.execute(
            "update task_instance set max_tries = max_tries + 1 where state in ('queued', 'running', 'restarting')"
        )


def _known(settings: Settings) -> frozenset[int]:
    """The processes that this home knows of: the server's, Superset's, and those of Airflow that were started from
    here.
    """
    state = _read_state(settings) or {"processes": {}}
    running = {service: int(entry["pid"]) for service, entry in state["processes"].items() if is_ours(entry)}
    server = EmbeddedPostgres(settings).pid() if settings.warehouse_url is None else None
    return frozenset([*running.values(), *filter(None, (server, superset.pid(settings)))])


def migrate_airflow(environment: dict[str, str], settings: Settings, progress: Callable[[str], None] = print) -> None:
    """Bring Airflow's database up to date."""
    arguments = [sys.executable, "-m", "airflow", "db", "migrate"]
    run_to_end(arguments, environment, settings.project_dir, "Airflow's database", progress)


def _require_named(settings: Settings) -> None:
    if not find_spec("airflow.providers.fab"):
        raise GridCreditError("GRIDCREDIT_AIRFLOW_LOGINS is `named`, which needs what `make install-logins` installs")
    if not settings.approvers:
        raise GridCreditError(
            "GRIDCREDIT_AIRFLOW_LOGINS is `named`, and GRIDCREDIT_APPROVERS names nobody who may decide: name users "
            'of Airflow in it, as ["li.wei"]'
        )


def add_service_login(environment: dict[str, str], settings: Settings, progress: Callable[[str], None] = print) -> None:
    """Give GridCredit's own commands a user among the named persons of Airflow."""
    arguments = [sys.executable, "-m", "gridcredit.orchestration.service_login"]
    run_to_end(arguments, environment, settings.project_dir, "Airflow's users", progress)


def require_running(settings: Settings) -> None:
    """Whether all that was started still runs.

    Raises:
        GridCreditError: a service ended by itself; with the end of its log.
    """
    for service, entry in (_read_state(settings) or {"processes": {}})["processes"].items():
        if not is_ours(entry):
            tail = end_of_log(settings.log_dir / f"{service}.log")
            raise GridCreditError(f"Airflow's {service} ended; the end of its log: {tail}")


def _unhealthy(names: list[str], address: str, settings: Settings) -> str:
    """Those of Airflow's parts that are not healthy yet, by the API's own word."""
    import httpx

    require_running(settings)
    state = _read_state(settings) or {"processes": {}}
    api = state["processes"].get("api-server")
    if not api or not listens(int(api["pid"]), urlsplit(address).port or 0):
        return "Airflow's api-server"
    try:
        health = httpx.get(f"{address}/api/v2/monitor/health", timeout=5, trust_env=False).json()
        waiting = [name for name in names if health[name]["status"] != "healthy"]
    except (httpx.HTTPError, ValueError):
        waiting = ["api-server"]
    return f"Airflow's {', '.join(waiting)}" if waiting else ""


def _state_file(settings: Settings) -> Path:
    return settings.home / "services.json"


def _read_state(settings: Settings) -> dict[str, Any] | None:
    path = _state_file(settings)
    state: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return state
