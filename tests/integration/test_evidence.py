"""Evidence is added to and never changed: each table of policies, lineage and published history refuses it, also
from its owner. The pipeline is not its owner, and cannot become it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import psycopg
import pytest
from gridcredit.errors import GridCreditError
from gridcredit.lineage.decisions import record_decision
from gridcredit.operations import pipeline
from gridcredit.operations.status import as_lines, status
from gridcredit.policies.adoption import unload
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import (
    OWNER_ROLE,
    WAREHOUSE_ROLE,
    Connection,
    connect,
    connect_as_owner,
)
from gridcredit.warehouse.embedded_postgres import SUPERUSER, EmbeddedPostgres
from gridcredit.warehouse.migrations import prepare
from gridcredit.warehouse.ownership import owns_evidence
from psycopg import sql
from pydantic import SecretStr

from tests.support import shipped
from tests.support.prepared import Prepared, drop_database, settings_for
from tests.support.warehouses import WarehouseFactory

NEXT_DAY = date(2026, 7, 1)
# Names and texts of what is declared, and which columns a figure rests on: made again from files of the repository.
DERIVED = {("policy", "attributes"), ("lineage", "column_upstream"), ("lineage", "model_sql")}
# What may be changed: how a run ended, and what an entry's later end is written to, once.
OPEN_COLUMNS = {
    ("lineage", "runs"): {"status", "finished_at"},
    ("lineage", "files"): {"undone_at", "undone_because"},
    ("lineage", "loads"): {"retired_at"},
    ("policy", "proposals"): {"changes", "is_approved", "approver", "reason", "decided_at"}
    | {"withdrawn_by", "withdrawn_reason", "withdrawn_at"},
}
ONCE = (
    (
        "update lineage.files set undone_at = now(), undone_because = 'x' where file_id = 1",
        "update lineage.files set undone_at = null, undone_because = null",
    ),
    ("update lineage.loads set retired_at = now() where file_id = 1", "update lineage.loads set retired_at = null"),
    (
        "insert into policy.proposals (policy_name, policy_version, base_version, effective_from, method, facts) "
        "values ('p', 'p-1', 'p-0', '2026-01-01', 'by hand', '{}');"
        "update policy.proposals set is_approved = false, approver = 'A. Chief', reason = 'no', decided_at = now()",
        "update policy.proposals set is_approved = true",
    ),
    (
        "update published.customer_rating_history set valid_to_release = 2 where customer_id = 'C00000003'",
        "update published.customer_rating_history set valid_to_release = null where customer_id = 'C00000003'",
    ),
    (
        "update published.customer_rating_history set valid_to_release = 2 where customer_id = 'C00000003'",
        "update published.customer_rating_history set valid_to_release = 3 where customer_id = 'C00000003'",
    ),
)


@pytest.fixture(scope="module")
def published(new_warehouse: WarehouseFactory, small: Prepared) -> Settings:
    """One release."""
    return new_warehouse(small)


def is_refused(connection: Connection, statement: str | sql.Composed) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except psycopg.errors.RaiseException as error:
        return "append-only" in str(error) or "is closed" in str(error)
    except (psycopg.errors.GeneratedAlways, psycopg.errors.InsufficientPrivilege):
        return True
    return False


def evidence(connection: Connection) -> list[tuple[str, str, list[str]]]:
    """The tables of policies, lineage and published history, each with its columns."""
    return connection.execute(
        "select nspname, relname, array(select attname::text from pg_attribute where attrelid = pg_class.oid "
        "and attnum > 0 and not attisdropped) from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
        "where nspname in ('policy', 'lineage', 'published') and relkind in ('r', 'p') order by 1, 2"
    ).fetchall()


@pytest.mark.parametrize("connect_as", [connect, connect_as_owner])
def test_no_evidence_is_changed_or_removed(published: Settings, connect_as: Callable[[Settings], Connection]) -> None:
    """A table that is added later is found here, until it is protected or named above."""
    with connect_as(published) as connection:
        tables = evidence(connection)
        assert len(tables) > 70
        allowed = []
        for schema, table, columns in tables:
            if (schema, table) in DERIVED:
                continue
            name = sql.Identifier(schema, table)
            open_columns = OPEN_COLUMNS.get((schema, table), set())
            if schema == "published":
                open_columns = {"valid_to_release"}
            statements = {
                "delete": sql.SQL("delete from {}").format(name),
                "truncate": sql.SQL("truncate {} cascade").format(name),
            }
            for column in set(columns) - open_columns:
                statements[column] = sql.SQL("update {} set {column} = {column}").format(
                    name, column=sql.Identifier(column)
                )
            allowed += [
                (schema, table, what) for what, statement in statements.items() if not is_refused(connection, statement)
            ]
        assert allowed == []


@pytest.mark.parametrize(("first", "second"), ONCE)
def test_what_has_an_end_has_it_once(published: Settings, first: str, second: str) -> None:
    with connect(published) as connection:
        connection.execute(first)
        assert is_refused(connection, second)
        connection.rollback()


def test_the_pipeline_cannot_become_the_owner_or_take_a_guard_away(published: Settings) -> None:
    """Neither by a role, nor by a trigger, a table, a function, a schema or a right."""
    with connect(published) as connection:
        tables = evidence(connection)
        functions = connection.execute(
            "select pg_proc.oid::regprocedure::text, proname from pg_proc "
            "where pronamespace in ('lineage'::regnamespace, 'policy'::regnamespace, 'published'::regnamespace)"
        ).fetchall()
        triggers = connection.execute(
            "select tgrelid::regclass::text, tgname from pg_trigger where not tgisinternal and tgenabled = 'O'"
        ).fetchall()
        assert min(len(functions), len(triggers)) > 40
        attempts = [
            f"set role {OWNER_ROLE}",
            f"grant {OWNER_ROLE} to {WAREHOUSE_ROLE}",
            f"alter role {WAREHOUSE_ROLE} superuser",
            "create role another",
            "set session_replication_role = replica",
            f"reassign owned by {OWNER_ROLE} to {WAREHOUSE_ROLE}",
            f"drop owned by {OWNER_ROLE}",
            "update ops.reader_org_units set org_unit = '*'",
            "delete from ops.migrations",
            "delete from ops.applied",
            "create or replace function lineage.refuse_change() returns trigger language plpgsql as "
            "'begin return new; end'",
        ]
        attempts += [f"drop schema {schema} cascade" for schema in ("policy", "lineage", "published", "star", "ops")]
        attempts += [f"create table {schema}.mine (x int)" for schema in ("policy", "lineage", "published", "star")]
        attempts += [f"drop routine {function} cascade" for function, _ in functions]
        attempts += [f"drop trigger {trigger} on {table}" for table, trigger in triggers]
        for schema, table, columns in tables:
            name = f"{schema}.{table}"
            attempts += [
                f"alter table {name} disable trigger user",
                f"alter table {name} owner to {WAREHOUSE_ROLE}",
                f"alter table {name} rename column {columns[0]} to was",
                f"alter table {name} disable row level security",
                f"drop table {name} cascade",
                f"create rule mine as on insert to {name} do instead nothing",
                f"create trigger mine before insert on {name} execute function suppress_redundant_updates_trigger()",
            ]
        done = [attempt for attempt in attempts if not is_refused(connection, attempt)]
        assert done == []
        with pytest.raises(psycopg.errors.RaiseException, match="not unloaded without a decision"):
            unload(connection, shipped.VERSION)


def test_without_the_owner_a_run_says_what_the_owner_is_to_do(
    new_warehouse: WarehouseFactory, small: Prepared, tmp_path: Path
) -> None:
    settings = new_warehouse(small).model_copy(update={"owner_url": None})
    prepare(settings)
    departments = (settings.policies_dir / "departments.yml").read_text()
    (tmp_path / "departments.yml").write_text(departments.replace("analysts:", "analysts: [] # "))
    restricted = settings.model_copy(update={"policies_dir": tmp_path})
    with pytest.raises(GridCreditError, match="who reads it .* `gridcredit prepare` with GRIDCREDIT_OWNER_URL"):
        prepare(restricted)
    release = pipeline.build_ratings("without the owner", NEXT_DAY, settings)
    assert release.is_new
    assert not [line for line in as_lines(status(settings)) if "GRIDCREDIT_OWNER_URL" in line]


def test_a_pipeline_that_owns_the_evidence_is_reported(new_warehouse: WarehouseFactory, small: Prepared) -> None:
    settings = new_warehouse(small)
    alone = settings.model_copy(update={"warehouse_url": settings.owner_url, "owner_url": None})
    (line,) = (line for line in as_lines(status(alone)) if "GRIDCREDIT_OWNER_URL" in line)
    assert line.startswith("open ")


PLANTED = (
    "create function ops.sudo(what text) returns void language plpgsql security definer as 'begin execute what; end'",
    "create table ops.bait ()",
    f"create schema {OWNER_ROLE}",
    f"create function {OWNER_ROLE}.starts_with(name, text) returns bool language plpgsql as "
    f"'begin execute ''create table raw.was_here ()''; return pg_catalog.starts_with($1::text, $2); end'",
    f"grant execute on function {OWNER_ROLE}.starts_with to public; grant usage on schema {OWNER_ROLE} to public",
    "create schema dept_x; create view dept_x.units as select * from ops.reader_org_units",
)


def test_the_owner_runs_nothing_that_the_pipeline_planted(new_warehouse: WarehouseFactory, small: Prepared) -> None:
    settings = new_warehouse(small)
    with connect(settings) as connection:
        for statement in PLANTED:
            connection.execute(statement.encode())
    with connect_as_owner(settings) as connection:
        connection.execute("delete from ops.applied where name in ('readers', 'access')")
    prepare(settings)
    with connect(settings) as connection:
        assert connection.execute("select to_regclass('raw.was_here')").fetchone() == (None,)
        for statement in (
            "select ops.sudo('alter table policy.grades disable trigger append_only')",
            "update dept_x.units set org_unit = '*'",
        ):
            assert is_refused(connection, statement)


@pytest.mark.parametrize(
    "statement",
    [
        # Whatever `=` means to the session, and whichever run it moves a row to.
        "create schema evil; create function evil.eq(text, text) returns bool language sql as 'select false'; "
        "create operator evil.= (leftarg = text, rightarg = text, function = evil.eq); "
        "set local search_path = evil, pg_catalog; update lineage.gate_results set success = true",
        "insert into lineage.runs (run_id, code_version, status) values ('mine', '', 'failed'); "
        "insert into lineage.gate_results (run_id, gate, suite, expectation, severity, success) "
        "values ('mine', 'raw', 'x', 'x', 'critical', true); "
        "update lineage.gate_results set run_id = 'first' where run_id = 'mine'",
        "insert into lineage.decisions (decision, subject, approver, reason, os_user, database_role) "
        "values ('erase a customer', 'C1', 'A. Chief', 'x', 'chief', 'gridcredit_owner')",
    ],
)
def test_no_record_is_forged(published: Settings, statement: str) -> None:
    with connect(published) as connection:
        assert is_refused(connection, statement)
        connection.rollback()


def test_a_version_that_has_rated_is_not_unloaded_by_a_withdrawal(published: Settings) -> None:
    with connect(published) as connection:
        ((rated,),) = connection.execute("select distinct policy_version from published.customer_rating").fetchall()
        record_decision(connection, "withdraw a policy", rated, "A. Chief", "forged", published)
        with pytest.raises(psycopg.errors.RaiseException, match="has rated"):
            unload(connection, rated)
        connection.rollback()


def test_an_owner_takes_over_what_one_role_prepared(server: EmbeddedPostgres, tmp_path: Path) -> None:
    """What the page says to do, on a warehouse that this version has prepared; and each later time what is missing."""
    name = "of_one_role"
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
        admin.execute(f"create database {name} owner {WAREHOUSE_ROLE}")
    try:
        settings = settings_for(server, name, tmp_path, {})
        prepare(settings.model_copy(update={"owner_url": None}))
        with connect(settings) as connection:
            connection.execute(PLANTED[0])
        with pytest.raises(GridCreditError, match=r"did not write: function ops.sudo\(text\); drop it"):
            prepare(settings)
        with connect(settings) as connection:
            connection.execute("drop function ops.sudo")
        prepare(settings)
        with connect(settings) as connection:
            assert not owns_evidence(connection)
            # As a new extract's table, which the owner makes for the pipeline.
            connection.execute("drop table raw.tariff")
        prepare(settings)
        owners = "select pg_get_userbyid(relowner) from pg_class where oid = any(%s::regclass[]) order by relname"
        with connect(settings) as connection:
            found = connection.execute(owners, [["policy.grades", "published.customer_rating", "raw.tariff"]])
            assert [owner for (owner,) in found] == [OWNER_ROLE, OWNER_ROLE, WAREHOUSE_ROLE]
    finally:
        drop_database(server, name)


def test_addresses_that_do_not_go_together_are_refused(published: Settings) -> None:
    with pytest.raises(GridCreditError, match="goes with GRIDCREDIT_WAREHOUSE_URL"):
        prepare(published.model_copy(update={"warehouse_url": None}))
    assert published.owner_url
    elsewhere = SecretStr(published.owner_url.get_secret_value().rpartition("/")[0] + "/postgres")
    with pytest.raises(psycopg.OperationalError):
        prepare(published.model_copy(update={"owner_url": elsewhere}))
