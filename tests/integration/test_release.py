"""From raw to published: gates stop what is wrong, a release is whole, readers see that and nothing else."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from gridcredit.errors import GateFailedError, GridCreditError, PolicyError
from gridcredit.ingestion.revert import revert_load
from gridcredit.lineage.trace import trace_row
from gridcredit.operations import pipeline
from gridcredit.operations.status import as_lines, status
from gridcredit.policies import load_policies
from gridcredit.reporting.customer import write_report
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.reporting.journal import export_journal
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import READER_ROLE, connect, connect_as_owner, warehouse_url
from gridcredit.warehouse.published_tables import TABLES
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.support import shipped
from tests.support.builders import SMALL_EXTRACTS
from tests.support.prepared import Prepared
from tests.support.suppliers import deliver
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

NEW_BILL = (
    "bill_id,customer_id,period,issued_on,due_on,amount,kind\n"
    "B20260500000003,C00000003,2026-05,2026-06-03,2026-06-10,123456.00,regular\n"
)


@pytest.fixture(scope="module")
def published(new_warehouse: WarehouseFactory, small: Prepared) -> Settings:
    """A warehouse with one release."""
    return new_warehouse(small)


def rating_trace(customer_id: str, release: int | None, settings: Settings) -> str:
    return trace_row("customer_rating", {"customer_id": customer_id}, release, settings).as_text()


def contents(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: rows(settings, sql.SQL("select * from published.{} order by 1, 2, 3, 4").format(sql.Identifier(table)))
        for table in TABLES
    }


def test_a_second_build_without_news_changes_nothing(published: Settings) -> None:
    before = contents(published)
    release = pipeline.build_ratings("again", settings=published)
    assert (release.number, release.is_new) == (1, False)
    assert contents(published) == before
    assert rows(published, "select release from lineage.releases") == [(1,)]
    repeated = pipeline.publish_release("first", published)
    assert (repeated.number, repeated.is_new) == (1, False)


def test_a_failed_gate_leaves_the_release_standing(published: Settings, tmp_path: Path) -> None:
    before = contents(published)
    strict = published.model_copy(update={"project_dir": tmp_path, "gate_pages": True})
    shutil.copytree(published.expectations_dir, tmp_path / "expectations")
    shutil.copytree(published.dbt_dir, tmp_path / "dbt_project")
    suite = tmp_path / "expectations" / "suites" / "candidate" / "customer_rating.json"
    document = json.loads(suite.read_text())
    nobody_passes: list[tuple[str, dict[str, Any]]] = [
        ("expect_column_values_to_be_between", {"column": "score", "min_value": 101}),
        ("unexpected_rows_expectation", {"unexpected_rows_query": "select customer_id from {batch} where score < 101"}),
    ]
    for kind, asked in nobody_passes:
        document["expectations"].append(
            {"type": kind, "kwargs": asked, "severity": "critical", "meta": {"reason": "nobody passes"}}
        )
    cannot_be_made = {"unexpected_rows_query": "select no_such_column from {batch}"}
    document["expectations"].append(
        {"type": "unexpected_rows_expectation", "kwargs": cannot_be_made, "severity": "warning"}
    )
    suite.write_text(json.dumps(document))
    with pytest.raises(GateFailedError, match="the last release stands") as failure:
        pipeline.build_ratings("too strict", settings=strict)
    assert "\n" not in str(failure.value)
    with pytest.raises(GridCreditError, match="has not passed its gates"):
        pipeline.publish_release("too strict", strict)
    assert contents(published) == before
    assert rows(published, "select status from lineage.runs where run_id = 'too strict'") == [("failed",)]
    assert (strict.data_docs_dir / "index.html").exists()
    found = status(published)
    (line,) = [line for line in as_lines(found) if line.startswith("blocked ")]
    assert found.stopped_run is not None
    assert (found.stopped_run.run, found.stopped_run.why) == ("too strict", "blocked")
    assert any("customer_rating expect_column_values_to_be_between on score" in one for one in found.stopped_run.checks)
    assert "gridcredit run --blocked 'too strict' --approver NAME --reason TEXT" in line
    assert all(one in line for one in found.stopped_run.checks)
    # What the night recomputed, which is what it checks.
    computed = {customer for (customer,) in rows(published, "select customer_id from candidate.customer_rating")}
    results = rows(
        published,
        "select expectation, unexpected_count, element_count, unexpected_keys from lineage.gate_results "
        "where run_id = 'too strict' and gate = 'candidate' and severity = 'critical' and not success "
        "and detail not like '%no_such_column%'",
    )
    assert {expectation for expectation, *_ in results} == {kind for kind, _ in nobody_passes}
    for _, unexpected, element_count, keys in results:
        assert (unexpected, element_count) == (len(computed), len(computed))
        assert {key["customer_id"] for key in keys} == computed
    not_made = rows(
        published,
        "select severity, success, unexpected_count, unexpected_keys from lineage.gate_results "
        "where detail like '%no_such_column%'",
    )
    assert not_made == [("critical", False, None, None)]
    passed = rows(
        published,
        "select distinct unexpected_count from lineage.gate_results where run_id = 'too strict' and success "
        "and suite = 'candidate.customer_advice'",
    )
    assert passed == [(0,)]


def test_critical_raw_rows_stop_the_run_before_dbt(published: Settings, tmp_path: Path) -> None:
    path = tmp_path / "bill_wrong.csv"
    wrong = NEW_BILL.replace("2026-06-10", "2026-05-01").replace("B20260500000003", "B-reverted")
    file_id = deliver(path, published, wrong + wrong.splitlines()[-1] + "\n").file_id
    with pytest.raises(GateFailedError, match=r"gate raw.*raw\.bill"):
        pipeline.build_ratings("wrong", settings=published)
    assert rows(published, "select count(*) from lineage.model_results where run_id = 'wrong'") == [(0,)]
    results = rows(
        published,
        "select severity, unexpected_count, array(select (key ->> '_line_no')::int "
        "from jsonb_array_elements(unexpected_keys) as key order by 1) "
        "from lineage.gate_results where run_id = 'wrong' and suite = 'raw.bill' and not success order by 1",
    )
    # Due before it was issued, twice; and named twice in one file, reported by its first line.
    assert results == [("critical", 2, [2, 3]), ("warning", 1, [2])]
    revert_load(file_id, "due before it was issued", published)


def test_a_correction_makes_a_new_release_and_the_old_one_can_still_be_read(
    published: Settings, tmp_path: Path
) -> None:
    (old,) = rows(published, "select grade, open_amount from published.customer_rating where customer_id = 'C00000003'")
    trace = rating_trace("C00000003", 1, published)
    path = tmp_path / "bill_correction.csv"
    deliver(path, published, NEW_BILL)
    assert status(published).stopped_run is not None
    release = pipeline.build_ratings("corrected", settings=published)
    assert (release.number, release.is_new) == (2, True)
    assert status(published).stopped_run is None
    (new,) = rows(published, "select grade, open_amount from published.customer_rating where customer_id = 'C00000003'")
    assert new[1] > 100_000
    history = "select grade, open_amount, valid_from_release, valid_to_release from published.customer_rating_history "
    history_rows = rows(published, history + "where customer_id = 'C00000003' order by valid_from_release")
    assert history_rows == [(*old, 1, 2), (*new, 2, None)]
    # Storage grows with change: most customers have one row for both releases.
    ((stored, shown),) = rows(
        published,
        "select (select count(*) from published.customer_rating_history), count(*) from published.customer_rating",
    )
    assert shown < stored < 1.3 * shown
    assert rating_trace("C00000003", 1, published) == trace
    assert "bill_correction.csv:2" in rating_trace("C00000003", None, published)


def test_trace_names_points_policy_files_and_lines(published: Settings) -> None:
    trace = rating_trace("C00000003", 1, published)
    for text in (
        shipped.VERSION,
        "recent_on_time_rate",
        "bill.csv:",
        "payment.csv:",
        "raw  checks",
        "is_available False",
    ):
        assert text in trace
    with pytest.raises(GridCreditError, match="shows no row of customer_rating"):
        rating_trace("nobody", 1, published)
    with pytest.raises(GridCreditError, match="there is no release 99"):
        rating_trace("C00000003", 99, published)


def test_the_reader_sees_published_and_nothing_else(published: Settings) -> None:
    with connect_as_owner(published) as owner:
        owner.execute(sql.SQL("alter role {} password 'for this test'").format(sql.Identifier(READER_ROLE)))
        schemas = [name for (name,) in owner.execute("select nspname from pg_namespace where nspname !~ '^pg_'")]
        tables = owner.execute(
            "select schemaname, tablename from pg_tables where schemaname !~ '^(pg_|information_schema|published)'"
        ).fetchall()
    url = make_conninfo(warehouse_url(published), user=READER_ROLE, password="for this test")
    assert len(tables) > 30
    with psycopg.connect(url, autocommit=True) as reader:
        assert (reader.execute("select count(*) from published.customer_rating").fetchone() or (0,))[0] > 70
        assert (reader.execute("select max(release) from published.release").fetchone() or (0,))[0] >= 1
        for schema, table in tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(sql.SQL("select 1 from {}").format(sql.Identifier(schema, table)))
        for schema in schemas:
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.Error)):
                reader.execute(sql.SQL("create table {} (x int)").format(sql.Identifier(schema, "mine")))
        for statement in (
            "delete from published.customer_rating_history",
            "update published.customer_rating_history set grade = 'AAA'",
            "create temp table mine (x int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement)


def test_every_published_column_is_described_and_no_name_is_published(published: Settings) -> None:
    described = rows(
        published,
        "select relname, attname, col_description(attrelid, attnum) from pg_attribute "
        "join pg_class on pg_class.oid = attrelid where relnamespace = 'published'::regnamespace "
        "and attnum > 0 and not attisdropped and relkind in ('r', 'v') and relname <> 'release'",
    )
    assert len(described) > 100
    assert [row[:2] for row in described if not row[2]] == []
    names = [name for (name,) in rows(published, "select name from raw.customer")]
    everything = json.dumps(contents(published), default=str, ensure_ascii=False)
    assert not [name for name in names if name in everything]


def test_published_keys_hold(published: Settings) -> None:
    for table, published_table in TABLES.items():
        columns = sql.SQL(", ").join(map(sql.Identifier, published_table.key))
        query = sql.SQL("select 1 from published.{} group by {} having count(*) > 1").format(
            sql.Identifier(table), columns
        )
        assert rows(published, query) == []


def test_lineage_holds_files_models_gates_and_releases(published: Settings) -> None:
    assert rows(published, "select count(distinct file_id) from lineage.run_files where run_id = 'first'") == [
        (len(SMALL_EXTRACTS),)
    ]
    models = {
        name
        for (name,) in rows(
            published,
            "select unique_id from lineage.model_results where run_id = 'first' and resource_type = 'model' "
            "and status = 'success' and checksum is not null",
        )
    }
    in_project = {
        path.stem for path in (published.dbt_dir / "models").rglob("*.sql") if path.parent.name != "evaluation"
    }
    assert models == {f"model.gridcredit.{name}" for name in in_project}
    assert rows(published, "select distinct gate from lineage.gate_results where run_id = 'first' order by gate") == [
        ("candidate",),
        ("raw",),
    ]


def test_a_policy_changed_under_its_version_is_refused(published: Settings, tmp_path: Path) -> None:
    shutil.copytree(published.policies_dir, tmp_path / "policies")
    changed = published.model_copy(update={"policies_dir": tmp_path / "policies"})
    load_policies(changed)
    file = tmp_path / "policies" / "default" / "1.0" / "reasons.csv"
    file.write_text(file.read_text().replace("less than 60 %", "under 60 %"))
    with pytest.raises(PolicyError, match="was changed after version 'default-1.0' had been loaded"):
        load_policies(changed)


def test_pages_are_stored_of_the_newest_results(published: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridcredit.quality.validation.RESULTS_WITH_PAGES", 7)
    rows_before = rows(published, "select count(*) from lineage.gate_results")
    pipeline.build_ratings("one more night", settings=published.model_copy(update={"gate_pages": True}))
    pages = [path.stem for path in (published.data_docs_dir / "validations").rglob("*.html")]
    results = [path.stem for path in (published.home / "gate_results").rglob("*.json")]
    assert sorted(pages) == sorted(results)
    assert len(pages) == 7
    assert len(set(pages)) == 7
    assert rows(published, "select count(*) from lineage.gate_results") > rows_before


def test_the_first_load_of_all_history_does_not_show_how_many_rows_a_day_has(settings: Settings) -> None:
    with connect(settings) as connection:
        for week, accepted in enumerate((2_000_000, 1_000, 1_000, 990)):
            loaded_at = datetime(2026, 6, 3, 20, tzinfo=UTC) + timedelta(weeks=week)
            run_id = f"week {week}"
            (file_id,) = connection.execute(
                "insert into lineage.files (mapping, file_name, sha256, byte_size, modified_at, loaded_at) "
                "values ('demo', 'payment.csv', %s, 1, %s, %s) returning file_id",
                [run_id, loaded_at, loaded_at],
            ).fetchone() or (0,)
            connection.execute(
                "insert into lineage.loads (file_id, extract, mapping_sha256, rows_read, rows_accepted, "
                "rows_quarantined, rows_filtered, rows_repeated, seconds) values (%s, 'payment', '', %s, %s, 0, 0, 0, "
                "1)",
                [file_id, accepted, accepted],
            )
            connection.execute(
                "insert into lineage.runs (run_id, as_of_date, code_version, started_at, status) "
                "values (%s, %s, '', %s, 'published')",
                [run_id, loaded_at.date(), loaded_at],
            )
            connection.execute("insert into lineage.run_files (run_id, file_id) values (%s, %s)", [run_id, file_id])
    found = rows(settings, "select run_id, share_of_usual_rows from lineage.deliveries_by_run order by run_id")
    assert found == [("week 0", None), ("week 1", None), ("week 2", None), ("week 3", Decimal("0.99"))]


def test_pages_and_exports_are_in_the_warehouses_currency(published: Settings, tmp_path: Path) -> None:
    """Whatever the environment of who asks for them says, or does not say."""
    with connect(published) as connection:
        connection.execute("update ops.warehouse_currency set currency = 'EUR'")
    write_report("C00000003", tmp_path / "report.html", settings=published)
    assert " EUR" in (tmp_path / "report.html").read_text()
    dashboard = write_dashboard(tmp_path / "dashboard.html", published).read_text()
    assert " EUR" in dashboard
    assert "CNY" not in dashboard
    ((day,),) = rows(published, "select max(as_of_date) from lineage.releases")
    export_journal(day, tmp_path / "journal", settings=published)
    assert 'option "operating_currency" "EUR"' in (tmp_path / "journal").read_text()
    with pytest.raises(GridCreditError, match="this warehouse is in EUR, and GRIDCREDIT_CURRENCY says CNY"):
        write_dashboard(tmp_path / "other.html", published.model_copy(update={"currency": "CNY"}))
