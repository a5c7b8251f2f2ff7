"""The `gridcredit` command."""

from __future__ import annotations

from datetime import UTC, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from psycopg.rows import dict_row
from rich.console import Console

from gridcredit.console import AsList, Day, ListFormat, clear_errors, parse_date, prepare_quietly, quiet, show_list
from gridcredit.errors import GridCreditError
from gridcredit.lineage.graph import Trace
from gridcredit.policy.commands import policy_app
from gridcredit.scorecard.commands import scorecard_app

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
trace_app = typer.Typer(no_args_is_help=True, help="Follow a published figure back to file and line.")
app.add_typer(trace_app, name="trace")
mapping_app = typer.Typer(no_args_is_help=True, help="Mappings of a supplier's files.")
app.add_typer(mapping_app, name="mapping")
quarantine_app = typer.Typer(no_args_is_help=True, help="Rows that were not accepted: out for repair, and in again.")
app.add_typer(quarantine_app, name="quarantine")
load_app = typer.Typer(no_args_is_help=True, help="What has been loaded, and how to take it back.")
app.add_typer(load_app, name="load")
app.add_typer(policy_app, name="policy")
app.add_typer(scorecard_app, name="scorecard")
release_app = typer.Typer(no_args_is_help=True, help="Releases: list, compare, prove unchanged, take back.")
app.add_typer(release_app, name="release")
export_app = typer.Typer(no_args_is_help=True, help="What is published, for other programs.")
app.add_typer(export_app, name="export")
reader_app = typer.Typer(no_args_is_help=True, help="Logins of those who read what is published.")
app.add_typer(reader_app, name="reader")


@app.command()
def demo(customers: int = 4000, months: int = 24, seed: int = 1, defects: int = 40) -> None:
    """Run the real DAGs on a simulated supplier and show the release."""
    from gridcredit.demo import run_demo

    with clear_errors() as settings:
        quiet()
        run_demo(settings, customers, months, seed, defects, Console())


@app.command()
def up() -> None:
    """Start Postgres and Airflow for a person at a browser."""
    from gridcredit import services
    from gridcredit.airflow_api import ADMIN
    from gridcredit.warehouse import READER_ROLE, reader_address

    with clear_errors() as settings:
        quiet()
        address = services.start(settings, typer.echo)
        typer.echo(f"\nAirflow    {address}")
        typer.echo(f"           user {ADMIN}, password: airflow_admin in {settings.home / 'secrets.json'}")
        typer.echo(f"BI tools   {reader_address(settings)}")
        typer.echo(
            f"           user {READER_ROLE}, password: postgres_{READER_ROLE} in {settings.home / 'secrets.json'}"
        )
        typer.echo(f"landing    {settings.landing_dir}/<mapping>/   drop files there")
        typer.echo("stop       make down")


@app.command("status")
def status_command(as_format: AsList = ListFormat.TEXT) -> None:
    """Show what runs, the release in force, what waits, what failed, and what is missing for sound results."""
    import json
    from dataclasses import asdict

    from gridcredit.status import as_lines, status

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
    from gridcredit.reader_prompt import run_psql

    with clear_errors() as settings:
        prepare_quietly(settings)
        raise typer.Exit(run_psql(query, as_format, settings))


@app.command()
def down() -> None:
    """Stop what was started, and only that."""
    from gridcredit import services

    with clear_errors() as settings:
        stopped = services.stop(settings)
        typer.echo(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


@app.command("prepare")
def prepare_command() -> None:
    """Bring a warehouse's schemas and roles up to date and make Airflow's login; safe to repeat."""
    from gridcredit import services

    with clear_errors() as settings:
        prepare_quietly(settings)
        services.write_admin_password(settings)
        typer.echo("the warehouse is up to date")


@app.command("simulate")
def simulate_command(
    customers: Annotated[int, typer.Option(min=1)],
    months: Annotated[int, typer.Option(min=1)],
    seed: Annotated[int, typer.Option(min=0)],
    out: Annotated[Path, typer.Option(help="folder to write into")],
    defects: Annotated[int, typer.Option(min=0, help="rows to spoil; listed in OUT/truth/defects.csv")] = 0,
) -> None:
    """Make a supplier's files: customers, bills, payments."""
    from gridcredit.simulate import simulate

    with clear_errors():
        simulate(customers, months, seed, out, defects=defects)
        typer.echo(f"wrote {out}")


@app.command()
def ingest(mapping: Annotated[str, typer.Option(help="name of the mapping")], files: list[Path]) -> None:
    """Load files by a mapping, where they are."""
    from gridcredit.extracts.loader import load_file
    from gridcredit.extracts.mapping import load_mappings

    with clear_errors() as settings:
        mappings = load_mappings(settings.mappings_dir)
        if mapping not in mappings:
            raise GridCreditError(f"no mapping is named {mapping!r} in {settings.mappings_dir}: {', '.join(mappings)}")
        prepare_quietly(settings)
        missing = [str(path) for path in files if not path.is_file()]
        if missing:
            raise GridCreditError(f"there is no file {', '.join(missing)}")
        for path in files:
            result = load_file(path, mappings[mapping], settings)
            if result.is_repeat:
                typer.echo(f"{path.name}: known already as load {result.file_id}; nothing changed")
            for extract, counts in result.counts.items():
                typer.echo(
                    f"{path.name}: {extract}: {counts.read} read = {counts.accepted} accepted + "
                    f"{counts.quarantined} quarantined + {counts.filtered} filtered + {counts.repeated} repeated"
                )
            for note in result.notes:
                typer.echo(f"{path.name}: look at this: {note}")


@mapping_app.command("check")
def mapping_check(
    file: Annotated[Path, typer.Argument(help="the mapping")],
    sample: Annotated[Path, typer.Option(help="a file of the supplier's")],
    first_part: Annotated[bool, typer.Option("--part", help="read the first megabyte alone")] = False,
) -> None:
    """Show rows of a sample before and after the mapping, what would go to quarantine, and what would become of the file."""
    from rich.table import Column, Table

    from gridcredit.extracts.loader import require_currency
    from gridcredit.extracts.mapping import load_mapping
    from gridcredit.extracts.preview import preview, rule_of

    with clear_errors() as settings:
        quiet()
        mapping = load_mapping(file)
        require_currency(mapping, sample, settings)
        found = preview(mapping, sample, batches=1 if first_part else None)

        def show(title: str, rows: list[dict[str, str | None]] | list[dict[str, str]]) -> None:
            # A row a column: wide files stay readable.
            table = Table(
                Column("", no_wrap=True),
                *(f"row {number}" for number in range(1, len(rows) + 1)),
                title=title,
                title_justify="left",
            )
            for column in rows[0] if rows else ():
                table.add_row(column, *("" if row[column] is None else str(row[column]) for row in rows))
            Console().print(table, markup=False)

        show(f"{sample.name}: as it came", found.before)
        for name, part in found.after.items():
            show(f"{name}: {part.accepted} rows accepted, {part.filtered} filtered out", part.rows)
            for line, bad in part.first_rejected:
                typer.echo(f"  line {line}: {bad.column} = {bad.value!r} {bad.reason}")
            for reason, rows in part.reasons.most_common():
                typer.echo(f"  to quarantine: {rows} rows, {reason}")
            for note in part.notes:
                typer.echo(f"  look at this: {note}")
        for reason, rows in found.malformed.most_common(5):
            typer.echo(f"to quarantine: {rows} rows: {reason}")
        for note in found.notes:
            typer.echo(f"look at this: {note}")
        if found.unused_columns:
            typer.echo(f"columns that nothing reads: {', '.join(found.unused_columns)}")
        typer.echo(f"read: {found.read} rows{'' if found.is_whole else ', not all of the file'}")
        typer.echo(f"verdict: {found.verdict(rule_of(mapping, sample))}")


@mapping_app.command("init")
def mapping_init(
    samples: Annotated[list[Path], typer.Argument(help="files of the supplier's, one of each kind")],
    name: Annotated[str, typer.Option(help="name of the mapping")] = "draft",
    out: Annotated[Path | None, typer.Option(help="file to write; else it is shown")] = None,
) -> None:
    """Draft a mapping from samples; what it is unsure of stands in comments."""
    from gridcredit.extracts.draft import draft_mapping

    with clear_errors():
        quiet()
        text = draft_mapping(name, samples)
        if out is None:
            typer.echo(text, nl=False)
            return
        if out.exists():
            raise GridCreditError(f"{out} is there already: name another file")
        out.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {out}: look at its comments, then `gridcredit mapping check {out} --sample FILE`")


@load_app.command("list")
def load_list(
    last: Annotated[int, typer.Option(min=1, help="how many, newest first")] = 20, as_format: AsList = ListFormat.TEXT
) -> None:
    """Show the newest loads with their counts."""
    from gridcredit.warehouse import connect

    with clear_errors() as settings:
        prepare_quietly(settings)
        with connect(settings) as connection:
            loads = connection.cursor(row_factory=dict_row).execute(
                "select file_id as load, file_name as file, extract, rows_read as read, rows_accepted as accepted, "
                "rows_quarantined as quarantined, to_char(loaded_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as loaded_at_utc, "
                "'reverted: ' || undone_because as note "
                "from lineage.loads join lineage.files using (file_id) order by file_id desc, extract limit %s",
                [last],
            )
            show_list(list(loads), as_format, "nothing was loaded yet: `gridcredit ingest --mapping NAME FILE...`")


@load_app.command("revert")
@load_app.command("undo", hidden=True)
def load_revert(file_id: int, reason: Annotated[str, typer.Option(help="kept in lineage")]) -> None:
    """Take back what a file brought into raw; the next build no longer sees it, its record stays."""
    from gridcredit.extracts.undo import undo_load

    with clear_errors() as settings:
        prepare_quietly(settings)
        name = undo_load(file_id, reason, settings)
        typer.echo(f"undone: load {file_id} ({name}); releases stand, the next build (`gridcredit run`) follows")


@quarantine_app.command("list")
def quarantine_list(
    load: Annotated[int | None, typer.Option(help="of this load alone, as `gridcredit load list` shows it")] = None,
    as_format: AsList = ListFormat.TEXT,
) -> None:
    """Show what waits in quarantine: by load, extract and reason, with the first row of each."""
    from gridcredit.extracts.quarantine import list_quarantined

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
    from gridcredit.extracts.quarantine import export_quarantined

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
    """Load repaired rows; what is still wrong is quarantined anew."""
    from gridcredit.extracts.quarantine import resubmit

    with clear_errors() as settings:
        prepare_quietly(settings)
        result = resubmit(file, load, settings)
        if result.is_repeat:
            typer.echo(f"known already as load {result.file_id}; nothing changed")
        for extract, counts in result.counts.items():
            typer.echo(
                f"{extract}: {counts.accepted} accepted, {counts.quarantined} in quarantine of load {result.file_id}"
            )


@app.command("maintain")
def maintain_command() -> None:
    """Retire, merge and purge as policies/retention.yml says; what the DAG maintain_warehouse does."""
    from gridcredit.maintenance import maintain

    with clear_errors() as settings:
        prepare_quietly(settings)
        for what, count in maintain(settings).items():
            typer.echo(f"{what}: {count}")


@app.command("run")
def run_command(
    as_of: Day = None,
    anew: Annotated[bool, typer.Option("--anew", help="compute everything, whatever changed")] = False,
    blocked: Annotated[str, typer.Option(help="a run that a gate blocked: publish it all the same")] = "",
    approver: Annotated[str, typer.Option(help="with --blocked: who decided")] = "",
    reason: Annotated[str, typer.Option(help="with --blocked: why; it stays with the release")] = "",
) -> None:
    """Build and publish a release in this process, without Airflow."""
    from gridcredit.gate_results import let_through
    from gridcredit.pipeline import build_ratings
    from gridcredit.progress import shown_progress
    from gridcredit.soundness import missing_for_sound_results
    from gridcredit.warehouse import connect

    with clear_errors() as settings:
        prepare_quietly(settings)
        run_id = blocked or f"manual__{datetime.now(UTC).isoformat()}"
        if blocked:
            let_through(blocked, approver, reason, settings)
        with shown_progress(run_id, settings, lambda text: typer.echo(text, err=True)):
            release = build_ratings(run_id, parse_date(as_of), settings, anew=anew)
        typer.echo(f"release {release.number}{'' if release.is_new else ' stands: nothing changed'}")
        with connect(settings) as connection:
            for what in missing_for_sound_results(connection, settings):
                typer.echo(f"missing for sound results: {what}", err=True)


class Format(StrEnum):
    """How a trace is told."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"


AsFormat = Annotated[Format, typer.Option("--format", help="html draws the graph")]
OutFile = Annotated[Path | None, typer.Option(help="the file to write; without it the screen")]


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
        pairs = {name: value for name, _, value in (part.partition("=") for part in key)}
        _tell(trace.trace_row(table, pairs, release or None, settings), as_format, out)


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
        _tell(touched.touched_by_file(file_id, line or None, settings), as_format, out)


@trace_app.command("bill")
def trace_bill(bill_id: str, as_format: AsFormat = Format.TEXT, out: OutFile = None) -> None:
    """Show a bill's deliveries, and which published rows rest on it."""
    from gridcredit.lineage import touched

    with clear_errors() as settings:
        prepare_quietly(settings)
        _tell(touched.touched_by_bill(bill_id, settings), as_format, out)


def _tell(found: Trace, as_format: Format, out: Path | None) -> None:
    from gridcredit.lineage.drawing import as_html
    from gridcredit.private_files import write_private

    if as_format is Format.HTML:
        text = as_html(found)
    else:
        text = found.as_json() if as_format is Format.JSON else found.as_text()
    if out:
        write_private(out, text)
        typer.echo(f"wrote {out}")
    else:
        typer.echo(text)


@app.command()
def report(
    customer: Annotated[str, typer.Option(help="customer number")],
    out: Annotated[Path, typer.Option(help="the HTML file to write")],
    language: Annotated[str, typer.Option(help="en or zh")] = "en",
) -> None:
    """Write a customer's credit report: one HTML page, set for printing."""
    from gridcredit.report import write_report

    with clear_errors() as settings:
        if language not in ("en", "zh"):
            raise GridCreditError(f"the report is written in en or zh, not in {language!r}")
        prepare_quietly(settings)
        write_report(customer, out, "zh" if language == "zh" else "en", settings)
        typer.echo(f"wrote {out}")


@app.command()
def archive(
    customer: Annotated[str, typer.Option(help="customer number")],
    on: Annotated[str | None, typer.Option(help="YYYY-MM-DD: who stood behind the customer on that day")] = None,
    known_by: Annotated[str | None, typer.Option(help="YYYY-MM-DD: as was known at the end of that day")] = None,
) -> None:
    """Show a customer's parties and contract, what changed when, and when each was learnt; names are masked."""
    from rich.table import Column, Table

    from gridcredit.archive import contract_versions, meters, parties, service_orders
    from gridcredit.warehouse import connect

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
            Console().print(table)


@app.command("contract")
def contract_command() -> None:
    """Write what is derived from the input contract: dbt sources and the data dictionary."""
    from gridcredit.extracts.derived import derived_files

    with clear_errors() as settings:
        for path, text in derived_files(settings).items():
            path.write_text(text, encoding="utf-8")
            typer.echo(f"wrote {path}")


@app.command("lint-sql")
def lint_sql() -> None:
    """Check the SQL with sqlfluff and the dbt project with `dbt parse`."""
    import os
    import tempfile
    from contextlib import chdir

    from dbt.cli.main import dbtRunner
    from sqlfluff.cli.commands import lint

    from gridcredit.embedded_postgres import EmbeddedPostgres
    from gridcredit.garbage import no_collections
    from gridcredit.policy import load_policies
    from gridcredit.transform import dbt_environment

    # sqlfluff compiles the models as dbt does, and that asks for a database: a throw-away one will do.
    with clear_errors() as settings, tempfile.TemporaryDirectory() as home:
        scratch = settings.model_copy(update={"home": Path(home) / "scratch", "warehouse_url": None})
        prepare_quietly(scratch)
        # The scorecard's SQL is written from the policy.
        load_policies(scratch)
        try:
            os.environ.update(dbt_environment(scratch))
            # What is parsed here sqlfluff reads from dbt's target.
            if not dbtRunner().invoke(["--quiet", "parse"]).success:
                raise typer.Exit(1)
            # In this process, not in workers: those would search for dead cycles, at a third of the cost of all.
            with chdir(settings.project_dir), no_collections():
                lint.main(["dbt_project/models", "dbt_project/tests"], standalone_mode=False)
        finally:
            EmbeddedPostgres(scratch).stop()


@app.command()
def watch(out: OutFile = None) -> None:
    """Measure the ratings against what became of the customers, and write the page: what the DAG monitor_ratings does."""
    from gridcredit.evaluation.page import write_watch
    from gridcredit.evaluation.watch import watch as measure

    with clear_errors() as settings:
        prepare_quietly(settings)
        found = measure(settings)
        for one in found.figures:
            if one.status in ("warn", "breach"):
                typer.echo(
                    f"{one.status:<7} {one.scorer} {one.figure} {one.member or 'all'} as of {one.as_of_date}: {one.value:.4f}"
                )
        typer.echo(
            f"{len(found.figures)} figures, {len(found.breaches)} beyond their bounds; wrote {write_watch(settings, out)}"
        )


@app.command()
def docs() -> None:
    """Build the documentation site into var/docs: data dictionary, lineage, dbt's pages, the gates' results."""
    from gridcredit.site.pages import write_site

    with clear_errors() as settings:
        prepare_quietly(settings)
        typer.echo(f"wrote {write_site(settings)}")


@release_app.command("list")
def list_releases(as_format: AsList = ListFormat.TEXT) -> None:
    """Show all releases, the newest first."""
    from gridcredit import release

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
def diff_releases(before: int, after: int) -> None:
    """Show how many rows of each table two releases do not have in common."""
    from gridcredit import release

    with clear_errors() as settings:
        prepare_quietly(settings)
        for one in release.diff_releases(before, after, settings):
            typer.echo(
                f"{one.table:<24} gone {one.only_before:>8,}  new {one.only_after:>8,}  changed {one.changed:>8,}"
            )


@release_app.command("restated")
def restated_by(number: int) -> None:
    """Show what a release changed although no fact had changed, by cause."""
    from gridcredit import restatement

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
    """Print the newest release and its chain hash, to be stored elsewhere; `release verify --anchor` checks against it."""
    from gridcredit import release

    with clear_errors() as settings:
        prepare_quietly(settings)
        newest = release.list_releases(settings)[:1]
        if not newest:
            raise GridCreditError("nothing has been published yet: run `gridcredit run` first")
        typer.echo(f"{newest[0].release} {newest[0].chain_hash}")


@release_app.command("verify")
def verify_release(
    number: int,
    anchor: Annotated[str | None, typer.Option(help="a chain hash that was stored elsewhere")] = None,
) -> None:
    """Work out again what a release published, and the chain up to it; fails where a row was changed by hand."""
    from gridcredit import release

    with clear_errors() as settings:
        prepare_quietly(settings)
        faults = release.verify_release(number, settings, anchor=anchor)
        for fault in faults:
            typer.echo(f"release {fault.release}: {fault.what}", err=True)
        if faults:
            raise typer.Exit(1)
        typer.echo(f"release {number} is as it was published")


@release_app.command("rollback")
def roll_back(
    number: int,
    approver: Annotated[str, typer.Option(help="who decided")],
    reason: Annotated[str, typer.Option(help="why")],
) -> None:
    """Publish an earlier release once more, as a new one; the next build publishes what the facts say then."""
    from gridcredit import release

    with clear_errors() as settings:
        prepare_quietly(settings)
        typer.echo(f"release {release.roll_back(number, approver, reason, settings)} shows what release {number} did")


@app.command()
def dashboard(out: Annotated[Path | None, typer.Option(help="default: var/dashboards, by release")] = None) -> None:
    """Draw the dashboard of the current release: one HTML page that opens from disk."""
    from gridcredit.dashboard.page import write_dashboard

    with clear_errors() as settings:
        prepare_quietly(settings)
        typer.echo(f"wrote {write_dashboard(out, settings)}")


@export_app.command("journal")
def export_journal_command(
    as_of: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="the last day; balances are asserted on published days")
    ],
    out: Annotated[Path, typer.Option(help="file to write")],
) -> None:
    """Write all accounts as a double-entry journal in beancount's text format."""
    from gridcredit.journal import export_journal

    with clear_errors() as settings:
        prepare_quietly(settings)
        movements = export_journal(as_of.date(), out, settings=settings)
        typer.echo(f"wrote {movements} movements to {out}: `bean-check {out}` proves its balances")


@app.command()
def audit(
    release: Annotated[int, typer.Option(help="number of the release")],
    out: Annotated[Path, typer.Option(help="an empty folder, or one to be made")],
    customer: Annotated[list[str] | None, typer.Option(help="a customer of the sample, once for each")] = None,
    size: Annotated[int, typer.Option(min=1, help="customers of the sample where none is named")] = 20,
    seed: Annotated[str, typer.Option(help="any text; another one gives another sample")] = "",
) -> None:
    """Write a folder with which an outsider can check a release: hashes, policy, gates, code, rows, and a script."""
    from gridcredit.audit import Sample, write_audit

    with clear_errors() as settings:
        prepare_quietly(settings)
        folder = write_audit(release, out, settings, Sample(tuple(customer or ()), size, seed))
        typer.echo(f"wrote {folder}: `python3 {folder / 'check.py'}` checks it")


@app.command()
def erase(
    customer: Annotated[str, typer.Argument(help="customer number")],
    approver: Annotated[str, typer.Option(help="who decided")],
    reason: Annotated[str, typer.Option(help="why, as the request of a date")],
) -> None:
    """Erase names and numbers of the persons behind a customer; figures, keys and releases stay as they are."""
    from gridcredit.erasure import erase_customer

    with clear_errors() as settings:
        prepare_quietly(settings)
        done = erase_customer(customer, approver, reason, settings)
        typer.echo(
            f"erased in {done.raw_rows} rows of raw and {done.quarantined} of quarantine; stored files redacted: "
            f"{', '.join(done.redacted) or 'none'}; removed: {', '.join(done.removed) or 'none'}"
        )
        if done.not_searched:
            typer.echo(
                f"could not be searched, decide about them yourself: {', '.join(done.not_searched)} under "
                f"{settings.archive_dir} and {settings.refused_dir}",
                err=True,
            )


@reader_app.command("add")
def add_reader(
    name: str,
    department: Annotated[str, typer.Option(help="one of policies/departments.yml")],
    org_unit: Annotated[list[str], typer.Option(help="whose customers the reader sees; `*` is all")],
) -> None:
    """Make a login for a reader of a department; its password is shown once and kept nowhere."""
    from gridcredit import access

    with clear_errors() as settings:
        prepare_quietly(settings)
        password = access.add_reader(name, department, org_unit, settings)
        typer.echo(f"login     {name}\npassword  {password}\nschema    {access.role_of(department)}")
