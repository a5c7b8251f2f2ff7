"""A real Airflow with two workers on a real Postgres: a dropped file leads to a published release without any other
act.

The workers share nothing but Postgres and the landing folder. Each test begins with a warehouse of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
import yaml
from gridcredit.operations import services
from gridcredit.operations.airflow_api import ADMIN
from gridcredit.operations.demo import deliver
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import airflow_database_url
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
from gridcredit.warehouse.leftovers import leftovers
from gridcredit.warehouse.migrations import prepare
from markupsafe import escape

from tests.support.airflow import Airflow, answer, listening, running_airflow
from tests.support.builders import SMALL_EXTRACTS
from tests.support.prepared import Prepared
from tests.support.waiting import number, rows, wait_for

pytestmark = pytest.mark.timeout(900)
CUSTOMERS = 40
BUILDS_OVER = "select count(*) from lineage.runs where status <> 'running'"
NO_SCORE_IS_SO_GOOD = {"figure": "auc", "bad_when": "below", "warn": 1, "breach": 1, "reason": "none is so good"}
# The days that check_raw rates for runs, given as kind and day asked for; apart, so that this process imports no
# Airflow.
DAYS_OF_RUNS = """
import json, sys
from datetime import datetime
from types import SimpleNamespace
from gridcredit.operations import pipeline
from gridcredit.orchestration import operators

days = []
operators.warehouse_settings = lambda: None
pipeline.check_raw = lambda run_id, day, settings: days.append(day and day.isoformat())
for kind, asked in json.loads(sys.argv[1]):
    run = SimpleNamespace(run_type=kind, logical_date=datetime(2026, 6, 20, 2))
    operators.CheckRawOperator(task_id="check_raw").run_stage("run", {"params": {"as_of_date": asked}, "dag_run": run})
print(json.dumps(days))
"""


@pytest.fixture(scope="module")
def airflow(
    server: EmbeddedPostgres, empty: Prepared, migrated_airflow: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    """One Airflow for all, whose watch of the ratings finds a breach."""
    folder = tmp_path_factory.mktemp("airflow")
    shutil.copytree(Settings().policies_dir, folder / "policies")
    rules = folder / "policies" / "evaluation.yml"
    rules.write_text(yaml.safe_dump(yaml.safe_load(rules.read_text()) | {"thresholds": [NO_SCORE_IS_SO_GOOD]}))
    more = {"GRIDCREDIT_POLICIES_DIR": str(folder / "policies")}
    with running_airflow(server, migrated_airflow, empty, folder, more) as airflow:
        yield airflow


def test_files_become_a_release_by_two_workers(airflow: Airflow, tmp_path: Path) -> None:
    settings = airflow.settings
    simulate(CUSTOMERS, 4, 9, tmp_path)
    deliver(tmp_path, settings.landing_dir / "demo", SMALL_EXTRACTS)
    wait_for(lambda: number(settings, BUILDS_OVER) == 1)
    assert number(settings, "select max(release) from lineage.releases") == 1
    assert number(settings, "select count(*) from published.customer_rating") == CUSTOMERS
    assert not list((settings.landing_dir / "demo").iterdir())
    # Both took loads; each accepted file is stored once, by who loaded it.
    one, two = ([path.name.split("_", 1)[1] for path in home.rglob("accepted/*/*/*")] for home in airflow.worker_homes)
    assert one
    assert two
    assert sorted(one + two) == sorted(f"{name}.csv" for name in SMALL_EXTRACTS)
    assert airflow.metadata("select dag_id, task_id from task_instance where state in ('failed', 'up_for_retry')") == []
    airflow.come_to_rest()
    assert airflow.error_lines() == []
    _tasks_and_assets_say_what_they_made(airflow)


def _tasks_and_assets_say_what_they_made(airflow: Airflow) -> None:
    """Buttons lead to the pages under Credit, which ask for a login; events carry rows and the release's hash."""
    ((run_id, chain),) = rows(airflow.settings, "select run_id, chain_hash from lineage.releases")
    with airflow.administrator() as client:

        def links(dag: str, run: str, task: str) -> dict[str, str]:
            answer = client.get(f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}/links")
            found: dict[str, str] = answer.raise_for_status().json()["extra_links"]
            return found

        assert links("build_ratings", run_id, "publish") == {
            "Changes": "/credit/releases/1/changes",
            "Dashboard": "/credit/releases/1",
        }
        gate = links("build_ratings", run_id, "check_raw")["Gate results"]
        assert f"Gates of run {escape(run_id)}" in client.get(gate).text
        assert "<strong>1</strong> is in force" in client.get("/credit/").text
        assert httpx.get(f"{airflow.address}/credit/", trust_env=False).status_code == 401
        assets = {one["name"]: one for one in client.get("/api/v2/assets?limit=100").json()["assets"]}
        assert assets["raw.bill"]["extra"]["description"].startswith("Bills")
        events = client.get("/api/v2/assets/events?limit=100").json()["asset_events"]
    by_asset = {one["name"]: one["extra"] for one in events}
    assert by_asset["published.release"] | {"release": 1, "hash": chain} == by_asset["published.release"]
    bills = number(airflow.settings, "select rows_accepted from lineage.loads where extract = 'bill'")
    assert by_asset["raw.bill"]["rows"] == bills


def test_only_what_is_new_makes_a_release(airflow: Airflow, small: Prepared) -> None:
    airflow.begin_with(small)
    settings = airflow.settings
    landing = settings.landing_dir / "demo"
    again = ("customer", "bill")
    deliver(small.files, landing, again)
    (landing / "bill_broken.csv").write_text("no bill at all\n1\n")
    (landing / "payment_late.csv").write_text(
        "payment_id,customer_id,bill_id,paid_on,amount\nLATE1,C00000001,,2026-06-18,7.00\n"
    )
    wait_for(lambda: number(settings, BUILDS_OVER) == 2)
    # Files delivered again and a refused one cause no build, and do not hold the late payment back.
    airflow.come_to_rest()
    assert not list(landing.iterdir())
    assert number(settings, "select count(*) from lineage.deliveries where is_repeat") == len(again)
    built = (
        "select status, file_name from lineage.runs join lineage.run_files using (run_id) join lineage.files using "
        "(file_id)"
    )
    assert rows(settings, f"{built} where run_id <> 'first'") == [("published", "payment_late.csv")]
    assert rows(settings, "select release from lineage.releases order by 1") == [(1,), (2,)]
    assert number(settings, "select count(*) from ops.task_failures") == 1
    (note,) = (path for home in airflow.worker_homes for path in home.rglob("*bill_broken.csv.refused.txt"))
    assert note.read_text().startswith("bill_broken.csv: has no column")
    # The dashboard follows the release.
    assert any((home / "dashboards" / "release_000002.html").exists() for home in airflow.worker_homes)


def test_a_backfill_makes_a_release_a_day(airflow: Airflow, small: Prepared) -> None:
    airflow.begin_with(small)
    settings = airflow.settings
    # Days that no night has rated.
    days = ["--from-date", "2026-06-20", "--to-date", "2026-06-21T23:00", "--max-active-runs", "1"]
    subprocess.run(
        [sys.executable, "-m", "airflow", "backfill", "create", "--dag-id", "build_ratings", *days],
        env=airflow.environment,
        check=True,
        capture_output=True,
    )
    in_question = "as_of_date in ('2026-06-20', '2026-06-21')"
    # Airflow may run the last night beside them: a build whose tables another has replaced builds them again.
    wait_for(lambda: number(settings, f"select count(*) from lineage.releases where {in_question}") == 2)
    released = rows(settings, f"select as_of_date from lineage.releases where {in_question} order by release")
    assert released == [(date(2026, 6, 20),), (date(2026, 6, 21),)]
    assert rows(settings, "select dag_id, task_id, error from ops.task_failures") == []


def test_a_blocked_run_waits_for_a_named_person(airflow: Airflow, small: Prepared) -> None:
    airflow.begin_with(small)
    settings = airflow.settings
    reason = "the supplier will correct this bill"
    (settings.landing_dir / "demo" / "bill_wrong.csv").write_text(
        "bill_id,customer_id,period,issued_on,due_on,amount,kind\n"
        "B-wrong,C00000003,2026-05,2026-06-03,2026-05-01,123456.00,regular\n"
    )
    approvals = "select count(*) from lineage.approvals where is_approved"
    question = answer(
        airflow, "release_blocked_run", "Approve", {"reason": reason}, lambda: number(settings, approvals) > 0
    )
    assert "expect_column_pair_values" in question["body"]
    assert number(settings, "select count(*) from lineage.releases") == 1
    wait_for(lambda: number(settings, "select count(*) from lineage.releases") == 2)
    blocked = "any(select run_id from lineage.gate_results where not success and severity = 'critical')"
    last = f"select run_id = {blocked}, approver, reason from lineage.releases order by release desc limit 1"
    assert rows(settings, last) == [(True, ADMIN, reason)]


def test_a_scorecard_is_fitted_and_adopted_and_the_ratings_are_watched(airflow: Airflow, evaluated: Prepared) -> None:
    airflow.begin_with(evaluated)
    settings = airflow.settings
    approved = "select approver, reason from policy.proposals where is_approved"
    noted = "select officer, note from evaluation.breach_note"
    with airflow.administrator() as client:
        # On so few customers the fitted scorecard need not rank better.
        for dag, conf in (("recalibrate_scorecard", {"even_if_worse": True}), ("monitor_ratings", {})):
            asked = {"logical_date": None, "conf": conf}
            assert client.post(f"/api/v2/dags/{dag}/dagRuns", json=asked).status_code == 200
    note = {"note": "the new scorecard is to mend it"}
    breach = answer(airflow, "monitor_ratings", "OK", note, lambda: bool(rows(settings, noted)))
    reason = {"reason": "agreed by the committee"}
    proposed = answer(airflow, "recalibrate_scorecard", "Approve", reason, lambda: bool(rows(settings, approved)))
    assert "none is so good" in breach["body"]
    assert "AUC" in proposed["body"]
    assert rows(settings, approved) == [(ADMIN, reason["reason"])]
    assert rows(settings, noted) == [(ADMIN, note["note"])]
    assert rows(settings, "select dag_id, task_id, error from ops.task_failures") == []


def test_a_run_by_hand_is_as_of_the_day_asked_for(tmp_path: Path) -> None:
    runs = [("manual", "2026-06-18"), ("scheduled", None), ("backfill", None), ("asset_triggered", None)]
    done = subprocess.run(
        [sys.executable, "-c", DAYS_OF_RUNS, json.dumps(runs)],
        env=os.environ | {"AIRFLOW_HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == ["2026-06-18", "2026-06-20", "2026-06-20", None]


def test_nothing_listens_beyond_loopback(airflow: Airflow) -> None:
    opened = listening() - airflow.listened_before
    assert {ip for ip, _ in opened} == {"127.0.0.1"}
    assert airflow.port in {port for _, port in opened}


def test_the_pages_ask_for_the_generated_password(airflow: Airflow) -> None:
    with httpx.Client(base_url=airflow.address, trust_env=False) as client:
        assert client.get("/api/v2/dags").status_code == 401
        for password in (ADMIN, "wrong"):
            refused = client.post("/auth/token", json={"username": ADMIN, "password": password})
            assert refused.status_code == 401
    with airflow.administrator() as client:
        dags = client.get("/api/v2/dags").json()["dags"]
    assert {dag["dag_id"]: dag["is_paused"] for dag in dags} == {
        "build_ratings": False,
        "ingest_extracts": False,
        "maintain_warehouse": False,
        "monitor_ratings": False,
        "recalibrate_scorecard": False,
        "release_blocked_run": False,
        "report_release": False,
    }
    assert (airflow.settings.home / "airflow" / "passwords.json").stat().st_mode & 0o777 == 0o600


def test_start_is_safe_to_repeat_and_stop_stops_only_ours(airflow: Airflow) -> None:
    settings = airflow.settings
    assert services.start(settings, lambda _: None, airflow.overrides) == airflow.address
    bystander = psutil.Popen(["sleep", "60"])
    try:
        # Each is found by itself, whatever it makes of its command line: a removed home would leave them running.
        assert sorted(one.name for one in leftovers(settings)) == sorted(
            f"Airflow's {name}" for name in services.SERVICES
        )
        # As if a task ran: it is run again after the next start, with as many tries as before.
        airflow.metadata(
            "update task_instance set state = 'running', try_number = 1, max_tries = 2 where task_id = 'publish' "
            "returning 1"
        )
        assert services.stop(settings) == [*services.SERVICES]
        assert set(airflow.metadata("select max_tries from task_instance where task_id = 'publish'")) == {(3,)}
        assert services.stop(settings) == []
        assert bystander.is_running()
        assert airflow.server.port() is not None
    finally:
        bystander.kill()


def test_stop_stops_the_embedded_postgres_too(tmp_path: Path) -> None:
    """One of its own: the worker's server is other tests' too."""
    settings = Settings(home=tmp_path / "home")
    prepare(settings)
    try:
        with psycopg.connect(airflow_database_url(settings)):
            pass
        assert services.stop(settings) == ["postgres"]
        assert services.stop(settings) == []
    finally:
        EmbeddedPostgres(settings).stop()
