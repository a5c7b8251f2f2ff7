"""One embedded Postgres for the whole test session; fresh warehouses in it for whoever asks."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from gridcredit import warehouse
from gridcredit.embedded_postgres import SUPERUSER, EmbeddedPostgres, options_for_machine
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
    # The machine's own fall is not tested: nothing waits for the disk.
    server = EmbeddedPostgres(Settings(home=home), options_for_machine() | {"fsync": "off"})
    warehouse.prepare(server.settings)
    yield server
    server.stop()
    shutil.rmtree(home, ignore_errors=True)


@dataclass
class Warehouses:
    """Makes and drops databases; what is known of the models, dbt's parse and which columns rest on which, serves the next."""

    server: EmbeddedPostgres
    folder: Path

    @property
    def _columns(self) -> Path:
        """`lineage.columns` of the last one dropped: by fingerprint of the models, so none is taken for another's."""
        return self.folder / "columns.copy"

    def make(self, name: str) -> Settings:
        """Settings whose warehouse is empty and whose home is their own."""
        with psycopg.connect(self.server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
            owner = sql.Identifier(warehouse.WAREHOUSE_ROLE)
            admin.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), owner))
            admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
        settings = Settings(
            home=Path(tempfile.mkdtemp(prefix="home", dir=self.folder)),
            warehouse_url=SecretStr(self.server.url(warehouse.WAREHOUSE_ROLE, name)),
            landing_settle_seconds=0,
            build_patience_seconds=0,
        )
        if self._parsed(name).exists():
            _parsed_in(settings).parent.mkdir(parents=True)
            shutil.copyfile(self._parsed(name), _parsed_in(settings))
        warehouse.prepare(settings)
        if self._columns.exists():
            with (
                warehouse.connect(settings) as connection,
                connection.cursor().copy("copy lineage.columns from stdin") as copy,
            ):
                copy.write(self._columns.read_bytes())
        return settings

    def drop(self, name: str, settings: Settings) -> None:
        """Remove the database and its home."""
        if _parsed_in(settings).exists():
            shutil.copyfile(_parsed_in(settings), self._parsed(name))
        with (
            warehouse.connect(settings) as connection,
            connection.cursor().copy("copy lineage.columns to stdout") as copy,
        ):
            self._columns.write_bytes(b"".join(copy))
        with psycopg.connect(self.server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        shutil.rmtree(settings.home, ignore_errors=True)

    def _parsed(self, name: str) -> Path:
        return self.folder / f"{name}.msgpack"


def _parsed_in(settings: Settings) -> Path:
    return settings.home / "dbt" / "target" / "partial_parse.msgpack"


@pytest.fixture(scope="session")
def warehouses(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Warehouses:
    """Makes warehouses that last for the session."""
    return Warehouses(server, tmp_path_factory.mktemp("warehouses"))


@pytest.fixture(scope="module")
def new_warehouse(warehouses: Warehouses) -> Iterator[WarehouseFactory]:
    """Makes warehouses that last for the module."""
    made: dict[str, Settings] = {}

    def make() -> Settings:
        name = f"test_{len(made) + 1}"
        made[name] = warehouses.make(name)
        return made[name]

    yield make
    for name, settings in made.items():
        warehouses.drop(name, settings)


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
