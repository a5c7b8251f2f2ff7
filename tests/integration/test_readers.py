"""Who reads what: departments by table, column and org unit; the change feed; the star; each as a reader logs in."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.evaluation.outcomes import build_outcomes
from gridcredit.operations import pipeline
from gridcredit.policies.store import read_policies
from gridcredit.releases.release import RELEASE_CHANNEL
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import connect, connect_as_owner, warehouse_url
from gridcredit.warehouse.published_tables import TABLES, published_columns
from gridcredit.warehouse.reading import access
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory

ORG_UNIT = "unit_03"


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, rich: Prepared) -> Settings:
    """Three releases."""
    own = new_warehouse(rich)
    for day in (date(2026, 6, 25), date(2026, 7, 1)):
        pipeline.build_ratings(f"run {day}", day, own)
    return own


def read_as(settings: Settings, role: str, password: str, query: str) -> list[tuple[Any, ...]]:
    """What a plain client gets who logs in with nothing but a name and a password."""
    conninfo = make_conninfo(warehouse_url(settings), user=role, password=password)
    with psycopg.connect(conninfo) as connection:
        return connection.execute(query.encode()).fetchall()


def reader(settings: Settings, department: str, *org_units: str) -> tuple[str, str]:
    with connect(settings) as connection:
        (name,) = connection.execute(
            "select 'reader_' || current_database() || '_' || count(*) from pg_roles"
        ).fetchone() or ("",)
    return name, access.add_reader(name, department, list(org_units), settings)


def test_the_list_of_readers(settings: Settings) -> None:
    one, _ = reader(settings, "credit", ORG_UNIT, "unit_01")
    other, _ = reader(settings, "audit", "*")
    found = [listed for listed in access.list_readers(settings) if listed.name in (one, other)]
    expected = [access.Reader(one, "credit", ["unit_01", ORG_UNIT]), access.Reader(other, "audit", ["*"])]
    assert found == sorted(expected, key=lambda listed: listed.name)


def test_each_department_sees_its_tables_and_columns(settings: Settings) -> None:
    """Roles by tables, every pair: what the file names can be read, and nothing else of what is published."""
    departments = access.read_departments(settings).departments
    with connect(settings) as connection:
        columns = {table: published_columns(connection, table) for table in TABLES}
    assert columns.keys() == TABLES.keys()
    tried = 0
    for department, sees in departments.items():
        login = reader(settings, department, "*")
        for table in TABLES:
            chosen = "*" if sees == "*" else sees.get(table)
            if chosen is None:
                with pytest.raises((psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege)):
                    read_as(settings, *login, f"select 1 from {table}")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    read_as(settings, *login, f"select 1 from published.{table}_history")
            else:
                wanted = columns[table] if chosen == "*" else list(chosen)
                read_as(settings, *login, f"select {', '.join(wanted)} from {table}")
                for hidden in set(columns[table]) - set(wanted):
                    with pytest.raises(psycopg.errors.UndefinedColumn):
                        read_as(settings, *login, f"select view.{hidden} from {table} as view")
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        read_as(settings, *login, f"select {hidden} from published.{table}_history")
            tried += 1
        if department != "audit":
            for secret in ("raw.customer", "lineage.files", "policy.policies", "ops.reader_org_units"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    read_as(settings, *login, f"select 1 from {secret}")
    assert tried == len(departments) * len(TABLES)


def test_readers_see_their_org_units_alone(settings: Settings) -> None:
    everything = reader(settings, "credit", "*")
    own = reader(settings, "credit", ORG_UNIT)
    nothing = reader(settings, "credit", "unit_99")
    with connect(settings) as connection:
        of_unit = {
            customer
            for (customer,) in connection.execute(
                "select customer_id from published.customer_rating where org_unit = %s", [ORG_UNIT]
            )
        }
    assert of_unit
    for table in ("customer_rating", "rating_indicator", "warning_event", "rating_month_end"):
        query = f"select distinct customer_id from {table}"
        assert {customer for (customer,) in read_as(settings, *own, query)} <= of_unit
        assert len(read_as(settings, *everything, query)) > len(of_unit)
        assert read_as(settings, *nothing, query) == []
        # Not by the table behind the view either.
        past = f"select distinct customer_id from published.{table}_history where valid_to_release is null"
        assert {customer for (customer,) in read_as(settings, *own, past)} <= of_unit
    assert {customer for (customer,) in read_as(settings, *own, "select customer_id from customer_rating")} == of_unit


def test_every_role_on_every_relation(settings: Settings) -> None:
    """All logins by all relations: read or refused as departments.yml says, and of customers each sees his own alone.

    Not by reading, not through functions and casts that reveal what they are given, not in statistics.
    """
    departments = access.read_departments(settings)
    build_outcomes(settings)
    with connect_as_owner(settings) as connection:
        _plant(connection)
        relations = connection.execute(
            "select nspname, relname from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
            "where relkind in ('r', 'v', 'm', 'p', 'f') and nspname !~ '^(pg_|information_schema)' order by 1, 2"
        ).fetchall()
        units: dict[str, str] = dict(
            connection.execute("select customer_id, org_unit from published.customer_rating").fetchall()
        )
        connection.execute("alter role bi_reader password 'for this test'")
        connection.execute("create role no_department login password 'for this test'")
        connection.execute(
            sql.SQL("grant connect on database {} to no_department").format(sql.Identifier(connection.info.dbname))
        )
    own = {
        ORG_UNIT: {customer for customer, unit in units.items() if unit == ORG_UNIT},
        "unit_99": set(),
        "*": set(units),
    }
    assert own[ORG_UNIT]
    logins: list[tuple[str, str, str, str | None]] = [
        ("bi_reader", "for this test", "bi_reader", "*"),
        ("no_department", "for this test", "no_department", None),
    ]
    logins += [(*reader(settings, name, unit), name, unit) for name in departments.departments for unit in own]
    reads = 0
    for name, password, department, unit in logins:
        conninfo = make_conninfo(warehouse_url(settings), user=name, password=password)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            readable = {relation for relation in relations if _can_read(connection, *relation)}
            assert readable == _may_read(department, departments, relations), department
            reads += len(readable)
            # Nothing can be made here that would run inside somebody else's query.
            made = connection.execute(
                "select nspname from pg_namespace where has_schema_privilege(oid, 'create') union all "
                "select 'temp' where has_database_privilege(current_database(), 'temp')"
            ).fetchall()
            assert made == []
            if unit is None:
                continue
            others = set(units) - own[unit]
            for relation in readable:
                seen = _customers_in(connection, *relation)
                assert not seen & others, (department, unit, relation)
                _assert_no_leak(connection, relation, sorted(own[unit]), unit)
            statistics = connection.execute(
                "select concat_ws(' ', most_common_vals, histogram_bounds) from pg_stats"
            ).fetchall()
            assert not {one for (text,) in statistics for one in re.findall(CUSTOMER_ID, text)} & others, department
            if department != "audit":
                continue
            # What is current shows as many as what the history has of it.
            for table in TABLES:
                counts = sql.SQL(
                    "select (select count(*) from {}), (select count(*) from {} where valid_to_release is null)"
                ).format(sql.Identifier("published", table), sql.Identifier("published", f"{table}_history"))
                ((current, in_history),) = connection.execute(counts).fetchall()
                assert current == in_history, table
            keys = connection.execute(
                "select key->>'customer_id' from lineage.failing_key where suite = 'planted'"
            ).fetchall()
            assert {key for (key,) in keys} == (set(units) if unit == "*" else own[unit])
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select unexpected_keys from lineage.gate_results")
    assert len(logins) == 2 + 3 * len(departments.departments)
    assert len(relations) > 300
    assert reads > 0


CUSTOMER_ID = r"\bC\d{8}\b"
# Who paid for a customer is his business, whichever unit the payer is of.
NAMED_BESIDE = {"payer_id"}


def _plant(connection: psycopg.Connection[Any]) -> None:
    """Rows of every kind that name customers: failing keys, erasures, the challenger's ratings; and statistics of
    all.
    """
    connection.execute("insert into lineage.runs (run_id, code_version, status) values ('blocked', '', 'failed')")
    connection.execute(
        "insert into lineage.gate_results (run_id, gate, suite, expectation, severity, success, unexpected_keys) "
        "select 'blocked', 'candidate', 'planted', 'planted', 'critical', false, "
        "jsonb_agg(jsonb_build_object('customer_id', customer_id)) from published.customer_rating"
    )
    connection.execute(
        "insert into lineage.erasures (customer_id, approver, reason, raw_rows, quarantined, files_redacted, "
        "files_removed) select customer_id, 'planted', 'planted', 0, 0, '{}', '{}' from published.customer_rating"
    )
    connection.execute(
        "insert into evaluation.challenger_rating (as_of_date, customer_id, policy_version, challenger_version, grade, "
        "challenger_grade) select current_date, customer_id, '', '', '', '' from published.customer_rating"
    )
    connection.execute("analyze")


def _may_read(
    department: str, departments: access.Departments, relations: list[tuple[str, str]]
) -> set[tuple[str, str]]:
    """What a role may read, in plain words of departments.yml."""
    if department == "bi_reader":
        return {(schema, name) for schema, name in relations if schema in ("published", "star")}
    if department not in departments.departments:
        return set()
    sees = departments.departments[department]
    schemas = {f"dept_{department}"} | ({"evaluation"} if department in departments.analysts else set())
    names = {("published", name) for name in ("release", "my_org_unit", "my_customer")}
    if sees == "*":
        schemas |= {"published", "lineage", "policy"}
    else:
        names |= {("published", f"{table}_history") for table in sees}
    return {relation for relation in relations if relation[0] in schemas} | names


def _can_read(connection: psycopg.Connection[Any], schema: str, name: str) -> bool:
    try:
        connection.execute(sql.SQL("select 1 from {} limit 1").format(sql.Identifier(schema, name)))
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def _readable_columns(connection: psycopg.Connection[Any], schema: str, name: str) -> list[str]:
    found = connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped "
        "and has_column_privilege(attrelid, attnum, 'select')",
        [f"{schema}.{name}"],
    )
    return [column for (column,) in found if column not in NAMED_BESIDE]


def _customers_in(connection: psycopg.Connection[Any], schema: str, name: str) -> set[str]:
    """The customers that any column of any row names."""
    columns = _readable_columns(connection, schema, name)
    query = sql.SQL("select distinct found[1] from {}, regexp_matches(concat_ws(' ', {}), {}, 'g') as found")
    text = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns)
    # Postgres writes a word's bound as \y.
    pattern = sql.Literal(CUSTOMER_ID.replace(r"\b", r"\y"))
    return {one for (one,) in connection.execute(query.format(sql.Identifier(schema, name), text, pattern)).fetchall()}


def _assert_no_leak(
    connection: psycopg.Connection[Any], relation: tuple[str, str], customers: list[str], unit: str
) -> None:
    """A cast fails with an error text that names what it was given: so it must not be given others' rows."""
    own = {"customer_id": customers, "org_unit": [unit]}
    for column in set(own) & set(_readable_columns(connection, *relation)):
        if unit == "*":
            continue
        query = "select count(*) from {} where case when {column} = any({own}) then true else {column}::int is null end"
        parts = {"column": sql.Identifier(column), "own": sql.Literal(own[column])}
        connection.execute(sql.SQL(query).format(sql.Identifier(*relation), **parts))


def test_a_role_that_inherits_reads_what_its_role_reads(settings: Settings) -> None:
    """A tool's login that is a member of bi_reader; and a new login inherits nothing of an old one of its name."""
    with connect_as_owner(settings) as connection:
        connection.execute("create role tool login password 'for this test' in role bi_reader")
        ((customers,),) = connection.execute("select count(*) from published.customer_rating").fetchall()
    assert read_as(settings, "tool", "for this test", "select count(*) from star.dim_customer") == [(customers,)]
    with connect_as_owner(settings) as connection:
        connection.execute("insert into ops.reader_org_units values ('once_here', '*')")
    password = access.add_reader("once_here", "credit", [ORG_UNIT], settings)
    assert read_as(settings, "once_here", password, "select org_unit from published.my_org_unit") == [(ORG_UNIT,)]


def test_auditors_read_lineage_and_policy(settings: Settings) -> None:
    login = reader(settings, "audit", "*")
    assert read_as(settings, *login, "select count(*) from lineage.files")[0][0] > 10
    assert read_as(settings, *login, "select count(*) from policy.policies") == [(len(read_policies(settings)),)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        read_as(settings, *login, "delete from lineage.files")


def test_a_reader_of_no_department_is_refused(settings: Settings) -> None:
    with pytest.raises(GridCreditError, match="no department 'sales'"):
        access.add_reader("somebody", "sales", ["*"], settings)


def test_a_department_that_asks_for_what_is_not_there(settings: Settings, tmp_path: Path) -> None:
    wrong = settings.model_copy(update={"policies_dir": tmp_path})
    (tmp_path / "departments.yml").write_text("departments: {billing: {late_charge: [bill_id, colour]}}")
    with (
        connect_as_owner(settings) as connection,
        pytest.raises(PolicyError, match="billing: late_charge has no column colour"),
    ):
        access.apply_access(connection, wrong)
        connection.rollback()


def test_what_the_file_no_longer_names_is_no_longer_read(settings: Settings, tmp_path: Path) -> None:
    """Neither by the history of a table that left a department's list, nor by a former auditor."""
    restricted = settings.model_copy(update={"policies_dir": tmp_path})
    (tmp_path / "departments.yml").write_text("departments: {credit: {credit_limit: [customer_id]}, audit: {}}")
    asked = (
        "select has_any_column_privilege('dept_credit', 'published.customer_rating_history', 'select'), "
        "has_column_privilege('dept_credit', 'published.credit_limit_history', 'exposure', 'select'), "
        "has_schema_privilege('dept_credit', 'evaluation', 'usage'), "
        "has_table_privilege('dept_audit', 'lineage.files', 'select'), "
        "exists (select from pg_namespace where nspname = 'dept_billing'), "
        "has_column_privilege('dept_credit', 'published.credit_limit_history', 'customer_id', 'select')"
    )
    with connect_as_owner(settings) as connection:
        before = connection.execute(asked).fetchone()
        access.apply_access(connection, restricted)
        after = connection.execute(asked).fetchone()
        connection.rollback()
    assert before == (True,) * 6
    assert after == (False,) * 5 + (True,)


def test_the_change_feed_misses_nothing_and_says_nothing_twice(settings: Settings) -> None:
    """Polled release by release it shows the way from the first figures to the last."""
    with connect(settings) as connection:
        (last,) = connection.execute("select max(release) from published.release").fetchone() or (0,)
        grades: dict[str, str | None] = {}
        warned: dict[tuple[str, str], str | None] = {}
        seen = 0
        for number in range(1, last + 1):
            rows = connection.execute(
                "select customer_id, what, before, after, release from published.change where release > %s and release "
                "<= %s",
                [seen, number],
            ).fetchall()
            assert len({(customer, what) for customer, what, *_ in rows}) == len(rows)
            for customer, what, before, after, release in rows:
                assert release == number
                if what == "grade":
                    assert grades.get(customer) == before
                    grades[customer] = after
                elif what.startswith("warning"):
                    assert warned.get((customer, what)) == before
                    warned[customer, what] = after
            seen = number
        now: dict[str, str] = dict(
            connection.execute("select customer_id, grade from published.customer_rating").fetchall()
        )
        standing = {
            (customer, f"warning {rule}"): f"{level} {status}"
            for customer, rule, level, status in connection.execute(
                "select customer_id, rule, level, status from published.customer_warning"
            )
        }
    assert last == 3
    assert grades == now
    assert {key: found for key, found in warned.items() if found} == standing


def test_whoever_listens_hears_of_a_release(settings: Settings) -> None:
    with connect(settings, autocommit=True) as listener:
        listener.execute(sql.SQL("listen {}").format(sql.Identifier(RELEASE_CHANNEL)))
        release = pipeline.build_ratings("another day", date(2026, 7, 2), settings)
        heard = [notice.payload for notice in listener.notifies(timeout=5, stop_after=1)]
    assert heard == [str(release.number)]


def test_the_queries_of_the_bi_page_run_as_they_stand(settings: Settings) -> None:
    """docs/bi.md, as bi_reader with a plain client; and nothing else can be read."""
    with connect_as_owner(settings) as connection:
        connection.execute("alter role bi_reader password 'for this test'")
    page = (PROJECT_DIR / "docs" / "bi.md").read_text()
    queries = [block.split("```")[0] for block in page.split("```sql\n")[1:]]
    assert len(queries) >= 8
    for query in queries:
        assert read_as(settings, "bi_reader", "for this test", query), query
    for secret in ("raw.customer", "archive.customer_event", "lineage.files", "policy.policies", "ops.applied"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            read_as(settings, "bi_reader", "for this test", f"select 1 from {secret}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        read_as(settings, "bi_reader", "for this test", "delete from published.customer_rating_history")


def test_charges_to_the_day_are_those_of_the_work_list(settings: Settings) -> None:
    with connect(settings) as connection:
        by_bill = connection.execute(
            "select customer_id, sum(charge_to_date) from star.fact_late_bill as late "
            "join published.late_charge using (customer_id, bill_id) "
            "where late.open_amount > contested_amount group by customer_id"
        ).fetchall()
        by_debtor = connection.execute(
            "select customer_id, late_charge from published.work_list where overdue_bills > 0"
        ).fetchall()
        accruing = connection.execute(
            "select count(*) from star.fact_late_bill where charge_to_date > late_charge"
        ).fetchall()
    assert dict(by_bill) == dict(by_debtor)
    assert accruing[0][0] > 10
