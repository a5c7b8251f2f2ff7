"""The metrics, as MetricFlow asks for them: against figures computed by hand, and against the functions of `star`."""

from __future__ import annotations

import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from gridcredit.contract.bi.metrics import metrics_by_table
from gridcredit.reporting.dashboard.facts import QUERIES
from gridcredit.reporting.dashboard.page import past_errors
from gridcredit.reporting.metrics import semantic_manifest
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.published_tables import TABLES
from psycopg.rows import dict_row

from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

pytestmark = pytest.mark.bi

PYTHON = PROJECT_DIR / ".venv-bi" / "bin" / "python"
SUPPORT = PROJECT_DIR / "tests" / "support"
MONTH, UNIT = "metric_time__month", "receivable__org_unit"

BY_HAND = """
create schema by_hand;
create table by_hand.receivable_by_month (like published.receivable_by_month);
insert into by_hand.receivable_by_month (as_of_date, org_unit, receivable_amount, overdue_amount, billed_amount,
    collected_amount, is_running_month, billed_3_months, days_3_months, billed_12_months, days_12_months) values
    ('2026-03-31', 'unit_01', 1000, 400, 800, 600, false, null, null, null, null),
    ('2026-03-31', 'unit_02', 500, 0, 500, 250, false, null, null, null, null),
    ('2026-04-30', 'unit_01', 1200, 300, 900, 700, false, 1800, 89, 5000, 365),
    ('2026-04-30', 'unit_02', 300, 100, 600, 800, false, 1200, 89, 4000, 365),
    ('2026-05-10', 'unit_01', 900, 300, 50, 0, true, null, null, null, null);
create table by_hand.credit_limit (like published.credit_limit);
insert into by_hand.credit_limit (customer_id, exposure, credit_limit, as_of_date) values
    ('a', 300, 1000, '2026-05-10'), ('b', 700, 500, '2026-05-10');
create table by_hand.roll_rate (like published.roll_rate);
insert into by_hand.roll_rate (as_of_date, from_bucket, from_bucket_rank, to_bucket, to_bucket_rank, amount) values
    ('2026-04-30', '1-30', 2, 'paid', null, 600), ('2026-04-30', '1-30', 2, '1-30', 2, 100),
    ('2026-04-30', '1-30', 2, '31-60', 3, 300), ('2026-04-30', 'not due', 0, '1-30', 2, 1000);
create table by_hand.officer_result (like published.officer_result);
insert into by_hand.officer_result (officer_id, overdue_month, overdue_amount, recovered_90, recovered_rate_90) values
    ('E1', '2026-01-01', 1000, 800, 0.8), ('E2', '2026-01-01', 1000, 500, 0.5), ('E3', '2026-04-01', 5000, 10, null);
create table by_hand.promise_result (like published.promise_result);
insert into by_hand.promise_result (action_id, promise_date, outcome) values
    ('1', '2026-04-01', 'kept'), ('2', '2026-04-02', 'kept'),
    ('3', '2026-04-03', 'broken'), ('4', '2026-06-01', 'open');
create table by_hand.cash_forecast (like published.cash_forecast);
insert into by_hand.cash_forecast (as_of_date, months, forecast_amount, collected_amount) values
    ('2026-02-28', 1, 110, 100), ('2026-03-31', 1, 80, 100), ('2026-02-28', 3, 150, 100), ('2026-04-30', 1, 99, null);
create table by_hand.outcome (
    as_of_date date, customer_id text, segment text, region text, grade_by_policy text, outcome text
);
insert into by_hand.outcome (as_of_date, customer_id, outcome) values ('2025-06-30', 'a', 'default'),
    ('2025-06-30', 'b', 'no default'), ('2025-06-30', 'c', 'indeterminate'), ('2025-06-30', 'd', null);
"""

# By metric and what it is asked by: the answers, computed from the rows above.
EXPECTED: dict[tuple[str, str | None], dict[str | None, str | None]] = {
    # March: 1,500 / 1,300 x 31; April: 1,500 / 1,500 x 30. May runs.
    ("dso", MONTH): {"2026-03-01": "35.77", "2026-04-01": "30.00"},
    ("average_days_delinquent", MONTH): {"2026-03-01": "9.54", "2026-04-01": "8.00"},
    # 1,200 / 900 x 30, and 300 / 600 x 30; the latest closed month of each.
    ("dso_3_months", MONTH): {"2026-03-01": None, "2026-04-01": "44.50", "2026-05-01": None},
    ("dso_12_months", MONTH): {"2026-03-01": None, "2026-04-01": "60.83", "2026-05-01": None},
    ("collection_rate", MONTH): {"2026-03-01": "0.65", "2026-04-01": "1.00", "2026-05-01": "0.00"},
    ("overdue_share", MONTH): {"2026-03-01": "0.27", "2026-04-01": "0.27", "2026-05-01": "0.33"},
    # April: (1,500 + 1,500 - 1,500) / (1,500 + 1,500 - 1,100); May so far: (1,500 + 50 - 900) / (1,500 + 50 - 600).
    ("cei", MONTH): {"2026-03-01": None, "2026-04-01": "78.95", "2026-05-01": "68.42"},
    ("exposure", None): {None: "1000.00"},
    ("utilisation", None): {None: "0.67"},
    ("roll_rate", "roll__from_bucket"): {"1-30": "0.30", "not due": "1.00"},
    # E3's debts are not 90 days old.
    ("recovery_rate", None): {None: "0.65"},
    ("promise_kept_rate", None): {None: "0.67"},
    ("forecast_error", "forecast__months"): {"1": "0.15", "3": "0.50"},
    ("default_rate", None): {None: "0.33"},
}


def sql_of(manifest: Path, questions: list[dict[str, list[str]]]) -> list[str]:
    """What MetricFlow makes of questions, in an environment of its own where no socket opens."""
    if not PYTHON.exists():
        pytest.fail("there is no .venv-bi: `make test-bi` builds it")
    done = subprocess.run(
        [PYTHON, SUPPORT / "metricflow_sql.py", manifest],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers: list[str] = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, rich: Prepared) -> Settings:
    return new_warehouse(rich)


@pytest.fixture(scope="module")
def manifest(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("manifest") / "semantic_manifest.json"
    path.write_text(semantic_manifest(settings))
    return path


def test_metrics_by_hand(settings: Settings, manifest: Path) -> None:
    with connect(settings) as connection:
        connection.execute(BY_HAND.encode())
    by_hand = manifest.with_name("by_hand.json")
    by_hand.write_text(re.sub(r'\b(published|outcomes)(\\?"\.|")', r"by_hand\2", manifest.read_text()))
    questions = [{"metrics": [metric], "by": [by] if by else []} for metric, by in EXPECTED]
    for (metric, by), statement in zip(EXPECTED, sql_of(by_hand, questions), strict=True):
        found = {
            (str(row[0])[:10] if by else None): None if row[-1] is None else f"{row[-1]:.2f}"
            for row in rows(settings, statement.encode())
        }
        wanted = EXPECTED[metric, by]
        assert {key: value for key, value in found.items() if key in wanted} == wanted, metric
        assert all(found[key] is None for key in set(found) - set(wanted)), metric


def test_metrics_of_the_bundle_by_hand(settings: Settings) -> None:
    """The same rows, asked by the SQL that Superset's datasets have; all but what no aggregate can see."""
    with connect(settings) as connection:
        connection.execute(
            re.sub("schema by_hand", "schema bundle_by_hand", BY_HAND).replace("by_hand.", "bundle_by_hand.").encode()
        )
    defined = {
        metric.name: (table, metric.sql)
        for table, metrics in metrics_by_table(set(TABLES), settings).items()
        for metric in metrics
    }
    assert {metric for metric, _ in EXPECTED} - set(defined) == {"cei", "default_rate"}
    groups = {
        MONTH: "date_trunc('month', as_of_date)::date",
        "roll__from_bucket": "from_bucket",
        "forecast__months": "months",
    }
    for (metric, by), wanted in EXPECTED.items():
        if metric in defined:
            table, expression = defined[metric]
            statement = f"select {groups[by] if by else 'null'}, {expression} from bundle_by_hand.{table} group by 1"
            found = {
                str(key) if by else None: None if value is None else f"{value:.2f}"
                for key, value in rows(settings, statement.encode())
            }
            assert {key: value for key, value in found.items() if key in wanted} == wanted, metric
            assert all(found[key] is None for key in set(found) - set(wanted)), metric


def test_every_ratio_is_computed_by_hand() -> None:
    defined = yaml.safe_load((PROJECT_DIR / "dbt_project" / "models" / "metrics.yml").read_text())["metrics"]
    ratios = {one["name"] for one in defined if one["type"] != "simple"}
    assert ratios <= {metric for metric, _ in EXPECTED}


def test_metrics_are_those_of_the_star(settings: Settings, manifest: Path) -> None:
    """Of each month and unit of a supplier, as docs/bi.md asks for them."""
    names = ["dso", "collection_rate", "cei"]
    questions = [{"metrics": [name], "by": [MONTH, UNIT]} for name in names]
    asked = {
        name: {(str(month)[:10], unit): value for month, unit, value in rows(settings, statement.encode())}
        for name, statement in zip(names, sql_of(manifest, questions), strict=True)
    }
    functions = rows(
        settings,
        "select date.month_start, now.org_unit, bool_or(now.is_running_month), "
        "star.dso(sum(now.receivable_amount), sum(now.billed_amount), extract(day from max(now.date_day))::integer), "
        "star.collection_rate(sum(now.collected_amount), sum(now.billed_amount)), "
        "star.cei((select sum(receivable_amount) from star.fact_receivable as before "
        "where before.date_day = date.month_start - 1 and before.org_unit = now.org_unit), "
        "sum(now.billed_amount), sum(now.receivable_amount), sum(now.overdue_amount)) "
        "from star.fact_receivable as now inner join star.dim_date as date using (date_day) group by 1, 2",
    )
    assert len(functions) > 50
    for month, unit, is_running, dso, rate, cei in functions:
        key = (str(month), unit)
        assert asked["dso"].get(key) == (None if is_running else dso), key
        share = asked["collection_rate"][key]
        assert (None if share is None else round(Decimal(share), 4)) == rate, key
        assert asked["cei"].get(key) == cei, key


def test_the_forecast_error_is_that_of_the_dashboard(settings: Settings, manifest: Path) -> None:
    with connect(settings) as connection:
        forecasts = connection.cursor(row_factory=dict_row).execute(QUERIES["forecasts"]).fetchall()
    (statement,) = sql_of(manifest, [{"metrics": ["forecast_error"], "by": ["forecast__months"]}])
    found = dict(rows(settings, statement.encode()))
    errors: dict[int, Any] = {row["months"]: row["forecast"] for row in past_errors(forecasts)}
    assert {months: round(error, 8) for months, error in found.items()} == {
        months: round(error, 8) for months, error in errors.items()
    }


def test_no_metric_calls_home() -> None:
    """The update checker of MetricFlow's command is not even installed, and nothing of it opens a socket."""
    lock = (PROJECT_DIR / "requirements-bi.lock").read_text()
    assert "metricflow==" in lock
    assert "update-checker" not in lock
    assert "dbt-metricflow" not in lock
    attempt = "import no_network, urllib.request; urllib.request.urlopen('http://127.0.0.1:9')"
    done = subprocess.run(
        [PYTHON, "-c", attempt], cwd=SUPPORT, env={"PYTHONPATH": "."}, capture_output=True, text=True, check=False
    )
    assert "something calls another host" in done.stderr
