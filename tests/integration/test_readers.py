"""Who reads what: departments by table, column and org unit; the change feed; the star; each as a reader logs in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from gridcredit import access, pipeline
from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.published_tables import TABLES, published_columns
from gridcredit.release import RELEASE_CHANNEL
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse import connect, warehouse_url
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


def test_auditors_read_lineage_and_policy(settings: Settings) -> None:
    login = reader(settings, "audit", "*")
    assert read_as(settings, *login, "select count(*) from lineage.files")[0][0] > 10
    assert read_as(settings, *login, "select count(*) from policy.policies") == [(2,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        read_as(settings, *login, "delete from lineage.files")


def test_a_reader_of_no_department_is_refused(settings: Settings) -> None:
    with pytest.raises(GridCreditError, match="no department 'sales'"):
        access.add_reader("somebody", "sales", ["*"], settings)


def test_a_department_that_asks_for_what_is_not_there(settings: Settings, tmp_path: Path) -> None:
    wrong = settings.model_copy(update={"policies_dir": tmp_path})
    (tmp_path / "departments.yml").write_text("departments: {billing: {late_charge: [bill_id, colour]}}")
    with (
        connect(settings) as connection,
        pytest.raises(PolicyError, match="billing: late_charge has no column colour"),
    ):
        access.apply_access(connection, wrong)
        connection.rollback()


def test_the_change_feed_misses_nothing_and_says_nothing_twice(settings: Settings) -> None:
    """Polled release by release it tells the way from the first figures to the last."""
    with connect(settings) as connection:
        (last,) = connection.execute("select max(release) from published.release").fetchone() or (0,)
        grades: dict[str, str | None] = {}
        warned: dict[tuple[str, str], str | None] = {}
        seen = 0
        for number in range(1, last + 1):
            rows = connection.execute(
                "select customer_id, what, before, after, release from published.change where release > %s and release <= %s",
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
    assert {key: told for key, told in warned.items() if told} == standing


def test_whoever_listens_hears_of_a_release(settings: Settings) -> None:
    with connect(settings, autocommit=True) as listener:
        listener.execute(sql.SQL("listen {}").format(sql.Identifier(RELEASE_CHANNEL)))
        release = pipeline.build_ratings("another day", date(2026, 7, 2), settings)
        heard = [notice.payload for notice in listener.notifies(timeout=5, stop_after=1)]
    assert heard == [str(release.number)]


def test_the_queries_of_the_bi_page_run_as_they_stand(settings: Settings) -> None:
    """docs/bi.md, as bi_reader with a plain client; and nothing else can be read."""
    with connect(settings) as connection:
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
            "where late.open_amount > 0 and not is_disputed group by customer_id"
        ).fetchall()
        by_debtor = connection.execute(
            "select customer_id, late_charge from published.work_list where overdue_bills > 0"
        ).fetchall()
        accruing = connection.execute(
            "select count(*) from star.fact_late_bill where charge_to_date > late_charge"
        ).fetchall()
    assert dict(by_bill) == dict(by_debtor)
    assert accruing[0][0] > 10
