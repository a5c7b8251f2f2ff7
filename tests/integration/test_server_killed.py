"""A night in which the database server is killed: the run ends soon and says so, the next one marks it and continues."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psutil
import pytest
from gridcredit.operations import pipeline
from gridcredit.releases.release import verify_release
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import warehouse_url
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres

from tests.support.prepared import Prepared, copy_home, copy_server, settings_for
from tests.support.waiting import rows, wait_for


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
        process.send_signal(signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)


@pytest.mark.parametrize("stage", ["build_models", "check_candidate"])
def test_a_run_ends_when_its_server_is_killed(
    server: EmbeddedPostgres, small: Prepared, tmp_path: Path, stage: str
) -> None:
    home = tmp_path / "home"
    copy_home(small, home, small.name)
    settings: Settings = settings_for(server, small.name, home, small.options)
    environment = os.environ | {
        "GRIDCREDIT_HOME": str(home),
        "GRIDCREDIT_WAREHOUSE_URL": warehouse_url(settings),
        "GRIDCREDIT_HISTORY_MONTHS": "1",
    }
    command = [sys.executable, "-m", "gridcredit", "run", "--as-of", "2026-06-20", "--full-refresh"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
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
    # A few seconds; up to thirty on a machine with much else to do. With each model trying once more it was over a minute.
    assert time.monotonic() - killed < 50
    assert process.returncode == 1
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1].startswith("error: ")

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
