"""The model card of a proposed policy, as Markdown and as a page with charts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup

from gridcredit.pages.charts import ACCENT, LEVELS, PALE, paired_bars
from gridcredit.pages.template import render, write_page
from gridcredit.policy_changes.effects import compare, describe_changes
from gridcredit.policy_changes.proposals import Proposal, read_proposal
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.currency import in_its_currency

PACKAGE = "gridcredit.evaluation.scorecards"


def card_as_markdown(proposal: Proposal) -> str:
    """The card; of a policy that no sample was fitted to it has what is known."""
    return render(PACKAGE, "card.md.j2", _facts(proposal))


def card_as_html(proposal: Proposal, settings: Settings | None = None) -> str:
    """The card as one page that opens from disk; `settings` have the warehouse's currency."""
    # Whatever stands in a policy's names is escaped: Markdown of HTML is not let through.
    text = Markup(MarkdownIt("commonmark", {"html": False}).enable("table").render(card_as_markdown(proposal)))  # noqa: S704
    charts = _charts(proposal.facts, proposal.changes)
    return render(
        PACKAGE,
        "card.html.j2",
        {"proposal": proposal, "text": text, "charts": charts, "currency": (settings or get_settings()).currency},
    )


def write_card(proposal_id: int, settings: Settings) -> Path:
    """Rate everybody by both policies, and write the card under `var/proposals`; returns its path."""
    compare(proposal_id, settings)
    proposal, settings = read_proposal(proposal_id, settings), in_its_currency(settings)
    return write_page(settings.home / "proposals" / f"{proposal.policy_version}.html", card_as_html(proposal, settings))


def _facts(proposal: Proposal) -> dict[str, Any]:
    return {
        "proposal": proposal,
        "facts": proposal.facts,
        "changes": describe_changes(proposal.changes) if proposal.changes else [],
        "attributes": [
            one["indicator"]
            for one in proposal.facts.get("indicators", [])
            if one["indicator"].startswith("attribute_")
        ],
    }


def _charts(facts: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Markup]:
    drawn = {}
    if facts.get("grades"):
        drawn["calibration"] = calibration(facts["grades"])
    if changes:
        drawn["grades"] = grades(changes["moves"])
    return drawn


def calibration(rows: list[dict[str, Any]]) -> Markup:
    """By grade the default rate that the policy states, and the one observed out of time."""
    return paired_bars(
        (
            {"grade": row["grade"], "what": what, "value": rate}
            for row in rows
            if row["observed"]
            for what, rate in (("expected", row["expected_rate"]), ("observed", row["defaults"] / row["observed"]))
        ),
        {"expected": PALE, "observed": LEVELS["red"]},
        as_percent=True,
    )


def grades(moves: list[dict[str, Any]]) -> Markup:
    """Customers by grade, by the policy in force and by the proposed one."""
    return paired_bars(
        (
            {"grade": move[side], "what": by, "value": move["customers"]}
            for move in moves
            for side, by in (("grade_before", "in force"), ("grade_after", "proposed"))
        ),
        {"in force": PALE, "proposed": ACCENT},
    )
