"""The hand-worked cases of dbt_project/models/edge_cases.yml, by dbt on a real Postgres."""

from __future__ import annotations

import yaml
from gridcredit.transformation import runner

from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory


def test_edge_cases(new_warehouse: WarehouseFactory, small: Prepared) -> None:
    # dbt takes the types of a case's rows from tables that are there.
    settings = new_warehouse(small)
    cases = yaml.safe_load((settings.dbt_dir / "models" / "edge_cases.yml").read_text())["unit_tests"]
    outcome = runner.invoke_dbt(["--quiet", "--no-print", "test", "--select", "test_type:unit"], settings)
    outcomes = {result.node.name: f"{result.status} {result.message or ''}" for result in runner.node_results(outcome)}
    assert {name: text for name, text in outcomes.items() if not text.startswith("pass")} == {}
    assert outcomes.keys() == {case["name"] for case in cases}
