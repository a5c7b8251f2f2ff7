"""Airflow builds in layers, a process of its own in one go: the same models, the same release."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from gridcredit.lineage.run import Run, load_run
from gridcredit.operations import pipeline, runs
from gridcredit.releases.release import roll_back
from gridcredit.settings import Settings
from gridcredit.transformation import build_plan
from gridcredit.transformation.build_plan import BuildPlan, begin_build
from gridcredit.transformation.runner import BEFORE_CANDIDATE, LAYERS, are_built, dbt_environment, dbt_session
from gridcredit.warehouse.connection import connect
from psycopg import sql
from pydantic import SecretStr

from tests.support.prepared import Prepared
from tests.support.waiting import number, rows
from tests.support.warehouses import WarehouseFactory

DAY = date(2026, 7, 2)


@dataclass(frozen=True)
class Project:
    """What dbt lists by a choice of nodes, and the nodes themselves."""

    listed: dict[str, list[str]]
    nodes: dict[str, Any]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Read without a server, and parsed once; the session ends here, since it changes the environment."""
    home = tmp_path_factory.mktemp("no_server")
    settings = Settings(home=home, warehouse_url=SecretStr("postgresql://nobody:none@127.0.0.1:1/none"))
    choices = {layer: ["--selector", layer] for layer in (*LAYERS, BEFORE_CANDIDATE)}
    not_every_night = ["path:models/evaluation", "test_name:key_is_enforced", "test_name:not_null"]
    choices["everything"] = ["--exclude", *not_every_night]
    ls = ["--quiet", "--no-print", "ls", "--output", "name", "--resource-type", "model", "--resource-type", "test"]
    with dbt_session(settings) as invoke:
        listed = {}
        for name, choice in choices.items():
            outcome = invoke([*ls, *choice, "--indirect-selection", "buildable"])
            assert outcome.success, outcome.exception
            listed[name] = outcome.result
        return Project(listed, invoke(["--quiet", "parse"]).result.nodes)


def test_each_model_and_test_is_in_one_layer(project: Project) -> None:
    """Sources are read by several layers and built by none."""
    built = Counter(name for layer in LAYERS for name in project.listed[layer])
    assert set(built.values()) == {1}
    assert set(built) == set(project.listed["everything"])
    assert len(project.listed["everything"]) > 150
    first_three = [name for layer in LAYERS[:-1] for name in project.listed[layer]]
    assert sorted(project.listed[BEFORE_CANDIDATE]) == sorted(first_three)


def test_a_layer_reads_no_later_one(project: Project) -> None:
    """A table of a later layer would be missing at the first build, and yesterday's in every other."""
    nodes = project.nodes
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


def above(name: str, nodes: dict[str, Any]) -> set[str]:
    """All that is built before a node."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = set(nodes[waiting.pop()].depends_on_nodes) & set(nodes) - found
        found |= new
        waiting += new
    return found


@pytest.mark.parametrize("notes", ["changed_customer", "changed_usage"])
def test_a_model_that_reads_what_staging_notes_waits_for_all_of_it(project: Project, notes: str) -> None:
    """Rows of a customer who is noted while a model runs would be deleted, and not computed."""
    models = {name: node for name, node in project.nodes.items() if node.resource_type == "model"}
    of_meters = notes == "changed_usage"
    noting = {
        name
        for name, node in models.items()
        for hook in node.config.pre_hook
        if "note_changed_customers" in hook.sql and ("'meter" in hook.sql) == of_meters
    }
    macros = ("changed_customers", "days_of_changed_customers", "only_of_accounts", "note_linked_customers")
    source, keys = f"source.gridcredit.ops.{notes}", {"changed_customer", "changed_account"}
    reading = {
        name
        for name, node in models.items()
        if name not in noting
        and (
            source in node.depends_on_nodes
            or (not of_meters and node.config.get("keys_of") in keys)
            or (not of_meters and any(one.rsplit(".", 1)[1] in macros for one in node.depends_on.macros))
        )
    }
    assert len(noting) >= 2
    assert len(reading) >= (1 if of_meters else 20)
    missed = {(name, other) for name in reading for other in noting - above(name, models)}
    assert missed == set()


@pytest.fixture(scope="module")
def undisturbed(new_warehouse: WarehouseFactory, small: Prepared) -> list[tuple[object, ...]]:
    """The second release as one process makes it, by table its rows and hashes."""
    settings = new_warehouse(small)
    assert pipeline.build_ratings("next", DAY, settings).number == 2
    return sums(settings)


def test_what_a_run_built_is_gone_before_its_gate_and_before_its_release(
    new_warehouse: WarehouseFactory, small: Prepared, undisturbed: list[tuple[object, ...]]
) -> None:
    """The server fell, somebody built by hand, or a release was rolled back: the run builds again, and its release is
    whole.
    """
    settings = new_warehouse(small)
    pipeline.check_raw("next", DAY, settings)
    pipeline.build_layer("next", LAYERS[0], settings)
    lose_what_is_built(settings)
    pipeline.check_candidate("next", settings)
    assert number(settings, "select count(*) from ops.built_layer where run_id = 'next'") == len(LAYERS)
    lose_what_is_built(settings)
    assert pipeline.publish_release("next", settings).number == 2
    assert sums(settings) == undisturbed


def lose_what_is_built(settings: Settings) -> None:
    """As a fall of the server does."""
    tables = rows(
        settings,
        "select nspname, relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
        "where relpersistence = 'u' and relkind = 'r'",
    )
    with connect(settings) as connection:
        connection.execute(
            sql.SQL("truncate {}").format(sql.SQL(", ").join(sql.Identifier(*table) for table in tables))
        )


def sums(settings: Settings) -> list[tuple[object, ...]]:
    return rows(
        settings, "select table_name, rows, row_hash_sum from lineage.release_tables where release = 2 order by 1"
    )


def test_layer_by_layer_gives_the_same_release(
    new_warehouse: WarehouseFactory, small: Prepared, undisturbed: list[tuple[object, ...]]
) -> None:
    by_layer = new_warehouse(small)
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
    assert sums(by_layer) == undisturbed
    stages = [stage for (stage,) in rows(by_layer, "select stage from ops.stage_timings where run_id = 'next'")]
    assert stages.count("build_collections") == 2


def test_whoever_changes_the_tables_takes_them_from_the_run_that_built_them(
    new_warehouse: WarehouseFactory, small: Prepared
) -> None:
    """By hand, by a rollback, or by another run that begins to build."""
    settings = new_warehouse(small)

    def registered(run_id: str, day: date | None = None) -> Run:
        return runs.start_run(run_id, day, settings)

    def begin(run: Run, *, full_refresh: bool = False) -> BuildPlan:
        return begin_build(run, runs.as_of_dates(run.as_of_date, settings.history_months), full_refresh=full_refresh)

    def still_built(run_id: str) -> bool:
        with connect(settings) as connection:
            return are_built(load_run(connection, run_id, settings))

    assert still_built("first")
    environment = {**os.environ, **dbt_environment(settings, by_pipeline=False)}
    by_hand = [sys.executable, "-m", "dbt.cli.main", "--quiet", "run", "--select", "as_of_date"]
    subprocess.run(by_hand, env=environment, check=True)
    assert not still_built("first")

    slow = registered("slow", DAY)
    assert pipeline.build_ratings("second", DAY, settings).number == 2
    assert still_built("second")
    # Registered before the release, it begins after it: what it may have changed is computed again.
    begin(slow)
    assert not still_built("second")
    runs.finish_run(slow.id, "failed", settings)
    later = registered("later", DAY + timedelta(days=2))
    plan = begin(later)
    assert (plan.because, plan.aged_from, plan.dropped_dates) == (None, DAY, [DAY])

    # A build of everything that failed is not forgotten.
    begin(later, full_refresh=True)
    runs.finish_run(later.id, "failed", settings)
    last = registered("last", DAY + timedelta(days=2))
    assert begin(last).because == "a build of everything has not been released"

    assert roll_back(1, "an officer", "a test", settings) == 3
    with connect(settings) as connection:
        assert connection.execute("select count(*) from ops.built_layer").fetchone() == (0,)


def test_a_run_that_failed_goes_on_where_its_task_is_cleared(new_warehouse: WarehouseFactory, small: Prepared) -> None:
    settings = new_warehouse(small)
    status = "select status, finished_at is null from lineage.runs where run_id = 'night'"
    pipeline.check_raw("night", DAY, settings)
    runs.finish_run("night", "failed", settings)
    pipeline.build_layer("night", LAYERS[0], settings)
    # So that other runs wait for it, as for any that is under way.
    assert rows(settings, status) == [("running", True)]


def test_what_counts_as_a_default_holds_from_the_first_layer_to_the_last(
    new_warehouse: WarehouseFactory, small: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = new_warehouse(small)
    run = runs.start_run("night", DAY, settings)
    decided = begin_build(run, runs.as_of_dates(DAY, settings.history_months))
    stricter = decided.outcome_rules.model_copy(update={"default_days_overdue": 45})
    monkeypatch.setattr(build_plan, "read_rules", lambda _: stricter)
    variables = build_plan.stored_plan(run).variables(settings)
    assert variables["evaluation"] == decided.outcome_rules.model_dump()
