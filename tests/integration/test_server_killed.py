"""A night in which the database server is killed: the run ends soon and says so, the next one marks it and
continues.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from random import Random

import psutil
import pytest
from gridcredit.operations import pipeline
from gridcredit.releases.release import list_releases, verify_loads, verify_release
from gridcredit.settings import Settings
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres

from tests.support import depth
from tests.support.own_process import environment_of
from tests.support.prepared import Prepared, copy_home, copy_server, create_database, settings_for
from tests.support.waiting import number, rows, wait_for

KILLS = 50
PAYMENTS = 3000
DAY = date(2026, 6, 20)
# Takes in what has landed, and publishes.
NIGHT = """
import sys
from datetime import date
from gridcredit.ingestion.landing import take_in
from gridcredit.operations.pipeline import build_ratings
from gridcredit.settings import get_settings

settings = get_settings()
print("begun", flush=True)
for path in sorted((settings.landing_dir / "demo").glob("*.csv")):
    take_in(path, settings)
build_ratings(sys.argv[1], date.fromisoformat(sys.argv[2]), settings)
"""


@pytest.fixture
def server(prepared_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server of this test alone."""
    home = Path(tempfile.mkdtemp(prefix="gridcredit-test-"))
    home.chmod(0o755)
    own = copy_server(prepared_folder, home / "server")
    yield own
    own.stop()
    shutil.rmtree(home, ignore_errors=True)


def kill(server: EmbeddedPostgres) -> None:
    """As a crash of the machine does: every process of the server at once."""
    pid = int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])
    family = [psutil.Process(pid), *psutil.Process(pid).children()]
    for process in family:
        # Those that have ended with the first.
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)


@pytest.mark.parametrize("stage", ["build_models", "check_candidate"])
def test_a_run_ends_when_its_server_is_killed(
    server: EmbeddedPostgres, small: Prepared, tmp_path: Path, stage: str
) -> None:
    home = tmp_path / "home"
    settings: Settings = settings_for(server, small.name, home, small.options)
    copy_home(small, settings)
    command = [sys.executable, "-m", "gridcredit", "run", "--as-of", "2026-06-20", "--full-refresh"]
    process = subprocess.Popen(
        command, env=environment_of(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    begun = {
        "build_models": "select 1 from lineage.runs where status = 'running' and build_began_at is not null",
        "check_candidate": "select 1 from ops.stage_timings join lineage.runs using (run_id) "
        "where stage = 'build_models' and status = 'running'",
    }
    wait_for(lambda: rows(settings, begun[stage]) == [(1,)])
    time.sleep(1)
    kill(server)
    killed = time.monotonic()
    _, said = process.communicate(timeout=120)
    # A few seconds; up to thirty on a machine with much else to do. With each model trying once more it was over a
    # minute.
    assert time.monotonic() - killed < 50
    assert process.returncode == 1
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1].startswith("error: ")
    if stage == "build_models":
        # What follows is the same, and the later stage leaves more behind.
        return

    server.start()
    again = settings_for(server, small.name, home, small.options)
    release = pipeline.build_ratings("the next one", date(2026, 6, 20), again)
    assert (release.number, release.is_new) == (2, True)
    assert verify_release(2, again) == []
    assert rows(again, "select status from lineage.runs order by started_at") == [
        ("published",),
        ("killed",),
        ("published",),
    ]


@pytest.mark.deep
@pytest.mark.skipif(not depth.deep, reason="`make test-deep` kills the server fifty times")
def test_no_kill_of_the_server_loses_anything(server: EmbeddedPostgres, small: Prepared, tmp_path: Path) -> None:
    """At random moments of ingest, build and publish: in the end the same rows as where nothing was killed."""
    seed = Random().randrange(10**6)
    chance = Random(seed)
    create_database(server, "killed", small.name)
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    copy_home(small, settings_for(server, "killed", killed, small.options))
    settings = settings_for(server, small.name, undisturbed, small.options)
    copy_home(small, settings)
    for file in range(KILLS):
        _land(file, settings)
    # The first night of all files lasts longer than that of one; a kill may come in any moment of it.
    began = time.monotonic()
    assert _ended(_night(settings, "undisturbed")) == 0
    lasts = time.monotonic() - began
    expected = _sums(settings)

    for kill_number in range(KILLS):
        settings = settings_for(server, "killed", killed, small.options)
        _land(kill_number, settings)
        began = time.monotonic()
        night = _night(settings, f"night {kill_number}")
        try:
            night.communicate(timeout=chance.uniform(0, lasts))
            # It was over sooner: the machine has less else to do.
            lasts = time.monotonic() - began
        except subprocess.TimeoutExpired:
            pass
        kill(server)
        _ended(night)
        server.start()
    settings = settings_for(server, "killed", killed, small.options)
    assert _ended(_night(settings, "the last night")) == 0

    assert number(settings, "select count(*) from raw.payment where payment_id like 'K%'") == KILLS * PAYMENTS, seed
    assert verify_loads(settings) == ([], []), seed
    assert _sums(settings) == expected, seed
    for release in list_releases(settings):
        assert verify_release(release.release, settings) == [], seed
    assert number(settings, "select count(*) from lineage.runs where status = 'running'") == 0, seed


def _land(file: int, settings: Settings) -> None:
    """A file of payments, each of a customer of his own kind, of which the ledger makes credit."""
    lines = [
        f"K{file}-{row},C{row % 80 + 1:08d},,2026-06-{file % 19 + 1:02d},{row % 7 + 1}.25\n" for row in range(PAYMENTS)
    ]
    landed = settings.landing_dir / "demo" / f"payment_{file:03d}.csv"
    landed.parent.mkdir(parents=True, exist_ok=True)
    landed.write_text("payment_id,customer_id,bill_id,paid_on,amount\n" + "".join(lines))
    # A file that is complete.
    os.utime(landed, (time.time() - 60, time.time() - 60))


def _night(settings: Settings, run_id: str) -> subprocess.Popen[str]:
    """A night in a process of its own, which has begun."""
    process = subprocess.Popen(
        [sys.executable, "-c", NIGHT, run_id, DAY.isoformat()],
        env=environment_of(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    while process.stdout.readline() not in ("begun\n", ""):
        pass
    return process


def _ended(night: subprocess.Popen[str]) -> int:
    """How a night ended; what it writes is read all the while."""
    night.communicate(timeout=480)
    return night.returncode


def _sums(settings: Settings) -> list[tuple[object, ...]]:
    """What the newest release shows, by table."""
    return rows(
        settings,
        "select table_name, rows, row_hash_sum from lineage.release_tables "
        "where release = (select max(release) from lineage.releases) order by 1",
    )
