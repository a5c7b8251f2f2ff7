"""`gridcredit policy`: check, compare and try policies before they are approved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table

from gridcredit.cli.console import (
    EngineName,
    InLanguage,
    built_by,
    clear_errors,
    known_language,
    prepare_quietly,
    required_date,
    said_while,
    show_table,
    warehouse_if_any,
)
from gridcredit.errors import GridCreditError
from gridcredit.policies.folder import Policy
from gridcredit.policy_changes.model_card import ModelCard
from gridcredit.settings import Settings

policy_app = typer.Typer(no_args_is_help=True, help="Check, compare and try credit policies.")

Approver = Annotated[str, typer.Option(help="name of who decides")]
Reason = Annotated[str, typer.Option(help="why; it stays with the proposal")]
Version = Annotated[str, typer.Argument(help="a version, or one that is proposed")]
DocumentFile = Annotated[Path | None, typer.Option("--out", help="the HTML file; default: var/documents, by version")]
Proposal = Annotated[int, typer.Argument(help="number of the proposal, as `policy proposals` shows it")]
Folder = Annotated[Path, typer.Argument(help="a policy's folder, e.g. policies/default/1.0")]


@policy_app.command("check")
def check() -> None:
    """Check every policy of the policies folder, one by one and together."""
    from gridcredit.policies import read_policies
    from gridcredit.policies.store import left_aside, loaded_versions, why_not_new

    with clear_errors() as settings, warehouse_if_any(settings) as connection:
        loaded = loaded_versions(connection) if connection else {}
        for one in left_aside(settings):
            typer.echo(f"{one.policy.header.version}: left aside, {one.policy.folder} counts for nothing: {one.why}")
        for policy in read_policies(settings):
            header = policy.header
            is_loaded = header.version in loaded
            if why := why_not_new(policy, None if is_loaded else connection):
                if not is_loaded:
                    raise GridCreditError(why)
                typer.echo(f"{header.version}: rates as it was loaded; a new version that says so is refused: {why}")
                continue
            typer.echo(
                f"{header.version}: sound; in force from {header.effective_from}, approved by {header.approver}, "
                f"{len(policy.tables['indicators'])} indicators, {len(policy.tables['grades'])} grades, "
                f"sha256 {policy.sha256[:12]}"
            )
            if not policy.tables["required_weights"] and not header.least_bills_due:
                typer.echo(f"{header.version}: rates who has no bill too: required_weights.csv asks for no facts")


@policy_app.command("diff")
def diff(one: Folder, other: Folder) -> None:
    """Show what differs from one policy to another, row by row."""
    from gridcredit.policies import read_policy
    from gridcredit.policy_changes.differences import compare_policies

    with clear_errors() as settings:
        differences = compare_policies(read_policy(one, settings), read_policy(other, settings))
        if not differences:
            typer.echo("the two policies say the same")
            return
        table = Table("table", "row", "before", "after", title=f"{one} -> {other}")
        for difference in differences:
            table.add_row(difference.table, difference.key, difference.before or "-", difference.after or "-")
        show_table(table)


@policy_app.command("simulate")
def simulate(
    proposed: Folder,
    as_of: Annotated[str, typer.Option(help="YYYY-MM-DD, any day that facts reach back to")],
    out: Annotated[Path | None, typer.Option(help="CSV of the customers who change grade")] = None,
    engine: Annotated[
        EngineName | None, typer.Option(help="what builds it; `duckdb` needs no build in Postgres")
    ] = None,
) -> None:
    """Show who would change grade by a policy that is not approved yet, and the money at stake; nothing is
    published.
    """
    from gridcredit.policies import read_policy
    from gridcredit.policy_changes.simulation import simulate_policy

    with clear_errors() as settings:
        settings = built_by(engine, settings)
        policy = read_policy(proposed, settings)
        day = required_date(as_of, "--as-of")
        prepare_quietly(settings)
        with said_while(f"rate everybody by {policy.header.version} as of {day}"):
            simulation = simulate_policy(policy, day, settings, out=out)
        amounts = [Column(name, justify="right") for name in ("customers", "exposure", "limits before", "limits after")]
        table = Table("grade before", "grade after", *amounts, title=f"{policy.header.version} as of {day}")
        for move in simulation.moves:
            style = "dim" if move.grade_before == move.grade_after else None
            figures = (move.exposure, move.limit_before, move.limit_after)
            table.add_row(
                *(move.grade_before, move.grade_after, f"{move.customers:,}"),
                *(f"{figure:,.2f}" for figure in figures),
                style=style,
            )
        show_table(table)
        changed = simulation.changed
        typer.echo(
            f"{sum(move.customers for move in changed):,} of {simulation.customers:,} customers change grade; "
            f"they owe {sum(move.exposure for move in changed):,.2f}; all limits together go from "
            f"{sum(move.limit_before for move in simulation.moves):,.2f} to "
            f"{sum(move.limit_after for move in simulation.moves):,.2f}"
        )
        if out:
            typer.echo(f"wrote {out}")


@policy_app.command("propose")
def propose(
    proposed: Folder,
    even_if_worse: Annotated[
        bool, typer.Option(help="propose a fitted scorecard though it ranks worse than the policy in force")
    ] = False,
) -> None:
    """Store a policy folder as a proposal, for somebody to approve; nothing is rated by it yet."""
    from gridcredit.policies import read_policy
    from gridcredit.policies.store import policy_in_force
    from gridcredit.policy_changes.model_card import read_card
    from gridcredit.policy_changes.proposals import refuse_worse

    with clear_errors() as settings:
        policy = read_policy(proposed, settings)
        card = read_card(policy)
        if card and not even_if_worse:
            refuse_worse(card.facts)
        prepare_quietly(settings)
        if card is None:
            base = policy_in_force(settings, policy.header.effective_from)
            card = ModelCard("written by hand", base.header.version, {})
        store_proposal(policy, card, settings)


def store_proposal(policy: Policy, card: ModelCard, settings: Settings) -> None:
    """Store a policy as proposed, and say what comes next."""
    from gridcredit.policy_changes.proposals import propose as store

    number = store(policy, card.base_version, card.method, card.facts, settings)
    typer.echo(f"proposal {number}: `gridcredit policy compare {number}`, then approve or refuse it")


@policy_app.command("proposals")
def proposals() -> None:
    """Show all proposals, the newest first, and what was decided about each."""
    from gridcredit.policy_changes.proposals import list_proposals

    with clear_errors() as settings:
        prepare_quietly(settings)
        for one in list_proposals(settings):
            decided = f" {one.decision}" if one.decision else ""
            typer.echo(
                f"{one.proposal_id:>4}  {one.policy_version}  from {one.effective_from}  {one.method}  "
                f"{one.status}{decided}"
            )


@policy_app.command("compare")
def compare(proposal: Proposal) -> None:
    """Show what a proposal would change as of the last release, and store it with the proposal."""
    from gridcredit.policy_changes.effects import compare as rate_by_both
    from gridcredit.policy_changes.effects import describe_changes
    from gridcredit.policy_changes.proposals import read_proposal

    with clear_errors() as settings:
        prepare_quietly(settings)
        with said_while("rate everybody by both policies"):
            changes = rate_by_both(proposal, settings)
        verdicts = read_proposal(proposal, settings).facts.get("verdicts", [])
        typer.echo("\n".join([*verdicts, *describe_changes(changes)]))


@policy_app.command("approve")
def approve(proposal: Proposal, approver: Approver, reason: Reason) -> None:
    """Approve a proposal: customers are rated by it from its date on."""
    _decide(proposal, approver, reason, is_approved=True)


@policy_app.command("refuse")
def refuse(proposal: Proposal, approver: Approver, reason: Reason) -> None:
    """Refuse a proposal; it is stored, with the reason."""
    _decide(proposal, approver, reason, is_approved=False)


@policy_app.command("calibrate")
def calibrate(
    version: Annotated[str, typer.Option(help="the new policy's version")],
    effective_from: Annotated[str, typer.Option(help="YYYY-MM-DD, the day it is to take effect once approved")],
    out: Annotated[Path, typer.Option(help="the policy's folder, which must not exist yet")],
    propose: Annotated[bool, typer.Option(help="also store it as a proposal, for `gridcredit policy approve`")] = False,
) -> None:
    """Give each grade the default rate of the supplier's own history, as a new version to approve."""
    from gridcredit.evaluation.outcomes import build_outcomes
    from gridcredit.evaluation.scorecards.calibration import METHOD, calibrate_policy
    from gridcredit.policy_changes.model_card import write_card

    with clear_errors() as settings:
        day = required_date(effective_from, "--effective-from")
        prepare_quietly(settings)
        with said_while("find out what became of earlier ratings"):
            build_outcomes(settings)
        made = calibrate_policy(out, version, day, settings)
        for one in made.rates:
            typer.echo(
                f"{one.grade:<4} {one.before:8.2%} -> {one.now.value:8.2%} ({one.now.lower:.2%} to "
                f"{one.now.upper:.2%}), {one.defaults:,} of {one.observed:,} month-ends of {one.customers:,} customers"
            )
        made_card = ModelCard(METHOD, made.base.header.version, made.facts)
        write_card(made.policy, made_card)
        typer.echo(f"wrote {out}")
        if propose:
            store_proposal(made.policy, made_card, settings)


@policy_app.command("document")
def document(version: Version, language: InLanguage = "en", out: DocumentFile = None) -> None:
    """Write a policy in words and tables, to be signed and handed out: one HTML page, set for printing."""
    from gridcredit.reporting.policy.document import write_policy_document

    with clear_errors() as settings:
        chosen = known_language(language)
        prepare_quietly(settings)
        typer.echo(f"wrote {write_policy_document(version, chosen, out, settings)}")


@policy_app.command("receipts")
def receipts(version: Annotated[str | None, typer.Argument(help="default: the one in force")] = None) -> None:
    """Show which departments have received a policy, and end with an error where some have not."""
    from gridcredit.reporting.policy.receipts import read_receipts

    with clear_errors() as settings:
        prepare_quietly(settings)
        found = read_receipts(version, settings)
        for one in found.departments:
            typer.echo(f"{one.department:<18}{one.text}")
        if found.missing:
            raise GridCreditError(f"{found.version} was not received by {', '.join(found.missing)}")
        typer.echo(f"every department has received {found.version}")


@policy_app.command("withdraw")
def withdraw(
    proposal: Proposal, officer: Annotated[str, typer.Option(help="name of who withdraws")], reason: Reason
) -> None:
    """Withdraw an approved policy that has rated nothing yet; the proposal stays, with the reason."""
    from gridcredit.policy_changes.proposals import withdraw as take_back

    with clear_errors() as settings:
        prepare_quietly(settings)
        done = take_back(proposal, officer, reason, settings)
        typer.echo(f"{done.policy_version}: withdrawn by {done.withdrawn_by}")


@policy_app.command("restore")
def restore(
    version: Annotated[str, typer.Argument(help="a version whose rows were changed in the warehouse")],
    approver: Approver,
    reason: Annotated[str, typer.Option(help="why; it is recorded")],
) -> None:
    """Put a version's rows back as they were loaded, after somebody changed them in the warehouse; a build names it."""
    from gridcredit.policies.store import restore_policy

    with clear_errors() as settings:
        prepare_quietly(settings)
        changed = restore_policy(version, approver, reason, settings)
        typer.echo(f"{version}: put back {', '.join(f'policy.{table}' for table in changed)}")


def _decide(proposal: int, approver: str, reason: str, *, is_approved: bool) -> None:
    from gridcredit.policy_changes.proposals import decide

    with clear_errors() as settings:
        prepare_quietly(settings)
        with said_while("try the policy" if is_approved else "store the decision"):
            decided = decide(proposal, approver, reason, is_approved=is_approved, settings=settings)
        typer.echo(f"{decided.policy_version}: {decided.status} by {decided.approver}")
