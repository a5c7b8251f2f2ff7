"""The production shape names nothing that does not exist: checked against the compose schema and our own tree."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from gridcredit.cli.app import app
from gridcredit.lineage.transport import JOB_NAMESPACE
from gridcredit.operations.airflow_api import ADMIN
from gridcredit.operations.airflow_environment import airflow_environment
from gridcredit.operations.superset import superset_environment
from gridcredit.settings import PROJECT_DIR, Settings
from jsonschema import Draft7Validator
from pydantic import SecretStr
from typer.main import get_command

TEXT = (PROJECT_DIR / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SPARK: dict[str, Any] = yaml.safe_load((PROJECT_DIR / "docker-compose.spark.yml").read_text())


@pytest.mark.parametrize("file", [COMPOSE, SPARK])
def test_it_follows_the_compose_schema(file: dict[str, Any]) -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    assert [error.message for error in Draft7Validator(schema).iter_errors(file)] == []


def test_every_variable_is_in_the_example_without_a_value() -> None:
    lines = (PROJECT_DIR / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT)) == set(example)
    assert set(example.values()) == {""}
    assert all(f"${{{name}:?}}" in TEXT for name in example), "a missing secret must stop compose"


def test_every_local_path_exists() -> None:
    paths = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    local = [path for path in paths if path.startswith(".")]
    assert local
    assert all((PROJECT_DIR / path).exists() for path in local)
    named = {path for path in paths if not path.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    for name in ("Dockerfile", "docker/superset.Dockerfile"):
        for line in (PROJECT_DIR / name).read_text().splitlines():
            if line.startswith("COPY"):
                assert (PROJECT_DIR / shlex.split(line)[2]).exists()
    dags = SERVICES["scheduler"]["environment"]["AIRFLOW__CORE__DAGS_FOLDER"]
    assert (PROJECT_DIR / Path(dags).relative_to("/opt/gridcredit")).is_dir()


def test_every_command_exists() -> None:
    from airflow.cli import cli_parser

    commands = {command.name for command in cli_parser.airflow_commands} | {"celery"}
    ours = set(get_command(app).commands)  # type: ignore[attr-defined]
    for name, service in SERVICES.items():
        words = service.get("command", [])
        line = words[2] if words[:2] == ["sh", "-c"] else shlex.join(words)
        for part in filter(None, line.split("&&")):
            program, subcommand = shlex.split(part)[:2]
            assert program in ("airflow", "gridcredit", "redis-server", "python"), name
            if program == "python":
                assert subcommand == "-m" or (PROJECT_DIR / subcommand).exists(), name
            elif program != "redis-server":
                assert subcommand in (commands if program == "airflow" else ours), part


def shared_environment() -> dict[str, str]:
    lines = (PROJECT_DIR / "docker" / "airflow.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_what_a_laptop_and_compose_share_is_in_one_file(tmp_path: Path) -> None:
    """Compose reads it and repeats none of it; `make up` sets all of it."""
    shared = shared_environment()
    assert shared["AIRFLOW__OPENLINEAGE__NAMESPACE"] == JOB_NAMESPACE
    assert shared["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == f"{ADMIN}:admin"
    services = [service for service in SERVICES.values() if "AIRFLOW_HOME" in service.get("environment", {})]
    assert services
    for service in services:
        assert service["env_file"] == "docker/airflow.env"
        assert not service["environment"].keys() & shared.keys()
    settings = Settings(home=tmp_path, airflow_database_url=SecretStr("postgresql://airflow@127.0.0.1:1/airflow"))
    assert shared.items() <= airflow_environment(settings, 8080).items()


def test_with_the_overlay_workers_build_by_a_server_of_spark() -> None:
    """Of the version that they have, by the address that it listens at; both reach the home, nobody else the server."""
    server, worker = SPARK["services"]["spark"], SPARK["services"]["worker"]
    assert SPARK["services"].keys() - SERVICES.keys() == {"spark"}
    image = PROJECT_DIR / "Dockerfile"
    lock = f"requirements-{worker['build']['args']['EXTRA']}.lock"
    assert f"{lock} ./" in image.read_text()
    assert f"pyspark=={server['image'].removeprefix('apache/spark:')} " in (PROJECT_DIR / lock).read_text()
    assert worker["environment"]["GRIDCREDIT_ENGINE"] in get_args(Settings.model_fields["engine"].annotation)
    port = next(one for one in server["command"] if "grpc.binding.port" in one).split("=")[1]
    assert worker["environment"]["SPARK_REMOTE"] == f"sc://spark:{port}"
    assert f"/{port}" in server["healthcheck"]["test"][-1]
    assert set(server["volumes"]) == set(SERVICES["worker"]["volumes"])
    assert f"--uid {server['user']} " in image.read_text()
    assert server["networks"] == ["spark"]
    assert SPARK["networks"]["spark"] == {"internal": True}
    assert "ports" not in server
    assert set(worker["networks"]) - {"spark"} == set(SERVICES["worker"]["networks"])


def test_superset_runs_as_on_a_laptop(tmp_path: Path) -> None:
    """The same files, and each variable that they ask for; only who may log in is passed to what makes the login."""
    server, prepare = SERVICES["superset"], SERVICES["superset-prepare"]
    assert server["profiles"] == prepare["profiles"] == ["bi"]
    assert server["build"] == prepare["build"] == {"context": ".", "dockerfile": "docker/superset.Dockerfile"}
    assert server["env_file"] == prepare["env_file"] == "docker/superset.env"
    asked = {
        name: set(re.findall(r"environ\[\"(\w+)\"\]", (PROJECT_DIR / "bi" / name).read_text()))
        for name in ("superset_config.py", "prepare.py")
    }
    assert asked["superset_config.py"] <= set(server["environment"])
    assert asked["superset_config.py"] | asked["prepare.py"] <= set(prepare["environment"])
    assert "SUPERSET_ADMIN_PASSWORD" not in server["environment"]
    url = SecretStr("postgresql://superset@127.0.0.1:1/superset")
    warehouse = SecretStr("postgresql://gridcredit@127.0.0.1:1/warehouse")
    settings = Settings(home=tmp_path, superset_database_url=url, warehouse_url=warehouse)
    ours = superset_environment(settings)
    lines = (PROJECT_DIR / "docker" / "superset.env").read_text().splitlines()
    assert dict(line.split("=", 1) for line in lines if not line.startswith("#")).items() <= ours.items()
    assert set(server["environment"]) <= set(ours)
    assert "bi_reader:" in server["environment"]["SUPERSET_WAREHOUSE_URL"]


# Read by Airflow, and missing in its own description of them; of the second [core] has one that names it.
UNDESCRIBED = {("usage_data_collection", "enabled"), ("scheduler", "mp_start_method")}


def test_every_setting_exists() -> None:
    from airflow.configuration import retrieve_configuration_description

    known = retrieve_configuration_description(include_providers=True)
    for names in ({*shared_environment()}, *(service.get("environment", {}) for service in SERVICES.values())):
        for name in names:
            if name.startswith("GRIDCREDIT_"):
                assert name.removeprefix("GRIDCREDIT_").lower() in Settings.model_fields
            elif name.startswith("AIRFLOW__"):
                _, section, key = name.lower().split("__")
                if (section, key) not in UNDESCRIBED:
                    assert key in known[section]["options"], name


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_nothing_is_exposed_that_need_not_be(name: str) -> None:
    service = SERVICES[name]
    pages = {"api-server": "127.0.0.1:8080:8080", "superset": "127.0.0.1:8088:8088"}
    assert service.get("ports", []) == ([pages[name]] if name in pages else [])
    assert "healthcheck" in service or name in ("prepare", "superset-prepare")
    assert ("edge" in service["networks"]) == (name in pages)
    assert COMPOSE["networks"]["internal"] == {"internal": True}


def test_the_init_script_knows_the_variables_it_is_given() -> None:
    script = (PROJECT_DIR / "docker" / "create-databases.sh").read_text()
    given = set(SERVICES["postgres"]["environment"]) | {"POSTGRES_USER"}
    assert set(re.findall(r"\$([A-Z_]+)", script)) <= given


def test_the_executor_that_compose_names_can_be_loaded(tmp_path: Path) -> None:
    """The lock has to hold a celery that Airflow's provider gets on with."""
    name = SERVICES["scheduler"]["environment"]["AIRFLOW__CORE__EXECUTOR"]
    code = (
        "from airflow.executors.executor_loader import ExecutorLoader\n"
        f"print(ExecutorLoader.load_executor({name!r}).__class__.__name__)\n"
        "import airflow.providers.celery.executors.celery_executor_utils"
    )
    environment = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__EXECUTOR": name,
        "PATH": str(Path(sys.executable).parent),
    }
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-1500:]
    assert name in result.stdout
