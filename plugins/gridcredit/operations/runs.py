"""The bookkeeping of a build: which files it covers, which dates, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, timedelta

import psycopg
import structlog

from gridcredit.contract.extracts import DATING_EXTRACTS
from gridcredit.errors import GridCreditError
from gridcredit.lineage.run import Run, load_run
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import Connection, code_version, connect
from gridcredit.warehouse.currency import in_its_currency

log = structlog.get_logger(__name__)

LOAD_FIRST = "load files (`gridcredit ingest --mapping NAME FILE...`), then run again"


def start_run(run_id: str, as_of_date: date | None = None, settings: Settings | None = None) -> Run:
    """Register a build and the files it is the first to cover; a retry finds what the first try wrote.

    Its day is the one asked for, else the last day of the facts, today at most, or that
    a build has published; only who asks for it goes back.
    """
    settings = settings or get_settings()
    with connect(settings) as connection:
        in_its_currency(settings, connection)
        mark_killed(connection)
        row = connection.execute(
            "select greatest(max(newest_fact_on), (select as_of_date from lineage.runs "
            "where status in ('published', 'unchanged') order by finished_at desc limit 1)) "
            "from lineage.loads join lineage.files using (file_id) where extract = any(%s) and undone_at is null",
            [list(DATING_EXTRACTS)],
        ).fetchone()
        day: date | None = as_of_date or (row[0] if row else None)
        if day is None:
            raise GridCreditError(f"there is nothing to rate: no bill and no payment is loaded: {LOAD_FIRST}")
        connection.execute(
            "insert into lineage.runs (run_id, as_of_date, code_version, policy_name) values (%s, %s, %s, %s) "
            "on conflict (run_id) do update set status = 'running', finished_at = null",
            [run_id, day, code_version(), settings.policy],
        )
        connection.execute(
            "insert into lineage.run_files (run_id, file_id) "
            "select %s, file_id from lineage.files where undone_at is null and not exists ("
            "select 1 from lineage.run_files join lineage.runs using (run_id) "
            "where run_files.file_id = files.file_id and runs.status in ('published', 'unchanged')) "
            "on conflict do nothing",
            [run_id],
        )
        run = load_run(connection, run_id, settings)
    log.info("run_started", run_id=run_id, as_of_date=run.as_of_date.isoformat())
    return run


def require_loaded(connection: Connection) -> None:
    """Refuse a run that has nothing to build from, also for a day that was asked for: it would end at a gate.

    Raises:
        GridCreditError: no row is loaded, or all loads were reverted.
    """
    loaded = connection.execute(
        "select 1 from lineage.loads join lineage.files using (file_id) where rows_accepted > 0 and undone_at is null "
        "limit 1"
    ).fetchone()
    if loaded is None:
        raise GridCreditError(f"nothing is loaded: {LOAD_FIRST}")


def files_of(connection: Connection, run_id: str) -> list[int]:
    """The files that a run is the first to cover."""
    rows = connection.execute("select file_id from lineage.run_files where run_id = %s order by 1", [run_id])
    return [file_id for (file_id,) in rows]


def unanswered_extracts(file_id: int, settings: Settings | None = None) -> dict[str, int]:
    """The extracts of a file that no finished build covers, with their rows: all of a new file, none of an old one
    again.

    A task killed between its load and the report of it finds here, on its next try, what is still to be reported.
    """
    with connect(settings) as connection:
        rows = connection.execute(
            "select extract, rows_accepted from lineage.loads where file_id = %s and not exists ("
            "select 1 from lineage.run_files join lineage.runs using (run_id) "
            "where run_files.file_id = loads.file_id and runs.status in ('published', 'unchanged')) "
            "order by extract",
            [file_id],
        ).fetchall()
    return dict(rows)


def is_released(connection: Connection, run_id: str) -> bool:
    """Whether the run has made a release: its record is closed, and running it again changes nothing."""
    return connection.execute("select 1 from lineage.releases where run_id = %s", [run_id]).fetchone() is not None


def finish_run(run_id: str, status: str, settings: Settings | None = None) -> None:
    """Record how a build ended: published, unchanged or failed."""
    with connect(settings) as connection:
        connection.execute(
            "update lineage.runs set status = %s, finished_at = clock_timestamp() where run_id = %s "
            "and not exists (select 1 from lineage.releases where releases.run_id = runs.run_id)",
            [status, run_id],
        )


@contextmanager
def reopened(connection: Connection, run_id: str, settings: Settings) -> Iterator[None]:
    """A run that failed continues where a person clears its task in Airflow: it is under way again, until it fails
    again.
    """
    had_ended = connection.execute(
        "update lineage.runs set status = 'running', finished_at = null "
        "where run_id = %s and status in ('failed', 'killed')",
        [run_id],
    ).rowcount
    try:
        yield
    except Exception:
        if had_ended:
            # Where the server is gone the next run marks this one.
            with suppress(psycopg.OperationalError):
                finish_run(run_id, "failed", settings)
        raise


@contextmanager
def alive(run_id: str, settings: Settings) -> Iterator[None]:
    """Hold a session for a run in one process: once it is gone, also by a kill, the run is known to have ended."""
    with connect(settings, autocommit=True) as session:
        session.execute(
            "insert into ops.run_sessions (run_id, session, session_began) "
            "select %s, pid, backend_start from pg_stat_activity where pid = pg_backend_pid() "
            "on conflict (run_id) do update set session = excluded.session, session_began = excluded.session_began",
            [run_id],
        )
        yield


def mark_killed(connection: Connection) -> list[str]:
    """Mark the runs whose session ended before they did; returns them."""
    rows = connection.execute(
        "with gone as (delete from ops.run_sessions where not exists ("
        "select from pg_stat_activity where pid = session and backend_start = session_began) returning run_id) "
        "update lineage.runs set status = 'killed', finished_at = clock_timestamp() from gone "
        "where runs.run_id = gone.run_id and status = 'running' returning runs.run_id"
    ).fetchall()
    for (run_id,) in rows:
        log.warning("run_was_killed", run_id=run_id)
    return [run_id for (run_id,) in rows]


def last_builder(connection: Connection) -> str | None:
    """The run whose build began last: the candidate tables are its own."""
    row = connection.execute(
        "select run_id from lineage.runs where build_began_at is not null order by build_began_at desc limit 1"
    ).fetchone()
    builder: str | None = row[0] if row else None
    return builder


def is_on_its_way(connection: Connection, run_id: str, patience_seconds: float) -> bool:
    """Whether a run is between its build and its release, and began or ended a stage not long ago."""
    row = connection.execute(
        "select greatest(build_began_at, (select max(recorded_at) from ops.stage_timings where run_id = runs.run_id)) "
        "> clock_timestamp() - make_interval(secs => %s) from lineage.runs where run_id = %s and status = 'running'",
        [patience_seconds, run_id],
    ).fetchone()
    return row is not None and bool(row[0])


def as_of_dates(last_day: date, history_months: int) -> list[date]:
    """The dates a build covers: the last `history_months` month-ends before the last day, and that day."""
    days = [last_day]
    month_end = last_day.replace(day=1) - timedelta(days=1)
    for _ in range(history_months):
        days.append(month_end)
        month_end = month_end.replace(day=1) - timedelta(days=1)
    return sorted(days)


@contextmanager
def timed_stage(connection: Connection, run_id: str, stage: str) -> Iterator[None]:
    """Record how long a stage of a run took, also where it fails."""
    started = time.monotonic()
    try:
        yield
    finally:
        connection.execute(
            "insert into ops.stage_timings (run_id, stage, seconds) values (%s, %s, %s)",
            [run_id, stage, time.monotonic() - started],
        )
