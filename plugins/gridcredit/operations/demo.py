"""`make demo`: a simulated supplier's files are dropped where files land, and the real DAGs do the rest."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gridcredit import simulation
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import GridCreditError
from gridcredit.ingestion.loader import is_loaded
from gridcredit.ingestion.mapping.read import load_mapping
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.ingestion.quarantine import count_waiting
from gridcredit.operations import services
from gridcredit.operations.airflow_api import airflow_api, failed_dags, unfinished_dags
from gridcredit.quality import gates
from gridcredit.reporting.customer import write_report
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.settings import Settings
from gridcredit.transformation.progress import SECONDS_BETWEEN_LINES, current_stage, stages_done
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.currency import in_its_currency
from gridcredit.warehouse.migrations import prepare

MAPPING = "demo"
COMMAND = ".venv/bin/gridcredit"
TIME_LIMIT = 900.0


def run_demo(settings: Settings, customers: int, months: int, seed: int, defects: int, console: Console) -> None:
    """Start everything, deliver, wait until all that follows is done, show the release, stop Airflow."""
    started = time.monotonic()

    def step(text: str) -> None:
        console.print(f"[{time.monotonic() - started:6.1f} s] {text}", highlight=False, markup=False, soft_wrap=True)

    try:
        _run(settings, (customers, months, seed, defects), console, step)
    except KeyboardInterrupt:
        step("interrupted: Airflow is stopped, Postgres still runs (`make down` stops it)")
        step("nothing is lost: `make demo` continues where this one stopped, `make down; rm -rf var` starts again")
        raise SystemExit(130) from None


def _run(
    settings: Settings, supplier: tuple[int, int, int, int], console: Console, step: Callable[[str], None]
) -> None:
    source = settings.home / "simulated"
    _simulate_once(supplier, source, step)
    step("prepare the warehouse")
    prepare(settings)
    with connect(settings, autocommit=True) as connection:
        if _is_released(connection, source, load_mapping(settings.mappings_dir / f"{MAPPING}.yml")):
            step("nothing is new: these files are loaded, and their release stands")
        else:
            _run_dags(settings, connection, source, step)
        show_release(connection, console, in_its_currency(settings, connection))
        report = report_of_the_largest_debt(connection, settings)
        dashboard = write_dashboard(settings=settings)
        (customer,) = connection.execute("select min(customer_id) from published.customer_rating").fetchone() or ("",)
    console.print(where_to_look(settings, dashboard, report, customer), highlight=False, markup=False, soft_wrap=True)


def _simulate_once(supplier: tuple[int, int, int, int], source: Path, step: Callable[[str], None]) -> None:
    """The same supplier has the same files: they are not written again."""
    customers, months, seed, defects = supplier
    written = source / "supplier.json"
    code = sorted(Path(simulation.__file__).parent.glob("*.py"))
    described = json.dumps([*supplier, hashlib.sha256(b"".join(path.read_bytes() for path in code)).hexdigest()])
    is_there = written.exists() and written.read_text() == described
    if not (is_there and all((source / f"{name}.csv").exists() for name in EXTRACTS)):
        step(f"simulate {customers} customers over {months} months, with {defects} defects")
        simulation.simulate(customers, months, seed, source, defects=defects)
        written.write_text(described)


def where_to_look(settings: Settings, dashboard: Path, report: Path, customer: str) -> str:
    """The commands and files that lead on."""
    return (
        f"\nWhere to look\n"
        f'  warnings       {COMMAND} sql "select * from published.customer_warning order by level_rank, customer_id"\n'
        f"  what goes on   {COMMAND} status\n"
        f"  dashboard      {dashboard}\n"
        f"  one customer   {report}\n"
        f"  one rating     {COMMAND} trace row customer_rating customer_id={customer}\n"
        f"  data checks    {gates.data_docs_index(settings)}\n"
        f"  Airflow        make up\n"
        f"  stop Postgres  make down"
    )


def _run_dags(settings: Settings, connection: Connection, source: Path, step: Callable[[str], None]) -> None:
    """Deliver the files to a running Airflow, and stop it once all that follows is done."""
    address = services.start(settings, step)
    try:
        before, began_at = last_delivery(connection), datetime.now(UTC)
        deliver(source, settings.landing_dir / MAPPING)
        step("files delivered: ingest_extracts loads them, build_ratings follows")

        def say(text: str) -> None:
            services.require_running(settings)
            step(text)

        follow(connection, before, len(EXTRACTS), say)
        _come_to_rest(address, settings, step, began_at)
    finally:
        services.stop_airflow(settings, step)


def _is_released(connection: Connection, source: Path, mapping: Mapping) -> bool:
    """Whether each simulated file is loaded, and the last run has covered all."""
    if not all(is_loaded(source / f"{name}.csv", mapping, connection) for name in EXTRACTS):
        return False
    (waiting,) = connection.execute(
        "select count(*) from lineage.files where undone_at is null and file_id not in ("
        "select file_id from lineage.run_files join lineage.runs using (run_id) "
        "where status in ('published', 'unchanged'))"
    ).fetchone() or (0,)
    return not waiting


def _come_to_rest(address: str, settings: Settings, step: Callable[[str], None], began_at: datetime) -> None:
    """Wait until no DAG has anything left to do: a task that is stopped half-way would be red at the next start.

    Raises:
        GridCreditError: a DAG failed, or did not end in time.
    """
    deadline, said = time.monotonic() + TIME_LIMIT, 0.0
    with airflow_api(address, settings) as api:
        while busy := unfinished_dags(api):
            if time.monotonic() > deadline:
                raise GridCreditError(f"{', '.join(busy)} did not end: see the logs under {settings.log_dir}")
            if time.monotonic() - said > SECONDS_BETWEEN_LINES:
                step(f"  wait for {', '.join(busy)}")
                said = time.monotonic()
            time.sleep(0.5)
        if failed := failed_dags(api, began_at):
            raise GridCreditError(f"{', '.join(failed)} failed: see the logs under {settings.log_dir}")


def report_of_the_largest_debt(connection: Connection, settings: Settings) -> Path:
    """The credit report of who owes the most with a warning open."""
    (customer,) = connection.execute(
        "select customer_id from published.customer_rating where customer_id in "
        "(select customer_id from published.customer_warning) order by overdue_amount desc, customer_id limit 1"
    ).fetchone() or ("C00000001",)
    path = settings.home / "reports" / "largest_debt.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_report(customer, path, settings=settings)
    return path


def deliver(source: Path, landing: Path, extracts: Iterable[str] = EXTRACTS) -> None:
    """Put simulated files into a landing folder, each complete from the moment it has its name."""
    landing.mkdir(parents=True, exist_ok=True)
    for name in extracts:
        partial = landing / f"{name}.csv.partial"
        shutil.copyfile(source / f"{name}.csv", partial)
        partial.rename(landing / f"{name}.csv")


def last_delivery(connection: Connection) -> int:
    """The number of the newest delivery, 0 before the first."""
    (number,) = connection.execute("select coalesce(max(delivery_id), 0) from lineage.deliveries").fetchone() or (0,)
    return int(number)


def follow(connection: Connection, before: int, files: int, say: Callable[[str], None]) -> None:
    """Say each stage as it ends; return when the `files` that came after delivery `before` are published or changed
    nothing.

    Raises:
        GridCreditError: the build failed, or for long nothing was loaded, built or released.
    """
    said: set[str] = set()
    last_line = time.monotonic()

    def say_once(text: str) -> None:
        nonlocal last_line
        if text not in said:
            said.add(text)
            say(f"  {text}")
            last_line = time.monotonic()

    deadline, known = time.monotonic() + TIME_LIMIT, object()
    while time.monotonic() < deadline:
        deliveries = connection.execute(
            "select file_id, file_name, is_repeat from lineage.deliveries where delivery_id > %s", [before]
        ).fetchall()
        for _, name, is_repeat in deliveries:
            say_once(f"{name}: {'already loaded, nothing changed' if is_repeat else 'loaded'}")
        fresh = [file_id for file_id, _, is_repeat in deliveries if not is_repeat]
        runs = connection.execute(
            "select distinct run_id, status from lineage.runs join lineage.run_files using (run_id) "
            "where file_id = any(%s)",
            [fresh],
        ).fetchall()
        running = [run_id for run_id, status in runs if status == "running"]
        for run_id, _ in runs:
            for stage, seconds in stages_done(connection, run_id):
                say_once(f"{stage}: done in {seconds:.1f} s")
        if time.monotonic() - last_line >= SECONDS_BETWEEN_LINES:
            # The same words again say that it still goes on.
            waits = current_stage(connection, running[0]) if running else "wait for Airflow to start the next task"
            said.discard(waits)
            say_once(waits)
        # A slow machine that gets on is waited for, however long it takes.
        news = (len(deliveries), runs, [current_stage(connection, run_id) for run_id in running], len(said))
        if news != known:
            deadline, known = time.monotonic() + TIME_LIMIT, news
        failed = [run_id for run_id, status in runs if status == "failed"]
        if failed:
            row = connection.execute(
                "select error from ops.task_failures where run_id = %s order by failed_at desc", [failed[0]]
            ).fetchone()
            raise GridCreditError(f"the build failed: {row[0] if row else 'see the logs under var/logs'}")
        all_delivered = len(deliveries) >= files
        if all_delivered and (not fresh or (runs and all(status != "running" for _, status in runs))):
            return
        time.sleep(0.5)
    raise GridCreditError(
        f"no release, and nothing new for {TIME_LIMIT:.0f} s: see the logs under var/logs; the same command continues "
        "from here"
    )


def show_release(connection: Connection, console: Console, settings: Settings) -> None:
    """What a manager would read: warnings first, then who holds what is open."""
    warnings = Table("level", "rule", "customers", title="Warnings, the most urgent first", title_justify="left")
    for row in connection.execute(
        "select level, rule, count(*) from published.customer_warning "
        "group by level, rule, level_rank order by level_rank, rule"
    ):
        warnings.add_row(*map(str, row))
    ratings = Table(
        "grade", "customers", f"open, {settings.currency}", "share of all", title="Ratings", title_justify="left"
    )
    for grade, customers, amount, share in connection.execute(
        "select grade, count(*), sum(open_amount), sum(open_amount) / nullif(sum(sum(open_amount)) over (), 0) "
        "from published.customer_rating group by grade, grade_rank order by grade_rank nulls last"
    ):
        ratings.add_row(grade, f"{customers:,}", f"{amount:,.2f}", f"{share or 0:.1%}")
    releases = Table("release", "as of", "rows opened", "rows closed", title="Releases", title_justify="left")
    for row in connection.execute(
        "select release, as_of_date, rows_opened, rows_closed from published.release order by release desc limit 5"
    ):
        releases.add_row(*map(str, row))
    for table in (warnings, ratings, releases):
        console.print(table)
    for line in _summary(connection, settings):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _summary(connection: Connection, settings: Settings) -> Iterator[str]:
    """The grade that holds most of what is open, the red warnings, and what waits in quarantine."""
    most = connection.execute(
        "select grade, count(*), sum(open_amount), sum(open_amount) / nullif(sum(sum(open_amount)) over (), 0), "
        "sum(count(*)) over () from published.customer_rating group by grade order by sum(open_amount) desc limit 1"
    ).fetchone()
    if most:
        grade, customers, amount, share, everybody = most
        yield (
            f"{customers:,} of {everybody:,} customers, those of grade {grade}, hold {share or 0:.1%} of what is open: "
            f"{amount:,.2f} {settings.currency}."
        )
    (red,) = connection.execute(
        "select count(distinct customer_id) from published.customer_warning where level = 'red'"
    ).fetchone() or (0,)
    yield f"{red:,} customers have a red warning."
    waiting = count_waiting(connection)
    yield f"{waiting:,} rows wait in quarantine, each with file, line and reason: {COMMAND} quarantine list"
