"""Dumps of warehouses as earlier versions left them: stored in tests/assets, so that each later version proves its
upgrade.

`python -m tests.support.dumps` writes that of the present version; one that is there is never written again.
"""

from __future__ import annotations

import json
import lzma
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
from gridcredit import __version__
from gridcredit.operations import pipeline
from gridcredit.releases.release import list_releases
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import OWNER_ROLE, WAREHOUSE, WAREHOUSE_ROLE
from gridcredit.warehouse.embedded_postgres import SUPERUSER, EmbeddedPostgres, programs
from gridcredit.warehouse.migrations import prepare
from gridcredit.warehouse.reading.access import add_reader
from psycopg import sql

from tests.support.suppliers import deliver, load
from tests.support.waiting import number, rows

ASSETS = PROJECT_DIR / "tests" / "assets"
CUSTOMERS, MONTHS, SEED, DEFECTS = 60, 14, 6, 40
DAYS = (date(2026, 5, 31), date(2026, 6, 19))
LATE = "payment_id,customer_id,bill_id,paid_on,amount\nLATE1,C00000003,,2026-06-18,77.70\n"
READER = "reader_of_the_dump"


@dataclass(frozen=True)
class Dump:
    """The dump of a version, as SQL, and beside it what it needs and what it holds."""

    version: str

    @property
    def path(self) -> Path:
        return ASSETS / f"warehouse_{self.version}.sql.xz"

    @property
    def _facts_path(self) -> Path:
        return ASSETS / f"warehouse_{self.version}.json"

    @property
    def facts(self) -> dict[str, Any]:
        """`roles` that it gives rights to, the hash `chain` of its releases, and how many `rows` each published table
        shows.
        """
        facts: dict[str, Any] = json.loads(self._facts_path.read_text())
        return facts

    def restore(self, server: EmbeddedPostgres, database: str, owner: str = OWNER_ROLE) -> None:
        """Make a database of the dump, and the roles that it names where the server does not know them."""
        with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
            known = {name for (name,) in admin.execute("select rolname from pg_roles")}
            for role in self.facts["roles"]:
                if role not in known:
                    admin.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
            name = sql.Identifier(database)
            admin.execute(sql.SQL("create database {} owner {}").format(name, sql.Identifier(owner)))
        text = lzma.decompress(self.path.read_bytes())
        _run("psql", server.url(SUPERUSER, database), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", text=text)

    def write(self, settings: Settings) -> None:
        """Dump a warehouse as the dump of this version."""
        server = EmbeddedPostgres(settings)
        roles = rows(
            settings,
            "select rolname from pg_roles where rolname !~ '^pg_' and rolname not in ('postgres', 'airflow', %s, %s) "
            "order by 1",
            WAREHOUSE_ROLE,
            OWNER_ROLE,
        )
        tables = rows(
            settings, "select table_name from information_schema.views where table_schema = 'published' order by 1"
        )
        facts = {
            "roles": [role for (role,) in roles],
            "chain": [one.chain_hash for one in list_releases(settings)],
            "rows": {table: number(settings, f"select count(*) from published.{table}") for (table,) in tables},
        }
        ASSETS.mkdir(exist_ok=True)
        text = _run("pg_dump", server.url(SUPERUSER, WAREHOUSE))
        self.path.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
        self._facts_path.write_text(json.dumps(facts, indent=2) + "\n")


def _run(program: str, *arguments: str, text: bytes = b"") -> bytes:
    done = subprocess.run([str(programs() / program), *arguments], input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:].decode()
    return done.stdout


def make(settings: Settings, files: Path) -> None:
    """A warehouse with all extracts, bad rows, a reader, and two releases, the second with a late payment."""
    settings.history_months = 2
    simulate(CUSTOMERS, MONTHS, SEED, files, defects=DEFECTS)
    load(files, settings)
    pipeline.build_ratings("first", DAYS[0], settings)
    deliver(files / "payment_late.csv", settings, LATE)
    pipeline.build_ratings("second", DAYS[1], settings)
    add_reader(READER, "finance", ["unit_03"], settings)


def main() -> None:
    """Write the dump of this version."""
    dump = Dump(__version__)
    if dump.path.exists():
        raise SystemExit(f"{dump.path} is there, and stays as it is")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        settings = Settings(home=Path(folder) / "home")
        prepare(settings)
        try:
            make(settings, Path(folder) / "files")
            dump.write(settings)
        finally:
            EmbeddedPostgres(settings).stop()
    print(f"{dump.path}: {dump.path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
