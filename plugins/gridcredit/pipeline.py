"""The stages of a build, each a function that an Airflow task runs; `build_ratings` runs them in one process.

A run that has made its release is over: its stages do nothing when they are run again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import structlog

from gridcredit import gates, policy, publish, runs, transform
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse import exclusive

log = structlog.get_logger(__name__)


def check_raw(run_id: str, as_of_date: date | None = None, settings: Settings | None = None) -> None:
    """Register the run and pass gate 1: the raw rows that no release has answered for yet."""
    settings = settings or get_settings()
    if runs.is_released(run_id, settings):
        return
    runs.start_run(run_id, as_of_date, settings)
    with runs.timed_stage(run_id, "check_raw", settings):
        gates.run_gate("raw", run_id, settings)


def build_models(run_id: str, settings: Settings | None = None, *, anew: bool = False) -> None:
    """Load policies and bring every dbt layer up to date for the month-ends kept and the run's own date."""
    settings = settings or get_settings()
    if runs.is_released(run_id, settings):
        return
    with _turn(run_id, "build_models", settings):
        _build(run_id, settings, anew=anew)


def check_candidate(run_id: str, settings: Settings | None = None) -> None:
    """Pass gate 2: the tables that are to be published."""
    settings = settings or get_settings()
    if runs.is_released(run_id, settings):
        return
    with _turn(run_id, "check_candidate", settings) as builder:
        _build_if_replaced(run_id, builder, settings)
        gates.run_gate("candidate", run_id, settings)


def publish_release(run_id: str, settings: Settings | None = None) -> publish.Release:
    """Publish the candidate tables as a release."""
    settings = settings or get_settings()
    with _turn(run_id, "publish", settings) as builder:
        if not runs.is_released(run_id, settings) and _build_if_replaced(run_id, builder, settings):
            gates.run_gate("candidate", run_id, settings)
        return publish.publish(run_id, settings)


def build_ratings(
    run_id: str, as_of_date: date | None = None, settings: Settings | None = None, *, anew: bool = False
) -> publish.Release:
    """All stages of a build, in one process: what the DAG of the same name does."""
    settings = settings or get_settings()
    try:
        check_raw(run_id, as_of_date, settings)
        build_models(run_id, settings, anew=anew)
        check_candidate(run_id, settings)
        return publish_release(run_id, settings)
    except Exception:
        runs.finish_run(run_id, "failed", settings)
        raise


@contextmanager
def _turn(run_id: str, stage: str, settings: Settings) -> Iterator[str | None]:
    """Do a stage alone, and not while another run is between its build and its release: the candidate tables are that run's.

    A run that fell silent there is overtaken; where it goes on all the same, it builds its tables again. Tells whose they are.
    """
    waits = False
    while True:
        with exclusive("build", settings):
            builder = runs.last_builder(settings)
            if builder is None or builder == run_id or not runs.is_on_its_way(builder, settings):
                with runs.timed_stage(run_id, stage, settings):
                    yield builder
                return
        if not waits:
            log.info("waits_for_release", run_id=run_id, stage=stage, of=builder)
            waits = True
        time.sleep(1)


def _build(run_id: str, settings: Settings, *, anew: bool = False) -> None:
    policy.load_policies(settings)
    last_day = runs.run_as_of_date(run_id, settings)
    transform.build(run_id, runs.as_of_dates(last_day, settings.history_months), settings, anew=anew)


def _build_if_replaced(run_id: str, builder: str | None, settings: Settings) -> bool:
    """Build once more where the candidate tables are those of another run, which has built since."""
    if builder in (run_id, None):
        return False
    log.info("candidate_replaced", run_id=run_id, builder=builder)
    _build(run_id, settings)
    return True
