"""The DAGs on two workers that share nothing but Postgres and the landing folder; and two builds at once."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from datetime import date
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
from gridcredit import pipeline, services
from gridcredit.demo import deliver
from gridcredit.embedded_postgres import EmbeddedPostgres, free_port
from gridcredit.extracts.contract import EXTRACTS
from gridcredit.extracts.loader import load_file
from gridcredit.extracts.mapping import load_mappings
from gridcredit.settings import Settings
from gridcredit.simulate import simulate
from gridcredit.warehouse import (
    AIRFLOW,
    AIRFLOW_ROLE,
    WAREHOUSE,
    WAREHOUSE_ROLE,
    connect,
    exclusive,
    prepare,
    warehouse_url,
)

from tests.integration.test_scheduler import number, wait_for


def spawn(arguments: list[str], environment: dict[str, str], log: Path) -> psutil.Popen:
    with log.open("ab") as output:
        return psutil.Popen(
            [sys.executable, "-m", "airflow", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def is_ready(log: Path) -> bool:
    return " ready." in log.read_text()


@pytest.mark.timeout(900)
def test_two_workers_make_a_release(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "control", landing=tmp_path / "landing")
    prepare(settings)
    server = EmbeddedPostgres(settings)
    services.write_admin_password(settings)
    address = server.url(AIRFLOW_ROLE, AIRFLOW).removeprefix("postgresql://")
    common = services.airflow_environment(settings, free_port()) | {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        # A broker in Postgres, so that there is nothing else to share; production has Redis.
        "AIRFLOW__CELERY__BROKER_URL": f"sqla+postgresql+psycopg2://{address}",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{address}",
        "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        "GRIDCREDIT_WAREHOUSE_URL": server.url(WAREHOUSE_ROLE, WAREHOUSE),
        "GRIDCREDIT_LANDING": str(settings.landing_dir),
        "GRIDCREDIT_HISTORY_MONTHS": "1",
    }
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=common, check=True, capture_output=True)
    simulate(60, 10, 9, tmp_path / "files")
    homes = [tmp_path / name for name in ("worker one", "worker two")]
    processes = [
        spawn([service, *options], common, tmp_path / f"{service}.log")
        for service, options in services.SERVICES.items()
    ]
    try:
        for home in homes:
            own = common | {"GRIDCREDIT_HOME": str(home), "AIRFLOW_HOME": str(home / "airflow")}
            arguments = ["celery", "worker", "--concurrency", "1", "--celery-hostname", f"{home.name[7:]}@%h"]
            log = tmp_path / f"{home.name}.log"
            processes.append(spawn([*arguments, "--skip-serve-logs"], own, log))
            # One after the other: two at once would both make the broker's tables, and one of them would end there.
            wait_for(partial(is_ready, log))
        deliver(tmp_path / "files", settings.landing_dir / "demo")
        wait_for(lambda: number(settings, "select count(*) from lineage.runs where status <> 'running'") == 1)
        assert number(settings, "select count(*) from published.customer_rating") == 60
        archived = [{path.name.split("_", 1)[1] for path in home.rglob("archive/demo/*/*.csv")} for home in homes]
        assert all(archived)
        assert archived[0] | archived[1] == {f"{name}.csv" for name in EXTRACTS}
        assert not archived[0] & archived[1]
        with psycopg.connect(server.url(AIRFLOW_ROLE, AIRFLOW)) as airflow:
            failed = airflow.execute(
                "select task_id from task_instance where state in ('failed', 'up_for_retry')"
            ).fetchall()
        assert failed == []
    finally:
        family = [child for process in processes for child in [*process.children(recursive=True), process]]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=20)
        server.stop()


def load_supplier(folder: Path, settings: Settings) -> None:
    simulate(80, 8, 3, folder)
    demo = load_mappings(settings.mappings_dir)["demo"]
    for name in ("customer", "bill", "payment"):
        load_file(folder / f"{name}.csv", demo, settings)


def builds(settings: Settings) -> int:
    return number(
        settings, "select count(*) from lineage.model_results where unique_id = 'model.gridcredit.customer_rating'"
    )


def released_days(settings: Settings) -> list[date]:
    with connect(settings) as connection:
        return [day for (day,) in connection.execute("select as_of_date from lineage.releases order by release")]


def test_two_runs_at_once_take_turns(settings: Settings, tmp_path: Path) -> None:
    load_supplier(tmp_path, settings)
    environment = os.environ | {"GRIDCREDIT_WAREHOUSE_URL": warehouse_url(settings), "GRIDCREDIT_HISTORY_MONTHS": "1"}

    def build(name: str, day: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "gridcredit", "run", "--as-of", day],
            env=environment | {"GRIDCREDIT_HOME": str(tmp_path / name)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def waiting() -> int:
        return number(settings, "select count(*) from pg_locks where locktype = 'advisory' and not granted")

    # Both come to their build while it cannot begin: the second may lock as soon as the first has built, before its gate.
    with exclusive("build", settings):
        first, second = build("one", "2026-06-17"), build("two", "2026-06-18")
        wait_for(lambda: waiting() == 2)
    outputs = [process.communicate(timeout=480)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    assert builds(settings) == 2
    days = released_days(settings)
    assert sorted(days) == [date(2026, 6, 17), date(2026, 6, 18)]
    settings.history_months = 1
    assert not pipeline.build_ratings("anew", days[-1], settings, anew=True).is_new


def test_a_silent_run_is_overtaken_and_builds_again(settings: Settings, tmp_path: Path) -> None:
    settings.history_months = 1
    load_supplier(tmp_path, settings)
    pipeline.check_raw("silent", date(2026, 6, 17), settings)
    pipeline.build_models("silent", settings)
    assert settings.build_patience_seconds == 0
    pipeline.build_ratings("another", date(2026, 6, 18), settings)
    # It goes on all the same: what it publishes is its own day, not the tables that the other left.
    pipeline.check_candidate("silent", settings)
    pipeline.publish_release("silent", settings)
    assert released_days(settings) == [date(2026, 6, 18), date(2026, 6, 17)]
    assert builds(settings) == 3
    assert not pipeline.build_ratings("anew", date(2026, 6, 17), settings, anew=True).is_new
