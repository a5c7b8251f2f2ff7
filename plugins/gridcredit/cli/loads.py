"""Commands about files: mappings, loads, quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from psycopg.rows import dict_row

from gridcredit.cli.console import (
    AsList,
    ListFormat,
    clear_errors,
    prepare_quietly,
    quiet,
    said_while,
    show_list,
    warehouse_if_any,
)
from gridcredit.errors import GridCreditError

Files = Annotated[list[Path], typer.Argument(help="the files, in the order in which they are to be loaded")]
LoadNumber = Annotated[int, typer.Argument(help="number of the load, as `load list` shows it")]

app = typer.Typer()
mapping_app = typer.Typer(no_args_is_help=True, help="Mappings of a supplier's files.")
app.add_typer(mapping_app, name="mapping")
load_app = typer.Typer(no_args_is_help=True, help="What has been loaded, and how to revert it.")
app.add_typer(load_app, name="load")
quarantine_app = typer.Typer(no_args_is_help=True, help="Rows that were not accepted: out for repair, and in again.")
app.add_typer(quarantine_app, name="quarantine")


@app.command()
def ingest(mapping: Annotated[str, typer.Option(help="name of the mapping")], files: Files) -> None:
    """Load files by a mapping, where they are."""
    from gridcredit.ingestion.loader import load_file
    from gridcredit.ingestion.mapping.read import read_mappings

    with clear_errors() as settings:
        known = read_mappings(settings.mappings_dir)
        asked = known.find(mapping)
        if asked is None:
            raise GridCreditError(f"no mapping is named {mapping!r} in {settings.mappings_dir}: {known.names()}")
        for fault in known.left_aside(mapping):
            typer.echo(f"warning: another mapping is left aside: {fault}", err=True)
        prepare_quietly(settings)
        missing = [str(path) for path in files if not path.is_file()]
        if missing:
            raise GridCreditError(f"there is no file {', '.join(missing)}")
        for path in files:
            with said_while(f"load {path.name}"):
                result = load_file(path, asked, settings)
            if result.is_repeat:
                typer.echo(f"{path.name}: already loaded as load {result.file_id}; nothing changed")
            for extract, counts in result.counts.items():
                typer.echo(
                    f"{path.name}: {extract}: {counts.read} read = {counts.accepted} accepted + "
                    f"{counts.quarantined} quarantined + {counts.filtered} filtered + {counts.repeated} repeated"
                )
            for note in result.notes:
                typer.echo(f"{path.name}: check this: {note}")


@mapping_app.command("check")
def mapping_check(
    file: Annotated[Path, typer.Argument(help="the mapping")],
    sample: Annotated[Path, typer.Option(help="a file of the supplier's")],
    first_part: Annotated[bool, typer.Option("--part", help="read the first megabyte alone")] = False,
) -> None:
    """Show rows of a sample before and after the mapping, what would go to quarantine, and what would become of the
    file.
    """
    from gridcredit.ingestion.loader import require_currency
    from gridcredit.ingestion.mapping.read import load_mapping
    from gridcredit.ingestion.samples.preview import preview, rule_of
    from gridcredit.warehouse.currency import in_its_currency

    with clear_errors() as settings:
        quiet()
        mapping = load_mapping(file)
        with warehouse_if_any(settings) as connection:
            known = in_its_currency(settings, connection) if connection else settings
        require_currency(mapping, sample, known)
        found = preview(mapping, sample, batches=1 if first_part else None)

        def show(title: str, rows: Sequence[Mapping[str, str | None]]) -> None:
            typer.echo(title)
            # A row a column: wide files stay readable.
            columns = [
                {"column": name, **{f"row {number}": row[name] for number, row in enumerate(rows, 1)}}
                for name in (rows[0] if rows else ())
            ]
            show_list(columns, ListFormat.TEXT, "  no rows")
            typer.echo("")

        show(f"{sample.name}: as it came", found.before)
        for name, part in found.after.items():
            repeated = f", {part.repeated} repeated" if part.repeated else ""
            show(f"{name}: {part.accepted} rows accepted, {part.filtered} filtered out{repeated}", part.rows)
            for condition, rows in part.set_aside.items():
                typer.echo(f"  set aside: {rows} rows by {condition}")
            for line, bad in part.first_rejected:
                typer.echo(f"  line {line}: {bad.column} = {bad.value!r} {bad.reason}")
            for reason, rows in part.reasons.most_common():
                typer.echo(f"  to quarantine: {rows} rows, {reason}")
            for note in part.notes:
                typer.echo(f"  check this: {note}")
        for reason, rows in found.malformed.most_common(5):
            typer.echo(f"to quarantine: {rows} rows: {reason}")
        for note in found.notes:
            typer.echo(f"check this: {note}")
        if found.unused_columns:
            typer.echo(f"columns that nothing reads: {', '.join(found.unused_columns)}")
        if found.lines_without_values:
            typer.echo(f"lines without a value, which are no rows: {found.lines_without_values}")
        typer.echo(f"read: {found.read} rows{'' if found.is_whole else ', not all of the file'}")
        typer.echo(f"verdict: {found.verdict(rule_of(mapping, sample))}")


@mapping_app.command("init")
def mapping_init(
    samples: Annotated[list[Path], typer.Argument(help="files of the supplier's, one of each kind")],
    name: Annotated[str, typer.Option(help="name of the mapping")] = "draft",
    out: Annotated[Path | None, typer.Option(help="file to write; else it is shown")] = None,
) -> None:
    """Draft a mapping from samples; what it is unsure of stands in comments."""
    from gridcredit.ingestion.samples.draft import draft_mapping

    with clear_errors():
        quiet()
        text = draft_mapping(name, samples)
        if out is None:
            typer.echo(text, nl=False)
            return
        if out.exists():
            raise GridCreditError(f"{out} already exists: name another file")
        out.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {out}: read its comments, then `gridcredit mapping check {out} --sample FILE`")


@load_app.command("list")
def load_list(
    last: Annotated[int, typer.Option(min=1, help="how many, newest first")] = 20, as_format: AsList = ListFormat.TEXT
) -> None:
    """Show the newest loads with their counts."""
    from gridcredit.warehouse.connection import connect

    with clear_errors() as settings:
        prepare_quietly(settings)
        with connect(settings) as connection:
            loads = connection.cursor(row_factory=dict_row).execute(
                "select file_id as load, file_name as file, extract, rows_read as read, rows_accepted as accepted, "
                "rows_quarantined as quarantined, to_char(loaded_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as "
                "loaded_at_utc, 'reverted: ' || undone_because as note "
                "from lineage.loads join lineage.files using (file_id) order by file_id desc, extract limit %s",
                [last],
            )
            show_list(list(loads), as_format, "nothing was loaded yet: `gridcredit ingest --mapping NAME FILE...`")


@load_app.command("revert")
@load_app.command("undo", hidden=True)
def load_revert(file_id: LoadNumber, reason: Annotated[str, typer.Option(help="stored in lineage")]) -> None:
    """Revert a load: its rows leave raw, its record stays; the next build no longer sees them."""
    from gridcredit.ingestion.revert import revert_load

    with clear_errors() as settings:
        prepare_quietly(settings)
        name, *repairs = revert_load(file_id, reason, settings)
        also = f", and what was repaired of it ({', '.join(repairs)})" if repairs else ""
        typer.echo(
            f"reverted: load {file_id} ({name}){also}; releases stand, the next build (`gridcredit run`) follows"
        )


@quarantine_app.command("list")
def quarantine_list(
    load: Annotated[int | None, typer.Option(help="of this load alone, as `gridcredit load list` shows it")] = None,
    as_format: AsList = ListFormat.TEXT,
) -> None:
    """Show what waits in quarantine: by load, extract and reason, with the first row of each."""
    from gridcredit.ingestion.quarantine import list_quarantined

    with clear_errors() as settings:
        prepare_quietly(settings)
        waiting = [
            {
                "load": one.file_id,
                "file": one.file_name,
                "extract": one.extract,
                "rows": one.rows,
                "first_line": one.line_no,
                "example": one.example[:80],
                "reason": one.reason,
            }
            for one in list_quarantined(settings, load)
        ]
        show_list(waiting, as_format, "nothing waits in quarantine")


@quarantine_app.command("export")
def quarantine_export(
    load: Annotated[int, typer.Option(help="as `gridcredit load list` shows it")],
    out: Annotated[Path, typer.Option(help="CSV file to write")],
) -> None:
    """Write a load's quarantined rows to a CSV file, each with its line and what is wrong with it."""
    from gridcredit.ingestion.quarantine import export_quarantined

    with clear_errors() as settings:
        prepare_quietly(settings)
        rows = export_quarantined(load, out, settings)
        typer.echo(
            f"wrote {rows} rows to {out}: repair them, then `gridcredit quarantine resubmit {out} --load {load}`"
        )


@quarantine_app.command("resubmit")
def quarantine_resubmit(
    file: Annotated[Path, typer.Argument(help="what `export` wrote, repaired")],
    load: Annotated[int, typer.Option(help="the load that the rows came from")],
) -> None:
    """Load repaired rows; what is still wrong is quarantined again."""
    from gridcredit.ingestion.quarantine import resubmit

    with clear_errors() as settings:
        prepare_quietly(settings)
        with said_while(f"load {file.name}"):
            result = resubmit(file, load, settings)
        if result.is_repeat:
            typer.echo(f"already loaded as load {result.file_id}; nothing changed")
        for extract, counts in result.counts.items():
            typer.echo(
                f"{extract}: {counts.accepted} accepted, {counts.quarantined} in quarantine of load {result.file_id}"
            )
        for note in result.notes:
            typer.echo(f"check: {note}")
