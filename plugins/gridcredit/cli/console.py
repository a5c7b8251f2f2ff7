"""What all commands share: clear errors, a quiet start, dates as people write them."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import structlog
import typer

from gridcredit.errors import GridCreditError
from gridcredit.pages.texts import Language
from gridcredit.settings import Settings, get_settings

if TYPE_CHECKING:
    from rich.table import Table

    from gridcredit.warehouse.connection import Connection


# Without a word a person waits so long, and then hears so often that it goes on.
SILENT_SECONDS, SECONDS_BETWEEN_LINES = 1.5, 5.0


class EngineName(StrEnum):
    """What models are built by, as in the setting `engine`."""

    POSTGRES = "postgres"
    DUCKDB = "duckdb"
    SPARK = "spark"


def built_by(engine: EngineName | None, settings: Settings) -> Settings:
    """The settings with the engine of an option, where one is given."""
    return settings.model_copy(update={"engine": engine.value}) if engine else settings


Day = Annotated[str | None, typer.Option(help="YYYY-MM-DD")]
InLanguage = Annotated[str, typer.Option("--language", help="en or zh")]
OutFile = Annotated[Path | None, typer.Option(help="the file to write; without it the screen")]


@contextlib.contextmanager
def clear_errors() -> Iterator[Settings]:
    """Settings for a command whose foreseeable errors are one line, not a traceback."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    from gridcredit.operations.trouble import in_one_line

    try:
        with in_one_line():
            yield get_settings()
    except GridCreditError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        if error.filename is None:
            raise
        # Where a file was to take the place of a folder, the second is what was named.
        path = error.filename2 or error.filename
        typer.echo(f"error: {path}: {str(error.strerror).lower()}: name another path, or put this one right", err=True)
        raise typer.Exit(1) from None
    except Exception as error:
        # By name, as below.
        if type(error).__name__ == "NumericValueOutOfRange":
            typer.echo(f"error: {error}: no number here is as large as that; give one that a list shows", err=True)
            raise typer.Exit(1) from None
        if not is_connection_loss(error):
            raise
        typer.echo(
            f"error: the warehouse does not answer ({' '.join(str(error).split())[:300]}): see that its server runs "
            "(the embedded one starts with every command), then run this again; a run that was cut off is marked as "
            "killed",
            err=True,
        )
        raise typer.Exit(1) from None


def is_connection_loss(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, is that of a connection that was refused or lost."""
    # By name, since drivers are imported late: they are slow.
    while error is not None:
        if type(error).__name__ in ("OperationalError", "InterfaceError", "AdminShutdown", "CannotConnectNow"):
            return True
        error = error.__cause__ or error.__context__
    return False


def prepare_quietly(settings: Settings) -> None:
    from gridcredit.warehouse.migrations import prepare

    quiet()
    with said_while("prepare the warehouse"):
        prepare(settings)


@contextlib.contextmanager
def said_while(what: str, say: Callable[[str], None] | None = None) -> Iterator[None]:
    """Who waits at a terminal reads what is being done: after a moment, and again every few seconds. Elsewhere, as in
    a pipe or a log, nothing is said.
    """
    if say is None and not sys.stderr.isatty():
        yield
        return
    over = threading.Event()
    ticker = threading.Thread(target=_tick, args=(what, say or (lambda text: typer.echo(text, err=True)), over))
    ticker.daemon = True
    ticker.start()
    try:
        yield
    finally:
        over.set()
        ticker.join()


def _tick(what: str, say: Callable[[str], None], over: threading.Event) -> None:
    started, pause = time.monotonic(), SILENT_SECONDS
    while not over.wait(pause):
        say(f"{what}: {time.monotonic() - started:.0f} s")
        pause = SECONDS_BETWEEN_LINES


@contextlib.contextmanager
def warehouse_if_any(settings: Settings) -> Iterator[Connection | None]:
    """A connection to the warehouse; None where none runs, or nothing has been prepared on it."""
    import psycopg

    from gridcredit.warehouse.connection import connect
    from gridcredit.warehouse.embedded_postgres import EmbeddedPostgres
    from gridcredit.warehouse.published_tables import table_columns

    if settings.warehouse_url is None and EmbeddedPostgres(settings).port() is None:
        yield None
        return
    with contextlib.ExitStack() as opened:
        try:
            connection = opened.enter_context(connect(settings))
        except psycopg.OperationalError:
            yield None
            return
        yield connection if table_columns(connection, "policy", "policies") else None


def quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def known_language(text: str) -> Language:
    """One of the languages that pages are written in."""
    if text not in get_args(Language):
        raise GridCreditError(f"it is written in {' or '.join(get_args(Language))}, not in {text!r}")
    return cast("Language", text)


def required_date(text: str, option: str) -> date:
    """A date that a command cannot do without."""
    day = parse_date(text)
    if day is None:
        raise GridCreditError(f"say which day: {option} YYYY-MM-DD")
    return day


def parse_date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise GridCreditError(f"{text!r} is not a date: write it as YYYY-MM-DD") from None


class ListFormat(StrEnum):
    """How a list is written."""

    TEXT = "text"
    JSON = "json"


AsList = Annotated[ListFormat, typer.Option("--format", help="json for other programs")]


def show_list(rows: Sequence[Mapping[str, object]], as_format: ListFormat, when_empty: str) -> None:
    """Write rows as columns whose values are never cut or broken, or as JSON; in words where there is none."""
    if as_format is ListFormat.JSON:
        typer.echo(json.dumps(list(rows), default=str, ensure_ascii=False, indent=2))
        return
    if not rows:
        typer.echo(when_empty)
        return
    lines = [[name.replace("_", " ") for name in rows[0]]]
    lines += [["" if value is None else " ".join(str(value).split()) for value in row.values()] for row in rows]
    from rich.cells import cell_len

    # Chinese characters and full-width digits take two places of a terminal.
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (value + " " * (width - cell_len(value)) for value, width in zip(line, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def show_table(table: Table) -> None:
    """Draw a table whose values are never cut: what a narrow terminal has no room for goes on in the next line."""
    from rich.console import Console

    for column in table.columns:
        column.overflow = "fold"
    Console().print(table)
