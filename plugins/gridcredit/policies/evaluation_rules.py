"""policies/evaluation.yml: what counts as a default, how scorecards are fitted, and when ratings must be checked."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gridcredit.files.policy_file import read_policy_file
from gridcredit.settings import Settings


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OutcomeRules(_Strict):
    """What became of a customer: times in months and days."""

    window_months: int = Field(ge=1, le=12, description="months after a month-end in which a default counts")
    default_days_overdue: int = Field(ge=1, description="a customer defaults where a bill is overdue by more days")
    indeterminate_days_overdue: int = Field(
        ge=0,
        description="later than this, and no default: neither good nor bad; such customers are left out of the fit",
    )
    own_window_months: int | None = Field(
        default=None, ge=0, le=36, description="window of the outcomes that the supplier delivers; unset: window_months"
    )

    @model_validator(mode="after")
    def _late_before_default(self) -> OutcomeRules:
        if self.indeterminate_days_overdue >= self.default_days_overdue:
            raise ValueError("indeterminate_days_overdue must be fewer than default_days_overdue")
        return self


class SampleRules(_Strict):
    """Which month-ends and customers a scorecard is fitted on, and which judge it."""

    out_of_time_months: int = Field(
        ge=1,
        description="youngest month-ends whose window is over: they judge, and none is fitted whose window reaches "
        "into them",
    )
    out_of_sample_share: float = Field(gt=0, lt=1, description="share of the customers who are never fitted on")
    max_rows: int = Field(ge=1000, description="more customers' month-ends than this are sampled, by hash")


class FitRules(_Strict):
    """What a sample and an indicator must have to be fitted."""

    min_defaults: int = Field(ge=10, description="defaults that a fit needs")
    min_available_share: float = Field(
        ge=0, le=1, description="share of the customers for whom an indicator must be available"
    )
    min_information_value: float = Field(ge=0, description="least information value of an indicator")
    max_correlation: float = Field(
        gt=0, le=1, description="an indicator that repeats a better one more closely is left out"
    )
    max_auc_alone: float = Field(
        gt=0.5, le=1, description="an indicator that predicts better by itself knows the outcome: it becomes a question"
    )
    max_bins: int = Field(ge=2, description="most bins of an indicator")
    min_bin_share: float = Field(gt=0, lt=0.5, description="share of the customers that a bin has at least")
    min_bin_default_share: float = Field(
        default=0.02, ge=0, lt=0.5, description="share of the defaults that a bin has at least"
    )
    max_default_share: float = Field(
        default=0.5, gt=0, lt=1, description="with more defaults than this share a fit is reported as doubtful"
    )
    max_share_in_one_grade: float = Field(
        default=0.8, gt=0, le=1, description="with more customers than this share in one grade it is too"
    )
    max_drift: float = Field(default=0.25, gt=0, description="with a higher PSI of the score in later months it is too")


Judged = Literal[
    "auc", "ks", "gini", "auc_loss", "default_rate", "calibration_p", "psi", "override_rate", "early_default_ratio"
]


class Threshold(_Strict):
    """When a figure asks for attention, and when it opens a task for people."""

    figure: Judged = Field(description="the figure that is judged")
    bad_when: Literal["below", "above"] = Field(description="on which side of the bounds it is bad")
    warn: float = Field(description="bound beyond which it asks for attention")
    breach: float = Field(description="bound beyond which it opens a task for people")
    reason: str = Field(description="why these bounds, for whoever reads the task")

    def status_of(self, value: float | None) -> Literal["ok", "warn", "breach", "unknown"]:
        """What a value means."""
        if value is None:
            return "unknown"
        sign = 1 if self.bad_when == "above" else -1
        if sign * value > sign * self.breach:
            return "breach"
        return "warn" if sign * value > sign * self.warn else "ok"


class EvaluationRules(_Strict):
    """The file."""

    outcome: OutcomeRules = Field(description="what counts as a default")
    sample: SampleRules = Field(description="what a scorecard is fitted on, and what judges it")
    fit: FitRules = Field(description="what a sample and an indicator must have to be fitted")
    thresholds: list[Threshold] = Field(description="when the monthly watch asks for attention, each figure once")

    @model_validator(mode="after")
    def _each_figure_once(self) -> EvaluationRules:
        figures = [one.figure for one in self.thresholds]
        if twice := sorted({one for one in figures if figures.count(one) > 1}):
            raise ValueError(f"{', '.join(twice)} has more than one threshold")
        return self


def read_rules(settings: Settings) -> EvaluationRules:
    """The file as it is; a PolicyError says what is wrong with it."""
    return read_policy_file(settings.policies_dir / "evaluation.yml", EvaluationRules)
