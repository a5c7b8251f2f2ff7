"""Processes that outlive the command which started them: started, waited for, recognised later, and ended."""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings
from gridcredit.transformation.progress import SECONDS_BETWEEN_LINES
from gridcredit.warehouse.embedded_postgres import free_port, is_free
from gridcredit.warehouse.leftovers import refuse_leftovers


def spawn(arguments: list[str], environment: Mapping[str, str], log_file: Path, folder: Path) -> psutil.Popen:
    """Start a process in a session of its own, which writes to a log of its own."""
    with log_file.open("ab") as output:
        return psutil.Popen(
            arguments,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=folder,
        )


def run_to_end(
    arguments: list[str], environment: Mapping[str, str], folder: Path, what: str, progress: Callable[[str], None]
) -> None:
    """Run a program, saying every few seconds that it still runs.

    Raises:
        GridCreditError: it failed; with the end of what it said.
    """
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            arguments, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, cwd=folder
        ) as process,
    ):
        while True:
            try:
                process.wait(timeout=SECONDS_BETWEEN_LINES)
                break
            except subprocess.TimeoutExpired:
                progress(f"  wait for {what}")
        if process.returncode:
            said.seek(0)
            raise GridCreditError(f"{what} failed: {said.read().decode(errors='replace')[-1500:]}")


@contextlib.contextmanager
def one_at_a_time(settings: Settings, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold the home's services until done: who starts or stops them meanwhile waits, and says so.

    Raises:
        GridCreditError: something still runs for a home that was removed or moved.
    """
    if not settings.home.exists():
        # A folder made here would be in the way of the one that was moved.
        refuse_leftovers(settings)
        settings.home.mkdir(parents=True, exist_ok=True)
    with (settings.home / "services.lock").open("w") as lock:
        last_line = -SECONDS_BETWEEN_LINES
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
                    progress("  wait for another command that starts or stops services here")
                    last_line = time.monotonic()
                time.sleep(0.3)
        yield


def noted(process: psutil.Process) -> dict[str, float]:
    """What a state file says of a process, so that it is known again."""
    return {"pid": process.pid, "created": process.create_time()}


def is_ours(entry: Mapping[str, float]) -> bool:
    """Whether the process is still the one we started, not another that got its number."""
    try:
        process = psutil.Process(int(entry["pid"]))
        return process.create_time() == entry["created"] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def listens(pid: int, port: int) -> bool:
    """Whether it is this process, or one that it started, who answers at the port, and not another program."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                opened = one.net_connections("tcp")
                if any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in opened):
                    return True
    return False


def end_of_log(log_file: Path) -> str:
    """What a service said before it ended; where it found its port taken, also what to do."""
    said = log_file.read_text(errors="replace")[-1500:]
    is_taken = any(words in said.lower() for words in ("address already in use", "connection in use"))
    return said + ("\nAnother program took the port meanwhile: try again, and another is chosen" if is_taken else "")


def end(processes: list[psutil.Process], progress: Callable[[str], None], seconds: float = 20) -> None:
    """End processes with their children, by force where they do not."""
    family: list[psutil.Process] = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            family += [*process.children(recursive=True), process]
            process.terminate()
    alive, deadline = family, time.monotonic() + seconds
    while alive and time.monotonic() < deadline:
        _, alive = psutil.wait_procs(alive, timeout=SECONDS_BETWEEN_LINES)
        if alive:
            progress(f"  wait for {len(alive)} processes to end")
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def port_for(what: str, usual: int, progress: Callable[[str], None]) -> int:
    """The usual port, or where it is taken another, which is said."""
    if is_free(usual):
        return usual
    port = free_port()
    progress(f"port {usual} is taken: {what}'s pages are at port {port} until `make down`")
    return port


def wait_until_healthy(
    unhealthy: Callable[[], str], log: Path, progress: Callable[[str], None], seconds: float = 180
) -> None:
    """Ask what is not healthy yet until nothing is, saying every few seconds for what is waited.

    Raises:
        GridCreditError: something still is not; with where its log is.
    """
    deadline = time.monotonic() + seconds
    last_line = time.monotonic()
    while waits_for := unhealthy():
        if time.monotonic() >= deadline:
            raise GridCreditError(f"{waits_for} did not become healthy within {seconds:.0f} s; see {log}")
        if time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
            progress(f"  wait for {waits_for}")
            last_line = time.monotonic()
        time.sleep(0.3)
