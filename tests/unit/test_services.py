"""What is said while services start and stop: nobody waits without a word."""

from __future__ import annotations

import socket
import sys
import time

import psutil
import pytest
from gridcredit.cli.app import app
from gridcredit.operations import processes, services
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


def test_who_interrupts_a_start_is_told_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(services, "start", interrupted)
    done = CliRunner().invoke(app, ["up"])
    assert done.exit_code == 130
    assert "`make down` stops all of it" in done.output
