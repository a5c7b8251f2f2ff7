"""The stages of a build, each a function that an Airflow task runs; `build_ratings` runs them in one process.

A run that has made its release is over: its stages do nothing when they are run again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date

import psycopg
import structlog

from gridcredit import policies
from gridcredit.operations import runs
from gridcredit.quality import gates
from gridcredit.releases import publish
from gridcredit.settings import Settings, get_settings
from gridcredit.transformation import runner
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.locks import exclusive

log = structlog.get_logger(__name__)


def check_raw(run_id: str, as_of_date: date | None = None, settings: Settings | None = None) -> None:
    """Register the run and pass gate 1: the raw rows that no release has answered for yet."""
    settings = settings or get_settings()
    with connect(settings, autocommit=True) as connection:
        if runs.is_released(connection, run_id):
            return
        runs.start_run(run_id, as_of_date, settings)
        with runs.timed_stage(connection, run_id, "check_raw"):
            gates.run_gate("raw", run_id, settings)


def build_models(run_id: str, settings: Settings | None = None, *, anew: bool = False) -> None:
    """Load policies and bring every dbt layer up to date for the month-ends kept and the run's own date."""
    settings = settings or get_settings()
    with _turn(run_id, "build_models", settings) as turn:
        if not turn.is_over:
            _build(turn, settings, anew=anew)


def check_candidate(run_id: str, settings: Settings | None = None) -> None:
    """Pass gate 2: the tables that are to be published."""
    settings = settings or get_settings()
    with _turn(run_id, "check_candidate", settings) as turn:
        if not turn.is_over:
            _build_if_replaced(turn, settings)
            gates.run_gate("candidate", run_id, settings)


def publish_release(run_id: str, settings: Settings | None = None) -> publish.Release:
    """Publish the candidate tables as a release."""
    settings = settings or get_settings()
    with _turn(run_id, "publish", settings) as turn:
        if not turn.is_over and _build_if_replaced(turn, settings):
            gates.run_gate("candidate", run_id, settings)
        return publish.publish(run_id, settings)


def build_ratings(
    run_id: str, as_of_date: date | None = None, settings: Settings | None = None, *, anew: bool = False
) -> publish.Release:
    """All stages of a build, in one process: what the DAG of the same name does."""
    settings = settings or get_settings()
    with runs.alive(run_id, settings):
        try:
            check_raw(run_id, as_of_date, settings)
            build_models(run_id, settings, anew=anew)
            check_candidate(run_id, settings)
            return publish_release(run_id, settings)
        except Exception:
            # Where the server is gone the next run marks this one.
            with suppress(psycopg.OperationalError):
                runs.finish_run(run_id, "failed", settings)
            raise


@dataclass(frozen=True)
class _Turn:
    """A stage that a run does alone: the connection that holds the lock, and whose the candidate tables are."""

    run_id: str
    connection: Connection
    is_over: bool
    builder: str | None = None


@contextmanager
def _turn(run_id: str, stage: str, settings: Settings) -> Iterator[_Turn]:
    """Do a stage alone, and not while another run is between its build and its release: the candidate tables are that run's.

    A run that fell silent there is overtaken; where it goes on all the same, it builds its tables again.
    """
    waits = False
    while True:
        with exclusive("build", settings) as connection:
            if runs.is_released(connection, run_id):
                yield _Turn(run_id, connection, is_over=True)
                return
            builder = runs.last_builder(connection)
            if builder in (None, run_id) or not runs.is_on_its_way(
                connection, builder or "", settings.build_patience_seconds
            ):
                with runs.timed_stage(connection, run_id, stage):
                    yield _Turn(run_id, connection, is_over=False, builder=builder)
                return
        if not waits:
            log.warning("waits_for_release", run_id=run_id, stage=stage, of=builder)
            waits = True
        time.sleep(1)


def _build(turn: _Turn, settings: Settings, *, anew: bool = False) -> None:
    policies.load_policies(settings)
    last_day = runs.run_as_of_date(turn.connection, turn.run_id)
    runner.build(turn.run_id, runs.as_of_dates(last_day, settings.history_months), settings, anew=anew)


def _build_if_replaced(turn: _Turn, settings: Settings) -> bool:
    """Build once more where the candidate tables are those of another run, which has built since."""
    if turn.builder in (turn.run_id, None):
        return False
    log.info("candidate_replaced", run_id=turn.run_id, builder=turn.builder)
    _build(turn, settings)
    return True
