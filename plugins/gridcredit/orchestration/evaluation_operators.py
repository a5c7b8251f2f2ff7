"""What asks a person about ratings and scorecards. Heavy imports wait until a task runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLEntryOperator
from airflow.sdk.exceptions import AirflowSkipException

from gridcredit.orchestration.connection import warehouse_settings
from gridcredit.orchestration.forms import name_and_text, who_may_answer


class DecideOnProposalOperator(ApprovalOperator):
    """Shows a person what a proposed policy would change, and waits without a slot for a named decision with its
    reason.
    """

    template_fields: Sequence[str] = (*ApprovalOperator.template_fields, "proposal")

    def __init__(self, *, proposal: Any, **kwargs: Any) -> None:  # noqa: ANN401
        self.proposal = proposal
        super().__init__(subject="A policy is proposed", **kwargs)

    def execute(self, context: Any) -> Any:  # noqa: ANN401
        """Ask; nothing to ask where it was decided already."""
        from gridcredit.policy_changes.effects import describe_proposal
        from gridcredit.policy_changes.proposals import read_proposal

        settings = warehouse_settings()
        proposal = read_proposal(int(self.proposal), settings)
        if proposal.is_approved is not None:
            raise AirflowSkipException(f"{proposal.policy_version} was {proposal.status} {proposal.decision}")
        self.body = describe_proposal(proposal)
        self.assigned_users = who_may_answer(settings)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:  # noqa: ANN401
        """Record the decision; a refused policy is stored, with the reason."""
        from gridcredit.policy_changes.proposals import decide

        decided = super().execute_complete(context, event)
        decide(
            int(self.proposal),
            *name_and_text(decided, "reason"),
            is_approved=decided["chosen_options"] == [self.APPROVE],
            settings=warehouse_settings(),
        )
        return decided


class NoteBreachesOperator(HITLEntryOperator):
    """A task for people where a figure broke its bound: waits without a slot until a named person says what is to be
    done.
    """

    template_fields: Sequence[str] = (*HITLEntryOperator.template_fields, "watched_on")

    def __init__(self, *, watched_on: Any, **kwargs: Any) -> None:  # noqa: ANN401
        self.watched_on = watched_on
        super().__init__(subject="Ratings broke their bounds", **kwargs)

    def execute(self, context: Any) -> Any:  # noqa: ANN401
        """Ask; skipped where nothing broke a bound, or somebody has noted it."""
        from gridcredit.evaluation.watch import describe_breaches

        settings = warehouse_settings()
        self.assigned_users = who_may_answer(settings)
        self.body = describe_breaches(date.fromisoformat(self.watched_on), settings)
        if self.body is None:
            raise AirflowSkipException("no figure is beyond its bound, or it has been noted")
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:  # noqa: ANN401
        """Record who noted it and what is to be done."""
        from gridcredit.evaluation.page import write_watch
        from gridcredit.evaluation.watch import note_breaches

        noted = super().execute_complete(context, event)
        settings = warehouse_settings()
        note_breaches(date.fromisoformat(self.watched_on), *name_and_text(noted, "note"), settings)
        write_watch(settings)
        return noted
