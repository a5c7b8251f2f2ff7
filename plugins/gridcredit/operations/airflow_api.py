"""What Airflow's own API says of its runs: asked on loopback, with the generated login."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gridcredit.errors import GridCreditError
from gridcredit.settings import AIRFLOW_LOGIN, Settings

if TYPE_CHECKING:
    import httpx

ADMIN = AIRFLOW_LOGIN
NIGHTLY_DAG = "build_ratings"


@contextmanager
def airflow_api(address: str, settings: Settings) -> Iterator[httpx.Client]:
    """A client of the API, logged in.

    Raises:
        GridCreditError: nobody answers there, or not with what was asked for.
    """
    import httpx

    login = {"username": ADMIN, "password": settings.secret("airflow_admin")}
    try:
        with httpx.Client(base_url=address, trust_env=False, timeout=30) as client:
            token = client.post("/auth/token", json=login).raise_for_status().json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client
    except httpx.HTTPError as error:
        raise GridCreditError(
            f"Airflow does not answer at {address}: {error}: see the logs under {settings.log_dir}"
        ) from error


def unfinished_dags(client: httpx.Client) -> list[str]:
    """The DAGs of which a run is queued or runs, or is about to: all but the one that waits for files."""
    runs = _get(client, "/api/v2/dags/~/dagRuns", state=["queued", "running"])["dag_runs"]
    return sorted({run["dag_id"] for run in runs if not _waits_for_files(client, run)} | set(_about_to_run(client)))


def _waits_for_files(client: httpx.Client, run: dict[str, Any]) -> bool:
    if run["dag_id"] != "ingest_extracts":
        return False
    tasks = _get(client, f"/api/v2/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances")["task_instances"]
    return any(
        task["task_id"] == "wait_for_files" and task["state"] in (None, "scheduled", "queued", "running", "deferred")
        for task in tasks
    )


def _about_to_run(client: httpx.Client) -> Iterator[str]:
    """DAGs for which an asset event waits."""
    for dag in (NIGHTLY_DAG, "report_release"):
        if _get(client, f"/api/v2/dags/{dag}/assets/queuedEvents")["total_entries"]:
            yield dag


def failed_dags(client: httpx.Client, since: datetime) -> list[str]:
    """The DAGs of which a run that began since then has failed."""
    runs = _get(client, "/api/v2/dags/~/dagRuns", state="failed", start_date_gte=since.isoformat())["dag_runs"]
    return sorted({run["dag_id"] for run in runs})


def next_run(client: httpx.Client) -> datetime | None:
    """When the next nightly build is due.

    Raises:
        GridCreditError: Airflow has not read the DAG yet.
    """
    answer = client.get(f"/api/v2/dags/{NIGHTLY_DAG}")
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise GridCreditError(
            f"Airflow has not read the DAG {NIGHTLY_DAG} yet: it starts, or see its list of import errors"
        )
    due = answer.raise_for_status().json().get("next_dagrun_run_after")
    return datetime.fromisoformat(due) if due else None


def _get(client: httpx.Client, path: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - values of a query
    found: dict[str, Any] = client.get(path, params=parameters).raise_for_status().json()
    return found
