"""What is said while services start and stop: nobody waits without a word."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import cast

import psutil
import pytest
from gridcredit.cli import console
from gridcredit.cli.app import app
from gridcredit.cli.console import ListFormat, show_list
from gridcredit.errors import GridCreditError
from gridcredit.lineage.trace import key_of
from gridcredit.operations import demo, processes, services, superset
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import Connection
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
from gridcredit.warehouse.leftovers import leftovers
from pydantic import SecretStr
from typer.testing import CliRunner

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def test_who_waits_at_a_terminal_reads_what_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "SILENT_SECONDS", 0.1)
    monkeypatch.setattr(console, "SECONDS_BETWEEN_LINES", 0.2)
    said: list[str] = []
    with console.said_while("prepare the warehouse", said.append):
        time.sleep(0.6)
    assert 2 <= len(said) <= 4
    assert said[0] == "prepare the warehouse: 0 s"
    with console.said_while("a moment", said.append):
        pass
    assert "a moment: 0 s" not in said
    # Into a log or a pipe nothing is said.
    with console.said_while("prepare the warehouse"):
        time.sleep(0.3)
    assert capsys.readouterr() == ("", "")


def test_the_installation_says_each_line_as_it_comes() -> None:
    """`cut` held all lines back until the end where its output is no terminal."""
    assert "| cut" not in (PROJECT_DIR / "Makefile").read_text(encoding="utf-8")
    filters = re.findall(r"\| (sed -u .*)$", (PROJECT_DIR / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(set(filters)) == 1
    with subprocess.Popen(
        ["bash", "-c", filters[0].replace("$$", "$")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write("Downloading " + "x" * 200 + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "Downloading " + "x" * 88 + "\n"
        process.stdin.close()


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


class Healthy(BaseHTTPRequestHandler):
    """Another installation's Airflow, or Superset: in good health, and not ours."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"metadatabase": {"status": "healthy"}}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[int]:
    """The port that another program answers at."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def slow() -> Iterator[psutil.Popen]:
    """A service of ours that starts, and does not listen yet."""
    process = psutil.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    with suppress(psutil.NoSuchProcess):
        process.kill()
    process.wait()


def test_another_airflow_at_the_port_is_not_taken_for_ours(tmp_path: Path, stranger: int, slow: psutil.Popen) -> None:
    """It may take the port between our choice and our start. Our tasks would ask it, with a login that it refuses."""
    settings = Settings(home=tmp_path)
    address = f"http://127.0.0.1:{stranger}"
    state = {"address": address, "home": str(tmp_path), "processes": {"api-server": processes.noted(slow)}}
    (tmp_path / "services.json").write_text(json.dumps(state))
    assert services._unhealthy(["metadatabase"], address, settings) == "Airflow's api-server"
    state["processes"] = {"api-server": processes.noted(psutil.Process())}
    (tmp_path / "services.json").write_text(json.dumps(state))
    assert services._unhealthy(["metadatabase"], address, settings) == ""


def test_another_superset_at_the_port_is_not_taken_for_ours(tmp_path: Path, stranger: int, slow: psutil.Popen) -> None:
    settings = Settings(home=tmp_path)
    address = f"http://127.0.0.1:{stranger}"
    (tmp_path / "superset.json").write_text(json.dumps({"address": address, "process": processes.noted(slow)}))
    assert superset._unhealthy(address, settings) == "Superset"
    state = {"address": address, "process": processes.noted(psutil.Process())}
    (tmp_path / "superset.json").write_text(json.dumps(state))
    assert superset._unhealthy(address, settings) == ""


def test_a_process_listens_where_a_child_of_it_does() -> None:
    child = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); "
        "time.sleep(60)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = psutil.Popen([sys.executable, "-c", parent], stdout=-1)
    try:
        assert process.stdout
        port = int(process.stdout.readline())
        assert processes.listens(process.pid, port)
        assert not processes.listens(process.pid, port + 1)
    finally:
        processes.end([psutil.Process(process.pid)], print)
    assert not processes.listens(process.pid, port)


def test_a_service_whose_port_was_taken_says_what_to_do(tmp_path: Path) -> None:
    log = tmp_path / "api-server.log"
    log.write_text("[Errno 98] error while attempting to bind on address ('127.0.0.1', 8080): address already in use")
    assert processes.end_of_log(log).endswith(
        "\nAnother program took the port meanwhile: try again, and another is chosen"
    )
    log.write_text("[ERROR] Connection in use: ('127.0.0.1', 8088)")
    assert "another is chosen" in processes.end_of_log(log)
    log.write_text("no module named airflow")
    assert processes.end_of_log(log) == "no module named airflow"


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


class SlowBuild:
    """A warehouse whose build ends a model at each look, and stands still after `stands_at`."""

    def __init__(self, models: int, stands_at: int) -> None:
        self.models, self.stands_at, self.looks = models, stands_at, 0

    def execute(self, query: str, _: object) -> SlowBuild:
        self.asked = query
        return self

    def fetchall(self) -> list[tuple[object, ...]]:
        if "lineage.deliveries" in self.asked:
            self.looks += 1
            return [(1, "bill.csv", False)]
        return [("r", "published" if self.looks > self.models else "running")]

    def stage(self, *_: object) -> str:
        return f"build_ledger: {min(self.looks, self.stands_at)} of {self.models} models and tests"


@pytest.mark.parametrize("stands_at", [12, 3])
def test_a_slow_machine_is_waited_for_while_it_gets_on(monkeypatch: pytest.MonkeyPatch, stands_at: int) -> None:
    """Twelve models of a minute each, with a limit of five minutes."""
    build, seconds = SlowBuild(12, stands_at), iter(range(0, 100_000, 20))
    monkeypatch.setattr(demo, "TIME_LIMIT", 300.0)
    monkeypatch.setattr(demo, "stages_done", lambda *_: [])
    monkeypatch.setattr(demo, "current_stage", build.stage)
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    if stands_at == 12:
        demo.follow(cast("Connection", build), 0, 1, lambda _: None)
        return
    with pytest.raises(GridCreditError, match="nothing new for 300 s"):
        demo.follow(cast("Connection", build), 0, 1, lambda _: None)


def test_columns_stand_below_each_other_in_chinese_too(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([{"value": "２０２６", "n": 1}, {"value": "1,234.50", "n": 2}], ListFormat.TEXT, "nothing")
    assert capsys.readouterr().out == "value     n\n２０２６  1\n1,234.50  2\n"


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


def test_a_service_that_ended_is_not_waited_for(tmp_path: Path, slow: psutil.Popen) -> None:
    settings = Settings(home=tmp_path)
    settings.log_dir.mkdir(parents=True)
    (settings.log_dir / "scheduler.log").write_text("out of memory")
    state = {"address": "", "home": str(tmp_path), "processes": {"scheduler": processes.noted(slow)}}
    (tmp_path / "services.json").write_text(json.dumps(state))
    services.require_running(settings)
    slow.kill()
    slow.wait()
    with pytest.raises(GridCreditError, match="scheduler ended; the end of its log: out of memory"):
        services.require_running(settings)


def test_the_same_supplier_is_simulated_once(tmp_path: Path) -> None:
    said: list[str] = []
    for supplier in ((3, 2, 1, 0), (3, 2, 1, 0), (4, 2, 1, 0)):
        demo._simulate_once(supplier, tmp_path, said.append)
    assert [text.split()[1] for text in said] == ["3", "4"]
    (tmp_path / "bill.csv").unlink()
    demo._simulate_once((4, 2, 1, 0), tmp_path, said.append)
    assert len(said) == 3


@pytest.mark.parametrize("parts", [["customer_id=A", "customer_id=B"], ["customer_id"]])
def test_a_part_of_a_key_is_given_once_and_by_name(parts: list[str]) -> None:
    with pytest.raises(GridCreditError, match="is no part of a key"):
        key_of(parts)
    assert key_of(["name=a=b", "day=2026-01-01"]) == {"name": "a=b", "day": "2026-01-01"}
