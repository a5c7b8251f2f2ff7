"""The stages of a build, each a function that an Airflow task runs; `build_ratings` runs them in one process.

A run that has made its release is over: its stages do nothing when they are run again.
"""

from __future__ import annotations

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
    with runs.timed_stage(run_id, "build_models", settings), exclusive("build", settings):
        _build(run_id, settings, anew=anew)


def check_candidate(run_id: str, settings: Settings | None = None) -> None:
    """Pass gate 2: the tables that are to be published."""
    settings = settings or get_settings()
    if runs.is_released(run_id, settings):
        return
    with runs.timed_stage(run_id, "check_candidate", settings), exclusive("build", settings):
        _build_if_replaced(run_id, settings)
        gates.run_gate("candidate", run_id, settings)


def publish_release(run_id: str, settings: Settings | None = None) -> publish.Release:
    """Publish the candidate tables as a release."""
    settings = settings or get_settings()
    # No build replaces the candidate tables while they are published, and no two runs publish at once.
    with runs.timed_stage(run_id, "publish", settings), exclusive("build", settings):
        if not runs.is_released(run_id, settings) and _build_if_replaced(run_id, settings):
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


def _build(run_id: str, settings: Settings, *, anew: bool = False) -> None:
    policy.load_policies(settings)
    last_day = runs.run_as_of_date(run_id, settings)
    transform.build(run_id, runs.as_of_dates(last_day, settings.history_months), settings, anew=anew)


def _build_if_replaced(run_id: str, settings: Settings) -> bool:
    """Build once more where another run, a night beside a backfill, has built its own candidate tables since."""
    builder = runs.last_builder(settings)
    if builder in (run_id, None):
        return False
    log.info("candidate_replaced", run_id=run_id, builder=builder)
    _build(run_id, settings)
    return True
