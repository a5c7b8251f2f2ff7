"""A real Airflow on a real Postgres: a dropped file leads to a published release without any other act."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from gridcredit import services
from gridcredit.demo import deliver
from gridcredit.settings import Settings
from gridcredit.simulate import simulate
from gridcredit.warehouse import connect

CUSTOMERS = 120
# So that a few months of few customers are enough to fit on, and no score is good enough.
EVALUATION = """
outcome: {window_months: 2, default_days_overdue: 10, indeterminate_days_overdue: 3}
sample: {out_of_time_months: 1, out_of_sample_share: 0.4, max_rows: 10000}
fit:
  min_defaults: 10
  min_available_share: 0.8
  min_information_value: 0.02
  max_correlation: 0.7
  max_auc_alone: 0.99
  max_bins: 3
  min_bin_share: 0.05
thresholds:
  - {figure: auc, bad_when: below, warn: 1, breach: 1, reason: "none is so good"}
"""


def listening() -> set[tuple[str, int]]:
    """Address and port of every listener of this machine; whose it is, an ordinary user may not always ask."""
    return {
        (one.laddr.ip, one.laddr.port) for one in psutil.net_connections("inet") if one.status == "LISTEN" and one.laddr
    }


@dataclass(frozen=True)
class Running:
    """Airflow of a home of its own, and what the machine listened on before it started."""

    settings: Settings
    address: str
    listened_before: set[tuple[str, int]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    patch = pytest.MonkeyPatch()
    patch.setenv("GRIDCREDIT_HISTORY_MONTHS", "8")
    policies = tmp_path_factory.mktemp("policies") / "policies"
    shutil.copytree(Settings().policies_dir, policies)
    (policies / "evaluation.yml").write_text(EVALUATION)
    patch.setenv("GRIDCREDIT_POLICIES_DIR", str(policies))
    settings = Settings(home=tmp_path_factory.mktemp("a home with spaces") / "and more")
    before = listening()
    try:
        yield Running(settings, services.start(settings, lambda _: None), before)
    finally:
        services.stop(settings)
        patch.undo()


def wait_for(what: Callable[[], bool]) -> None:
    # Long beside what it takes: how fast a machine is decides no test.
    deadline = time.monotonic() + 480
    while not what():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.5)


def administrator(running: Running) -> httpx.Client:
    """A client of Airflow's API, logged in with the generated password."""
    login = {"username": services.ADMIN, "password": running.settings.secret("airflow_admin")}
    answer = httpx.post(f"{running.address}/auth/token", json=login, trust_env=False)
    assert answer.status_code == 201
    token = answer.json()["access_token"]
    return httpx.Client(base_url=running.address, trust_env=False, headers={"Authorization": f"Bearer {token}"})


def questions(client: httpx.Client, dag: str) -> list[dict[str, Any]]:
    """What a DAG asks people at present."""
    details = client.get("/api/v2/dags/~/dagRuns/~/hitlDetails", params={"response_received": False}).json()
    return [
        one
        for one in details["hitl_details"]
        if (one["task_instance"]["dag_id"], one["task_instance"]["state"]) == (dag, "awaiting_input")
    ]


def answer(
    client: httpx.Client, dag: str, option: str, form: dict[str, str], is_recorded: Callable[[], bool]
) -> dict[str, Any]:
    """Answer as a person does on Airflow's page, until it is recorded; returns the first question.

    No person is so quick as a test: Airflow loses an answer while the task's process still ends, and asks again.
    """
    wait_for(lambda: bool(questions(client, dag)))
    first = questions(client, dag)[0]

    def is_answered() -> bool:
        time.sleep(5)
        for question in [] if is_recorded() else questions(client, dag):
            task = question["task_instance"]
            answered = client.patch(
                f"/api/v2/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}"
                f"/taskInstances/{task['task_id']}/{task['map_index']}/hitlDetails",
                json={"chosen_options": [option], "params_input": form},
            )
            assert answered.status_code == 200
        return is_recorded()

    wait_for(is_answered)
    return first


def number(settings: Settings, query: str) -> int:
    with connect(settings) as connection:
        (value,) = connection.execute(query).fetchone() or (0,)
    return int(value)


@pytest.mark.timeout(1800)
def test_files_become_releases(running: Running, tmp_path: Path) -> None:
    settings = running.settings
    landing = settings.landing_dir / "demo"
    simulate(CUSTOMERS, 16, 9, tmp_path)

    deliver(tmp_path, landing)
    wait_for(lambda: number(settings, "select count(*) from lineage.runs where status <> 'running'") == 1)
    assert number(settings, "select max(release) from lineage.releases") == 1
    customers = number(settings, "select count(*) from published.customer_rating")
    assert customers == CUSTOMERS
    assert not list(landing.glob("*.csv"))

    # Some of the files again, and one that is refused beside them: nothing is built, the refused one is kept apart.
    again = ("customer", "bill", "payment")
    deliver(tmp_path, landing, again)
    (landing / "bill_broken.csv").write_text("no bill at all\n1\n")
    wait_for(lambda: number(settings, "select count(*) from ops.task_failures") == 1)
    wait_for(lambda: number(settings, "select count(*) from lineage.deliveries where is_repeat") == len(again))
    assert not list(landing.glob("*.csv"))
    (note,) = settings.refused_dir.rglob("*bill_broken.csv.refused.txt")
    assert note.read_text().startswith("bill_broken.csv: has no column")

    # A late payment: a new release follows by itself.
    (landing / "payment_late.csv").write_text(
        "payment_id,customer_id,bill_id,paid_on,amount\nLATE1,C00000001,,2026-06-18,7.00\n"
    )
    wait_for(lambda: number(settings, "select count(*) from lineage.runs where status <> 'running'") == 2)
    assert number(settings, "select count(*) from lineage.runs where status = 'failed'") == 0
    assert number(settings, "select count(*) from lineage.releases") == 2
    wait_for((settings.home / "dashboards" / "release_000002.html").exists)
    assert number(settings, "select count(*) from ops.task_failures") == 1

    # A range of days that no night has rated: one release a day, in their order.
    port = int(running.address.rsplit(":", 1)[1])
    days = ["--from-date", "2026-06-20", "--to-date", "2026-06-21T23:00", "--max-active-runs", "1"]
    subprocess.run(
        [sys.executable, "-m", "airflow", "backfill", "create", "--dag-id", "build_ratings", *days],
        env=services.airflow_environment(settings, port),
        check=True,
        capture_output=True,
    )
    # Airflow may run the last night beside them: a build whose tables another has replaced builds them again.
    wait_for(
        lambda: (
            number(settings, "select count(*) from lineage.releases where as_of_date in ('2026-06-20', '2026-06-21')")
            == 2
        ),
    )
    with connect(settings) as connection:
        rated = connection.execute(
            "select as_of_date from lineage.releases where as_of_date in ('2026-06-20', '2026-06-21') order by release"
        ).fetchall()
        failures = connection.execute(
            "select run_id, task_id, error from ops.task_failures where dag_id = 'build_ratings'"
        ).fetchall()
    assert rated == [(date(2026, 6, 20),), (date(2026, 6, 21),)]
    assert failures == []


@pytest.mark.timeout(600)
def test_a_blocked_run_waits_for_a_named_person(running: Running) -> None:
    settings = running.settings
    # A release that comes later than the blocked run would settle it.
    wait_for(lambda: number(settings, "select count(*) from lineage.runs where status = 'running'") == 0)
    releases = number(settings, "select max(release) from lineage.releases")
    (settings.landing_dir / "demo" / "bill_wrong.csv").write_text(
        "bill_id,customer_id,period,issued_on,due_on,amount,kind\n"
        "B-wrong,C00000003,2026-05,2026-06-03,2026-05-01,123456.00,regular\n"
    )
    wait_for(lambda: number(settings, "select count(*) from lineage.runs where status = 'failed'") > 0)
    with administrator(running) as client:
        question = answer(
            client,
            "release_blocked_run",
            "Approve",
            {"reason": "the supplier will correct this bill"},
            lambda: number(settings, "select count(*) from lineage.approvals where is_approved") > 0,
        )
    assert "expect_column_pair_values" in question["body"]
    wait_for(lambda: number(settings, "select max(release) from lineage.releases") > releases)
    with connect(settings) as connection:
        approved = connection.execute(
            "select run_id = any(select run_id from lineage.gate_results where not success and severity = 'critical'), "
            "approver, reason from lineage.releases order by release desc limit 1"
        ).fetchall()
    assert approved == [(True, services.ADMIN, "the supplier will correct this bill")]


@pytest.mark.timeout(600)
def test_a_scorecard_is_fitted_and_adopted_and_the_ratings_are_watched(running: Running) -> None:
    settings = running.settings

    approved = "select approver, reason from policy.proposals where is_approved"
    noted = "select officer, note from evaluation.breach_note"

    def kept(query: str) -> list[tuple[Any, ...]]:
        with connect(settings) as connection:
            return connection.execute(query).fetchall()

    with administrator(running) as client:
        # The night of today knows of nobody who paid since June: a run by hand goes back to when there were facts.
        by_hand = {"logical_date": None, "conf": {"as_of_date": "2026-06-18"}}
        assert client.post("/api/v2/dags/build_ratings/dagRuns", json=by_hand).status_code == 200
        built = "select 1 from lineage.runs where run_id like 'manual%' and status in ('published', 'unchanged')"
        wait_for(lambda: bool(kept(built)))
        for dag in ("recalibrate_scorecard", "monitor_ratings"):
            assert client.post(f"/api/v2/dags/{dag}/dagRuns", json={"logical_date": None}).status_code == 200
        proposed = answer(
            client,
            "recalibrate_scorecard",
            "Approve",
            {"reason": "agreed by the committee"},
            lambda: bool(kept(approved)),
        )
        answer(client, "monitor_ratings", "OK", {"note": "the new scorecard is to mend it"}, lambda: bool(kept(noted)))
    assert "AUC" in proposed["body"]
    assert kept(approved) == [(services.ADMIN, "agreed by the committee")]
    assert kept(noted) == [(services.ADMIN, "the new scorecard is to mend it")]
    assert (
        kept(
            "select task_id, error from ops.task_failures where dag_id in ('recalibrate_scorecard', 'monitor_ratings')"
        )
        == []
    )


def test_nothing_listens_beyond_loopback(running: Running) -> None:
    opened = listening() - running.listened_before
    assert {ip for ip, _ in opened} == {"127.0.0.1"}
    assert int(running.address.rsplit(":", 1)[1]) in {port for _, port in opened}


def test_the_pages_ask_for_the_generated_password(running: Running) -> None:
    settings, address = running.settings, running.address
    with httpx.Client(base_url=address, trust_env=False) as client:
        assert client.get("/api/v2/dags").status_code == 401
        for password in (services.ADMIN, "wrong"):
            refused = client.post("/auth/token", json={"username": services.ADMIN, "password": password})
            assert refused.status_code == 401
    with administrator(running) as client:
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
    assert (settings.home / "airflow" / "passwords.json").stat().st_mode & 0o777 == 0o600


def test_start_is_safe_to_repeat_and_stop_stops_only_ours(running: Running) -> None:
    settings, address = running.settings, running.address
    assert services.start(settings, lambda _: None) == address
    bystander = psutil.Popen(["sleep", "60"])
    try:
        stopped = services.stop(settings)
        assert stopped == [*services.SERVICES, "postgres"]
        assert services.stop(settings) == []
        assert bystander.is_running()
    finally:
        bystander.kill()
