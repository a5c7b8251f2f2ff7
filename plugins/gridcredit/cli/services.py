"""Commands that start, stop and show what runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from gridcredit.cli.console import (
    AsList,
    ListFormat,
    clear_errors,
    prepare_quietly,
    quiet,
)

app = typer.Typer()


@contextmanager
def told_what_runs(command: str) -> Iterator[None]:
    """Who interrupts a start is told what keeps running, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"interrupted: what has started runs on; `{command}` starts the rest, `make down` stops all of it")
        raise typer.Exit(130) from None


@app.command()
def demo(
    customers: Annotated[int, typer.Option(help="customers of the simulated supplier")] = 4000,
    months: Annotated[int, typer.Option(help="months of bills")] = 24,
    seed: Annotated[int, typer.Option(help="another number makes another supplier")] = 1,
    defects: Annotated[int, typer.Option(help="rows to spoil, which go to quarantine")] = 40,
) -> None:
    """Run the real DAGs on a simulated supplier and show the release."""
    from gridcredit.operations.demo import run_demo

    with clear_errors() as settings:
        quiet()
        run_demo(settings, customers, months, seed, defects, Console())


@app.command()
def up() -> None:
    """Start Postgres and Airflow for a person at a browser."""
    from gridcredit.operations import services
    from gridcredit.operations.airflow_api import ADMIN
    from gridcredit.warehouse.connection import READER_ROLE, reader_address

    with clear_errors() as settings:
        quiet()
        with told_what_runs("make up"):
            address = services.start(settings, typer.echo)
        typer.echo(f"\nAirflow    {address}")
        typer.echo(f"           user {ADMIN}, password: airflow_admin in {settings.home / 'secrets.json'}")
        typer.echo(f"BI tools   {reader_address(settings)}")
        typer.echo(
            f"           user {READER_ROLE}, password: postgres_{READER_ROLE} in {settings.home / 'secrets.json'}"
        )
        typer.echo(f"landing    {settings.landing_dir}/<mapping>/   drop files there")
        typer.echo("stop       make down")


@app.command("bi")
def bi_command() -> None:
    """Start Apache Superset with the dashboards of bi/, reading what is published as `bi_reader`."""
    from gridcredit.contract.bi.dashboards import read_dashboards
    from gridcredit.operations import superset

    with clear_errors() as settings:
        quiet()
        with told_what_runs("make bi"):
            address = superset.start(settings, typer.echo)
        typer.echo(f"\nSuperset   {address}")
        typer.echo(f"           user {superset.ADMIN}, password: superset_admin in {settings.home / 'secrets.json'}")
        for name, dashboard in read_dashboards(settings).items():
            typer.echo(f"           {address}/superset/dashboard/{name}/   {dashboard.title}")
        typer.echo("stop       make down")


@app.command("status")
def status_command(as_format: AsList = ListFormat.TEXT) -> None:
    """Show what runs, the release in force, what waits, what failed, and what is missing for sound results."""
    import json
    from dataclasses import asdict

    from gridcredit.operations.status import as_lines, status

    with clear_errors() as settings:
        quiet()
        found = status(settings)
        if as_format is ListFormat.JSON:
            typer.echo(json.dumps(asdict(found), default=str, indent=2))
        else:
            for line in as_lines(found):
                typer.echo(line)


@app.command("sql")
def sql_command(
    query: Annotated[str | None, typer.Argument(help="one query; without it a prompt")] = None,
    as_format: Annotated[str, typer.Option("--format", help="table, csv or json")] = "table",
) -> None:
    """Ask the published tables as a reader does: by a query, or at Postgres's own prompt."""
    from gridcredit.cli.reader_prompt import run_psql
    from gridcredit.releases.release import list_releases

    with clear_errors() as settings:
        prepare_quietly(settings)
        if not list_releases(settings):
            typer.echo("nothing is released yet: the published tables come with the first `gridcredit run`", err=True)
        raise typer.Exit(run_psql(query, as_format, settings))


@app.command(
    "airflow", context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def airflow_command(context: typer.Context) -> None:
    """Airflow's own command line, on the Airflow of this machine: gridcredit airflow dags list."""
    from gridcredit.operations import services

    with clear_errors() as settings:
        prepare_quietly(settings)
        raise typer.Exit(services.ask_airflow(context.args, settings))


@app.command()
def down() -> None:
    """Stop what was started, and only that."""
    from gridcredit.operations import services

    with clear_errors() as settings:
        stopped = services.stop(settings, typer.echo)
        typer.echo(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


@app.command("prepare")
def prepare_command() -> None:
    """Bring a warehouse's schemas and roles up to date and make Airflow's login; safe to repeat."""
    from gridcredit.operations import services

    with clear_errors() as settings:
        prepare_quietly(settings)
        services.write_admin_password(settings)
        typer.echo("the warehouse is up to date")


@app.command("maintain")
def maintain_command() -> None:
    """Retire, merge and purge as policies/retention.yml says; what the DAG maintain_warehouse does."""
    from gridcredit.operations.maintenance import maintain

    with clear_errors() as settings:
        prepare_quietly(settings)
        for what, count in maintain(settings).items():
            typer.echo(f"{what}: {count}")
