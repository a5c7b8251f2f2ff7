"""policies/evaluation.yml: what counts as a default, how scorecards are fitted, and when ratings must be checked."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gridcredit.policies.folder import read_policy_file
from gridcredit.settings import Settings


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OutcomeRules(_Strict):
    """What became of a customer: times in months and days."""

    window_months: int = Field(ge=1, le=12)
    default_days_overdue: int = Field(ge=1)
    indeterminate_days_overdue: int = Field(ge=0)
    # The window of outcomes that the supplier delivers; unset: the same.
    own_window_months: int | None = Field(default=None, ge=0, le=36)

    @model_validator(mode="after")
    def _late_before_default(self) -> OutcomeRules:
        if self.indeterminate_days_overdue >= self.default_days_overdue:
            raise ValueError("indeterminate_days_overdue must be fewer than default_days_overdue")
        return self


class SampleRules(_Strict):
    """Which month-ends and customers a scorecard is fitted on, and which judge it."""

    out_of_time_months: int = Field(ge=1)
    out_of_sample_share: float = Field(gt=0, lt=1)
    max_rows: int = Field(ge=1000)


class FitRules(_Strict):
    """What a sample and an indicator must have to be fitted."""

    min_defaults: int = Field(ge=10)
    min_available_share: float = Field(ge=0, le=1)
    min_information_value: float = Field(ge=0)
    max_correlation: float = Field(gt=0, le=1)
    max_auc_alone: float = Field(gt=0.5, le=1)
    max_bins: int = Field(ge=2)
    min_bin_share: float = Field(gt=0, lt=0.5)
    min_bin_default_share: float = Field(default=0.02, ge=0, lt=0.5)
    max_default_share: float = Field(default=0.5, gt=0, lt=1)
    max_share_in_one_grade: float = Field(default=0.8, gt=0, le=1)
    max_drift: float = Field(default=0.25, gt=0)


Judged = Literal[
    "auc", "ks", "gini", "auc_loss", "default_rate", "calibration_p", "psi", "override_rate", "early_default_ratio"
]


class Threshold(_Strict):
    """When a figure asks for attention, and when it opens a task for people."""

    figure: Judged
    bad_when: Literal["below", "above"]
    warn: float
    breach: float
    reason: str

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

    outcome: OutcomeRules
    sample: SampleRules
    fit: FitRules
    thresholds: list[Threshold]

    @model_validator(mode="after")
    def _each_figure_once(self) -> EvaluationRules:
        figures = [one.figure for one in self.thresholds]
        if twice := sorted({one for one in figures if figures.count(one) > 1}):
            raise ValueError(f"{', '.join(twice)} has more than one threshold")
        return self


def read_rules(settings: Settings) -> EvaluationRules:
    """The file as it is; a PolicyError says what is wrong with it."""
    return read_policy_file(settings.policies_dir / "evaluation.yml", EvaluationRules)
