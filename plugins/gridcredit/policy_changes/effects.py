"""What a proposed policy would change, stored with the proposal for whoever decides."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from psycopg.types.json import Jsonb

from gridcredit.errors import GridCreditError
from gridcredit.policies.adoption import proposed_files
from gridcredit.policies.folder import refuse_name, write_files
from gridcredit.policies.store import read_policy
from gridcredit.policy_changes.proposals import Proposal, find
from gridcredit.policy_changes.simulation import simulate_policy
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

MONEY = ("exposure", "limit_before", "limit_after")


def compare(proposal_id: int, settings: Settings) -> dict[str, Any]:
    """Rate everybody by the policy in force and by the proposed one, as of the last release, and store what would
    change.
    """
    with connect(settings) as connection:
        proposal = find(connection, proposal_id)
        refuse_name(proposal.policy_version)
        folder = settings.home / "proposals" / proposal.policy_version
        write_files(folder, proposed_files(connection, proposal_id))
        (day,) = connection.execute("select max(as_of_date) from lineage.releases").fetchone() or (None,)
    if day is None:
        raise GridCreditError("nothing has been released yet: there is nothing to compare the policy with")
    simulation = simulate_policy(read_policy(folder, settings), day, settings)
    changes = {
        "as_of_date": day.isoformat(),
        "moves": [asdict(move) | {name: float(getattr(move, name)) for name in MONEY} for move in simulation.moves],
    }
    with connect(settings) as connection:
        connection.execute(
            "update policy.proposals set changes = %s where proposal_id = %s and is_approved is null",
            [Jsonb(changes), proposal_id],
        )
    return changes


def describe_proposal(proposal: Proposal) -> str:
    """What a person decides on, as Markdown: figures, grades before and after, and the money at stake."""
    lines = [
        f"Policy `{proposal.policy_version}` would take the place of `{proposal.base_version}` on "
        f"{proposal.effective_from} "
        f"({proposal.method}).",
        "",
    ]
    if verdicts := proposal.facts.get("verdicts"):
        lines = [*(f"**{one}**" for one in verdicts), "", *lines]
    judged = proposal.facts.get("judged", [])
    if judged:
        lines += ["| part of the sample | AUC new | AUC now | KS new | KS now |", "|---|---|---|---|---|"]
        lines += [
            f"| {one['part']} | {one['fitted']['auc']['value']:.3f} | {one['base']['auc']['value']:.3f} | "
            f"{one['fitted']['ks']['value']:.3f} | {one['base']['ks']['value']:.3f} |"
            for one in judged
        ]
        lines.append("")
    if proposal.changes:
        lines += [*describe_changes(proposal.changes), ""]
    lines.append("The model card has the rest: `gridcredit scorecard card " + str(proposal.proposal_id) + "`.")
    return "\n".join(lines)


def describe_changes(changes: dict[str, Any]) -> list[str]:
    """Grades before and after, and the money at stake, as lines of Markdown."""
    moves = changes["moves"]
    everybody = sum(move["customers"] for move in moves)
    changed = [move for move in moves if move["grade_before"] != move["grade_after"]]
    lines = [
        f"As of {changes['as_of_date']}: {sum(move['customers'] for move in changed):,} of {everybody:,} customers "
        f"change grade, who owe {sum(move['exposure'] for move in changed):,.2f}; all limits together go from "
        f"{sum(move['limit_before'] for move in moves):,.2f} to {sum(move['limit_after'] for move in moves):,.2f}.",
        "",
        "| grade | customers now | then | |",
        "|---|---|---|---|",
    ]
    grades = dict.fromkeys([move[side] for side in ("grade_before", "grade_after") for move in moves])
    for grade in grades:
        now, then = (
            sum(move["customers"] for move in moves if move[side] == grade) for side in ("grade_before", "grade_after")
        )
        lines.append(f"| {grade} | {now:,} | {then:,} | {'█' * round(20 * then / everybody)} |")
    return lines
