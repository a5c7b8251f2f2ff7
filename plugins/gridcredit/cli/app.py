"""The `gridcredit` command: its groups, each in a module of its own."""

from __future__ import annotations

import typer

from gridcredit.cli import development, loads, pages, persons, policies, releases, scorecards, services, traces

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="The `gridcredit` command."
)
for group in (services, loads, releases, traces, pages, persons, development):
    app.add_typer(group.app)
app.add_typer(policies.policy_app, name="policy")
app.add_typer(scorecards.scorecard_app, name="scorecard")
