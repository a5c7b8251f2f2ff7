"""The embedded server: any folder, loopback only, no connection without a password."""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
import yaml
from gridcredit.errors import GridCreditError
from gridcredit.operations import services
from gridcredit.operations.status import as_lines, open_databases, status
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import connect, connect_as_owner, warehouse_url
from gridcredit.warehouse.embedded_postgres import SUPERUSER, EmbeddedPostgres, free_port
from gridcredit.warehouse.leftovers import leftovers
from gridcredit.warehouse.migrations import prepare
from psycopg.conninfo import make_conninfo


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Deeper than a Unix socket's path may be, with a space, a quote and a letter beyond ASCII in it."""
    return tmp_path / "a customer's folder" / ("deep" * 15) / ("deeper" * 10) / "Zähler 电"


def test_it_works_in_an_odd_deep_folder_and_again_after_a_stop(home: Path) -> None:
    settings = Settings(home=home)
    server = EmbeddedPostgres(settings)
    assert len(str(home)) > 107
    home.mkdir(parents=True)
    with pytest.raises(GridCreditError, match="is not running"):
        warehouse_url(settings)
    try:
        prepare(settings)
        with connect(settings) as connection:
            connection.execute("insert into ops.stage_timings (run_id, stage, seconds) values ('a', 'b', 1)")
        server.stop()
        assert server.port() is None
        prepare(settings)
        prepare(settings)
        with connect(settings) as connection:
            assert connection.execute("select run_id from ops.stage_timings").fetchall() == [("a",)]
    finally:
        server.stop()


def test_it_listens_on_loopback_only(server: EmbeddedPostgres) -> None:
    pid = int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])
    family = [psutil.Process(pid), *psutil.Process(pid).children()]
    found = set()
    for process in family:
        # A worker of the server may have ended meanwhile.
        with suppress(psutil.NoSuchProcess):
            found |= {one.laddr.ip for one in process.net_connections("inet") if one.status == "LISTEN"}
    assert found == {"127.0.0.1"}


@pytest.mark.parametrize("role", ["postgres", "gridcredit", "airflow", "bi_reader"])
@pytest.mark.parametrize("password", ["", "postgres", "wrong"])
def test_no_role_gets_in_without_its_password(server: EmbeddedPostgres, role: str, password: str) -> None:
    url = make_conninfo("", host="127.0.0.1", port=server.port(), user=role, password=password, dbname="warehouse")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url, connect_timeout=10, passfile="/dev/null")


def test_logins_connect_to_the_warehouse_alone(server: EmbeddedPostgres, settings: Settings) -> None:
    with connect_as_owner(settings) as connection:
        connection.execute("alter role bi_reader password 'for this test'")
        assert open_databases(connection) == []
    url = make_conninfo(server.url(SUPERUSER, "postgres"), user="bi_reader", password="for this test")
    for database in ("postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(url, dbname=database)


def test_a_server_that_is_open_is_reported(server: EmbeddedPostgres, settings: Settings) -> None:
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as admin:
        admin.execute("grant temporary on database template1 to public")
        (warning,) = (line for line in as_lines(status(settings)) if line.startswith("open "))
        # As it says, so it is closed.
        admin.execute(warning.split("`")[1].encode())
    assert status(settings).open_databases == []


def test_keys_sort_by_their_bytes_in_every_database(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url("airflow", "airflow")) as connection:
        providers = connection.execute("select distinct datlocprovider, datlocale from pg_database").fetchall()
        words = connection.execute(
            "select word from unnest(array['é', 'a', 'Z', '电']) as word order by word"
        ).fetchall()
    assert providers == [("b", "C.UTF-8")]
    assert [word for (word,) in words] == sorted(["é", "a", "Z", "电"])
    compose = yaml.safe_load((PROJECT_DIR / "docker-compose.yml").read_text())
    arguments = compose["services"]["postgres"]["environment"]["POSTGRES_INITDB_ARGS"]
    assert arguments == "--locale-provider=builtin --builtin-locale=C.UTF-8"


def test_roles_reach_their_own_database_only(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url("airflow", "airflow")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(server.url("airflow", "warehouse"))


def test_the_port_stays_and_another_is_stored_where_it_is_taken(tmp_path: Path) -> None:
    wanted = free_port()
    server = EmbeddedPostgres(Settings(home=tmp_path / "home", postgres_port=wanted))
    try:
        server.start()
        assert server.port() == wanted
        server.stop()
        server.start()
        assert server.port() == wanted
        server.stop()
        with socket.create_server(("127.0.0.1", wanted)):
            server.start()
            taken_instead = server.port()
            assert taken_instead not in (None, wanted)
        server.stop()
        # Who connects by what was stored finds it there from now on.
        server.start()
        assert server.port() == taken_instead
    finally:
        server.stop()


def test_a_server_is_known_by_its_folder_not_by_its_number(tmp_path: Path, server: EmbeddedPostgres) -> None:
    """After a crash the number in postmaster.pid may be another server's: that one is neither ours nor in the way."""
    own = EmbeddedPostgres(Settings(home=tmp_path / "home", postgres_port=0))
    try:
        own.start()
        own.stop()
        lock = own.data_dir / "postmaster.pid"
        shutil.copy(server.data_dir / "postmaster.pid", lock)
        if os.geteuid() == 0:
            shutil.chown(lock, "pgserver")
        assert own.port() is None
        own.start()
        assert own.port() not in (None, server.port())
    finally:
        own.stop()


def test_a_server_whose_folder_was_moved_or_removed_is_found(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", postgres_port=0)
    own = EmbeddedPostgres(settings)
    own.start()
    port, pid = own.port(), own.pid()
    assert pid
    try:
        (tmp_path / "home").rename(tmp_path / "moved")
        moved = EmbeddedPostgres(Settings(home=tmp_path / "moved", postgres_port=0))
        assert moved.port() == port
        (tmp_path / "moved").rename(tmp_path / "home")
        shutil.rmtree(tmp_path / "home")
        assert [(one.name, one.pid) for one in leftovers(settings)] == [("postgres", pid)]
        with pytest.raises(GridCreditError, match="make down"):
            own.start()
        assert services.stop(settings) == ["postgres"]
        own.start()
        assert own.pid() != pid
    finally:
        own.stop()
        if psutil.pid_exists(pid):
            psutil.Process(pid).kill()
