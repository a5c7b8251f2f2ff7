"""Warehouses from which many tests start: built once per test run, on one server, which each worker copies.

Whoever comes first builds them, under a lock, each in a process of its own; the others wait for it. Copies within a
worker are made by Postgres itself (`create database ... template`), so what a test does to its own is nobody else's.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from gridcredit.operations import services
from gridcredit.operations.airflow_environment import airflow_environment
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import (
    AIRFLOW,
    AIRFLOW_ROLE,
    OWNER_ROLE,
    READER_ROLE,
    WAREHOUSE_ROLE,
    warehouse_url,
)
from gridcredit.warehouse.embedded_postgres import SUPERUSER, EmbeddedPostgres, free_port, options_for_machine
from gridcredit.warehouse.migrations import prepare
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from tests.support.dbt_parse import move_parse
from tests.support.learnt import learn, store_learnt
from tests.support.waiting import number, rows

# Besides warehouses: the database of an Airflow that has been migrated.
MIGRATED_AIRFLOW = "migrated_airflow"
LONGEST_FIRST = ("evaluated", "oracle_warehouse", "rich", "small", "empty", MIGRATED_AIRFLOW)
EMPTY = "empty"
FIRST = {EMPTY, MIGRATED_AIRFLOW}
# Where the run stores them; pytest's own process sets it, for its workers too.
FOLDER_VARIABLE = "PREPARED_WAREHOUSES"


def server_for_tests(home: Path) -> EmbeddedPostgres:
    """A server for tests: a crash of the machine is not tested, so nothing waits for the disk, and little log is
    written.
    """
    return EmbeddedPostgres(
        Settings(home=home, postgres_port=0), options_for_machine() | {"fsync": "off", "max_wal_size": "512MB"}
    )


@dataclass(frozen=True)
class Prepared:
    """A warehouse as it was built; its files may be read, and are not to be changed."""

    name: str
    folder: Path

    @property
    def files(self) -> Path:
        return self.folder / self.name / "files"

    @property
    def home(self) -> Path:
        """The home of the process that built it: dbt's parse, results of gates, secrets."""
        return self.folder / self.name / "home"

    @property
    def learnt(self) -> Path:
        """What those built so far know of columns."""
        return self.folder / "learnt"

    @property
    def options(self) -> dict[str, Any]:
        """The settings that it was built with, where they are not the usual ones."""
        options: dict[str, Any] = json.loads((self.folder / self.name / "options.json").read_text())
        return options

    @property
    def unlogged_rows(self) -> dict[str, int]:
        """How many rows each unlogged table held when all was built."""
        held: dict[str, int] = json.loads((self.folder / self.name / "unlogged_rows.json").read_text())
        return held


def prepare_all(names: Collection[str], folder: Path) -> None:
    """Build what is asked for where nobody has; the file `done` says how long each took."""
    done = folder / "done"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        built: dict[str, float] = json.loads(done.read_text()) if done.exists() else {}
        if missing := set(names) - built.keys():
            done.write_text(json.dumps(built | _build(missing, folder)))


def _build(names: set[str], folder: Path) -> dict[str, float]:
    server = server_for_tests(folder / "server")
    prepare(server.settings)
    try:
        built: dict[str, float] = {}
        # First what the others begin with. Then two at a time, the longest first.
        for some in (names & FIRST, names - FIRST):
            with ThreadPoolExecutor(2) as builders:
                order = sorted(some, key=LONGEST_FIRST.index)
                building = {name: builders.submit(_build_one, name, folder) for name in order}
                built |= {name: one.result() for name, one in building.items()}
        return built
    finally:
        server.stop()


def _build_one(name: str, folder: Path) -> float:
    started = time.monotonic()
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.prepared", name, str(folder)],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=PROJECT_DIR,
            check=False,
        )
    assert done.returncode == 0, f"{name} was not built: {log.read_text(errors='replace')[-3000:]}"
    return time.monotonic() - started


def copy_server(folder: Path, home: Path) -> EmbeddedPostgres:
    """A server of one's own, with all that is prepared in it."""
    # Owners are preserved: as root, Postgres runs as another user.
    subprocess.run(["cp", "-a", "--reflink=auto", str(folder / "server"), str(home)], check=True)
    server = server_for_tests(home)
    server.start()
    return server


def create_database(server: EmbeddedPostgres, name: str, template: str, owner: str = OWNER_ROLE) -> None:
    """A copy of a prepared database, by the files: unlogged tables come along."""
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
        database = sql.Identifier(name)
        admin.execute(
            sql.SQL("create database {} template {} owner {} strategy file_copy").format(
                database, sql.Identifier(template), sql.Identifier(owner)
            )
        )
        admin.execute(sql.SQL("revoke all on database {} from public").format(database))
        # Rights on a database do not come along.
        admin.execute(sql.SQL("grant connect on database {} to {}").format(database, sql.Identifier(READER_ROLE)))
        if owner != OWNER_ROLE:
            return
        pipeline = sql.Identifier(WAREHOUSE_ROLE)
        admin.execute(sql.SQL("grant connect, create, temporary on database {} to {}").format(database, pipeline))


def drop_database(server: EmbeddedPostgres, name: str) -> None:
    """Remove a database, whoever is connected."""
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def settings_for(server: EmbeddedPostgres, database: str, home: Path, options: dict[str, Any]) -> Settings:
    """Settings of a warehouse on a test server."""
    return Settings(
        home=home,
        warehouse_url=SecretStr(server.url(WAREHOUSE_ROLE, database)),
        owner_url=SecretStr(server.url(OWNER_ROLE, database)),
        landing_settle_seconds=0,
        build_patience_seconds=0,
        # Tests that read the pages switch them on.
        gate_pages=False,
        **options,
    )


def copy_home(prepared: Prepared, settings: Settings) -> None:
    """What a build finds of earlier ones in its home; dbt's files name the database in each of their relations."""
    shutil.copytree(prepared.home, settings.home, ignore=_written_of_nodes, dirs_exist_ok=True)
    move_parse(settings)
    manifest = settings.home / "dbt" / "target" / "manifest.json"
    if manifest.exists():
        database = conninfo_to_dict(warehouse_url(settings))["dbname"]
        text = manifest.read_text()
        for quote in ('"', '\\"'):
            text = text.replace(f"{quote}{prepared.name}{quote}", f"{quote}{database}{quote}")
        manifest.write_text(text)


def _written_of_nodes(folder: str, _: list[str]) -> set[str]:
    """What dbt writes of each node, and reads never."""
    return {"compiled", "run"} if Path(folder).name.endswith("target") else set()


def unlogged_rows(settings: Settings) -> dict[str, int]:
    """The rows of each table that Postgres does not log, by schema and name."""
    tables = rows(
        settings,
        "select concat_ws('.', nspname, relname) from pg_class join pg_namespace on pg_namespace.oid = relnamespace "
        "where relpersistence = 'u' and relkind = 'r' order by 1",
    )
    return {table: number(settings, f"select count(*) from {table}") for (table,) in tables}


def main(name: str, folder: Path) -> None:
    """Build one of them, as a process of its own."""
    from tests.support.builders import BUILDERS

    server = server_for_tests(folder / "server")
    if name == MIGRATED_AIRFLOW:
        _migrate_airflow(server)
        return
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(OWNER_ROLE)))
        admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
    own = Prepared(name, folder)
    own.home.mkdir(parents=True)
    own.files.mkdir()
    builder = BUILDERS[name]
    (folder / name / "options.json").write_text(json.dumps(builder.options))
    settings = settings_for(server, name, own.home, builder.options)
    if name != EMPTY and (folder / EMPTY).exists():
        copy_home(Prepared(EMPTY, folder), settings)
    prepare(settings)
    learn(settings, own.learnt)
    builder.build(own.files, settings)
    if name != EMPTY:
        store_learnt(settings, own.learnt)
    (folder / name / "unlogged_rows.json").write_text(json.dumps(unlogged_rows(settings)))


def _migrate_airflow(server: EmbeddedPostgres) -> None:
    create_database(server, MIGRATED_AIRFLOW, AIRFLOW, AIRFLOW_ROLE)
    settings = server.settings.model_copy(
        update={"airflow_database_url": SecretStr(server.url(AIRFLOW_ROLE, MIGRATED_AIRFLOW))}
    )
    services.migrate_airflow(airflow_environment(settings, free_port()), settings)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
