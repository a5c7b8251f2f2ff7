"""The pages under Credit, by Airflow's real API application: no route answers who has not logged in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gridcredit.operations.airflow_environment import airflow_environment
from gridcredit.operations.services import write_admin_password
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import AIRFLOW_ROLE
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
from pydantic import SecretStr

from tests.support.prepared import Prepared, create_database, drop_database
from tests.support.suppliers import deliver
from tests.support.waiting import number, rows
from tests.support.warehouses import WarehouseFactory

METADATA = "metadata_of_pages"


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, small: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A release with its dashboard, a site, a file that waits, and a load with a row in quarantine."""
    settings: Settings = new_warehouse(small)
    write_dashboard(settings=settings)
    (settings.home / "docs").mkdir()
    (settings.home / "docs" / "index.html").write_text("<title>the site</title>")
    (settings.landing_dir / "demo").mkdir(parents=True)
    (settings.landing_dir / "demo" / "bill_new.csv").write_text("x")
    deliver(
        tmp_path_factory.mktemp("files") / "payment_bad.csv",
        settings,
        "payment_id,customer_id,bill_id,paid_on,amount\n"
        + "".join(f"N{n},C00000001,,2026-06-01,7.00\n" for n in range(30))
        + "SECRET-VALUE,C00000001,,2026-13-01,<script>\n",
    )
    return settings


@pytest.fixture(scope="module")
def answers(settings: Settings, server: EmbeddedPostgres, migrated_airflow: Prepared) -> dict[str, Any]:
    """What Airflow answered."""
    create_database(server, METADATA, migrated_airflow.name, AIRFLOW_ROLE)
    own = settings.model_copy(update={"airflow_database_url": SecretStr(server.url(AIRFLOW_ROLE, METADATA))})
    assert settings.warehouse_url
    write_admin_password(own)
    environment = airflow_environment(own, 8080) | {
        "GRIDCREDIT_WAREHOUSE_URL": settings.warehouse_url.get_secret_value(),
        "GRIDCREDIT_GATE_PAGES": "false",
    }
    load = number(settings, "select max(file_id) from lineage.files")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.credit_pages", "first", str(load)],
            env=environment, cwd=PROJECT_DIR, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found
    finally:
        drop_database(server, METADATA)


def test_no_route_answers_without_a_login(answers: dict[str, Any]) -> None:
    assert len(answers["routes"]) == 7
    assert set().union(*answers["routes"].values()) == {"GET"}, "nothing is changed by these pages"
    for path, asked in answers["asked"].items():
        for login, (status, text) in asked.items():
            if login.startswith("none"):
                assert (status, json.loads(text)) == (401, {"detail": "Not authenticated"}), (path, login)
            elif login != "viewer":
                assert status in (401, 403), (path, login)
            else:
                assert status == 200, (path, text)
    # Nor does FastAPI describe the routes to who has not logged in.
    assert set(answers["others"].values()) == {404}


def test_the_menu_leads_to_the_page(answers: dict[str, Any]) -> None:
    (entry,) = answers["menu"]
    assert (entry["name"], entry["href"], entry["destination"]) == ("Credit", "/credit/", "nav")


def test_the_page_shows_what_there_is(answers: dict[str, Any], settings: Settings) -> None:
    page = " ".join(answers["asked"]["/"]["viewer"][1].split())
    ((release, as_of, chain),) = rows(settings, "select release, as_of_date, chain_hash from lineage.releases")
    assert f"Release <strong>{release}</strong> is in force, as of <strong>{as_of}</strong>" in page
    assert chain[:16] in page
    assert '<td>demo</td><td class="number">1 waiting</td>' in page
    assert '>payment_bad.csv</td><td data-label="extracts">payment</td>' in page
    for level, warnings in rows(settings, "select level, count(*) from published.customer_warning group by level"):
        assert f'{level}</span></td><td class="number">{warnings}</td>' in page
    checks = number(settings, "select count(*) from lineage.gate_results where gate = 'candidate'")
    assert f'<td>candidate</td><td class="number">{checks}</td>' in page
    assert "Have not received the policy" in page
    assert 'href="/credit/releases/1/changes"' in page and 'href="/credit/docs/index.html"' in page
    assert "<option selected>customer_rating</option>" in page, "whose key is the one that the form shows"
    assert "none is planned" in page, "no scheduler has planned a run of this Airflow"


def test_the_other_pages(answers: dict[str, Any], settings: Settings) -> None:
    asked, more = answers["asked"], answers["more"]
    assert "The first release" in asked["/releases/{number}/changes"]["viewer"][1]
    assert "<svg" in asked["/releases/{number}"]["viewer"][1]
    checks = number(settings, "select count(*) from lineage.gate_results where run_id = 'first'")
    assert f"{checks} checks" in asked["/gates"]["viewer"][1]
    assert "the site" in asked["/docs/{path:path}"]["viewer"][1]
    # The reason and the line, not what the row holds.
    (load,) = (text for path, (_, text) in more.items() if path.startswith("/loads/") and "999999" not in path)
    assert "paid_on" in load and ">32</td>" in load
    assert "SECRET-VALUE" not in load and "<script>" not in load
    refused = {path: status for path, (status, _) in more.items() if text_is_short(more[path][1])}
    assert set(refused.values()) == {404}
    assert len(refused) == 12
    # A value with spaces is one value.
    assert "with customer_id=NO SUCH ONE" in more["/trace?table=customer_rating&key=customer_id%3DNO%20SUCH%20ONE"][1]


def text_is_short(text: str) -> bool:
    """An answer that says what there is not."""
    return text.startswith('{"detail"')


def test_a_link_leads_to_a_page(answers: dict[str, Any]) -> None:
    links = answers["links"]
    assert links["dashboard"] == "/credit/releases/1"
    assert links["changes"] == "/credit/releases/1/changes"
    assert links["no release"] == ""
    assert links["gate"] == "/credit/gates?run_id=scheduled__2026-06-20T02%3A00%3A00%2B00%3A00"
    assert links["load"].startswith("/credit/loads/")
    assert links["refused"] == "/credit/"
    assert links["behind a proxy"] == "/airflow/credit/releases/1"
    assert Path(links["dashboard"]).parts[1] == "credit"
