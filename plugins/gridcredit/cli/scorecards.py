"""`gridcredit scorecard`: fit a scorecard to the supplier's own history, or set weights by a method."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridcredit.cli.console import clear_errors, prepare_quietly, required_date
from gridcredit.cli.policies import store_proposal
from gridcredit.policies.folder import refuse_name
from gridcredit.policy_changes.model_card import ModelCard, write_card
from gridcredit.policy_changes.proposals import refuse_worse

scorecard_app = typer.Typer(
    no_args_is_help=True, help="Fit scorecards, or set weights by a method; either makes a policy."
)

Out = Annotated[Path, typer.Option(help="the policy's folder, which must not exist yet")]
Version = Annotated[str, typer.Option(help="the new policy's version")]
EffectiveFrom = Annotated[str, typer.Option(help="YYYY-MM-DD, the day it is to take effect once approved")]
Propose = Annotated[bool, typer.Option(help="also store it as a proposal, for `gridcredit policy approve`")]


@scorecard_app.command("fit")
def fit(
    version: Version,
    effective_from: EffectiveFrom,
    out: Out,
    indicators: Annotated[str, typer.Option(help="only these, with commas; none of them is left out in silence")] = "",
    without: Annotated[str, typer.Option(help="none of these, with commas")] = "",
    trust: Annotated[
        str, typer.Option(help="these were known at the month-end, however well they rank; with commas")
    ] = "",
    propose: Propose = False,
    even_if_worse: Annotated[
        bool, typer.Option(help="propose it though it ranks worse than the policy in force")
    ] = False,
) -> None:
    """Fit a scorecard to what became of the customers rated, and write it as a policy folder with its model card."""
    from gridcredit.evaluation.outcomes import build_outcomes
    from gridcredit.evaluation.scorecards.develop import develop
    from gridcredit.evaluation.scorecards.facts import METHOD, facts_of
    from gridcredit.evaluation.scorecards.policy_folder import refuse_existing

    with clear_errors() as settings:
        day = required_date(effective_from, "--effective-from")
        refuse_existing(out)
        refuse_name(version)
        prepare_quietly(settings)
        build_outcomes(settings)
        made = develop(
            *(out, version, day, settings),
            indicators=_names(indicators) or None,
            without=tuple(_names(without)),
            trusted=tuple(_names(trust)),
        )
        typer.echo("\n".join(made.verdict.lines))
        for one in made.judged:
            typer.echo(
                f"{one.part:<14} {one.fitted.observed:>9,} observed, {one.fitted.defaults:,} defaults: "
                f"AUC {one.fitted.auc}, KS {one.fitted.ks}; {made.base.header.version}: AUC {one.base.auc}, KS "
                f"{one.base.ks}" + (f"; {one.without_score:,} without a score" if one.without_score else "")
            )
        for name, why in made.fitted.left_out.items():
            typer.echo(f"  without {name}: {why}")
        for note in made.notes:
            typer.echo(f"  {note}")
        made_card = ModelCard(METHOD, made.base.header.version, facts_of(made))
        write_card(made.policy, made_card)
        typer.echo(f"wrote {out}")
        if propose:
            if not even_if_worse:
                refuse_worse(made_card.facts)
            store_proposal(made.policy, made_card, settings)


@scorecard_app.command("weights")
def weights(
    version: Version,
    effective_from: EffectiveFrom,
    out: Out,
    matrices: Annotated[Path | None, typer.Option(help="YAML of pairwise comparisons")] = None,
    entropy_share: Annotated[
        float, typer.Option(min=0, max=1, help="how much entropy counts beside the comparisons")
    ] = 0,
    propose: Propose = False,
) -> None:
    """Set the weights of the policy in force by pairwise comparison, by entropy, or by both."""
    from gridcredit.evaluation.scorecards.weighting import weigh

    with clear_errors() as settings:
        day = required_date(effective_from, "--effective-from")
        prepare_quietly(settings)
        made = weigh(out, version, day, settings, matrices=matrices, entropy_share=entropy_share)
        for row in made.facts["weights"]:
            typer.echo(f"{row['indicator']:<28} {row['before']:>6} -> {row['now']:>6}")
        made_card = ModelCard(made.method, made.base.header.version, made.facts)
        write_card(made.policy, made_card)
        typer.echo(f"wrote {out}")
        if propose:
            store_proposal(made.policy, made_card, settings)


@scorecard_app.command("card")
def card(
    proposal: Annotated[int, typer.Argument(help="number of the proposal")],
    out: Annotated[Path | None, typer.Option(help="an .html file gets charts; unset: Markdown here")] = None,
) -> None:
    """Show a proposal's model card."""
    from gridcredit.evaluation.scorecards.card import card_as_html, card_as_markdown
    from gridcredit.pages.template import write_page
    from gridcredit.policy_changes.proposals import read_proposal
    from gridcredit.warehouse.currency import in_its_currency

    with clear_errors() as settings:
        prepare_quietly(settings)
        found = read_proposal(proposal, settings)
        if out:
            write_page(
                out,
                card_as_html(found, in_its_currency(settings)) if out.suffix == ".html" else card_as_markdown(found),
            )
            typer.echo(f"wrote {out}")
        else:
            typer.echo(card_as_markdown(found))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
