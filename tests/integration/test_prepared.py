"""The prepared warehouses that other tests start from are whole: what a copy holds is what was built."""

from __future__ import annotations

import time

import pytest
from gridcredit.lineage.run import load_run
from gridcredit.operations import runs
from gridcredit.releases.release import verify_release
from gridcredit.transformation.build_plan import plan_build
from gridcredit.transformation.runner import dbt_session
from gridcredit.warehouse.connection import connect, warehouse_url
from psycopg.conninfo import conninfo_to_dict

from tests.support.dbt_parse import PREFIXES
from tests.support.prepared import Prepared, unlogged_rows
from tests.support.warehouses import WarehouseFactory, Warehouses


def test_unlogged_tables_come_along(new_warehouse: WarehouseFactory, small: Prepared, rich: Prepared) -> None:
    """Postgres empties them after a crash; neither stopping and copying the server nor copying a database is one."""
    for prepared in (small, rich):
        settings = new_warehouse(prepared)
        held = unlogged_rows(settings)
        assert held == prepared.unlogged_rows
        assert held["ledger.bill_balance"] > 500
        assert held["ops.built"] == 1
        assert verify_release(1, settings) == []
        # So the next build computes what changed, and nothing else.
        run = runs.start_run("next", settings=settings)
        assert plan_build(run, runs.as_of_dates(run.as_of_date, settings.history_months)).because is None


def test_a_copy_is_its_own(warehouses: Warehouses, small: Prepared) -> None:
    with warehouses.lent(small) as one, warehouses.lent(small) as other:
        assert one.warehouse_url != other.warehouse_url
        assert one.home != other.home
        runs.start_run("only here", settings=one)
        with pytest.raises(Exception, match="no run 'only here' is registered"), connect(other) as connection:
            load_run(connection, "only here", other)


def test_the_parse_comes_along(warehouses: Warehouses, small: Prepared) -> None:
    """dbt parses nothing again for another database, port and home; and each relation is of that database."""
    began = time.time()
    with warehouses.lent(small) as settings:
        database = conninfo_to_dict(warehouse_url(settings))["dbname"]
        for prefix in PREFIXES:
            with dbt_session(settings, schema_prefix=prefix) as invoke:
                nodes = invoke(["--quiet", "parse"]).result.nodes.values()
            assert len(nodes) > 150
            assert [node.name for node in nodes if node.created_at > began] == []
            assert {node.database for node in nodes} == {database}
            assert {str(node.relation_name).split(".")[0] for node in nodes if node.relation_name} == {f'"{database}"'}
