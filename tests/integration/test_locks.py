"""No reader can stop the pipeline: its locks are not theirs to take, and what they hold is waited for briefly and
named.
"""

from __future__ import annotations

from datetime import date

import psycopg
import pytest
from gridcredit.errors import GridCreditError
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect_as_owner, warehouse_url
from gridcredit.warehouse.locks import exclusive
from gridcredit.warehouse.migrations import migrate
from gridcredit.warehouse.reading import access
from psycopg.conninfo import make_conninfo

from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory

LOGIN = "reader_who_locks"


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, small: Prepared) -> Settings:
    """A release; a lock that cannot be had is not waited for."""
    own = new_warehouse(small)
    own.lock_patience_seconds, own.reader_patience_seconds = 0, 3
    return own


@pytest.fixture(scope="module")
def reader(settings: Settings) -> str:
    """The address of a login that reads what collectors read."""
    password = access.add_reader(LOGIN, "collections", ["*"], settings)
    return make_conninfo(warehouse_url(settings), user=LOGIN, password=password)


def test_no_lock_that_a_reader_takes_stops_a_run(settings: Settings, reader: str, small: Prepared) -> None:
    with psycopg.connect(reader, autocommit=True) as other:
        for name in ("build", "gate", "migrate", "policy"):
            other.execute("select pg_advisory_lock(hashtext(%s)), pg_advisory_lock_shared(0)", [f"gridcredit.{name}"])
        migrate(settings)
        assert load_file(small.files / "bill.csv", load_mappings(settings.mappings_dir)["demo"], settings).is_repeat
        pipeline.build_ratings("while locked", date(2026, 6, 21), settings)
        for table in ("ops.build_lock", "ops.gate_lock", "ops.migrations", "policy.policies", "lineage.files"):
            for mode in ("access share", "exclusive"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), other.transaction():
                    other.execute(f"lock table {table} in {mode} mode".encode())


def test_who_holds_a_lock_is_named(settings: Settings) -> None:
    with exclusive("build", settings):
        with (
            pytest.raises(GridCreditError, match=r"waited 0 s for gridcredit build, process \d+ on .* session \d+"),
            exclusive("build", settings),
        ):
            pass
        # Each lock is one of its own.
        with exclusive("gate", settings):
            pass
    with exclusive("build", settings) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_reader_with_an_open_transaction_is_named(settings: Settings, reader: str) -> None:
    """What it holds must be changed when the views did; nothing is published, and once it has ended all is."""
    with connect_as_owner(settings) as connection:
        connection.execute("delete from ops.applied where name in ('access', 'readers')")
    run = "while a reader reads"
    with psycopg.connect(reader) as other:
        other.execute("select count(*) from work_list")
        with pytest.raises(GridCreditError, match=rf"a client \(login {LOGIN}, session {other.info.backend_pid}\)"):
            pipeline.build_ratings(run, date(2026, 6, 22), settings)
    release = pipeline.build_ratings(run, date(2026, 6, 22), settings)
    assert release.is_new
