"""Loads killed, or their database restarted, at random moments: a retry leaves every row once."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gridcredit.ingestion.landing import take_in
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
from gridcredit.warehouse.migrations import prepare

from tests.support.depth import few_or_many
from tests.support.processes import fork_server

KILLS, RESTARTS = few_or_many(17, 168), few_or_many(3, 32)
ROWS = 2000


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A server that may be restarted without disturbing other tests."""
    home = tmp_path_factory.mktemp("own") / "home"
    settings = Settings(home=home, landing_settle_seconds=0, batch_bytes=10_000)
    prepare(settings)
    yield settings
    EmbeddedPostgres(settings).stop()


def load(path: Path, settings: Settings) -> None:
    take_in(path, settings)


def deliver(settings: Settings, number: int) -> Path:
    landing = settings.landing_dir / "demo"
    landing.mkdir(parents=True, exist_ok=True)
    path = landing / f"payment_{number}.csv"
    good = "".join(f"K{number}-{row},C1,2026-01-05,1.00\n" for row in range(ROWS))
    bad = "".join(f"K{number}-bad{row},C1,never,1.00\n" for row in range(10))
    path.write_text(f"payment_id,customer_id,paid_on,amount\n{good}{bad}")
    return path


def check(settings: Settings, number: int) -> None:
    """Every row of the file is there once, with its record, its quarantine and its accepted file."""
    with connect(settings) as connection:
        files = connection.execute(
            "select file_id, rows_accepted, rows_quarantined from lineage.loads join lineage.files using (file_id) "
            "where file_name = %s",
            [f"payment_{number}.csv"],
        ).fetchall()
        assert [row[1:] for row in files] == [(ROWS, 10)]
        file_id = files[0][0]
        rows = connection.execute(
            "select count(*), count(distinct payment_id), min(_file_id), max(_file_id) from raw.payment "
            "where payment_id like %s",
            [f"K{number}-%"],
        ).fetchone()
        assert rows == (ROWS, ROWS, file_id, file_id)
        (quarantined,) = connection.execute(
            "select count(*) from quarantine.rows where file_id = %s", [file_id]
        ).fetchone() or (0,)
        assert quarantined == 10
    assert not (settings.landing_dir / "demo" / f"payment_{number}.csv").exists()
    assert len(list(settings.accepted_dir.rglob(f"*_payment_{number}.csv"))) == 1


@pytest.mark.deep
def test_disturbed_loads(own_server: Settings) -> None:
    settings, processes = own_server, fork_server()
    started = time.monotonic()
    take_in(deliver(settings, 0), settings)
    usual = time.monotonic() - started
    check(settings, 0)
    rng = random.Random(7)
    server = EmbeddedPostgres(settings)
    died = 0
    disturbances = ["kill"] * KILLS + ["restart"] * RESTARTS
    rng.shuffle(disturbances)
    for number, disturbance in enumerate(disturbances, start=1):
        path = deliver(settings, number)
        process = processes.Process(target=load, args=(path, settings))
        process.start()
        time.sleep(rng.uniform(0, 1.3 * usual))
        if disturbance == "kill":
            process.kill()
        else:
            server.stop("immediate")
            server.start()
        process.join(30)
        died += process.exitcode != 0
        try:
            take_in(path, settings)
        except FileNotFoundError:
            pytest.fail(f"{disturbance} {number} lost the file")
        check(settings, number)
    # Some ended before they were disturbed; most must not have.
    assert died > (KILLS + RESTARTS) / 2
