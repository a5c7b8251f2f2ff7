"""Commands that write pages and files for people."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gridcredit.cli.console import InLanguage, OutFile, clear_errors, known_language, prepare_quietly
from gridcredit.errors import GridCreditError

app = typer.Typer()
export_app = typer.Typer(no_args_is_help=True, help="What is published, for other programs.")
app.add_typer(export_app, name="export")


@app.command()
def report(
    out: Annotated[Path, typer.Option(help="the HTML file to write; with --grade or --all the folder")],
    customer: Annotated[str | None, typer.Option(help="customer number")] = None,
    grade: Annotated[str | None, typer.Option(help="the reports of all customers of a grade")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="the reports of all rated customers")] = False,
    language: InLanguage = "en",
) -> None:
    """Write a customer's credit report, one HTML page set for printing; or those of many."""
    from gridcredit.reporting.customer import write_report, write_reports

    with clear_errors() as settings:
        chosen = known_language(language)
        if sum((customer is not None, grade is not None, everybody)) != 1:
            raise GridCreditError("name whose reports: one of --customer, --grade and --all")
        prepare_quietly(settings)
        if customer is not None:
            write_report(customer, out, chosen, settings)
            typer.echo(f"wrote {out}")
        else:
            typer.echo(f"wrote {len(write_reports(out, grade, chosen, settings))} reports to {out}")


@app.command()
def why(
    customer: Annotated[str, typer.Option(help="customer number")],
    language: InLanguage = "en",
) -> None:
    """Say in a paragraph why a customer has this grade: what cost most points, and what prevents a better one."""
    from gridcredit.reporting.customer.why import explain

    with clear_errors() as settings:
        chosen = known_language(language)
        prepare_quietly(settings)
        typer.echo(explain(customer, chosen, settings))


@app.command()
def dashboard(
    out: Annotated[Path | None, typer.Option(help="default: var/dashboards, by release")] = None,
    language: InLanguage = "en",
) -> None:
    """Draw the dashboard of the current release: one HTML page that opens from disk."""
    from gridcredit.reporting.dashboard.page import write_dashboard

    with clear_errors() as settings:
        chosen = known_language(language)
        prepare_quietly(settings)
        typer.echo(f"wrote {write_dashboard(out, settings, chosen)}")


@app.command()
def docs() -> None:
    """Build the documentation site into var/docs, with data dictionary, lineage, dbt's pages and the gates' results
    inside.
    """
    from gridcredit.reporting.site.pages import write_site

    with clear_errors() as settings:
        prepare_quietly(settings)
        typer.echo(f"wrote {write_site(settings)}")


@app.command()
def watch(out: OutFile = None) -> None:
    """Measure the ratings against what became of the customers, and write the page: what the DAG monitor_ratings
    does.
    """
    from gridcredit.evaluation.page import write_watch
    from gridcredit.evaluation.watch import watch as measure

    with clear_errors() as settings:
        prepare_quietly(settings)
        found = measure(settings)
        for one in found.figures:
            if one.status in ("warn", "breach"):
                typer.echo(
                    f"{one.status:<7} {one.scorer} {one.figure} {one.member or 'all'} as of {one.as_of_date}: "
                    f"{one.value:.4f}"
                )
        typer.echo(
            f"{len(found.figures)} figures, {len(found.breaches)} beyond their bounds; wrote "
            f"{write_watch(settings, out)}"
        )


@export_app.command("metrics")
def export_metrics_command(
    out: Annotated[Path, typer.Option(help="file to write, as semantic_manifest.json")],
) -> None:
    """Write the metrics as dbt's semantic manifest over the published tables, for MetricFlow and tools that read it."""
    from gridcredit.reporting.metrics import semantic_manifest

    with clear_errors() as settings:
        prepare_quietly(settings)
        out.write_text(semantic_manifest(settings), encoding="utf-8")
        typer.echo(f"wrote {out}")


@export_app.command("connections")
def export_connections_command(
    out: Annotated[Path, typer.Option(help="folder to write into")],
) -> None:
    """Write files that connect Power BI (.pbids) and Tableau (.tds) as `bi_reader`; both ask for the password."""
    from gridcredit.reporting.connection_files import write_connection_files

    with clear_errors() as settings:
        prepare_quietly(settings)
        for path in write_connection_files(out, settings):
            typer.echo(f"wrote {path}")


@export_app.command("journal")
def export_journal_command(
    as_of: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="the last day; balances are asserted on published days")
    ],
    out: Annotated[Path, typer.Option(help="file to write")],
) -> None:
    """Write all accounts as a double-entry journal in beancount's text format."""
    from gridcredit.reporting.journal import export_journal

    with clear_errors() as settings:
        prepare_quietly(settings)
        movements = export_journal(as_of.date(), out, settings=settings)
        typer.echo(f"wrote {movements} movements to {out}: `bean-check {out}` proves its balances")
