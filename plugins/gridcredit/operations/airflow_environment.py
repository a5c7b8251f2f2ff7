"""The environment that Airflow's services run in on this machine."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from gridcredit.lineage.transport import transport_config
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import airflow_database_url

LOOPBACK = "127.0.0.1"


def airflow_environment(settings: Settings, api_port: int) -> dict[str, str]:
    """The environment that makes Airflow ours: what docker/airflow.env says, and this machine's paths, addresses and
    secrets.
    """
    home = settings.home / "airflow"
    api = f"http://{LOOPBACK}:{api_port}"
    config = {
        "CORE__DAGS_FOLDER": str(settings.project_dir / "dags"),
        "CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": str(max(4, os.cpu_count() or 1)),
        "CORE__FERNET_KEY": "",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(password_file(settings)),
        "CORE__EXECUTION_API_SERVER_URL": f"{api}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": with_driver(airflow_database_url(settings), "psycopg2"),
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": with_driver(airflow_database_url(settings), "asyncpg"),
        "API__HOST": LOOPBACK,
        "API__PORT": str(api_port),
        "API__BASE_URL": api,
        "API__WORKERS": "1",
        "API__SECRET_KEY": settings.secret("airflow_api_key"),
        "API_AUTH__JWT_SECRET": settings.secret("airflow_jwt"),
        "LOGGING__BASE_LOG_FOLDER": str(settings.log_dir / "airflow"),
        "OPENLINEAGE__TRANSPORT": json.dumps(transport_config(settings)),
    }
    if settings.airflow_logins == "named":
        config["CORE__AUTH_MANAGER"] = "gridcredit.orchestration.named_persons.NamedPersons"
    return (
        os.environ
        | shared_environment(settings, "airflow.env")
        | {f"AIRFLOW__{name}": value for name, value in config.items()}
        | {
            "AIRFLOW_HOME": str(home),
            "GRIDCREDIT_HOME": str(settings.home),
            "GRIDCREDIT_PROJECT_DIR": str(settings.project_dir),
            "NO_PROXY": f"{LOOPBACK},{os.environ.get('NO_PROXY', '')}",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        }
    )


def shared_environment(settings: Settings, name: str) -> dict[str, str]:
    """What a file in docker/ says, which docker-compose.yml reads too."""
    lines = (settings.project_dir / "docker" / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def with_driver(url: str, driver: str) -> str:
    return url.replace("postgresql://", f"postgresql+{driver}://", 1)


def password_file(settings: Settings) -> Path:
    return settings.home / "airflow" / "passwords.json"
