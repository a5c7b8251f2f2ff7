"""`make demo`: a simulated supplier's files are dropped where files land, and the real DAGs do the rest."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gridcredit import gates, services
from gridcredit.dashboard.page import write_dashboard
from gridcredit.errors import GridCreditError
from gridcredit.extracts.contract import EXTRACTS
from gridcredit.report import write_report
from gridcredit.settings import Settings
from gridcredit.simulate import simulate
from gridcredit.warehouse import Connection, connect, warehouse_url

MAPPING = "demo"
TIME_LIMIT = 900.0


def run_demo(settings: Settings, customers: int, months: int, seed: int, defects: int, console: Console) -> None:
    """Start everything, deliver, wait for the release, show it, stop Airflow."""
    started = time.monotonic()

    def step(text: str) -> None:
        console.print(f"[{time.monotonic() - started:6.1f} s] {text}", highlight=False, markup=False)

    step(f"simulate {customers} customers over {months} months, with {defects} defects")
    source = settings.home / "simulated"
    simulate(customers, months, seed, source, defects=defects)
    address = services.start(settings, lambda service: step(f"start {service}"))
    try:
        with connect(settings, autocommit=True) as connection:
            before = last_delivery(connection)
            deliver(source, settings.landing_dir / MAPPING)
            step("files delivered: ingest_extracts loads them, build_ratings follows")
            follow(connection, before, len(EXTRACTS), step)
            _show(connection, console)
            report = _report_of_the_largest_debt(connection, settings)
            dashboard = write_dashboard(settings=settings)
    finally:
        stopped = services.stop_airflow(settings)
        step(f"stopped {', '.join(stopped)}")
    console.print(
        f"\nWhere to look\n"
        f"  warnings       select * from published.customer_warning order by level\n"
        f"                 psql {warehouse_url(settings).replace(settings.secret('postgres_gridcredit'), '***')}"
        f"  (password: postgres_gridcredit in {settings.home / 'secrets.json'})\n"
        f"  dashboard      {dashboard}\n"
        f"  one customer   {report}\n"
        f"  one rating     .venv/bin/gridcredit trace row customer_rating customer_id=C00000001\n"
        f"  data checks    {gates.data_docs_index(settings)}\n"
        f"  Airflow        make up   (was at {address})\n"
        f"  stop Postgres  make down",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _report_of_the_largest_debt(connection: Connection, settings: Settings) -> Path:
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
    """Tell each stage as it ends; return when the `files` that came after delivery `before` are published or changed nothing.

    Raises:
        GridCreditError: the build failed, or nothing came of the delivery in time.
    """
    told: set[str] = set()

    def tell(text: str) -> None:
        if text not in told:
            told.add(text)
            say(f"  {text}")

    deadline = time.monotonic() + TIME_LIMIT
    while time.monotonic() < deadline:
        deliveries = connection.execute(
            "select file_id, file_name, is_repeat from lineage.deliveries where delivery_id > %s", [before]
        ).fetchall()
        for _, name, is_repeat in deliveries:
            tell(f"{name}: {'known already, nothing changed' if is_repeat else 'loaded'}")
        fresh = [file_id for file_id, _, is_repeat in deliveries if not is_repeat]
        runs = connection.execute(
            "select distinct run_id, status from lineage.runs join lineage.run_files using (run_id) "
            "where file_id = any(%s)",
            [fresh],
        ).fetchall()
        for stage, seconds in connection.execute(
            "select stage, seconds from ops.stage_timings where run_id = any(%s) order by recorded_at",
            [[run_id for run_id, _ in runs]],
        ):
            tell(f"{stage}: {seconds:.1f} s")
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
    raise GridCreditError(f"no release within {TIME_LIMIT:.0f} s: see the logs under var/logs")


def _show(connection: Connection, console: Console) -> None:
    releases = Table("release", "as of", "rows opened", "rows closed", title="Releases", title_justify="left")
    for row in connection.execute(
        "select release, as_of_date, rows_opened, rows_closed from published.release order by release desc limit 5"
    ):
        releases.add_row(*map(str, row))
    ratings = Table("grade", "customers", "open amount", title="Ratings by grade", title_justify="left")
    for row in connection.execute(
        "select grade, count(*), sum(open_amount) from published.customer_rating "
        "left join policy.grades using (policy_version, grade) group by grade order by max(grade_rank)"
    ):
        ratings.add_row(str(row[0]), str(row[1]), f"{row[2]:,.2f}")
    warnings = Table("level", "rule", "customers", title="Warnings by level", title_justify="left")
    for row in connection.execute(
        "select level, rule, count(*) from published.customer_warning group by level, rule "
        "order by array_position(array['red', 'orange', 'yellow', 'blue'], level), rule"
    ):
        warnings.add_row(*map(str, row))
    for table in (releases, ratings, warnings):
        console.print(table)
    (quarantined,) = connection.execute("select count(*) from quarantine.rows").fetchone() or (0,)
    console.print(
        f"{quarantined} rows in quarantine, each with file, line and reason: quarantine.rows", highlight=False
    )
