"""Airflow builds in layers, a process of its own in one go: the same models, the same release."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.transformation.runner import BEFORE_CANDIDATE, LAYERS, dbt_session
from gridcredit.warehouse.connection import connect
from psycopg import sql
from pydantic import SecretStr

from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

DAY = date(2026, 7, 2)


def test_each_model_and_test_is_in_one_layer(tmp_path: Path) -> None:
    """dbt lists them without a server; sources are read by several layers and built by none."""
    settings = Settings(home=tmp_path, warehouse_url=SecretStr("postgresql://nobody:none@127.0.0.1:1/none"))
    with dbt_session(settings) as invoke:

        def listed(*choice: str) -> list[str]:
            kinds = ["--resource-type", "model", "--resource-type", "test"]
            outcome = invoke(
                [
                    "--quiet",
                    "--no-print",
                    "ls",
                    "--output",
                    "name",
                    *kinds,
                    *choice,
                    "--indirect-selection",
                    "buildable",
                ]
            )
            assert outcome.success, outcome.exception
            names: list[str] = outcome.result
            return names

        in_layers = {layer: listed("--selector", layer) for layer in LAYERS}
        everything = listed("--exclude", "path:models/evaluation", "test_name:key_is_enforced", "test_name:not_null")
        first_three = listed("--selector", BEFORE_CANDIDATE)
    built = Counter(name for names in in_layers.values() for name in names)
    assert set(built.values()) == {1}
    assert set(built) == set(everything)
    assert len(everything) > 150
    assert sorted(first_three) == sorted(name for layer in LAYERS[:-1] for name in in_layers[layer])


def test_a_layer_reads_no_later_one(tmp_path: Path) -> None:
    """A table of a later layer would be missing at the first build, and yesterday's in every other."""
    settings = Settings(home=tmp_path, warehouse_url=SecretStr("postgresql://nobody:none@127.0.0.1:1/none"))
    with dbt_session(settings) as invoke:
        nodes = invoke(["--quiet", "parse"]).result.nodes
    layer_of = {
        name: LAYERS.index(node.config.meta["layer"]) for name, node in nodes.items() if "layer" in node.config.meta
    }
    later = {
        (name, read)
        for name, layer in layer_of.items()
        for read in nodes[name].depends_on_nodes
        if layer_of.get(read, -1) > layer
    }
    assert len(layer_of) > 150
    assert later == set()


@pytest.mark.parametrize("after", ["check_candidate", "build_candidate"])
def test_what_a_run_built_is_gone_before_its_release(
    new_warehouse: WarehouseFactory, small: Prepared, after: str
) -> None:
    """The server fell, somebody built by hand, or a release was rolled back: the run builds again, and its release is whole."""
    undisturbed, settings = new_warehouse(small), new_warehouse(small)
    assert pipeline.build_ratings("next", DAY, undisturbed).number == 2
    pipeline.check_raw("next", DAY, settings)
    for layer in LAYERS:
        pipeline.build_layer("next", layer, settings)
    if after == "check_candidate":
        pipeline.check_candidate("next", settings)
    tables = rows(settings, "select nspname, relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
                            "where relpersistence = 'u' and relkind = 'r'")  # fmt: skip
    with connect(settings) as connection:
        connection.execute(
            sql.SQL("truncate {}").format(sql.SQL(", ").join(sql.Identifier(*table) for table in tables))
        )
    if after == "build_candidate":
        pipeline.check_candidate("next", settings)
    assert pipeline.publish_release("next", settings).number == 2
    assert sums(settings) == sums(undisturbed)


def sums(settings: Settings) -> list[tuple[object, ...]]:
    return rows(
        settings, "select table_name, rows, row_hash_sum from lineage.release_tables where release = 2 order by 1"
    )


def test_layer_by_layer_gives_the_same_release(new_warehouse: WarehouseFactory, small: Prepared) -> None:
    at_once, by_layer = new_warehouse(small), new_warehouse(small)
    assert pipeline.build_ratings("next", DAY, at_once).number == 2

    pipeline.check_raw("next", DAY, by_layer)
    for layer in LAYERS[:2]:
        pipeline.build_layer("next", layer, by_layer)
    built = "select layer from ops.built_layer where run_id = 'next' order by layer"
    assert rows(by_layer, built) == [("credit",), ("ledger",)]
    # As a fall of the server leaves it: unlogged tables are empty, so that the layers before are built again.
    with connect(by_layer) as connection:
        connection.execute("truncate ops.built_layer, ops.built, ledger.movement, credit.rating")
    pipeline.build_layer("next", "collections", by_layer)
    assert rows(by_layer, built) == [("collections",), ("credit",), ("ledger",)]
    assert rows(by_layer, "select built_because from lineage.runs where run_id = 'next'") == [
        ("the database lost its unlogged tables in a crash, or models were built by hand",)
    ]
    pipeline.build_layer("next", "candidate", by_layer)
    # A layer that ran is run again: nothing changes.
    pipeline.build_layer("next", "collections", by_layer)
    pipeline.check_candidate("next", by_layer)
    assert pipeline.publish_release("next", by_layer).number == 2
    assert sums(by_layer) == sums(at_once)
    stages = [stage for (stage,) in rows(by_layer, "select stage from ops.stage_timings where run_id = 'next'")]
    assert stages.count("build_collections") == 2
