"""The hand-worked cases of dbt_project/models/edge_cases.yml, by dbt on a real Postgres."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import yaml
from gridcredit import pipeline, transform
from gridcredit.extracts.loader import load_file
from gridcredit.extracts.mapping import load_mappings

from tests.conftest import WarehouseFactory


def test_edge_cases(new_warehouse: WarehouseFactory, tmp_path: Path) -> None:
    settings = new_warehouse()
    settings.history_months = 2
    # dbt takes the types of a case's rows from tables that are there.
    path = tmp_path / "customer.csv"
    path.write_text("customer_id,name,segment,opened_on,updated_at\nC1,Li,residential,2020-01-01,2020-01-01 00:00:00\n")
    load_file(path, load_mappings(settings.mappings_dir)["demo"], settings)
    pipeline.build_ratings("edge", date(2026, 1, 10), settings)
    cases = yaml.safe_load((settings.dbt_dir / "models" / "edge_cases.yml").read_text())["unit_tests"]
    outcome = transform.invoke_dbt(["--quiet", "--no-print", "test", "--select", "test_type:unit"], settings)
    told = {result.node.name: f"{result.status} {result.message or ''}" for result in outcome.result.results}
    assert {name: text for name, text in told.items() if not text.startswith("pass")} == {}
    assert told.keys() == {case["name"] for case in cases}
