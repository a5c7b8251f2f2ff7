"""Processes that still run for a folder which was removed or moved: found by what they serve, and reported with a way
out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import psutil

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings

SUPERSET_SERVICE = "superset"
AIRFLOW_SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")


@dataclass(frozen=True)
class Leftover:
    """A process that works for a home which no longer knows of it."""

    name: str
    pid: int


def leftovers(settings: Settings, known: frozenset[int] = frozenset()) -> list[Leftover]:
    """Servers, Airflow's services and Superset of this home other than the `known` ones, each by its first process."""
    found: dict[int, tuple[Leftover, int]] = {}
    for process in psutil.process_iter(["name", "cmdline", "ppid"]):
        name = _serves(process, settings)
        if name and process.pid not in known:
            found[process.pid] = Leftover(name, process.pid), process.info["ppid"]
    return [one for one, parent in found.values() if parent not in found and parent not in known]


def refuse_leftovers(
    settings: Settings, known: frozenset[int] = frozenset(), names: frozenset[str] | None = None
) -> None:
    """Fail where something still runs for a home that was removed; with names one of these alone.

    Raises:
        GridCreditError: names what runs, and how it is stopped.
    """
    found = [one for one in leftovers(settings, known) if names is None or one.name in names]
    if found:
        what = ", ".join(f"{one.name} (process {one.pid})" for one in found)
        raise GridCreditError(
            f"{what} still run for {settings.home}, which was removed or moved meanwhile: stop them with `make down`, "
            "then try again"
        )


def _serves(process: psutil.Process, settings: Settings) -> str | None:
    """What a process does for a home, or did before that was moved: `postgres`, one of Airflow's services, `superset`,
    or nothing.
    """
    command = process.info["cmdline"] or []
    try:
        if (process.info["name"] or "").startswith("postgres"):
            # It works where its folder is now, and names the one that it was started in.
            folder = str(settings.home / "postgres")
            named = command[command.index("-D") + 1] if "-D" in command[:-1] else None
            return "postgres" if folder in (process.cwd(), named) else None
        if not any("airflow" in part or "superset" in part for part in command):
            return None
        # Some rewrite their command line and environment; what they print still goes to the home's logs.
        log = Path(str(Path(f"/proc/{process.pid}/fd/1").readlink()).removesuffix(" (deleted)"))
        if log.stem not in (*AIRFLOW_SERVICES, SUPERSET_SERVICE):
            return None
        if log.parent != settings.log_dir and _moved_from(log) != str(settings.home):
            return None
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError, ValueError):
        # Gone, or another user's.
        return None
    return log.stem if log.stem == SUPERSET_SERVICE else f"Airflow's {log.stem}"


def _moved_from(log: Path) -> str | None:
    """Where the home that a log is in was when its service was started, by the state file that moved with it."""
    state = log.parents[1] / ("superset.json" if log.stem == SUPERSET_SERVICE else "services.json")
    found: dict[str, str] = json.loads(state.read_text(encoding="utf-8"))
    return found.get("home")
