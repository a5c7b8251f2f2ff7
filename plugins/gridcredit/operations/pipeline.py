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
from gridcredit.lineage.run import Run, load_run
from gridcredit.operations import runs
from gridcredit.quality import gates
from gridcredit.releases import publish
from gridcredit.settings import Settings, get_settings
from gridcredit.transformation import runner
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.load_hashes import require_as_loaded
from gridcredit.warehouse.locks import exclusive

log = structlog.get_logger(__name__)


def check_raw(run_id: str, as_of_date: date | None = None, settings: Settings | None = None) -> None:
    """Register the run and pass gate 1: the raw rows that no release covers yet."""
    settings = settings or get_settings()
    with connect(settings, autocommit=True) as connection:
        if runs.is_released(connection, run_id):
            return
        runs.require_loaded(connection)
        run = runs.start_run(run_id, as_of_date, settings)
        with runs.timed_stage(connection, run_id, "check_raw"):
            require_as_loaded(connection, runs.files_of(connection, run_id))
            gates.run_gate("raw", run)


def build_models(run_id: str, settings: Settings | None = None, *, full_refresh: bool = False) -> None:
    """Load policies and bring every dbt layer up to date for the month-ends stored and the run's own date."""
    with _turn(run_id, "build_models", settings or get_settings()) as turn:
        if not turn.is_over:
            _build(turn.run, full_refresh=full_refresh)


def build_layer(run_id: str, layer: str, settings: Settings | None = None) -> None:
    """Bring one dbt layer up to date (`runner.LAYERS`); the first loads policies and decides what the run computes."""
    with _turn(run_id, f"build_{layer}", settings or get_settings()) as turn:
        if turn.is_over:
            return
        if layer == runner.LAYERS[0]:
            policies.load_policies(turn.run.settings)
        runner.build_layer(turn.run, layer, _as_of_dates(turn.run))


def check_candidate(run_id: str, settings: Settings | None = None) -> None:
    """Pass gate 2: the tables that are to be published."""
    with _turn(run_id, "check_candidate", settings or get_settings()) as turn:
        if not turn.is_over:
            if _is_gone(turn.run):
                _build(turn.run)
            gates.run_gate("candidate", turn.run)


def publish_release(run_id: str, settings: Settings | None = None) -> publish.Release:
    """Publish the candidate tables as a release."""
    with _turn(run_id, "publish", settings or get_settings()) as turn:
        if not turn.is_over and _is_gone(turn.run):
            _build(turn.run)
            gates.run_gate("candidate", turn.run)
        return publish.publish(turn.run)


def build_ratings(
    run_id: str, as_of_date: date | None = None, settings: Settings | None = None, *, full_refresh: bool = False
) -> publish.Release:
    """All stages of a build, in one process: what the DAG of the same name does."""
    settings = settings or get_settings()
    with runs.alive(run_id, settings):
        try:
            check_raw(run_id, as_of_date, settings)
            build_models(run_id, settings, full_refresh=full_refresh)
            check_candidate(run_id, settings)
            return publish_release(run_id, settings)
        except Exception:
            # Where the server is gone the next run marks this one.
            with suppress(psycopg.OperationalError):
                runs.finish_run(run_id, "failed", settings)
            raise


@dataclass(frozen=True)
class _Turn:
    """A stage that a run does alone, and whether its release is made already."""

    run: Run
    is_over: bool


@contextmanager
def _turn(run_id: str, stage: str, settings: Settings) -> Iterator[_Turn]:
    """Do a stage alone, and not while another run is between its build and its release: the candidate tables are
    that run's.

    A run that fell silent there is overtaken; where it continues anyway, it builds its tables again.
    """
    waits = False
    while True:
        with exclusive("build", settings) as connection:
            if runs.is_released(connection, run_id):
                yield _Turn(load_run(connection, run_id, settings), is_over=True)
                return
            builder = runs.last_builder(connection)
            if builder in (None, run_id) or not runs.is_on_its_way(
                connection, builder or "", settings.build_patience_seconds
            ):
                with runs.reopened(connection, run_id, settings), runs.timed_stage(connection, run_id, stage):
                    yield _Turn(load_run(connection, run_id, settings), is_over=False)
                return
        if not waits:
            log.warning("waits_for_release", run_id=run_id, stage=stage, of=builder)
            waits = True
        time.sleep(1)


def _build(run: Run, *, full_refresh: bool = False) -> None:
    policies.load_policies(run.settings)
    runner.build(run, _as_of_dates(run), full_refresh=full_refresh)


def _as_of_dates(run: Run) -> list[date]:
    return runs.as_of_dates(run.as_of_date, run.settings.history_months)


def _is_gone(run: Run) -> bool:
    """Whether what the run built is not there any more: then it builds once more."""
    if runner.are_built(run):
        return False
    log.info("build_is_gone", run_id=run.id)
    return True
