"""Evidence is added to and never changed: each table of policies, lineage and published history refuses it, also
from its owner.
"""

from __future__ import annotations

import psycopg
import pytest
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect
from psycopg import sql

from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory

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
    except psycopg.errors.GeneratedAlways:
        return True
    return False


def test_no_evidence_is_changed_or_removed(published: Settings) -> None:
    """A table that is added later is found here, until it is protected or named above."""
    with connect(published) as connection:
        tables = connection.execute(
            "select nspname, relname, array(select attname::text from pg_attribute where attrelid = pg_class.oid "
            "and attnum > 0 and not attisdropped) from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
            "where nspname in ('policy', 'lineage', 'published') and relkind in ('r', 'p') order by 1, 2"
        ).fetchall()
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
