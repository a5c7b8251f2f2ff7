"""Commands about persons: who stood behind a customer, erasure, and who may read."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Annotated

import typer

from gridcredit.cli.console import (
    clear_errors,
    parse_date,
    prepare_quietly,
    show_table,
)

app = typer.Typer()
reader_app = typer.Typer(no_args_is_help=True, help="Logins of those who read what is published.")
app.add_typer(reader_app, name="reader")


@app.command()
def archive(
    customer: Annotated[str, typer.Option(help="customer number")],
    on: Annotated[str | None, typer.Option(help="YYYY-MM-DD: who stood behind the customer on that day")] = None,
    known_by: Annotated[str | None, typer.Option(help="YYYY-MM-DD: as was known at the end of that day")] = None,
) -> None:
    """Show a customer's parties and contract, what changed when, and when each was learnt; names are masked."""
    from rich.table import Column, Table

    from gridcredit.persons.archive import contract_versions, meters, parties, service_orders
    from gridcredit.warehouse.connection import connect

    with clear_errors() as settings:
        day, known_day = parse_date(on), parse_date(known_by)
        moment = datetime.combine(known_day, time.max, UTC) if known_day else None
        prepare_quietly(settings)
        with connect(settings) as connection:
            behind = Table(
                "role", "name", "number", Column("share", justify="right"), "from", "to", "learnt", title="parties"
            )
            for party in parties(connection, customer, on=day, known_by=moment):
                share = f"{party.share_pct.normalize():f} %" if party.share_pct is not None else ""
                span = (str(party.valid_from), str(party.valid_to or ""))
                behind.add_row(party.role, party.name, party.id_number or "", share, *span, str(party.source))
            contract_table = Table("changed", "column", "before", "after", "learnt", title="contract")
            for version in contract_versions(connection, customer, known_by=moment):
                for column, (before, after) in version.changes.items():
                    values = ("" if value is None else str(value) for value in (before, after))
                    contract_table.add_row(f"{version.updated_at:%Y-%m-%d}", column, *values, str(version.source))
            orders = Table("asked for", "on", "done on", "learnt", title="service orders")
            for order in service_orders(connection, customer, known_by=moment):
                orders.add_row(order.kind, str(order.requested_on), str(order.completed_on or ""), str(order.source))
            measured = Table("meter", "customer", "from", "to", "learnt", title="meters")
            for meter in meters(connection, customer, known_by=moment):
                span = (str(meter.installed_on), str(meter.removed_on or ""))
                measured.add_row(meter.meter_id, meter.customer_id, *span, str(meter.source))
        for table in (behind, contract_table, orders, measured):
            show_table(table)


@app.command()
def erase(
    customer: Annotated[str, typer.Argument(help="customer number")],
    approver: Annotated[str, typer.Option(help="who decided")],
    reason: Annotated[str, typer.Option(help="why, as the request of a date")],
) -> None:
    """Erase names and numbers of the persons behind a customer; figures, keys and releases stay as they are."""
    from gridcredit.operations.erasure import erase_customer

    with clear_errors() as settings:
        prepare_quietly(settings)
        done = erase_customer(customer, approver, reason, settings)
        typer.echo(
            f"erased in {done.raw_rows} rows of raw and {done.quarantined} of quarantine; stored files redacted: "
            f"{', '.join(done.redacted) or 'none'}; removed: {', '.join(done.removed) or 'none'}"
        )
        if done.not_searched:
            typer.echo(
                f"could not be searched, decide about them yourself: {', '.join(done.not_searched)}; stored files are "
                f"under {settings.accepted_dir} and {settings.refused_dir}",
                err=True,
            )


@reader_app.command("add")
def add_reader(
    name: Annotated[str, typer.Argument(help="name of the login")],
    department: Annotated[str, typer.Option(help="one of policies/departments.yml")],
    org_unit: Annotated[list[str], typer.Option(help="whose customers the reader sees; `*` is all")],
) -> None:
    """Make a login for a reader of a department; its password is shown once and stored nowhere."""
    from gridcredit.warehouse.reading import access

    with clear_errors() as settings:
        prepare_quietly(settings)
        password = access.add_reader(name, department, org_unit, settings)
        typer.echo(f"login     {name}\npassword  {password}\nschema    {access.role_of(department)}")


@reader_app.command("list")
def list_readers() -> None:
    """List the logins of departments, and whose customers each sees."""
    from gridcredit.warehouse.reading import access

    with clear_errors() as settings:
        prepare_quietly(settings)
        readers = access.list_readers(settings)
        for one in readers:
            units = "all customers" if "*" in one.org_units else ", ".join(one.org_units) or "no customers"
            typer.echo(f"{one.name:<24}{one.department:<20}{units}")
        if not readers:
            typer.echo("no login yet: `gridcredit reader add NAME --department DEPARTMENT --org-unit UNIT` makes one")
