"""The page Credit where its users see it: in Airflow, after a login, on a desk and on a phone, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from gridcredit.operations import services
from gridcredit.operations.airflow_api import ADMIN
from gridcredit.operations.airflow_environment import airflow_environment
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import AIRFLOW_ROLE
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres, free_port
from pydantic import SecretStr

from tests.browser.looks import look
from tests.support.browser import DESKTOP, PHONE, Browser
from tests.support.prepared import Prepared, create_database, drop_database
from tests.support.suppliers import deliver
from tests.support.waiting import number, wait_for
from tests.support.warehouses import WarehouseFactory

pytestmark = pytest.mark.browser

METADATA = "metadata_of_browser"
FRAME = "document.querySelector('iframe').contentDocument"


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, rich: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A release with its dashboard, a file that waits, and a load with a row in quarantine."""
    settings = new_warehouse(rich)
    write_dashboard(settings=settings)
    (settings.landing_dir / "demo").mkdir(parents=True)
    (settings.landing_dir / "demo" / "bill_new.csv").write_text("x")
    deliver(
        tmp_path_factory.mktemp("files") / "payment_of_a_supplier_with_a_rather_long_file_name_2026_06.csv",
        settings,
        "payment_id,customer_id,bill_id,paid_on,amount\n"
        + "".join(f"N{n},C00000001,,2026-06-01,7.00\n" for n in range(30))
        + "N31,C00000001,,2026-13-01,7.00\n",
    )
    return settings


@pytest.fixture(scope="module")
def airflow(settings: Settings, server: EmbeddedPostgres, migrated_airflow: Prepared) -> Iterator[str]:
    """The address of Airflow's API server."""
    create_database(server, METADATA, migrated_airflow.name, AIRFLOW_ROLE)
    own = settings.model_copy(update={"airflow_database_url": SecretStr(server.url(AIRFLOW_ROLE, METADATA))})
    assert settings.warehouse_url
    services.write_admin_password(own)
    port = free_port()
    environment = airflow_environment(own, port) | {
        "GRIDCREDIT_WAREHOUSE_URL": settings.warehouse_url.get_secret_value()
    }
    address = f"http://127.0.0.1:{port}"
    own.log_dir.mkdir(parents=True, exist_ok=True)
    process = services.spawn(["api-server"], environment, own.log_dir / "api-server.log")
    try:
        wait_for(lambda: answers(f"{address}/api/v2/version"), "Airflow's API server did not start")
        yield address
    finally:
        family = [*process.children(recursive=True), process]
        for one in family:
            one.terminate()
        psutil.wait_procs(family, timeout=20)
        drop_database(server, METADATA)


def answers(address: str) -> bool:
    try:
        return httpx.get(address, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def logged_in(airflow: str, browser: Browser, settings: Settings) -> str:
    """The same address, once a person has logged in by Airflow's own form."""
    browser.open(airflow)
    browser.wait_until("document.querySelector('input[type=password]') !== null")
    browser.type("input[name=username]", ADMIN)
    browser.type("input[name=password]", settings.secret("airflow_admin"))
    browser.click("button[type=submit]")
    browser.wait_until("location.pathname === '/' && document.querySelector('nav, aside, [data-testid]') !== null")
    return airflow


def test_the_menu_opens_the_page(logged_in: str, browser: Browser, pictures: Path) -> None:
    browser.open(logged_in)
    browser.wait_until("[...document.querySelectorAll('a')].some(one => one.textContent.trim() === 'Credit')")
    browser.screenshot(pictures / "airflow_menu_1400.png")
    browser.run("[...document.querySelectorAll('a')].find(one => one.textContent.trim() === 'Credit').id = 'to_credit'")
    browser.click("#to_credit")
    browser.wait_until(f"document.querySelector('iframe') && {FRAME} && {FRAME}.querySelector('h1') !== null")
    browser.screenshot(pictures / "airflow_credit_1400.png")
    assert browser.run(f"{FRAME}.querySelector('h1').textContent") == "Credit"


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("page", ["", "gates?run_id=first", "releases/1/changes", "loads/{load}"])
def test_its_pages(
    logged_in: str, browser: Browser, settings: Settings, page: str, width: int, is_dark: bool, pictures: Path
) -> None:
    of = page.format(load=number(settings, "select max(file_id) from lineage.files"))
    picture = (
        f"airflow_{page.partition('?')[0].partition('/')[0] or 'page'}_{'dark' if is_dark else 'light'}_{width}.png"
    )
    look(browser, f"{logged_in}/credit/{of}", width, pictures / picture, is_dark=is_dark)
    assert browser.run("getComputedStyle(document.body).backgroundColor") == (
        "rgb(17, 17, 17)" if is_dark else "rgb(255, 255, 255)"
    )


def test_a_trace_is_asked_for_by_its_form(logged_in: str, browser: Browser) -> None:
    browser.open(f"{logged_in}/credit/")
    browser.run("document.querySelector('select[name=table]').value = 'customer_rating'")
    browser.type("input[name=key]", "customer_id=C00000001")
    browser.click("#trace button")
    browser.wait_until("document.querySelector('#vega-chart svg') !== null")
    assert "customer_rating" in browser.run("document.body.textContent")
    assert browser.errors == []
