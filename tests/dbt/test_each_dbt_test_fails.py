"""Each dbt test finds nothing in a warehouse as it was built, and something once its table is wrong for it.

A key that its table enforces is lost with its index, or with a column of it that may be null; where a table would
refuse a wrong row, it stops refusing it first. All of it is undone, test by test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.transformation.runner import dbt_session, first_failure
from gridcredit.warehouse.connection import Connection, connect

from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory

# Tests that are queries of their own (dbt_project/tests), and what is wrong for each.
SINGULAR = {
    "receivables_agree": [
        "update receivables.receivable_ageing set open_amount = open_amount + 0.01 "
        "where ctid = (select min(ctid) from receivables.receivable_ageing)",
        "update receivables.receivable_month set receivable_amount = receivable_amount + 0.01 "
        "where ctid = (select min(ctid) from receivables.receivable_month)",
        "delete from receivables.receivable_ageing where as_of_date = (select max(as_of_date) from scope.as_of_date)",
        "delete from receivables.receivable_month where as_of_date = (select max(as_of_date) from scope.as_of_date)",
    ],
    "the_back_test_is_whole": [
        "update receivables.defaulted_of_open set open_amount = open_amount + 0.01 "
        "where ctid = (select min(ctid) from receivables.defaulted_of_open)",
        "delete from receivables.defaulted_of_open "
        "where ctid = (select min(ctid) from receivables.defaulted_of_open where open_amount > 0)",
        "update receivables.defaulted_of_open set opened_on = date '1999-01-31' "
        "where opened_on = (select max(opened_on) from receivables.defaulted_of_open)",
    ],
}
# Built with outcomes alone, which the warehouse of these tests has none of.
WITHOUT = "path:models/evaluation"


@dataclass(frozen=True)
class DbtTest:
    """A test of dbt as it is run: of which table and columns, and its query."""

    name: str
    kind: str
    relation: str
    columns: tuple[str, ...]
    query: str


@dataclass(frozen=True)
class Project:
    """A warehouse, and the tests of its tables."""

    settings: Settings
    tests: list[DbtTest]


@pytest.fixture(scope="module")
def project(new_warehouse: WarehouseFactory, rich: Prepared) -> Project:
    settings = new_warehouse(rich)
    with dbt_session(settings) as invoke:
        nodes = invoke(["--quiet", "parse"]).result.nodes
        compiled = invoke(["--quiet", "--no-print", "compile", "--select", "resource_type:test", "--exclude", WITHOUT])
        assert compiled.success, first_failure(compiled)
        found = [result.node for result in compiled.result.results]
    tests = []
    for node in found:
        about = getattr(node, "test_metadata", None)
        columns = [node.column_name] if about and node.column_name else about.kwargs["columns"] if about else []
        relation = nodes[node.attached_node].relation_name if about else ""
        name = about.name if about else "singular"
        tests.append(DbtTest(node.name, name, relation, tuple(columns), node.compiled_code))
    return Project(settings, tests)


def test_each_of_a_kind_fails_on_wrong_data(project: Project) -> None:
    """What fails before, or does not after, is named."""
    lets_pass = []
    tests = [test for test in project.tests if test.kind != "singular"]
    with connect(project.settings) as connection:
        for test in tests:
            if connection.execute(test.query).fetchone():
                lets_pass.append(f"{test.name} fails on right data")
            for way, changes in ways(test, connection):
                with connection.transaction(force_rollback=True):
                    for change in changes:
                        connection.execute(change)
                    if not connection.execute(test.query).fetchone():
                        lets_pass.append(f"{test.name} lets pass: {way}")
    assert lets_pass == []
    kinds = Counter(test.kind for test in tests)
    assert set(kinds) == {"not_null", "key_is_enforced", "unique", "unique_combination", "accepted_values"}
    assert sum(kinds.values()) > 350


def test_each_query_of_its_own_fails_on_wrong_data(project: Project) -> None:
    singular = {test.name: test for test in project.tests if test.kind == "singular"}
    assert (
        singular.keys() == SINGULAR.keys() == {path.stem for path in (PROJECT_DIR / "dbt_project/tests").glob("*.sql")}
    )
    with connect(project.settings) as connection:
        for name, statements in SINGULAR.items():
            assert connection.execute(singular[name].query).fetchall() == []
            for statement in statements:
                with connection.transaction(force_rollback=True):
                    assert connection.execute(statement).rowcount, f"changes nothing: {statement}"
                    assert connection.execute(singular[name].query).fetchone(), f"{name} lets pass: {statement}"


def ways(test: DbtTest, connection: Connection) -> Iterator[tuple[str, list[str]]]:
    """Each way in which a table becomes wrong for a test, and the statements that make it so."""
    table, columns = test.relation, test.columns
    first = f"ctid = (select min(ctid) from {table})"
    opened, is_filled = refusing_nothing(table, connection)
    if test.kind == "key_is_enforced":
        yield "without its index", [f"drop index {index}" for index in unique_indexes(table, connection)]
        for column in columns:
            yield f"{column} may be null", [f"alter table {table} alter column {column} drop not null"]
        return
    if test.kind in ("not_null", "unique_combination"):
        for column in columns:
            null = (
                f"update {table} set {column} = null where {first}"
                if is_filled
                else f"insert into {table} default values"
            )
            yield f"{column} is null", [*opened, null]
    if test.kind in ("unique", "unique_combination") and is_filled:
        yield "a row twice", [*opened, f"insert into {table} select * from {table} where {first}"]
    if test.kind == "accepted_values":
        (column,) = columns
        yield "another value", [*opened, f"insert into {table} ({column}) values ('another')"]


def refusing_nothing(table: str, connection: Connection) -> tuple[list[str], bool]:
    """What makes a table take any row, where a view becomes a table; and whether it has rows."""
    kind, columns = connection.execute(
        "select relkind::text, array(select attname::text from pg_attribute where attrelid = pg_class.oid "
        "and attnotnull and attnum > 0) from pg_class where oid = %s::regclass",
        [table],
    ).fetchone() or ("", [])
    (is_filled,) = connection.execute(f"select exists (select from {table})").fetchone() or (False,)
    if kind == "v":
        kept = f"{table.rpartition('.')[0]}.as_built"
        return [f"alter view {table} rename to as_built", f"create table {table} as table {kept}"], is_filled
    opened = [f"drop index {index}" for index in unique_indexes(table, connection)]
    return opened + [f"alter table {table} alter column {column} drop not null" for column in columns], is_filled


def unique_indexes(table: str, connection: Connection) -> list[str]:
    rows = connection.execute(
        "select indexrelid::regclass::text from pg_index where indrelid = %s::regclass and indisunique", [table]
    )
    return [name for (name,) in rows]
