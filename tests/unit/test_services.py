"""What is said while services start and stop: nobody waits without a word."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import ModuleType

import psutil
import pytest
from gridcredit.cli.app import app
from gridcredit.errors import GridCreditError
from gridcredit.operations import processes, services, superset
from gridcredit.settings import Settings
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
from gridcredit.warehouse.leftovers import leftovers
from pydantic import SecretStr
from typer.testing import CliRunner

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def test_who_waits_for_processes_to_end_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "SECONDS_BETWEEN_LINES", 0.2)
    process = psutil.Popen([sys.executable, "-c", STUBBORN], stdout=-1)
    assert process.stdout
    process.stdout.readline()
    said: list[str] = []
    started = time.monotonic()
    processes.end([psutil.Process(process.pid)], said.append, seconds=0.7)
    assert len(said) >= 3
    assert set(said) == {"  wait for 1 processes to end"}
    assert process.wait(timeout=10) == -9
    assert time.monotonic() - started < 10


def test_another_port_is_told_of() -> None:
    said: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        usual = taken.getsockname()[1]
        port = processes.port_for("Airflow", usual, said.append)
    assert port != usual
    assert said == [f"port {usual} is taken: Airflow's pages are at port {port} until `make down`"]
    assert processes.port_for("Airflow", port, said.append) == port
    assert len(said) == 1


@pytest.mark.parametrize(("command", "module"), [("up", services), ("bi", superset)])
def test_who_interrupts_a_start_is_told_what_runs(
    monkeypatch: pytest.MonkeyPatch, command: str, module: ModuleType
) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "start", interrupted)
    done = CliRunner().invoke(app, [command])
    assert done.exit_code == 130
    assert f"`make {command}` starts the rest, `make down` stops all of it" in done.output


def test_two_who_start_at_once_start_one_airflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", warehouse_url=SecretStr("postgresql://nobody@localhost/nothing"))
    started: list[psutil.Popen] = []
    said: list[str] = []

    def spawn(*_: object) -> psutil.Popen:
        time.sleep(0.2)
        started.append(psutil.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))
        return started[-1]

    monkeypatch.setattr(services, "spawn", spawn)
    monkeypatch.setattr(services, "airflow_environment", lambda *_: {})
    for name in ("prepare", "migrate_airflow", "wait_until_healthy", "_give_back_tries"):
        monkeypatch.setattr(services, name, lambda *_: None)
    try:
        with ThreadPoolExecutor(2) as both:
            addresses = list(both.map(lambda _: services.start(settings, said.append), range(2)))
        assert len(started) == len(services.SERVICES)
        assert len(set(addresses)) == 1
        assert "  wait for another command that starts or stops services here" in said
        assert services.stop(settings, said.append) == list(services.SERVICES)
    finally:
        for process in started:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.kill()
                process.wait()


def test_superset_starts_beside_a_running_airflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path / "home", project_dir=tmp_path, warehouse_url=SecretStr("postgresql://nobody@localhost/nothing")
    )
    settings.log_dir.mkdir(parents=True)
    python = tmp_path / ".venv-superset" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()

    def reached(*_: object) -> None:
        raise GridCreditError("nothing stood in the way")

    monkeypatch.setattr(superset, "prepare", reached)
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)", "airflow", "api-server"]
    airflow = processes.spawn(sleeping, os.environ, settings.log_dir / "api-server.log", tmp_path)
    try:
        assert [one.pid for one in leftovers(settings)] == [airflow.pid]
        with pytest.raises(GridCreditError, match="nothing stood in the way"):
            superset.start(settings)
    finally:
        airflow.kill()
        airflow.wait()


def test_what_runs_for_a_home_that_was_moved_is_known(tmp_path: Path) -> None:
    """It works under the new name of the folder, and a new home under the old name would be served by both."""
    settings = Settings(home=tmp_path / "home", postgres_port=0)
    settings.log_dir.mkdir(parents=True)
    (tmp_path / "postgres").symlink_to(Path(sys.executable).resolve())
    sleeping = ["-c", "import time; time.sleep(60)"]
    server = [str(tmp_path / "postgres"), *sleeping, "-D", str(settings.home / "postgres")]
    started = [processes.spawn(server, os.environ, tmp_path / "server.log", tmp_path)]
    for name in ("api-server", "superset"):
        arguments = [sys.executable, *sleeping, f"airflow or superset: {name}"]
        started.append(processes.spawn(arguments, os.environ, settings.log_dir / f"{name}.log", tmp_path))
    for state in ("services.json", "superset.json"):
        (settings.home / state).write_text(json.dumps({"home": str(settings.home), "processes": {}}))
    try:
        settings.home.rename(tmp_path / "moved")
        assert {one.pid for one in leftovers(settings)} == {one.pid for one in started}
        for start in (partial(services.start, settings), EmbeddedPostgres(settings).start):
            with pytest.raises(GridCreditError, match="postgres .* still run for .*: stop them with `make down`"):
                start()
        assert sorted(services.stop(settings)) == ["Airflow's api-server", "postgres", "superset"]
        assert not leftovers(settings)
    finally:
        for process in started:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                process.kill()
                process.wait()
