"""The dashboards in Superset: every chart answers and shows what SQL says, and each is drawn in a browser."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from gridcredit.contract.bi.charts import Chart
from gridcredit.contract.bi.dashboards import Dashboard, read_dashboards
from gridcredit.contract.bi.datasets import Dataset, datasets, is_time
from gridcredit.operations import services, superset
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import SUPERSET, SUPERSET_ROLE, connect, connect_as_owner
from gridcredit.warehouse.leftovers import leftovers
from gridcredit.warehouse.migrations import ensure_database
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from tests.support.browser import PYTHON, Browser, running_browser
from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory, Warehouses

pytestmark = pytest.mark.bi

PASSWORD = "for this test"
# Each big number once more, worked out from other tables or in another way than its metric.
BY_HAND = {
    "Exposure": "select sum(open_amount) + sum(unbilled_amount) from published.credit_limit",
    "Limits used": "select sum(exposure) / sum(credit_limit) from star.fact_exposure",
    "Beyond limits": "select -sum(headroom) from star.fact_exposure where headroom < 0",
    "Receivables": "select sum(open_amount) from published.customer_account",
    "Overdue share": "select sum(overdue_amount) / sum(open_amount) from published.customer_account",
    "DSO, 3 months": "select star.dso(sum(receivable_amount), sum(billed_3_months), max(days_3_months)) "
    "from star.fact_receivable where date_day = (select max(as_of_date) from published.release)",
    "Red warnings": "select count(*) from published.customer_warning where level_rank = 1",
    "Customers warned": "select count(*) from (select distinct customer_id from published.customer_warning) as warned",
    "Money at risk": "select sum(money_at_risk) from (select distinct customer_id, money_at_risk from "
    "published.customer_warning) as one",
    "Overdue": "select sum(overdue_amount) from published.work_list",
    "Loss of debtors": "select sum(expected_loss) from published.work_list",
    "Late steps": "select count(*) from published.work_list where step_days_late >= 1",
    "Rows read": "select sum(rows_read) from lineage.loads join lineage.files using (file_id) where undone_at is null",
    "Rows accepted": "select sum(rows_accepted) from lineage.loads join lineage.files using (file_id) where undone_at "
    "is null",
    "In quarantine": "select count(*) from quarantine.rows where resubmitted_in is null",
    "Checks made": "select count(*) from lineage.gate_results "
    "where run_id = (select run_id from lineage.releases order by release desc limit 1)",
    "Checks failed": "select count(*) from lineage.gate_results where not success "
    "and run_id = (select run_id from lineage.releases order by release desc limit 1)",
    "Not rated": "select count(*) from star.dim_customer join published.customer_rating using (customer_id) where "
    "dim_customer.grade = 'NR'",
}
# The most rows that a chart asks for.
ROW_LIMIT = 1000


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, warehouses: Warehouses, rich: Prepared) -> Iterator[Settings]:
    """A warehouse whose release is of an earlier version, without this one's star; and a database for Superset."""
    own = new_warehouse(rich)
    with connect_as_owner(own) as connection:
        connection.execute(f"alter role bi_reader password '{PASSWORD}'".encode())
        connection.execute("drop schema star cascade")
        connection.execute("delete from ops.applied where name = 'views/star.sql'")
    ensure_database(warehouses.server, SUPERSET, SUPERSET_ROLE)
    database = SecretStr(warehouses.server.url(SUPERSET_ROLE, SUPERSET))
    own = own.model_copy(update={"bi_reader_password": SecretStr(PASSWORD), "superset_database_url": database})
    try:
        yield own
    finally:
        superset.stop(own)


@pytest.fixture(scope="module")
def address(settings: Settings) -> str:
    """Superset, started as `make bi` starts it."""
    said: list[str] = []
    address = superset.start(settings, said.append)
    assert "start Superset" in said
    return address


@pytest.fixture(scope="module")
def api(address: str, settings: Settings) -> Iterator[httpx.Client]:
    """A client that has logged in with the generated password."""
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        login = {"username": superset.ADMIN, "password": settings.secret("superset_admin"), "provider": "db"}
        token = client.post("/api/v1/security/login", json=login).raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def charts_of(api: httpx.Client, slug: str) -> dict[str, int]:
    """By title the number of each chart on a dashboard."""
    found = api.get(f"/api/v1/dashboard/{slug}/charts").raise_for_status().json()["result"]
    return {one["slice_name"]: one["id"] for one in found}


def answer(api: httpx.Client, chart: int) -> list[dict[str, Any]]:
    """The rows behind a chart."""
    response = api.get(f"/api/v1/chart/{chart}/data/")
    assert response.status_code == 200, response.text[:1000]
    (result,) = response.json()["result"]
    assert not result["error"]
    data: list[dict[str, Any]] = result["data"]
    return data


def ask(api: httpx.Client, table: str, query: dict[str, Any], **options: str) -> list[dict[str, Any]]:
    """The rows that a dataset answers to a question."""
    known = api.get("/api/v1/dataset/", params={"q": "(page_size:200)"}).raise_for_status().json()["result"]
    (dataset,) = [one["id"] for one in known if one["table_name"] == table]
    question = {"datasource": {"id": dataset, "type": "table"}, "queries": [{"columns": [], **query}], **options}
    answer = api.post("/api/v1/chart/data", json=question).raise_for_status().json()
    data: list[dict[str, Any]] = answer["result"][0]["data"]
    return data


def by_sql(chart: Chart, dataset: Dataset, settings: Settings) -> list[tuple[Any, ...]]:
    """What Postgres says to the same question, asked by an owner."""
    metrics = {metric.name: metric.sql for metric in dataset.metrics} | {"rows": "count(*)"}
    of = [
        f"date_trunc('month', {one})" if one == chart.x and is_time(dataset.columns[one]) else one
        for one in dimensions(chart)
    ]
    asked = of + chart.columns + [metrics[one] if isinstance(one, str) else one.sql for one in chart.metrics]
    where = f"where {chart.where}" if chart.where else ""
    group = f"group by {', '.join(map(str, range(1, len(of) + 1)))}" if of else ""
    return rows(settings, f"select {', '.join(asked)} from {dataset.name} {where} {group}".encode())


def dimensions(chart: Chart) -> list[str]:
    return [*filter(None, (chart.x, chart.series)), *chart.by]


def plain(value: Any) -> Any:
    """A value as both sides have it: numbers with ten digits, days and moments as milliseconds."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime):
        value = value.timestamp() * 1000
    return f"{float(value):.10g}" if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value


def as_sorted(found: Iterable[Iterable[Any]]) -> list[str]:
    return sorted(repr([plain(value) for value in row]) for row in found)


@pytest.mark.parametrize("slug", ["portfolio", "recovery", "quality"])
def test_every_chart_shows_what_sql_says(slug: str, api: httpx.Client, settings: Settings) -> None:
    """Superset asks as bi_reader by a chart's saved query, Postgres is asked as owner by what bi/dashboards.yml
    says.
    """
    dashboard, known = read_dashboards(settings)[slug], datasets(settings)
    found = charts_of(api, slug)
    assert set(found) == {chart.title for chart in dashboard.charts}
    empty = set()
    for chart in dashboard.charts:
        shown = answer(api, found[chart.title])
        expected = by_sql(chart, known[chart.of], settings)
        names = [
            *dimensions(chart),
            *chart.columns,
            *(one if isinstance(one, str) else one.label for one in chart.metrics),
        ]
        if len(expected) > ROW_LIMIT:
            assert len(shown) == ROW_LIMIT
            assert set(as_sorted([row[name] for name in names] for row in shown)) <= set(as_sorted(expected)), (
                chart.title
            )
        else:
            assert as_sorted([row[name] for name in names] for row in shown) == as_sorted(expected), chart.title
        if not expected:
            empty.add(chart.title)
        if chart.kind == "number":
            ((by_hand,),) = rows(settings, BY_HAND[chart.title].encode())
            ((value,),) = (row.values() for row in shown)
            assert float(value) == pytest.approx(float(by_hand), abs=0.005), chart.title
            if not value:
                empty.add(chart.title)
    assert len(empty) <= 4, empty


def test_from_a_figure_to_its_customers(api: httpx.Client, settings: Settings) -> None:
    """What "drill to detail" asks for: the rows behind the exposure of a unit and a grade."""
    ((unit, grade, customers),) = rows(
        settings, "select org_unit, grade, count(*) from published.credit_limit group by 1, 2 order by 3 desc limit 1"
    )
    filters = [{"col": "org_unit", "op": "==", "val": unit}, {"col": "grade", "op": "==", "val": grade}]
    data = ask(api, "credit_limit", {"filters": filters, "row_limit": 10_000}, result_type="drill_detail")
    assert len(data) == len({row["customer_id"] for row in data}) == customers
    assert {(row["org_unit"], row["grade"]) for row in data} == {(unit, grade)}


def test_nobody_reads_without_a_login(address: str) -> None:
    with httpx.Client(base_url=address, trust_env=False) as stranger:
        for path in (
            "/api/v1/chart/",
            "/api/v1/dashboard/portfolio",
            "/api/v1/chart/1/data/",
            "/api/v1/dataset/",
            "/api/v1/database/",
        ):
            assert stranger.get(path).status_code in (401, 404), path
        page = stranger.get("/superset/dashboard/portfolio/")
        assert page.is_redirect
        assert "login" in page.headers["location"]


def test_it_keeps_no_password_and_reads_as_bi_reader(api: httpx.Client, settings: Settings) -> None:
    who = {"expressionType": "SQL", "sqlExpression": "max(current_user::text)", "label": "who"}
    assert ask(api, "dim_date", {"metrics": [who]}) == [{"who": "bi_reader"}]
    url = settings.superset_database_url
    assert url
    with psycopg.connect(url.get_secret_value()) as own:
        assert own.execute("select sqlalchemy_uri, password from dbs").fetchall() == [
            ("postgresql+psycopg2://bi_reader@warehouse/warehouse", None)
        ]
        # Its own role has nothing of the warehouse.
        with pytest.raises(psycopg.OperationalError, match="permission denied"), connect(settings) as warehouse:
            psycopg.connect(make_conninfo(url.get_secret_value(), dbname=warehouse.info.dbname))


def test_a_second_start_is_quick_and_changes_nothing(address: str, settings: Settings) -> None:
    before, began, said = superset.pid(settings), time.monotonic(), list[str]()
    assert superset.start(settings, said.append) == address
    assert superset.pid(settings) == before
    assert not any("Superset" in line for line in said)
    assert time.monotonic() - began < 20


def sign_in(browser: Browser, address: str, settings: Settings) -> None:
    browser.open(f"{address}/login/")
    browser.wait_until("!!document.querySelector('input[type=password]')")
    browser.type("input#username, input[name=username]", superset.ADMIN)
    browser.type("input[type=password]", settings.secret("superset_admin"))
    browser.click("button[type=submit]")
    browser.wait_until("!location.pathname.includes('login')")


# Titles and big numbers of the charts that are drawn, those in the first screen at least.
DRAWN = """(() => [...document.querySelectorAll('[data-test-chart-name]')].map(one => [one.dataset.testChartName,
  one.querySelector('.header-line')?.innerText ?? null,
  !!one.querySelector('canvas, table'), !!one.querySelector('[role=alert]')]))()"""
NOTHING_LOADS = (
    "document.querySelectorAll('.chart-container').length >= %d && "
    "!document.querySelector('[data-test=loading-indicator], .loading')"
)
PIXEL = "apachesuperset.gateway.scarf.sh"


@pytest.mark.skipif(not (PYTHON.parents[1] / ".installed").exists(), reason="no browser: `make install-browser`")
def test_each_dashboard_in_a_browser(address: str, settings: Settings, tmp_path: Path) -> None:
    """Every chart is drawn without an error, big numbers are those of SQL, a filter narrows them, and no other host is
    asked.
    """
    known = datasets(settings)
    with running_browser(tmp_path) as browser:
        sign_in(browser, address, settings)
        for slug, dashboard in read_dashboards(settings).items():
            drawn = look_at(browser, f"{address}/superset/dashboard/{slug}/", dashboard)
            for title, number, is_drawn, is_wrong in drawn:
                assert not is_wrong, title
                if title in BY_HAND:
                    ((by_hand,),) = rows(settings, BY_HAND[title].encode())
                    assert number == as_tile(by_hand, chart_named(title, dashboard), known), title
                else:
                    chart = chart_named(title, dashboard)
                    assert is_drawn or not by_sql(chart, known[chart.of], settings), title
        ((region,),) = rows(settings, "select min(region) from star.dim_org where region <> 'unknown'")
        chosen = (
            f"(NATIVE_FILTER-portfolio-region:(id:NATIVE_FILTER-portfolio-region,filterState:(value:!({region})),"
            f"extraFormData:(filters:!((col:region,op:IN,val:!({region}))))))"
        )
        portfolio = read_dashboards(settings)["portfolio"]
        drawn = look_at(browser, f"{address}/superset/dashboard/portfolio/?native_filters={chosen}", portfolio)
        ((exposure,),) = rows(settings, "select sum(exposure) from published.credit_limit where region = %s", region)
        assert dict(one[:2] for one in drawn)["Exposure"] == f"{exposure:,.0f}"


def look_at(browser: Browser, address: str, dashboard: Dashboard) -> list[Any]:
    """What is drawn of each chart, in a window that is high enough for all of them."""
    browser.open(address, height=3600)
    browser.wait_until(NOTHING_LOADS % len(dashboard.charts))
    # Superset's pages ask for a picture elsewhere, which their own policy refuses them.
    assert [one for one in browser.errors if PIXEL not in one] == []
    assert all("Content Security Policy" in one for one in browser.errors)
    assert (
        browser.run(
            "performance.getEntriesByType('resource').filter(one => !one.name.startsWith(location.origin) "
            "&& !/^(data|blob):/.test(one.name) && one.responseStatus).map(one => one.name)"
        )
        == []
    )
    drawn: list[Any] = browser.run(DRAWN)
    assert {one[0] for one in drawn} == {chart.title for chart in dashboard.charts}
    return drawn


def chart_named(title: str, dashboard: Dashboard) -> Chart:
    return next(chart for chart in dashboard.charts if chart.title == title)


def as_tile(value: Any, chart: Chart, known: dict[str, Dataset]) -> str:
    """A number as its tile has it: shares in percent, days with a decimal, all else whole."""
    units = {metric.name: metric.unit for metric in known[chart.of].metrics}
    (metric,) = chart.metrics
    unit = units.get(metric) if isinstance(metric, str) else None
    return {"share": f"{value:.1%}", "days": f"{value:,.1f}"}.get(unit or "", f"{value:,.0f}")


def test_down_stops_it(address: str, settings: Settings) -> None:
    """It is found by itself too: a removed home would leave it running."""
    assert [one.name for one in leftovers(settings)] == ["superset"]
    assert services.stop(settings) == ["superset"]
    assert services.stop(settings) == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/health", trust_env=False)
