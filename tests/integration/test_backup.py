"""A backup is restored on an empty server: releases are as they were published, readers log in, and the next run
continues.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import date
from pathlib import Path

import psycopg
from gridcredit.operations import pipeline
from gridcredit.releases.release import list_releases, verify_release
from gridcredit.warehouse.connection import warehouse_url
from gridcredit.warehouse.embedded_postgres import SUPERUSER, EmbeddedPostgres, programs
from gridcredit.warehouse.migrations import migrate
from gridcredit.warehouse.reading import access
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.support.dbt_parse import move_parse
from tests.support.prepared import Prepared, copy_home, copy_server, drop_database, server_for_tests, settings_for
from tests.support.waiting import rows

READER = "reader_of_the_backup"
NEXT_DAY = date(2026, 6, 20)


def program(name: str, server: EmbeddedPostgres, text: str = "") -> tuple[str, str]:
    """What one of Postgres's programs writes, and what it complains of."""
    command = [str(programs() / name), "--host=127.0.0.1", f"--port={server.port()}", f"--username={SUPERUSER}"]
    # pg_dumpall connects to each database, and hands on no password that stands in an address.
    environment = os.environ | {"PGPASSWORD": server.settings.secret(f"postgres_{SUPERUSER}"), "PGDATABASE": "postgres"}
    done = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_a_backup_is_restored_on_an_empty_server(prepared_folder: Path, small: Prepared, folder: Path) -> None:
    source, target = copy_server(prepared_folder, folder / "source"), server_for_tests(folder / "target")
    try:
        with psycopg.connect(source.url(SUPERUSER, "postgres"), autocommit=True) as admin:
            others = admin.execute(
                "select datname from pg_database where datname not in ('postgres', 'template0', 'template1', %s)",
                [small.name],
            ).fetchall()
        for (name,) in others:
            drop_database(source, name)
        before = settings_for(source, small.name, folder / "home", small.options)
        copy_home(small, before)
        # What is granted to readers is of the release that stands.
        pipeline.build_ratings("before the backup", date(2026, 6, 19), before)
        password = access.add_reader(READER, "credit", ["unit_03"], before)
        query = "select count(*) from customer_rating"
        login = {"user": READER, "password": password}
        with psycopg.connect(make_conninfo(warehouse_url(before), **login)) as reader:
            seen = reader.execute(query).fetchall()

        # As docs/how-to/back_up_and_restore.md says: the server's dump, and of the home at least its secrets.
        dump, _ = program("pg_dumpall", source)
        target.settings.home.mkdir()
        shutil.copyfile(source.settings.home / "secrets.json", target.settings.home / "secrets.json")
        target.start()
        _, complaints = program("psql", target, dump)
        assert complaints.strip() == 'ERROR:  role "postgres" already exists'

        shutil.copytree(folder / "home", folder / "restored")
        after = settings_for(target, small.name, folder / "restored", small.options)
        move_parse(after)
        migrate(after)
        assert list_releases(after) == list_releases(before)
        newest = list_releases(after)[0].release
        assert verify_release(newest, after) == []
        with psycopg.connect(make_conninfo(warehouse_url(after), **login)) as reader:
            assert reader.execute(query).fetchall() == seen
        sums = sql.SQL(
            "select table_name, rows, row_hash_sum from lineage.release_tables where release = {} order by 1"
        )
        published = [pipeline.build_ratings("the next one", NEXT_DAY, settings) for settings in (before, after)]
        assert published[0] == published[1]
        number = sql.Literal(published[0].number)
        assert published[0].is_new
        assert rows(before, sums.format(number)) == rows(after, sums.format(number))
        assert verify_release(published[1].number, after) == []
    finally:
        source.stop()
        target.stop()
