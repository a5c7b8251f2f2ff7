"""The bundle for Superset: what it names is there, and nobody reads by it what bi_reader may not read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from gridcredit.contract.bi.charts import Chart
from gridcredit.contract.bi.dashboards import bundle_files, read_dashboards
from gridcredit.contract.bi.datasets import datasets, identity
from gridcredit.contract.described import published_tables, star_tables
from gridcredit.errors import GridCreditError
from gridcredit.settings import PROJECT_DIR, Settings

BUNDLE = PROJECT_DIR / "bi"


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def test_the_folders_hold_what_is_derived_and_nothing_else() -> None:
    """That each file is up to date is checked with all derived files."""
    there = {path for name in ("datasets", "charts", "dashboards") for path in (BUNDLE / name).rglob("*.yaml")}
    assert there == set(bundle_files(Settings()))


def test_every_table_that_readers_see_is_a_dataset_with_all_its_columns() -> None:
    published = published_tables(Settings())
    expected = {("published", one.name): one for one in published} | {
        ("star", one.name): one for one in star_tables(published)
    }
    files = [read(path) for path in (BUNDLE / "datasets").rglob("*.yaml")]
    assert {(one["schema"], one["table_name"]) for one in files} == set(expected)
    for one in files:
        table = expected[one["schema"], one["table_name"]]
        texts = {column["column_name"]: column["description"] for column in one["columns"]}
        assert {column.name: table.column_comment(column) for column in table.columns}.items() <= texts.items()
        assert all(texts.values())


def test_identities_fit_together() -> None:
    """As an import follows them: charts to datasets, datasets to the database, dashboards to charts."""
    database = read(BUNDLE / "databases" / "warehouse.yaml")
    assert database["uuid"] == identity("database", "warehouse")
    sets = {one["uuid"]: one for one in map(read, (BUNDLE / "datasets").rglob("*.yaml"))}
    charts = {one["uuid"]: one for one in map(read, (BUNDLE / "charts").glob("*.yaml"))}
    assert {one["database_uuid"] for one in sets.values()} == {database["uuid"]}
    assert {one["dataset_uuid"] for one in charts.values()} <= set(sets)
    placed = []
    for path in (BUNDLE / "dashboards").glob("*.yaml"):
        dashboard = read(path)
        parts = [one for one in dashboard["position"].values() if isinstance(one, dict)]
        placed += [one["meta"]["uuid"] for one in parts if one["type"] == "CHART"]
        assert {child for one in parts for child in one.get("children", [])} <= set(dashboard["position"])
        for row in (one for one in parts if one["type"] == "ROW"):
            assert sum(dashboard["position"][child]["meta"]["width"] for child in row["children"]) == 12
    assert sorted(placed) == sorted(charts)


def test_a_title_is_of_one_chart() -> None:
    titles = [chart.title for dashboard in read_dashboards(Settings()).values() for chart in dashboard.charts]
    assert sorted(titles) == sorted(set(titles))


def test_no_secret_and_no_address_is_in_it() -> None:
    database = read(BUNDLE / "databases" / "warehouse.yaml")
    assert database["sqlalchemy_uri"] == "postgresql+psycopg2://bi_reader@warehouse/warehouse"
    assert not {"password", "encrypted_extra"} & set(database)
    assert not any(database[right] for right in ("allow_ctas", "allow_cvas", "allow_dml", "allow_file_upload"))


def test_filters_reach_the_charts_that_have_their_column_and_no_other() -> None:
    known = datasets(Settings())
    for name, dashboard in read_dashboards(Settings()).items():
        assert {"region", "org_unit", "segment", "grade"} <= set(dashboard.filters)
        content = read(BUNDLE / "dashboards" / f"{name}.yaml")
        parts = [one for one in content["position"].values() if isinstance(one, dict) and one["type"] == "CHART"]
        titles = {one["meta"]["chartId"]: one["meta"]["sliceName"] for one in parts}
        of = {chart.title: known[chart.of].columns for chart in dashboard.charts}
        for one in content["metadata"]["native_filter_configuration"]:
            column = one["targets"][0]["column"]["name"]
            beyond = {titles[number] for number in one["scope"]["excluded"]}
            assert beyond == {title for title, columns in of.items() if column not in columns}
            assert len(beyond) < len(titles), f"{name}: no chart has {column}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "number", "metrics": ["no_metric"]},
        {"kind": "bar", "metrics": ["rows"], "x": "customer_name"},
        {"kind": "list", "columns": ["customer_id"], "order": "party_name"},
    ],
)
def test_a_chart_of_what_is_not_there_is_refused(wrong: dict[str, Any]) -> None:
    chart = Chart.model_validate({"title": "Wrong", "of": "published.customer_rating", "width": 2, **wrong})
    with pytest.raises(
        GridCreditError, match=r"Wrong: published.customer_rating has no (no_metric|customer_name|party_name)"
    ):
        chart.require(datasets(Settings())[chart.of])


def test_queries_ask_for_what_is_drawn() -> None:
    for path in (BUNDLE / "charts").glob("*.yaml"):
        chart = read(path)
        params, (query,) = chart["params"], json.loads(chart["query_context"])["queries"]
        drawn = params.get("metrics") or [params[one] for one in ("metric",) if one in params]
        assert query.get("metrics", [])[: len(drawn)] == drawn
        where = [one["sqlExpression"] for one in params["adhoc_filters"]]
        assert query["extras"].get("where", "") == "".join(f"({one})" for one in where)
