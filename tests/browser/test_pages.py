"""Each page, opened at the width of a desk and of a phone: no error, and all of its text can be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridcredit.pages.texts import Language
from gridcredit.reporting.customer import write_report
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.reporting.policy.document import write_policy_document
from gridcredit.reporting.site.pages import write_site
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

from tests.browser.looks import look
from tests.support import shipped
from tests.support.browser import DESKTOP, PHONE, Browser
from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory

pytestmark = pytest.mark.browser

LANGUAGES: tuple[Language, ...] = ("en", "zh")
DASHBOARD = ("overview", "debtors", "warnings", "recovery", "quality", "customer")
SITE = (
    "index",
    "reference/warehouse",
    "reference/warehouse/lineage",
    "reference/warehouse/lineage_all",
    "reference/warehouse/dictionary",
)


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, rich: Prepared) -> Settings:
    return new_warehouse(rich)


@pytest.fixture(scope="module")
def customer(settings: Settings) -> str:
    """Who owes most with a warning open."""
    with connect(settings) as connection:
        (customer,) = connection.execute(
            "select customer_id from published.largest_debtor where customer_id in "
            "(select customer_id from published.customer_warning) order by debtor_rank limit 1"
        ).fetchone() or ("",)
    return str(customer)


@pytest.fixture(scope="module")
def dashboards(settings: Settings) -> dict[Language, Path]:
    return {language: write_dashboard(None, settings, language) for language in LANGUAGES}


@pytest.fixture(scope="module")
def site(settings: Settings) -> Path:
    return write_site(settings).parent


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", DASHBOARD)
def test_the_dashboard(
    browser: Browser,
    dashboards: dict[Language, Path],
    customer: str,
    page: str,
    language: Language,
    width: int,
    pictures: Path,
) -> None:
    fragment = f"customer-{customer}" if page == "customer" else page
    address = f"{dashboards[language].as_uri()}#{fragment}"
    look(browser, address, width, pictures / f"dashboard_{page}_{language}_{width}.png")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_customers_report(
    browser: Browser, settings: Settings, customer: str, language: Language, width: int, pictures: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    write_report(customer, page, language, settings)
    look(browser, page.as_uri(), width, pictures / f"report_{language}_{width}.png")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_policy_as_a_document(
    browser: Browser, settings: Settings, language: Language, width: int, pictures: Path, tmp_path: Path
) -> None:
    page = write_policy_document(shipped.VERSION, language, tmp_path / "policy.html", settings)
    look(browser, page.as_uri(), width, pictures / f"policy_{language}_{width}.png")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("page", SITE)
def test_the_site(browser: Browser, site: Path, page: str, width: int, pictures: Path) -> None:
    look(browser, (site / f"{page}.html").as_uri(), width, pictures / f"site_{page.replace('/', '_')}_{width}.png")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_lineage_is_searched_and_followed(browser: Browser, site: Path, width: int, pictures: Path) -> None:
    address = (site / "reference" / "warehouse" / "lineage.html").as_uri()
    browser.open(address, width)
    browser.type("#search", "credit_limit.credit_l")
    found = browser.run("[...document.querySelectorAll('#found a')].map(one => one.hash.slice(1))")
    assert "candidate.credit_limit.credit_limit" in found
    browser.click("#found a[href='#candidate.credit_limit.credit_limit']")
    open_page = "document.querySelector('.page:not([hidden])').dataset.name"
    browser.wait_until(f"{open_page} === 'credit_limit'")
    browser.click(".page:not([hidden]) .three > div:first-child a.box")
    browser.wait_until(f"{open_page} !== 'credit_limit'")
    assert browser.errors == []
    look(browser, f"{address}#candidate.credit_limit", width, pictures / f"lineage_of_a_table_{width}.png")
