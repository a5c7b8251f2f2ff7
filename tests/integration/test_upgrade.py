"""A warehouse as an earlier version left it goes on under the present one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from gridcredit.errors import GridCreditError
from gridcredit.operations import pipeline
from gridcredit.operations.maintenance import hash_loads
from gridcredit.operations.status import as_lines, status
from gridcredit.releases.release import list_releases, verify_loads, verify_release
from gridcredit.releases.restatement import restated_by
from gridcredit.settings import PROJECT_DIR
from gridcredit.warehouse.connection import OWNER_ROLE, WAREHOUSE, WAREHOUSE_ROLE, connect, warehouse_url
from gridcredit.warehouse.embedded_postgres import SUPERUSER, EmbeddedPostgres
from gridcredit.warehouse.migrations import migrate, prepare
from gridcredit.warehouse.published_tables import not_yet_published
from gridcredit.warehouse.reading.access import add_reader
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.support.dumps import ASSETS, DAYS, READER, Dump
from tests.support.prepared import Prepared, copy_home, drop_database, server_for_tests, settings_for
from tests.support.waiting import number, rows

# Its ledger was another, and accepted files lay elsewhere.
FIRST = "0.1.0"
FILE = Path("demo", "2026-06-19", "1_bill.csv")
VERSIONS = [path.name.removeprefix("warehouse_").removesuffix(".json") for path in sorted(ASSETS.glob("*.json"))]


def test_there_is_a_dump_of_each_version_in_the_changelog() -> None:
    headings = [line for line in (PROJECT_DIR / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    named = [heading.split()[1] for heading in headings]
    assert named[0] == "Unreleased"
    assert sorted(named[1:]) == VERSIONS
    assert sum(path.stat().st_size for path in ASSETS.iterdir()) < 1_000_000 * len(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_earlier_warehouse_continues(
    server: EmbeddedPostgres, empty: Prepared, tmp_path: Path, version: str
) -> None:
    dump = Dump(version)
    dump.restore(server, "upgraded")
    try:
        settings = settings_for(server, "upgraded", tmp_path, {"history_months": 2})
        copy_home(empty, settings)
        accepted = (settings.home / "archive" if version == FIRST else settings.accepted_dir) / FILE
        accepted.parent.mkdir(parents=True)
        accepted.write_text("as it was accepted")
        migrate(settings)
        # Whoever erases a person looks here for files that name him.
        assert (settings.accepted_dir / FILE).read_text() == "as it was accepted"
        assert not (settings.home / "archive").exists()
        assert [one.chain_hash for one in list_releases(settings)] == dump.facts["chain"]
        for release in (1, 2):
            assert verify_release(release, settings) == []
        # Its loads were not hashed; what is hashed now is stated by the next release.
        assert hash_loads(settings) > 10
        assert verify_loads(settings) == ([], [])
        shown = {table: number(settings, f"select count(*) from published.{table}") for table in dump.facts["rows"]}
        assert shown == dump.facts["rows"]
        # What came since is there for those who read, empty, and said to be so.
        assert number(settings, "select count(*) from star.dim_customer") >= 0
        with connect(settings) as connection:
            unpublished = not_yet_published(connection)
        assert ("customer_account" in unpublished) == (version == FIRST)
        assert any(f"{len(unpublished)} published tables are newer" in line for line in as_lines(status(settings)))
        pipeline.build_ratings("after the upgrade", DAYS[-1], settings)
        with connect(settings) as connection:
            assert not_yet_published(connection) == []
        newest = list_releases(settings)[0].release
        if version == FIRST:
            # The ledger changed what was owed: this release says so, and by what causes; the next one does not.
            because, causes = restated_by(newest, settings)
            assert because.startswith("the ledger")
            assert all(one.open_before != one.open_after for one in causes)
            assert rows(settings, "select * from ops.restatement union all select * from ops.cut_off_before") == []
            pipeline.build_ratings("the night after", DAYS[-1] + timedelta(days=1), settings)
            newest += 1
        with pytest.raises(GridCreditError, match="restates nothing"):
            restated_by(newest, settings)
        for release in range(1, newest + 1):
            assert verify_release(release, settings) == []
        # Rights to read are there, and who reads which org units; logins are the server's, not the dump's.
        rights = "select has_table_privilege('dept_finance', 'dept_finance.receivable_by_age', 'select')"
        as_owner = settings.model_copy(update={"warehouse_url": settings.owner_url})
        assert rows(as_owner, rights) == [(True,)]
        units = rows(settings, "select role_name, org_unit from ops.reader_org_units order by 1")
        assert units == [("bi_reader", "*"), (READER, "unit_03")]
        # What is current is read with the reader's own rights.
        by_owner = rows(
            settings,
            "select relname from pg_class where relnamespace = 'published'::regnamespace and relkind = 'v' "
            "and not coalesce(reloptions && '{security_invoker=true,security_barrier=true}', false)",
        )
        assert by_owner == [("release",)]
    finally:
        drop_database(server, "upgraded")


def test_an_embedded_warehouse_gets_an_owner(folder: Path) -> None:
    """Until 0.2.0 the pipeline's role owned all, and made the roles of readers."""
    server = server_for_tests(folder / "home")
    settings, dump = server.settings, Dump(VERSIONS[-1])
    server.start()
    try:
        with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
            secret = sql.Literal(settings.secret(f"postgres_{WAREHOUSE_ROLE}"))
            role = sql.Identifier(WAREHOUSE_ROLE)
            admin.execute(sql.SQL("create role {} login createrole password {}").format(role, secret))
            admin.execute(sql.SQL("set role {}").format(role))
            for name in dump.facts["roles"]:
                admin.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
            # A reader as `gridcredit reader add` made him.
            admin.execute("create role an_old_reader login password 'for this test' in role dept_finance")
            admin.execute("reset role")
        dump.restore(server, WAREHOUSE, WAREHOUSE_ROLE)
        prepare(settings)
        prepare(settings)
        owners = rows(
            settings,
            "select distinct nspname in ('raw', 'ledger', 'candidate', 'evaluation'), pg_get_userbyid(relowner) "
            "from pg_class join pg_namespace on pg_namespace.oid = relnamespace where relkind in ('r', 'p', 'v') "
            "and nspname in ('raw', 'ledger', 'candidate', 'evaluation', 'policy', 'lineage', 'published', 'star') "
            "order by 1",
        )
        assert owners == [(False, OWNER_ROLE), (True, WAREHOUSE_ROLE)]
        assert not status(settings).owns_evidence
        with connect(settings) as connection:
            for attempt in ("create role another", "grant dept_finance to bi_reader", "set role dept_finance"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                    connection.execute(attempt)
        memberships = "select pg_has_role('an_old_reader', 'dept_finance', 'usage')"
        assert rows(settings, memberships) == [(True,)]
        password = add_reader("reader_after_the_upgrade", "finance", ["*"], settings)
        login = {"user": "reader_after_the_upgrade", "password": password}
        with psycopg.connect(make_conninfo(warehouse_url(settings), **login)) as reader:
            assert reader.execute("select count(*) from receivable_by_age").fetchone() is not None
        settings.history_months = 2
        assert pipeline.build_ratings("after the upgrade", DAYS[-1] + timedelta(days=1), settings).is_new
    finally:
        server.stop()
