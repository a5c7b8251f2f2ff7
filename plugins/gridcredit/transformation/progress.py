"""How far a build has come: written down while dbt runs, shown to whoever waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg

from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect

# A process of its own builds all models in one stage, Airflow in four.
BUILDS = ("build_ledger", "build_credit", "build_collections", "build_candidate")
SECONDS_BETWEEN_WRITES, SECONDS_BETWEEN_LINES = 1.0, 5.0


class NodeCounter:
    """Counts the models and tests that dbt has finished; dbt calls it with each of its events, from any thread."""

    def __init__(self, run_id: str, stage: str, connection: Connection) -> None:
        self._run_id, self._stage, self._connection = run_id, stage, connection
        self._lock = threading.Lock()
        self._done, self._nodes, self._written_at = 0, 0, 0.0

    def __call__(self, event: Any) -> None:  # noqa: ANN401 - dbt's events have no public type
        with self._lock:
            if event.info.name == "ConcurrencyLine":
                # dbt runs more than once.
                self._nodes += event.data.node_count
            elif event.info.name != "NodeFinished":
                return
            else:
                self._done += 1
            if time.monotonic() - self._written_at >= SECONDS_BETWEEN_WRITES:
                self._write()

    def _write(self) -> None:
        self._written_at = time.monotonic()
        # Where the server is gone, the build itself says so.
        with suppress(psycopg.OperationalError):
            self._connection.execute(
                "insert into ops.build_progress (run_id, stage, nodes_done, nodes) values (%s, %s, %s, %s) "
                "on conflict (run_id) do update set stage = excluded.stage, nodes_done = excluded.nodes_done, "
                "nodes = excluded.nodes",
                [self._run_id, self._stage, self._done, self._nodes],
            )


def stages_done(connection: Connection, run_id: str) -> list[tuple[str, float]]:
    """The stages that a run has ended, with their seconds, in order."""
    return connection.execute(
        "select stage, seconds from ops.stage_timings where run_id = %s order by recorded_at", [run_id]
    ).fetchall()


def current_stage(connection: Connection, run_id: str, builds: Sequence[str] = BUILDS, earlier: int = 0) -> str:
    """What a run does now, in words; of dbt how many models and tests are done. Of a run that goes on after it was
    blocked, the stages of its earlier try do not count.
    """
    done = {stage for stage, _ in stages_done(connection, run_id)[earlier:]}
    row = connection.execute(
        "select stage, nodes_done, nodes from ops.build_progress where run_id = %s", [run_id]
    ).fetchone()
    building, nodes_done, nodes = row or (None, 0, 0)
    if building and building not in done and (not earlier or "check_raw" in done):
        return f"{building}: {nodes_done} of {nodes} models and tests"
    stages = ("check_raw", *(("build_models",) if building == "build_models" else builds), "check_candidate", "publish")
    return next((stage for stage in stages if stage not in done), "publish")


@contextmanager
def shown_progress(run_id: str, settings: Settings, say: Callable[[str], None]) -> Iterator[None]:
    """While the context lasts, say each stage that this process ended, and every few seconds what is being done."""
    over = threading.Event()
    with connect(settings) as connection:
        earlier = len(stages_done(connection, run_id))
    watcher = threading.Thread(target=_watch, args=(run_id, settings, say, over, earlier), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _watch(run_id: str, settings: Settings, say: Callable[[str], None], over: threading.Event, earlier: int) -> None:
    # The first words come soon: until then nobody knows that it has begun.
    said, began = earlier, time.monotonic()
    last = began - SECONDS_BETWEEN_LINES + 1.0
    with suppress(psycopg.OperationalError), connect(settings, autocommit=True) as connection:
        while not over.wait(0.5):
            ended = stages_done(connection, run_id)
            for stage, seconds in ended[said:]:
                say(f"{stage}: done in {seconds:.1f} s")
                last = began = time.monotonic()
            said = len(ended)
            if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
                now = current_stage(connection, run_id, ("build_models",), earlier)
                say(f"{now}, {time.monotonic() - began:.0f} s")
                last = time.monotonic()
