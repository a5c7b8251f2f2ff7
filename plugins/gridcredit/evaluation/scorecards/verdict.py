"""Whether a fitted scorecard is better than the policy, and what is doubtful about it: said first wherever it is
shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridcredit.errors import GridCreditError
from gridcredit.evaluation.figures import Floats, Power, stability_index
from gridcredit.evaluation.scorecards.fit import fit_scorecard, log_odds
from gridcredit.evaluation.scorecards.sample import Part
from gridcredit.policies.evaluation_rules import FitRules
from gridcredit.policies.folder import Policy

CROSS_VALIDATED = "cross-validated"
# Of fewer defaults the AUC of two scores often differs by chance.
FEW_DEFAULTS = 100
FOLDS = 5


@dataclass(frozen=True)
class Judged:
    """How a scorecard and the base policy's rank the same part of the sample: those who have a score by both.

    `without_score`: month-ends of customers without a score by the one or the other, counted apart.
    """

    part: str
    fitted: Power
    base: Power
    without_score: int


@dataclass(frozen=True)
class Verdict:
    """`lines` come first on every page; `is_worse`: by the part that judges, it ranks worse than the policy in
    force.
    """

    is_worse: bool
    lines: list[str]


def judge(
    judged: list[Judged],
    part: Part,
    by_grade: list[int],
    of_fitted: Floats,
    of_judging: Floats,
    rules: FitRules,
    *,
    judging: str = "out of time",
) -> Verdict:
    """The verdict by the last of `judged`; `by_grade` counts the part's customers, the scores are those of both
    samples. Where that is not the part `judging`, nothing shows that the scorecard is as good: it counts as worse.
    """
    if not judged:
        raise GridCreditError(
            "nobody has a score by both policies, so neither can be judged: run it on a longer history"
        )
    last = judged[-1]
    new, now = last.fitted.auc, last.base.auc
    is_judged = last.part == judging
    earlier = judged[-2] if len(judged) > 1 else None
    is_worse = not is_judged or new.value < now.value
    figures = (
        f"AUC {new.value:.3f} ({new.lower:.3f} to {new.upper:.3f}) {last.part}, {now.value:.3f} by the policy in force"
    )
    lines = [
        f"WORSE than the policy in force: {figures}."
        if new.value < now.value
        else f"Ranks at least as well as the policy: {figures}."
    ]
    if not is_judged:
        lines.insert(
            0,
            f"NOT JUDGED {judging}: nobody there has a score by both policies, or all or none of these defaulted. It "
            "counts as worse than the policy in force; what follows is of an earlier part.",
        )
    if last.fitted.defaults < FEW_DEFAULTS:
        lines.append(f"Few defaults: only {last.fitted.defaults} judge it, so chance may have decided.")
    if earlier and new.value >= now.value and earlier.fitted.auc.value < earlier.base.auc.value:
        lines.append(
            f"Doubtful: {earlier.part} it ranks worse, AUC {earlier.fitted.auc.value:.3f} and "
            f"{earlier.base.auc.value:.3f} by the policy in force."
        )
    if last.part == CROSS_VALIDATED:
        lines.append(
            "Cross-validated: the history is too short for later months to judge it, so it says nothing of other times."
        )
    share = part.defaults / len(part.obligors)
    if share > rules.max_default_share:
        lines.append(
            f"Doubtful: {share:.0%} defaulted, above {rules.max_default_share:.0%}; check what counts as a default."
        )
    if max(by_grade) > rules.max_share_in_one_grade * sum(by_grade):
        lines.append(
            f"Too little spread: {max(by_grade) / sum(by_grade):.0%} of those who are judged fall in one grade."
        )
    drift = score_drift(of_judging, of_fitted)
    if drift > rules.max_drift:
        lines.append(f"Drift: PSI {drift:.2f} of the score between the samples, above {rules.max_drift}.")
    return Verdict(is_worse, lines)


def score_drift(now: Floats, before: Floats) -> float:
    """PSI of scores by tens."""
    counts = [np.histogram(one[~np.isnan(one)], bins=range(0, 101, 10))[0].tolist() for one in (now, before)]
    return stability_index(counts[0], counts[1])


def cross_validate(part: Part, base: Policy, candidates: list[str], rules: FitRules) -> Floats:
    """For each row how well it is by a scorecard fitted on the other customers, chosen again of all candidates: its
    log-odds of paying; NaN without a value.

    Whether a candidate knows the outcome was asked of the whole, and is not asked of a part again.

    Raises:
        GridCreditError: a scorecard cannot be fitted without one of the folds.
    """
    folds = part.frame["customer_id"].map({one: i % FOLDS for i, one in enumerate(part.frame["customer_id"].unique())})
    scores = np.full(part.observed, np.nan)
    for fold in range(FOLDS):
        ahead = (folds == fold).to_numpy()
        others = Part(part.frame[~ahead])
        try:
            fitted = fit_scorecard(others, base, candidates, rules, trusted=tuple(candidates))
        except GridCreditError as error:
            raise GridCreditError(
                f"cross-validation, fitted without fold {fold + 1} of {FOLDS} ({others.defaults} defaults among "
                f"{others.observed} month-ends of customers): {error}"
            ) from error
        scores[ahead] = -log_odds(fitted, part.frame[ahead])
    return scores
