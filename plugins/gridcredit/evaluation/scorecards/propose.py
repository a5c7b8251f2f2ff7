"""Fits a scorecard and proposes it: what the DAG recalibrate_scorecard does."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

from gridcredit.evaluation.outcomes import build_outcomes
from gridcredit.evaluation.scorecards.develop import develop
from gridcredit.evaluation.scorecards.facts import METHOD, facts_of
from gridcredit.policies.folder import refuse_name
from gridcredit.policy_changes.proposals import propose, refuse_worse
from gridcredit.settings import Settings


def propose_scorecard(version: str, effective_from: date, settings: Settings, *, even_if_worse: bool = False) -> int:
    """Fit to the newest outcomes, and store the policy with its facts as a proposal; returns its number.

    Raises:
        GridCreditError: the scorecard is worse than the policy in force, history does not allow it, or another policy
        was
            proposed under the version.
    """
    refuse_name(version)
    build_outcomes(settings)
    with tempfile.TemporaryDirectory() as folder:
        made = develop(Path(folder) / version, version, effective_from, settings)
        facts = facts_of(made)
        if not even_if_worse:
            refuse_worse(facts)
        return propose(made.policy, made.base.header.version, METHOD, facts, settings)
