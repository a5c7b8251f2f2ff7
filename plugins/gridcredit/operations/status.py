"""What is happening: what runs, the release in force, the run that was blocked, loads waiting and refused, the last
failure, what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

import psycopg
from psycopg import sql

from gridcredit.errors import GridCreditError
from gridcredit.evaluation.soundness import missing_for_sound_results
from gridcredit.ingestion.landing import waiting_files
from gridcredit.ingestion.mapping.read import read_mappings
from gridcredit.ingestion.quarantine import count_waiting
from gridcredit.operations import services, superset
from gridcredit.operations.airflow_api import airflow_api, next_run
from gridcredit.operations.runs import mark_killed
from gridcredit.operations.stopped_run import StoppedRun, in_one_line, stopped_run
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect, reader_address
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
from gridcredit.warehouse.ownership import owns_evidence
from gridcredit.warehouse.published_tables import not_yet_published

DAYS = 7


@dataclass
class Status:
    """What `gridcredit status` shows; nothing where it is not known."""

    home: str
    warehouse: str | None = None
    airflow: str | None = None
    superset: str | None = None
    still_running: list[str] = field(default_factory=list)
    release: int | None = None
    as_of_date: date | None = None
    published_at: datetime | None = None
    build: str | None = None
    last_run: str | None = None
    stopped_run: StoppedRun | None = None
    waiting_files: dict[str, int] = field(default_factory=dict)
    faulty_mappings: list[str] = field(default_factory=list)
    files_loaded: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_waiting: int = 0
    refused: list[str] = field(default_factory=list)
    last_failure: str | None = None
    next_run: datetime | None = None
    next_run_unknown: str | None = None
    missing: list[str] = field(default_factory=list)
    open_databases: list[str] = field(default_factory=list)
    owns_evidence: bool = False


def status(settings: Settings) -> Status:
    """Ask what can be asked; nothing is started for it."""
    found = Status(str(settings.home))
    found.still_running = services.still_running_elsewhere(settings)
    found.airflow = services.address(settings)
    found.superset = superset.address(settings)
    found.waiting_files = waiting_files(settings)
    found.faulty_mappings = [str(one.error) for one in read_mappings(settings.mappings_dir).faulty]
    if settings.warehouse_url is None and EmbeddedPostgres(settings).port() is None:
        return found
    found.warehouse = reader_address(settings)
    try:
        with connect(settings) as connection:
            mark_killed(connection)
            _ask_warehouse(connection, found, settings)
    except psycopg.OperationalError as error:
        raise GridCreditError(f"the warehouse does not answer: {error}") from error
    except psycopg.errors.UndefinedTable:
        # A server on which nothing has been prepared.
        return found
    if found.airflow:
        try:
            with airflow_api(found.airflow, settings) as api:
                found.next_run = next_run(api)
        except GridCreditError as error:
            # While Airflow starts, all else is known already.
            found.next_run_unknown = str(error)
    return found


def _ask_warehouse(connection: Connection, found: Status, settings: Settings) -> None:
    row = connection.execute(
        "select release, as_of_date, published_at from lineage.releases order by release desc limit 1"
    ).fetchone()
    if row:
        found.release, found.as_of_date, found.published_at = row
    row = connection.execute(
        "select run_id, as_of_date from lineage.runs where status = 'running' order by started_at desc limit 1"
    ).fetchone()
    found.build = f"{row[0]}, as of {row[1]}" if row else None
    row = connection.execute(
        "select run_id from lineage.runs as killed where status = 'killed' and not exists ("
        "select from lineage.runs as later where later.status in ('published', 'unchanged') "
        "and later.finished_at > killed.started_at) order by started_at desc limit 1"
    ).fetchone()
    found.last_run = f"{row[0]} was killed" if row else None
    found.stopped_run = stopped_run(connection)
    row = connection.execute(
        "select count(distinct file_id), coalesce(sum(rows_accepted), 0), coalesce(sum(rows_quarantined), 0) "
        "from lineage.loads join lineage.files using (file_id) where loaded_at > now() - make_interval(days => %s)",
        [DAYS],
    ).fetchone()
    found.files_loaded, found.rows_accepted, found.rows_quarantined = map(int, row or (0, 0, 0))
    found.rows_waiting = count_waiting(connection)
    found.refused = [
        reason
        for (reason,) in connection.execute(
            "select reason from ops.refused_files where refused_at > now() - make_interval(days => %s) "
            "order by refused_at desc limit 5",
            [DAYS],
        )
    ]
    row = connection.execute(
        "select to_char(failed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), dag_id, task_id, error "
        "from ops.task_failures order by failed_at desc limit 1"
    ).fetchone()
    found.last_failure = "{} UTC {}.{}: {}".format(*row) if row else None
    found.open_databases = open_databases(connection)
    found.owns_evidence = owns_evidence(connection)
    if newer := not_yet_published(connection):
        found.missing.append(
            f"{len(newer)} published tables are newer than the release in force, and empty until the next "
            f"(`gridcredit run`): {', '.join(newer)}"
        )
    found.missing += missing_for_sound_results(connection, settings)


def open_databases(connection: Connection) -> list[str]:
    """The databases of the server to which any login may connect, or make temporary tables there."""
    rows = connection.execute(
        "select datname from pg_database where datallowconn and (has_database_privilege('public', oid, 'connect') "
        "or has_database_privilege('public', oid, 'temporary')) order by 1"
    )
    return [database for (database,) in rows]


def how_to_close(database: str) -> str:
    """What a server's administrator does about an open database."""
    statement = sql.SQL("revoke connect, temporary on database {} from public").format(sql.Identifier(database))
    return (
        f"any login may connect to the database {database!r} and fill it with temporary tables: as the server's "
        f"administrator, run `{statement.as_string()}`"
    )


def as_lines(found: Status) -> Iterator[str]:
    """For a person: a line each, with what to do next where there is something to do."""
    yield f"home       {found.home}"
    yield f"warehouse  {found.warehouse or 'does not run: `make up` starts it'}"
    yield f"airflow    {found.airflow or 'does not run: `make up` starts it'}"
    yield f"superset   {found.superset or 'does not run: `make bi` starts it'}"
    for one in found.still_running:
        yield f"           {one} still runs for a folder that was removed or moved: `make down` stops it"
    if found.warehouse is None:
        return
    if found.release is None and found.build:
        yield "release    none yet: the first is being built"
    elif found.release is None:
        yield "release    none yet: load files (`gridcredit ingest`), then `gridcredit run`"
    else:
        yield f"release    {found.release}, as of {found.as_of_date}, published {found.published_at:%Y-%m-%d %H:%M} UTC"
    if found.build:
        yield f"building   {found.build}"
    if found.last_run:
        yield f"last run   {found.last_run}: the next one (`gridcredit run`) builds what it left"
    if found.stopped_run:
        label = "failed" if found.stopped_run.why == "failed" else "blocked"
        yield f"{label:<11}{in_one_line(found.stopped_run)}"
    waiting = ", ".join(f"{count} for {name}" for name, count in found.waiting_files.items())
    yield f"waiting    {waiting or 'no file in the landing folder'}"
    for fault in found.faulty_mappings:
        yield f"mapping    left aside: {fault}"
    yield (
        f"loaded     {found.files_loaded} files in {DAYS} days: {found.rows_accepted:,} rows accepted, "
        f"{found.rows_quarantined:,} quarantined"
    )
    waits = f"{found.rows_waiting:,} rows wait for repair: `gridcredit quarantine list`"
    yield f"quarantine {waits if found.rows_waiting else 'no row waits'}"
    for reason in found.refused:
        yield f"refused    {reason}"
    yield f"failure    {found.last_failure or 'none'}"
    if found.next_run_unknown:
        yield f"next run   not known: {found.next_run_unknown}"
    elif found.airflow:
        yield f"next run   {f'{found.next_run:%Y-%m-%d %H:%M} UTC' if found.next_run else 'none is planned'}"
    for what in found.missing:
        yield f"missing    {what}"
    for database in found.open_databases:
        yield f"open       {how_to_close(database)}"
    if found.owns_evidence:
        yield (
            "open       the pipeline connects as the owner of policies, lineage and releases, so it can take away what "
            "guards them: set GRIDCREDIT_OWNER_URL (docs/how-to/guard_the_evidence.md)"
        )
