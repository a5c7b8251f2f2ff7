"""Operators of the DAGs that evaluate ratings: thin, like those of the build. Heavy imports wait until a task runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLEntryOperator
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from gridcredit.errors import GridCreditError, TooEarlyError
from gridcredit.orchestration.forms import name_and_text


class FitScorecardOperator(BaseOperator):
    """Fits a scorecard to the supplier's history and proposes it as a policy; returns the proposal's number."""

    template_fields: Sequence[str] = ("version", "effective_from")

    def __init__(self, *, version: str, effective_from: str, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self.version = version
        self.effective_from = effective_from

    def execute(self, context: Any) -> int:  # noqa: ANN401
        """Fit; what history does not allow fails at once, with what is missing, and so does a scorecard that ranks worse."""
        from gridcredit.evaluation.scorecards.propose import propose_scorecard
        from gridcredit.settings import get_settings

        try:
            return propose_scorecard(
                self.version,
                date.fromisoformat(self.effective_from),
                get_settings(),
                even_if_worse=bool(context["params"].get("even_if_worse")),
            )
        except GridCreditError as error:
            raise AirflowFailException(str(error)) from None


class ComparePolicyOperator(BaseOperator):
    """Rates everybody by the policy in force and by the proposed one; draws the model card and returns its path."""

    template_fields: Sequence[str] = ("proposal",)

    def __init__(self, *, proposal: str, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self.proposal = proposal

    def execute(self, context: Any) -> str:  # noqa: ANN401, ARG002
        """Compare."""
        from gridcredit.evaluation.scorecards.card import write_card
        from gridcredit.settings import get_settings

        return str(write_card(int(self.proposal), get_settings()))


class DecideOnProposalOperator(ApprovalOperator):
    """Shows a person what a proposed policy would change, and waits without a slot for a named decision with its reason."""

    template_fields: Sequence[str] = (*ApprovalOperator.template_fields, "proposal")

    def __init__(self, *, proposal: str, **kwargs: Any) -> None:  # noqa: ANN401
        self.proposal = proposal
        super().__init__(subject="A policy is proposed", **kwargs)

    def execute(self, context: Any) -> Any:  # noqa: ANN401
        """Ask; nothing to ask where it was decided already."""
        from gridcredit.policy_changes.effects import describe_proposal
        from gridcredit.policy_changes.proposals import read_proposal
        from gridcredit.settings import get_settings

        settings = get_settings()
        proposal = read_proposal(int(self.proposal), settings)
        if proposal.is_approved is not None:
            raise AirflowSkipException(f"{proposal.policy_version} was {proposal.status} by {proposal.approver}")
        self.body = describe_proposal(proposal)
        self.assigned_users = [{"id": name, "name": name} for name in settings.approvers] or None
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:  # noqa: ANN401
        """Record the decision; a refused policy is kept, with the reason."""
        from gridcredit.policy_changes.proposals import decide
        from gridcredit.settings import get_settings

        decided = super().execute_complete(context, event)
        decide(
            int(self.proposal),
            *name_and_text(decided, "reason"),
            is_approved=decided["chosen_options"] == [self.APPROVE],
            settings=get_settings(),
        )
        return decided


class WatchRatingsOperator(BaseOperator):
    """Measures the ratings against what became of the customers; returns the day until which facts are known."""

    def execute(self, context: Any) -> str:  # noqa: ANN401, ARG002
        """Watch; skipped while no month-end's window is over."""
        from gridcredit.evaluation.page import write_watch
        from gridcredit.evaluation.watch import watch
        from gridcredit.settings import get_settings

        settings = get_settings()
        try:
            found = watch(settings)
        except TooEarlyError as error:
            raise AirflowSkipException(str(error)) from None
        write_watch(settings)
        return found.watched_on.isoformat()


class NoteBreachesOperator(HITLEntryOperator):
    """A task for people where a figure broke its bound: waits without a slot until a named person tells what is to be done."""

    template_fields: Sequence[str] = (*HITLEntryOperator.template_fields, "watched_on")

    def __init__(self, *, watched_on: str, **kwargs: Any) -> None:  # noqa: ANN401
        self.watched_on = watched_on
        super().__init__(subject="Ratings broke their bounds", **kwargs)

    def execute(self, context: Any) -> Any:  # noqa: ANN401
        """Ask; skipped where nothing broke a bound, or somebody has noted it."""
        from gridcredit.evaluation.watch import describe_breaches
        from gridcredit.settings import get_settings

        self.body = describe_breaches(date.fromisoformat(self.watched_on), get_settings())
        if self.body is None:
            raise AirflowSkipException("no figure is beyond its bound, or it has been noted")
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:  # noqa: ANN401
        """Record who noted it and what is to be done."""
        from gridcredit.evaluation.page import write_watch
        from gridcredit.evaluation.watch import note_breaches
        from gridcredit.settings import get_settings

        noted = super().execute_complete(context, event)
        settings = get_settings()
        note_breaches(date.fromisoformat(self.watched_on), *name_and_text(noted, "note"), settings)
        write_watch(settings)
        return noted
