"""Processes that outlive the command which started them: started, recognised later, and ended."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from gridcredit.errors import GridCreditError
from gridcredit.transformation.progress import SECONDS_BETWEEN_LINES


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
