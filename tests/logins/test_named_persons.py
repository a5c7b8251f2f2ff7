"""Airflow with a user for each person: who is named decides, and nobody else who may log in does."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import httpx
import pytest
from gridcredit.operations.airflow_api import ADMIN
from gridcredit.settings import PROJECT_DIR
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres

from tests.support.airflow import Airflow, running_airflow
from tests.support.prepared import Prepared
from tests.support.waiting import number, rows, wait_for

pytestmark = [pytest.mark.logins, pytest.mark.timeout(900)]
NAMED = {
    "GRIDCREDIT_AIRFLOW_LOGINS": "named",
    "GRIDCREDIT_APPROVERS": f'["li.wei", "{ADMIN}"]',
}
PASSWORD = "not a secret, of a test"


@pytest.fixture(scope="module")
def airflow(
    server: EmbeddedPostgres, small: Prepared, migrated_airflow: Prepared, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    patch = pytest.MonkeyPatch()
    # The services read their settings as a person's do.
    for name, value in NAMED.items():
        patch.setenv(name, value)
    try:
        with running_airflow(server, migrated_airflow, small, tmp_path_factory.mktemp("logins"), NAMED) as airflow:
            for user in ("li.wei", "wang"):
                _add_user(airflow, user)
            yield airflow
    finally:
        patch.undo()


def _add_user(airflow: Airflow, user: str) -> None:
    """As the docs say."""
    command = ["airflow", "users", "create", "--username", user, "--firstname", user, "--lastname", "of a test"]
    command += ["--email", f"{user}@example.com", "--role", "User", "--password", PASSWORD]
    subprocess.run([sys.executable, "-m", *command], env=airflow.environment, check=True, capture_output=True)


def _answer(client: httpx.Client, reason: str) -> int:
    """The status with which Airflow meets an answer of who is logged in."""
    asked: dict[str, Any] = client.get(
        "/api/v2/dags/release_blocked_run/dagRuns/~/hitlDetails", params={"response_received": False}
    ).json()
    task = asked["hitl_details"][0]["task_instance"]
    path = f"/api/v2/dags/release_blocked_run/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
    return client.patch(
        f"{path}/{task['map_index']}/hitlDetails",
        json={"chosen_options": ["Approve"], "params_input": {"reason": reason}},
    ).status_code


def test_only_a_named_person_lets_a_blocked_run_through(airflow: Airflow) -> None:
    settings = airflow.settings
    (settings.landing_dir / "demo" / "bill_wrong.csv").write_text(
        "bill_id,customer_id,period,issued_on,due_on,amount,kind\n"
        "B-wrong,C00000003,2026-05,2026-06-03,2026-05-01,123456.00,regular\n"
    )
    wait_for(lambda: airflow.asks("release_blocked_run"), "nobody was asked")
    with airflow.logged_in("wang", PASSWORD) as wang:
        assert _answer(wang, "I may not") == 403
    # Nor may the login of commands, though it is among those who are asked.
    with airflow.logged_in(ADMIN, settings.secret("airflow_admin")) as nobody:
        assert _answer(nobody, "I am nobody") == 403
    decided = "select approver, reason from lineage.approvals"
    assert rows(settings, decided) == []
    with airflow.logged_in("li.wei", PASSWORD) as li_wei:
        assert _answer(li_wei, "the supplier will correct this bill") == 200
    wait_for(lambda: number(settings, "select count(*) from lineage.releases") == 2, "it was not released")
    last = "select approver, reason from lineage.releases order by release desc limit 1"
    assert rows(settings, last) == [("li.wei", "the supplier will correct this bill")]


def test_the_login_of_commands_is_nobody(airflow: Airflow) -> None:
    with airflow.logged_in(ADMIN, airflow.settings.secret("airflow_admin")) as client:
        assert client.get("/api/v2/dags").json()["total_entries"] > 0
    assert airflow.settings.nobodys_names == {ADMIN}
    refused = subprocess.run(
        [sys.executable, "-m", "gridcredit", "release", "rollback", "1", "--approver", ADMIN, "--reason", "because"],
        env=airflow.environment | {"GRIDCREDIT_WAREHOUSE_URL": airflow.overrides["AIRFLOW_CONN_GRIDCREDIT_WAREHOUSE"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert "is a login that several persons share, or no person's" in refused.stderr + refused.stdout


def test_without_a_password_nobody_logs_in(airflow: Airflow) -> None:
    login = {"username": "li.wei", "password": "guessed"}
    assert httpx.post(f"{airflow.address}/auth/token", json=login, trust_env=False).status_code == 401


def test_the_sign_on_of_a_company_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """As FAB reads the file; no sign-on is asked here."""
    for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("OIDC_ISSUER", "https://sign-on.example.com")
    config = runpy.run_path(str(PROJECT_DIR / "docker" / "webserver_config.py"))
    (provider,) = config["OAUTH_PROVIDERS"]
    assert provider["remote_app"]["server_metadata_url"].startswith("https://sign-on.example.com/.well-known/")
    # Nobody may do anything by having logged in alone.
    assert config["AUTH_USER_REGISTRATION_ROLE"] == "Public"
    assert {role for roles in config["AUTH_ROLES_MAPPING"].values() for role in roles} <= {"Op", "User", "Viewer"}
    assert find_spec("authlib")
