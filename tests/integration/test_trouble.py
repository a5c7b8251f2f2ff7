"""A full disk, a killed server and a lock held by another are one line that says what to do."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
import pytest
import typer
from gridcredit.cli.console import clear_errors
from gridcredit.files.private import write_private
from gridcredit.ingestion import loader
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.pages.template import write_page
from gridcredit.settings import Settings
from gridcredit.warehouse import raw_tables
from gridcredit.warehouse.connection import connect

PAYMENT = "payment_id,customer_id,paid_on,amount\nP1,C1,2026-01-05,10.00\n"


def message_of(work: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command says that does the work."""
    with pytest.raises(typer.Exit), clear_errors():
        work()
    error = capsys.readouterr().err
    lines = [line for line in error.splitlines() if not line.startswith("20")]  # without the log
    assert len(lines) == 1
    return lines[0]


def test_of_a_load(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "payment.csv"
    path.write_text(PAYMENT)
    demo = load_mappings(settings.mappings_dir)["demo"]

    def load() -> None:
        load_file(path, demo, settings)

    monkeypatch.setattr(raw_tables, "LOAD_LOCK_TIMEOUT", "100ms")
    with connect(settings) as other:
        other.execute("lock table raw.payment in access exclusive mode")
        assert "another session holds a lock" in message_of(load, capsys)

    def end_its_session(connection: psycopg.Connection[object], *_: object) -> None:
        with connect(settings, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])

    with monkeypatch.context() as patched:
        patched.setattr(loader, "record_load_hash", end_its_session)
        assert "start it (`make up`" in message_of(load, capsys)
    with connect(settings) as connection:
        assert connection.execute("select count(*) from raw.payment").fetchone() == (0,)
    load()


def test_of_a_path_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page, a private one, and a file of an export: into a folder that is a file, none, or where a folder is."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("as it was")
    for write in (write_page, partial(write_page, private=True), write_private, Path.write_text):
        message = message_of(partial(write, tmp_path / "folder", "text"), capsys)
        assert message == f"error: {tmp_path / 'folder'}: is a directory: name another path, or put this one right"
        assert str(tmp_path / "file") in message_of(partial(write, tmp_path / "file" / "x", "text"), capsys)
    for write in (write_private, Path.write_text):
        missing = message_of(partial(write, tmp_path / "missing" / "x", "text"), capsys)
        assert "no such file or directory" in missing
    # Nothing of what was not written is left.
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full: free some space"),
        (psycopg.errors.DiskFull("could not extend file"), "the disk is full: free some space"),
        (psycopg.errors.TooManyConnections("sorry"), "no connection or memory to spare"),
        (psycopg.OperationalError("connection refused"), "start it (`make up`"),
        (psycopg.errors.CannotConnectNow("starting up"), "start it (`make up`"),
        (psycopg.errors.DeadlockDetected("deadlock"), "another session holds a lock"),
        (psycopg.errors.NumericValueOutOfRange("bigint out of range"), "no number here is as large as that"),
    ],
)
def test_of_any_command(error: Exception, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise error

    assert words in message_of(fail, capsys)


def test_what_is_a_fault_of_the_program_shows_its_traceback() -> None:
    with pytest.raises(psycopg.errors.UndefinedColumn), clear_errors():
        raise psycopg.errors.UndefinedColumn("no such column")
