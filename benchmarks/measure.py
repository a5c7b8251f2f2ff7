"""What the benchmarks share: a warehouse of their own, a clock, a line of output, and plain COPY to compare with."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
from gridcredit.warehouse.migrations import prepare
from psycopg import sql


def plain_copy(path: Path, settings: Settings) -> float:
    """Seconds that COPY takes for the same columns into an unlogged table of the same types."""
    columns = [
        # COPY knows no months: `2026-05` stays text.
        sql.SQL("{} {}").format(
            sql.Identifier(column.name), sql.SQL("text" if column.kind == "month" else column.sql_type)
        )
        for column in EXTRACTS[path.stem].columns
    ]
    with connect(settings) as connection:
        connection.execute(sql.SQL("create unlogged table ops.plain ({})").format(sql.SQL(", ").join(columns)))

        def copy_file() -> None:
            with (
                connection.cursor().copy("copy ops.plain from stdin (format csv, header)") as copy,
                path.open("rb") as file,
            ):
                while block := file.read(1 << 20):
                    copy.write(block)

        seconds = timed(copy_file)
        # A server that has run for a while holds its memory already; one just started asks for each page.
        connection.execute("select count(*) from ops.plain")
        connection.execute("drop table ops.plain")
    return seconds


@contextmanager
def warehouse(home: Path) -> Iterator[Settings]:
    """A warehouse of its own, stopped at the end."""
    settings = Settings(home=home)
    prepare(settings)
    try:
        yield settings
    finally:
        EmbeddedPostgres(settings).stop()


def timed(work: Callable[[], object]) -> float:
    """Seconds that the work takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def say(what: str, seconds: float, note: str = "") -> None:
    print(f"{what:<30} {seconds:8.2f} s  {note}", flush=True)


def quiet_logs() -> None:
    """Warnings and worse only: the figures are what is to be read."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
