"""Airflow's services beside the embedded Postgres: started for a person or the demo, stopped again, loopback only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import structlog

from gridcredit.embedded_postgres import EmbeddedPostgres, free_port
from gridcredit.errors import GridCreditError
from gridcredit.lineage.transport import JOB_NAMESPACE, transport_config
from gridcredit.private_files import write_private
from gridcredit.settings import Settings
from gridcredit.warehouse import airflow_database_url, prepare

log = structlog.get_logger(__name__)

LOOPBACK = "127.0.0.1"
ADMIN = "admin"
SERVICES: dict[str, list[str]] = {
    "api-server": [],
    "scheduler": ["--skip-serve-logs"],
    "dag-processor": [],
    "triggerer": ["--skip-serve-logs"],
}


def airflow_environment(settings: Settings, api_port: int) -> dict[str, str]:
    """The environment that makes Airflow ours: its home, database, DAGs, secrets; nothing calls home."""
    home = settings.home / "airflow"
    api = f"http://{LOOPBACK}:{api_port}"
    config = {
        "CORE__DAGS_FOLDER": str(settings.project_dir / "dags"),
        "CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": str(max(4, os.cpu_count() or 1)),
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__FERNET_KEY": "",
        "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(_password_file(settings)),
        "CORE__EXECUTION_API_SERVER_URL": f"{api}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": _with_driver(airflow_database_url(settings), "psycopg2"),
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": _with_driver(airflow_database_url(settings), "asyncpg"),
        "API__HOST": LOOPBACK,
        "API__PORT": str(api_port),
        "API__BASE_URL": api,
        "API__WORKERS": "1",
        "API__SECRET_KEY": settings.secret("airflow_api_key"),
        "API_AUTH__JWT_SECRET": settings.secret("airflow_jwt"),
        "LOGGING__BASE_LOG_FOLDER": str(settings.log_dir / "airflow"),
        # DAG files change seldom, and each look at one costs a second of a core.
        "DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
        "OPENLINEAGE__NAMESPACE": JOB_NAMESPACE,
        "OPENLINEAGE__TRANSPORT": json.dumps(transport_config(settings)),
    }
    return (
        os.environ
        | {f"AIRFLOW__{name}": value for name, value in config.items()}
        | {
            "AIRFLOW_HOME": str(home),
            "GRIDCREDIT_HOME": str(settings.home),
            "GRIDCREDIT_PROJECT_DIR": str(settings.project_dir),
            "SCARF_ANALYTICS": "false",
            "DO_NOT_TRACK": "1",
            "GX_ANALYTICS_ENABLED": "false",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_PROXY": f"{LOOPBACK},{os.environ.get('NO_PROXY', '')}",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }
    )


def start(
    settings: Settings,
    progress: Callable[[str], None] = print,
    overrides: Mapping[str, str] | None = None,
    api_port: int | None = None,
) -> str:
    """Start what does not run yet; returns the address of Airflow's pages. Overrides go before our environment."""
    progress("Postgres")
    prepare(settings)
    for mapping in sorted(settings.mappings_dir.glob("*.yml")):
        (settings.landing_dir / mapping.stem).mkdir(parents=True, exist_ok=True)
    state = _read_state(settings)
    if state and all(_is_ours(entry) for entry in state["processes"].values()):
        return str(state["address"])
    stop_airflow(settings)
    api_port = api_port or _api_port()
    address = f"http://{LOOPBACK}:{api_port}"
    environment = airflow_environment(settings, api_port) | dict(overrides or {})
    write_admin_password(settings)
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    progress("Airflow's database")
    migrate_airflow(environment, settings)
    processes: dict[str, dict[str, float]] = {}
    for service, options in SERVICES.items():
        progress(f"Airflow {service}")
        process = spawn([service, *options], environment, settings.log_dir / f"{service}.log")
        processes[service] = {"pid": process.pid, "created": process.create_time()}
        state = {"address": address, "processes": processes}
        write_private(_state_file(settings), json.dumps(state))
    _wait_until_healthy(address, settings)
    return address


def spawn(arguments: list[str], environment: Mapping[str, str], log_file: Path) -> psutil.Popen:
    """Start one of Airflow's processes, which outlives ours and writes to a log of its own."""
    with log_file.open("ab") as output:
        return psutil.Popen(
            [sys.executable, "-m", "airflow", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=environment["GRIDCREDIT_PROJECT_DIR"],
        )


def write_admin_password(settings: Settings) -> Path:
    """The file Airflow reads its login from: one password, generated once."""
    path = _password_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, json.dumps({ADMIN: settings.secret("airflow_admin")}))
    return path


def stop(settings: Settings) -> list[str]:
    """Stop what `start` started and only that; returns the names of what was stopped."""
    stopped = stop_airflow(settings)
    if settings.warehouse_url is None and EmbeddedPostgres(settings).port() is not None:
        EmbeddedPostgres(settings).stop()
        stopped.append("postgres")
    return stopped


def stop_airflow(settings: Settings) -> list[str]:
    """Stop Airflow's services that this home started."""
    state = _read_state(settings)
    if not state:
        return []
    stopped, family = [], []
    for service, entry in state["processes"].items():
        if _is_ours(entry):
            process = psutil.Process(int(entry["pid"]))
            family += [*process.children(recursive=True), process]
            process.terminate()
            stopped.append(service)
    _, alive = psutil.wait_procs(family, timeout=20)
    for process in alive:
        process.kill()
    _state_file(settings).unlink(missing_ok=True)
    return stopped


def migrate_airflow(environment: dict[str, str], settings: Settings) -> None:
    """Bring Airflow's database up to date."""
    arguments = ["db", "migrate"]
    result = subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        cwd=settings.project_dir,
        check=False,
    )
    if result.returncode:
        raise GridCreditError(f"airflow {' '.join(arguments)} failed: {result.stderr[-1500:]}")


def _wait_until_healthy(address: str, settings: Settings, seconds: float = 180) -> None:
    import httpx

    deadline = time.monotonic() + seconds
    waiting = ["api-server"]
    while time.monotonic() < deadline:
        state = _read_state(settings)
        for service, entry in (state or {"processes": {}})["processes"].items():
            if not _is_ours(entry):
                tail = (settings.log_dir / f"{service}.log").read_text(errors="replace")[-1500:]
                raise GridCreditError(f"Airflow's {service} ended at once; the end of its log: {tail}")
        try:
            health = httpx.get(f"{address}/api/v2/monitor/health", timeout=5, trust_env=False).json()
            waiting = [
                name
                for name in ("metadatabase", "scheduler", "triggerer", "dag_processor")
                if health[name]["status"] != "healthy"
            ]
            if not waiting:
                return
        except (httpx.HTTPError, ValueError):
            waiting = ["api-server"]
        time.sleep(0.5)
    raise GridCreditError(f"Airflow's {', '.join(waiting)} did not become healthy; see {settings.log_dir}")


def _api_port(preferred: int = 8080) -> int:
    """Airflow's usual port where it is free, else any free one."""
    in_use = {
        connection.laddr.port
        for connection in psutil.net_connections("inet")
        if connection.status == "LISTEN" and connection.laddr
    }
    return free_port() if preferred in in_use else preferred


def _with_driver(url: str, driver: str) -> str:
    return url.replace("postgresql://", f"postgresql+{driver}://", 1)


def _password_file(settings: Settings) -> Path:
    return settings.home / "airflow" / "passwords.json"


def _state_file(settings: Settings) -> Path:
    return settings.home / "services.json"


def _read_state(settings: Settings) -> dict[str, Any] | None:
    path = _state_file(settings)
    state: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return state


def _is_ours(entry: dict[str, float]) -> bool:
    """Whether the process is still the one we started, not another that got its number."""
    try:
        process = psutil.Process(int(entry["pid"]))
        return process.create_time() == entry["created"] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
