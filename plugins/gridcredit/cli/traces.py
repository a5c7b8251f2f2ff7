"""Commands that follow a published figure back to file and line, or a file forward."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gridcredit.cli.console import (
    OutFile,
    clear_errors,
    prepare_quietly,
)
from gridcredit.lineage.graph import Trace

app = typer.Typer()
trace_app = typer.Typer(no_args_is_help=True, help="Follow a published figure back to file and line.")
app.add_typer(trace_app, name="trace")


class Format(StrEnum):
    """How a trace is shown."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


AsFormat = Annotated[Format, typer.Option("--format", help="html draws the graph")]


@trace_app.command("row")
def trace_row(
    table: Annotated[str, typer.Argument(help="a published table, as customer_rating")],
    key: Annotated[list[str], typer.Argument(help="its key, as customer_id=C00000001")],
    release: Annotated[int, typer.Option(help="default: the current one")] = 0,
    as_format: AsFormat = Format.TEXT,
    out: OutFile = None,
) -> None:
    """Follow a published row back: release, run, gates, policy, models, records with file and line."""
    from gridcredit.lineage import trace

    with clear_errors() as settings:
        prepare_quietly(settings)
        _show(trace.trace_row(table, trace.key_of(key), release or None, settings), as_format, out)


@trace_app.command("file")
def trace_file(
    file: Annotated[str, typer.Argument(help="number or name of the file, as `load list` shows it")],
    line: Annotated[int, typer.Option(help="one line of it")] = 0,
    as_format: AsFormat = Format.TEXT,
    out: OutFile = None,
) -> None:
    """Show which published rows a file, or a line of it, touched."""
    from gridcredit.lineage import touched

    with clear_errors() as settings:
        prepare_quietly(settings)
        file_id = touched.number_of_file(file, settings)
        _show(touched.touched_by_file(file_id, line or None, settings), as_format, out)


@trace_app.command("bill")
def trace_bill(
    bill_id: Annotated[str, typer.Argument(help="number of the bill")],
    as_format: AsFormat = Format.TEXT,
    out: OutFile = None,
) -> None:
    """Show a bill's deliveries, and which published rows rest on it."""
    from gridcredit.lineage import touched

    with clear_errors() as settings:
        prepare_quietly(settings)
        _show(touched.touched_by_bill(bill_id, settings), as_format, out)


def _show(found: Trace, as_format: Format, out: Path | None) -> None:
    from gridcredit.lineage.drawing import as_html
    from gridcredit.pages.template import write_page

    if as_format is Format.HTML:
        text = as_html(found)
    else:
        text = found.as_json() if as_format is Format.JSON else found.as_text()
    if out:
        write_page(out, text, private=True)
        typer.echo(f"wrote {out}")
    else:
        typer.echo(text)
