"""A real Airflow for tests: the services as `services.start` starts them, and beside them Celery workers with homes of
their own.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from gridcredit.operations import services
from gridcredit.operations.airflow_api import ADMIN
from gridcredit.operations.airflow_environment import airflow_environment
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import AIRFLOW_ROLE, WAREHOUSE_ROLE
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres, free_port
from kombu.connection import Connection
from pydantic import SecretStr

from tests.support.prepared import Prepared, copy_home, create_database, drop_database
from tests.support.waiting import wait_for

AT_ERROR = re.compile(r'"level": ?"(error|critical)"|\[(error|critical) *\]|\b(ERROR|CRITICAL)\b|Traceback')
METADATA, WAREHOUSE = "metadata_of_airflow", "warehouse_of_airflow"
LOADED_BY_WORKERS = ("tests.support.quick_broker", "gridcredit.orchestration.loaded_by_workers")
# The run that waits for files waits in the triggerer; an asset that is queued is a run to come.
BUSY = """
select dag_id from dag_run where state in ('queued', 'running') and not exists (
    select 1 from task_instance where (dag_id, run_id) = (dag_run.dag_id, dag_run.run_id)
    and task_id = 'wait_for_files' and state = 'deferred'
)
union all select target_dag_id from asset_dag_run_queue
"""


@dataclass(frozen=True)
class Airflow:
    """A running Airflow, and what the machine listened on before it started."""

    server: EmbeddedPostgres
    settings: Settings
    overrides: dict[str, str]
    address: str
    worker_homes: list[Path]
    listened_before: set[tuple[str, int]]

    @property
    def environment(self) -> dict[str, str]:
        """That of its processes."""
        return airflow_environment(self.settings, self.port) | self.overrides

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def metadata(self, query: Any, *values: Any) -> list[tuple[Any, ...]]:
        """What a query of Airflow's own database returns."""
        with psycopg.connect(self.server.url(AIRFLOW_ROLE, METADATA)) as connection:
            return connection.execute(query, list(values)).fetchall()

    def error_lines(self) -> list[str]:
        """The lines at level error, or worse, in all logs so far."""
        logs = [*self.settings.log_dir.rglob("*.log"), *(_log_of(home) for home in self.worker_homes)]
        lines = (line for log in logs for line in log.read_text(errors="replace").splitlines())
        return [line for line in lines if AT_ERROR.search(line)]

    def asks(self, dag: str) -> bool:
        """Whether a task of the DAG waits for a person."""
        query = "select 1 from task_instance where dag_id = %s and state = 'awaiting_input'"
        return bool(self.metadata(query, dag))

    def come_to_rest(self) -> None:
        """Wait until nothing runs, and nothing is about to."""
        wait_for(lambda: not self.metadata(BUSY), "Airflow did not come to rest")

    def begin_with(self, prepared: Prepared) -> None:
        """Put a prepared warehouse in the place of the one in use."""
        self.come_to_rest()
        drop_database(self.server, WAREHOUSE)
        create_database(self.server, WAREHOUSE, prepared.name)

    def administrator(self) -> httpx.Client:
        """A client of Airflow's API, logged in with the generated password."""
        return self.logged_in(ADMIN, self.settings.secret("airflow_admin"))

    def logged_in(self, user: str, password: str) -> httpx.Client:
        """A client of Airflow's API, logged in as a user."""
        login = {"username": user, "password": password}
        answer = httpx.post(f"{self.address}/auth/token", json=login, trust_env=False)
        assert answer.status_code == 201
        token = answer.json()["access_token"]
        return httpx.Client(base_url=self.address, trust_env=False, headers={"Authorization": f"Bearer {token}"})


def answer(
    airflow: Airflow, dag: str, option: str, form: dict[str, str], is_recorded: Callable[[], bool]
) -> dict[str, Any]:
    """Answer as a person does on Airflow's page, until it is recorded; returns the first question.

    It is answered again only where it is open again: Airflow may lose an answer that comes while the asking task still
    ends.
    """
    asked: list[dict[str, Any]] = []

    def is_answered() -> bool:
        if is_recorded():
            return True
        if airflow.asks(dag):
            asked.extend(_answer_once(airflow, dag, option, form))
        return False

    wait_for(is_answered, f"{dag} did not ask, or the answer was not recorded")
    return asked[0]


def _answer_once(airflow: Airflow, dag: str, option: str, form: dict[str, str]) -> list[dict[str, Any]]:
    """Answer what the DAG asks now; returns the questions."""
    with airflow.administrator() as client:
        details = client.get(f"/api/v2/dags/{dag}/dagRuns/~/hitlDetails", params={"response_received": False}).json()
        for question in details["hitl_details"]:
            task = question["task_instance"]
            answered = client.patch(
                f"/api/v2/dags/{dag}/dagRuns/{task['dag_run_id']}"
                f"/taskInstances/{task['task_id']}/{task['map_index']}/hitlDetails",
                json={"chosen_options": [option], "params_input": form},
            )
            assert answered.status_code == 200
    found: list[dict[str, Any]] = details["hitl_details"]
    return found


def listening() -> set[tuple[str, int]]:
    """Address and port of every listener of this machine; whose it is, an ordinary user may not always ask."""
    return {
        (one.laddr.ip, one.laddr.port) for one in psutil.net_connections("inet") if one.status == "LISTEN" and one.laddr
    }


@contextmanager
def running_airflow(
    server: EmbeddedPostgres, migrated: Prepared, warehouse: Prepared, folder: Path, more: dict[str, str]
) -> Iterator[Airflow]:
    """Start everything on copies of two databases, and come to rest; in the end each process is ended, whatever
    happened.
    """
    create_database(server, METADATA, migrated.name, AIRFLOW_ROLE)
    create_database(server, WAREHOUSE, warehouse.name)
    settings = Settings(
        home=folder / "a home with spaces" / "and more",
        landing=folder / "landing",
        warehouse_url=SecretStr(server.url(WAREHOUSE_ROLE, WAREHOUSE)),
        airflow_database_url=SecretStr(server.url(AIRFLOW_ROLE, METADATA)),
    )
    homes = [folder / name for name in ("worker one", "worker two")]
    overrides = _overrides(server, settings) | more
    _make_queue(overrides["AIRFLOW__CELERY__BROKER_URL"])
    before = listening()
    workers: list[psutil.Popen] = []
    try:
        # Not the usual port: another Airflow that starts just now may be about to take it.
        address = services.start(settings, lambda _: None, overrides, free_port())
        airflow = Airflow(server, settings, overrides, address, homes, before)
        for home in homes:
            copy_home(warehouse, settings.model_copy(update={"home": home}))
        workers += [_start_worker(home, airflow.environment) for home in homes]
        wait_for(lambda: all(" ready." in _log_of(home).read_text() for home in homes), "the workers did not start")
        airflow.come_to_rest()
        yield airflow
    finally:
        _kill(workers)
        services.stop(settings)
        drop_database(server, WAREHOUSE)
        drop_database(server, METADATA)


def _overrides(server: EmbeddedPostgres, settings: Settings) -> dict[str, str]:
    """Celery in the place of the local executor, what all workers share, and no waiting where nothing is waited for."""
    database = server.url(AIRFLOW_ROLE, METADATA).replace("postgresql://", "postgresql+psycopg2://")
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        # A broker in Postgres, so that there is nothing else to share; production has Redis.
        "AIRFLOW__CELERY__BROKER_URL": f"sqla+{database}",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{database}",
        "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "False",
        "AIRFLOW__CELERY__EXTRA_CELERY_CONFIG": json.dumps({"imports": LOADED_BY_WORKERS}),
        # Only with a heartbeat does a worker notice for certain that its task's process has ended.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        # A DAG file read again after a backfill would bring the run of the last night.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.4",
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "great_expectations=WARNING",
        # The warehouse is Airflow's Connection, which goes before the environment.
        "AIRFLOW_CONN_GRIDCREDIT_WAREHOUSE": server.url(WAREHOUSE_ROLE, WAREHOUSE),
        "GRIDCREDIT_WAREHOUSE_URL": "postgresql://nobody:none@127.0.0.1:1/nowhere",
        "GRIDCREDIT_LANDING": str(settings.landing_dir),
        "GRIDCREDIT_LANDING_SETTLE_SECONDS": "0.5",
        # Each check of the landing folder reads all mappings.
        "GRIDCREDIT_LANDING_POLL_SECONDS": "1",
        "GRIDCREDIT_HISTORY_MONTHS": "1",
    }


def _make_queue(broker: str) -> None:
    """Make the broker's tables and queue: two workers that do so at once would conflict."""
    with Connection(broker) as connection, connection.channel() as channel:  # type: ignore[no-untyped-call] # kombu has no types
        channel.queue_declare("default")


def _start_worker(home: Path, environment: dict[str, str]) -> psutil.Popen:
    own = environment | {"GRIDCREDIT_HOME": str(home), "AIRFLOW_HOME": str(home / "airflow")}
    options = ["--concurrency", "1", "--skip-serve-logs", "--without-mingle", "--without-gossip"]
    return services.spawn(["celery", "worker", *options], own, _log_of(home))


def _log_of(home: Path) -> Path:
    return home / "worker.log"


def _kill(processes: list[psutil.Popen]) -> None:
    family = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            family += [*process.children(recursive=True), process]
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, timeout=20)
