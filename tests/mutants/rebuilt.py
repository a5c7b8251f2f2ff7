"""A plugin of pytest: what rests on a mutated model is built once more in each prepared warehouse, before a test
gets it.

A build that fails is a fault noticed, except where the database could not read the SQL. Where no row differs, no
test of the warehouse can know, and none runs. What happened is written for the process that asked.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from gridcredit.lineage.run import load_run
from gridcredit.settings import Settings
from gridcredit.transformation.build_plan import stored_plan
from gridcredit.transformation.runner import dbt_session, first_failure, node_results
from gridcredit.warehouse.connection import connect
from psycopg import sql

from tests.support.builders import BUILDERS
from tests.support.prepared import Prepared, copy_home, settings_for

# The models, whether dbt's own tests run too, and where to write what happened.
MODELS, WITH_TESTS, NOTES = "MUTATED_MODELS", "MUTANT_WITH_DBT_TESTS", "MUTANT_NOTES"
# What a text that is no SQL any more ends in; nobody's test is to thank for that.
_UNREADABLE = (
    *("syntax error", "Compilation Error", "Parsing Error", "Contract Error", "does not exist", "is ambiguous"),
    *("must appear in the GROUP BY", "cannot be cast", "argument of", "must be type", "could not identify"),
)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Any:
    made = yield
    if os.environ.get(MODELS) and fixturedef.argname in BUILDERS and fixturedef.argname != "empty":
        rebuild(made, request.getfixturevalue("server"))
    return made


def rebuild(prepared: Prepared, server: Any) -> None:
    """Build the models and all below them, and end the session where nothing differs or nothing could be built."""
    models = os.environ[MODELS].split()
    with tempfile.TemporaryDirectory() as home:
        settings = settings_for(server, prepared.name, Path(home), prepared.options)
        copy_home(prepared, settings)
        before = sums(settings)
        failure = _build(models, settings, has_tests=bool(os.environ.get(WITH_TESTS)))
        changed = (
            []
            if failure
            else [f"{prepared.name}: {name}" for name, value in sums(settings).items() if before.get(name) != value]
        )
    is_broken = failure is not None and any(text in failure for text in _UNREADABLE)
    note = {"warehouse": prepared.name, "failure": failure, "broken": is_broken, "changed": changed}
    with Path(os.environ[NOTES]).open("a") as notes:
        notes.write(json.dumps(note) + "\n")
    if failure:
        pytest.exit(f"{prepared.name}: {failure}", returncode=1)
    if not changed:
        pytest.exit(f"{prepared.name}: no row differs", returncode=0)


def _build(models: list[str], settings: Settings, *, has_tests: bool) -> str | None:
    """What dbt says went wrong, if anything."""
    with connect(settings) as connection:
        (run_id,) = connection.execute(
            "select run_id from lineage.runs where build_plan is not null order by build_began_at desc limit 1"
        ).fetchone() or ("",)
        run = load_run(connection, run_id, settings)
    variables = json.dumps(stored_plan(run).variables(settings))
    select = [
        "--select",
        " ".join(f"{model}+" for model in models),
        *(["--indirect-selection", "buildable"] if has_tests else []),
    ]
    if not _has_outcomes(settings):
        select += ["--exclude", "path:models/evaluation"]
    with dbt_session(settings, writes_manifest=False) as invoke:
        arguments = ["--quiet", "--log-level", "none", "--no-print", "--no-write-json", "--fail-fast"]
        # They run in the first warehouse of a fault, and no more.
        command = "build" if has_tests else "run"
        outcome = invoke([*arguments, command, "--full-refresh", "--vars", variables, *select])
    if outcome.result is not None and not any(str(one.status) in ("error", "fail") for one in node_results(outcome)):
        return None
    return first_failure(outcome)


def _has_outcomes(settings: Settings) -> bool:
    """Whether the models of the evaluation were ever built here: a night leaves them out."""
    with connect(settings) as connection:
        return connection.execute("select 1 from pg_tables where schemaname = 'outcomes'").fetchone() is not None


def sums(settings: Settings) -> dict[str, str]:
    """A figure of each table of the layers, that another row changes."""
    found: dict[str, str] = {}
    with connect(settings) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' and "
            "table_schema <> all(%s)",
            [["raw", "quarantine", "ops", "lineage", "policy", "published", "information_schema", "pg_catalog"]],
        ).fetchall()
        for schema, name in names:
            query = sql.SQL(
                "select count(*) || ' ' || coalesce(sum(hashtextextended(rows::text, 0)::numeric), 0) from {} as rows"
            )
            (value,) = connection.execute(query.format(sql.Identifier(schema, name))).fetchone() or ("",)
            found[f"{schema}.{name}"] = value
    return found
