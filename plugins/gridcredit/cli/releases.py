"""Commands about releases: build one, list, compare, prove, roll back, audit."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gridcredit.cli.console import (
    AsList,
    Day,
    EngineName,
    ListFormat,
    built_by,
    clear_errors,
    parse_date,
    prepare_quietly,
    show_list,
)
from gridcredit.errors import GridCreditError

Number = Annotated[int, typer.Argument(help="number of a release, as `release list` shows it")]

app = typer.Typer()
release_app = typer.Typer(no_args_is_help=True, help="Releases: list, compare, prove unchanged, roll back.")
app.add_typer(release_app, name="release")


@app.command("run")
def run_command(
    as_of: Day = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="compute everything, whatever changed")] = False,
    anew: Annotated[bool, typer.Option("--anew", hidden=True)] = False,
    engine: Annotated[
        EngineName | None, typer.Option(help="with --full-refresh: what builds the models in this run")
    ] = None,
    blocked: Annotated[str, typer.Option(help="a run that a gate blocked: publish it anyway")] = "",
    new_bounds_from: Annotated[
        str,
        typer.Option(
            metavar="YYYY-MM-DD",
            help="with --full-refresh: bounds of bill sizes of this day and later ones came from wrong bills",
        ),
    ] = "",
    approver: Annotated[str, typer.Option(help="with --blocked or --new-bounds-from: who decided")] = "",
    reason: Annotated[str, typer.Option(help="with these: why; it stays with the release")] = "",
) -> None:
    """Build and publish a release in this process, without Airflow."""
    from gridcredit.evaluation.soundness import missing_for_sound_results
    from gridcredit.operations.bounds import forget_bounds
    from gridcredit.operations.pipeline import build_ratings
    from gridcredit.quality.results import let_through
    from gridcredit.transformation.progress import shown_progress
    from gridcredit.warehouse.connection import connect

    with clear_errors() as settings:
        if anew:
            typer.echo("--anew is deprecated: use --full-refresh", err=True)
            full_refresh = True
        if engine and not full_refresh:
            raise GridCreditError("--engine is for a build of everything: add --full-refresh")
        settings = built_by(engine, settings)
        if blocked and as_of:
            raise GridCreditError("--as-of is for a new run: that which was blocked keeps its day")
        if (approver or reason) and not (blocked or new_bounds_from):
            raise GridCreditError("--approver and --reason decide about a blocked run: add --blocked RUN")
        if new_bounds_from and (blocked or not full_refresh):
            raise GridCreditError("--new-bounds-from is for a build of everything: add --full-refresh")
        prepare_quietly(settings)
        run_id = blocked or f"manual__{datetime.now(UTC).isoformat()}"
        if blocked:
            for check in let_through(blocked, approver, reason, settings):
                typer.echo(f"let through: {check}", err=True)
        if since := parse_date(new_bounds_from or None):
            forget_bounds(since, approver, reason, settings)
        with shown_progress(run_id, settings, lambda text: typer.echo(text, err=True)):
            release = build_ratings(run_id, parse_date(as_of), settings, full_refresh=full_refresh)
        typer.echo(f"release {release.number}{'' if release.is_new else ' stands: nothing changed'}")
        with connect(settings) as connection:
            for what in missing_for_sound_results(connection, settings):
                typer.echo(f"missing for sound results: {what}", err=True)


@release_app.command("list")
def list_releases(as_format: AsList = ListFormat.TEXT) -> None:
    """Show all releases, the newest first."""
    from gridcredit.releases import release

    with clear_errors() as settings:
        prepare_quietly(settings)
        releases = [
            {
                "release": one.release,
                "as_of": one.as_of_date,
                "published_utc": f"{one.published_at.astimezone(UTC):%Y-%m-%d %H:%M}",
                "rows_opened": one.rows_opened,
                "rows_closed": one.rows_closed,
                "chain_hash": one.chain_hash if as_format is ListFormat.JSON else one.chain_hash[:12],
                "rollback_to": one.rolled_back_to,
            }
            for one in release.list_releases(settings)
        ]
        show_list(releases, as_format, "nothing has been published yet: load files, then `gridcredit run`")


@release_app.command("diff")
def diff_releases(before: Number, after: Number) -> None:
    """Show how many rows of each table two releases do not have in common."""
    from gridcredit.releases import release

    with clear_errors() as settings:
        prepare_quietly(settings)
        for one in release.diff_releases(before, after, settings):
            typer.echo(
                f"{one.table:<24} gone {one.only_before:>8,}  new {one.only_after:>8,}  changed {one.changed:>8,}"
            )


@release_app.command("restated")
def restated_by(number: Number) -> None:
    """Show what a release changed although no fact had changed, by cause."""
    from gridcredit.releases import restatement

    with clear_errors() as settings:
        prepare_quietly(settings)
        because, causes = restatement.restated_by(number, settings)
        typer.echo(f"release {number} restates: {because}")
        for one in causes:
            typer.echo(
                f"{one.cause:<32} {one.customers:>8,} customers  open {one.open_before:>16,} -> {one.open_after:>16,}"
            )


@release_app.command("chain")
def newest_link() -> None:
    """Print the newest release and its chain hash, to be stored elsewhere; `release verify --anchor` checks against
    it.
    """
    from gridcredit.releases import release

    with clear_errors() as settings:
        prepare_quietly(settings)
        newest = release.list_releases(settings)[:1]
        if not newest:
            raise GridCreditError("nothing has been published yet: run `gridcredit run` first")
        typer.echo(f"{newest[0].release} {newest[0].chain_hash}")


@release_app.command("verify")
def verify_release(
    number: Number,
    anchor: Annotated[str | None, typer.Option(help="a chain hash that was stored elsewhere")] = None,
    deep: Annotated[bool, typer.Option("--deep", help="also hash the rows of all loads in raw again")] = False,
) -> None:
    """Recompute what a release published, and the chain up to it; fails where a row was changed by hand."""
    from gridcredit.releases import release

    with clear_errors() as settings:
        prepare_quietly(settings)
        faults = release.verify_release(number, settings, anchor=anchor)
        for fault in faults:
            typer.echo(f"release {fault.release}: {fault.what}", err=True)
        changed, unknown = release.verify_loads(settings) if deep else ([], [])
        for what in (*changed, *unknown):
            typer.echo(what, err=True)
        if faults or changed:
            raise typer.Exit(1)
        typer.echo(f"release {number} is as it was published{', and raw as it was loaded' if deep else ''}")


@release_app.command("rollback")
def roll_back(
    number: Number,
    approver: Annotated[str, typer.Option(help="who decided")],
    reason: Annotated[str, typer.Option(help="why")],
) -> None:
    """Publish an earlier release once more, as a new one; the next build publishes what the facts say then."""
    from gridcredit.releases import release

    with clear_errors() as settings:
        prepare_quietly(settings)
        typer.echo(f"release {release.roll_back(number, approver, reason, settings)} shows what release {number} did")


@app.command()
def audit(
    release: Annotated[int, typer.Option(help="number of the release")],
    out: Annotated[Path, typer.Option(help="an empty folder, or one to be made")],
    customer: Annotated[list[str] | None, typer.Option(help="a customer of the sample, once for each")] = None,
    size: Annotated[int, typer.Option(min=1, help="customers of the sample where none is named")] = 20,
    seed: Annotated[str, typer.Option(help="any text; another one gives another sample")] = "",
) -> None:
    """Write a folder with which an outsider can check a release: hashes, policy, gates, code, rows, and a script."""
    from gridcredit.releases.audit import Sample, write_audit

    with clear_errors() as settings:
        prepare_quietly(settings)
        folder = write_audit(release, out, settings, Sample(tuple(customer or ()), size, seed))
        typer.echo(f"wrote {folder}: `python3 {folder / 'check.py'}` checks it")
