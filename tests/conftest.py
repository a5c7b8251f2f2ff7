"""One embedded Postgres for the whole test session; a fresh warehouse in it for whoever asks."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from gridcredit import warehouse
from gridcredit.embedded_postgres import SUPERUSER, EmbeddedPostgres
from gridcredit.settings import PROJECT_DIR, Settings
from psycopg import sql
from pydantic import SecretStr

IBM_LEDGER = PROJECT_DIR.parent / "shared" / "data" / "ibm-accounts-receivable" / "accounts_receivable.csv"

WarehouseFactory = Callable[[], Settings]


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """The session's Postgres, stopped and removed at its end."""
    home = Path(tempfile.mkdtemp(prefix="gridcredit-test-"))
    home.chmod(0o755)
    server = EmbeddedPostgres(Settings(home=home))
    warehouse.prepare(server.settings)
    yield server
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def new_warehouse(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> WarehouseFactory:
    """Makes settings whose warehouse is empty and whose home is their own."""

    def make() -> Settings:
        database = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
            owner = sql.Identifier(warehouse.WAREHOUSE_ROLE)
            admin.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(database), owner))
            admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
        settings = Settings(
            home=tmp_path_factory.mktemp("home"),
            warehouse_url=SecretStr(server.url(warehouse.WAREHOUSE_ROLE, database)),
            landing_settle_seconds=0,
        )
        warehouse.prepare(settings)
        return settings

    return make


@pytest.fixture
def settings(new_warehouse: WarehouseFactory) -> Settings:
    """Settings with a fresh warehouse."""
    return new_warehouse()


@pytest.fixture(scope="session")
def ibm_ledger() -> Path:
    """The public ledger, where this checkout has it beside it."""
    if not IBM_LEDGER.exists():
        pytest.skip(f"needs the IBM accounts-receivable sample at {IBM_LEDGER}")
    return IBM_LEDGER
