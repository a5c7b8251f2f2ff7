"""Every step from fit to withdraw, on samples made up for the purpose: gaps, constants, rare and frequent defaults, two
month-ends, and what a supplier reports alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gridcredit.contract.features import features
from gridcredit.errors import GridCreditError
from gridcredit.evaluation.outcomes import build_outcomes
from gridcredit.evaluation.scorecards import develop as development
from gridcredit.evaluation.scorecards import sample as sampling
from gridcredit.evaluation.scorecards.calibration import calibrate_policy
from gridcredit.evaluation.scorecards.card import card_as_html, card_as_markdown
from gridcredit.evaluation.scorecards.develop import develop
from gridcredit.evaluation.scorecards.facts import METHOD, facts_of
from gridcredit.evaluation.scorecards.sample import Part, Sample, read_sample, split_month_ends, unused_outcomes
from gridcredit.evaluation.scorecards.score import score
from gridcredit.operations import pipeline
from gridcredit.policies.evaluation_rules import EvaluationRules, read_rules
from gridcredit.policies.store import load_policies
from gridcredit.policy_changes.proposals import decide, propose, read_proposal, withdraw
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

from tests.support.builders import SMALL_DAY
from tests.support.prepared import Prepared
from tests.support.suppliers import load
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

NEXT_MONTH = date(2026, 7, 20)
# What the made-up defaults come from, how strongly, and two indicators that say nothing.
DRIVERS = {"on_time_rate_12m": -3.0, "overdue_months": 1.2, "tenure": 0.0, "service_change": 0.0}
# Of everybody with a bill the policy in force knows these too: it gives a score.
KNOWN = {"recent_days_late": 0.0, "recent_on_time_rate": 1.0, "avg_days_late_12m": 0.0, "times_over_30d_12m": 0.0}

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, small: Prepared) -> Settings:
    settings = new_warehouse(small)
    build_outcomes(settings)
    return settings


def made_up(settings: Settings, day: date, share: float) -> pd.DataFrame:
    """One month-end of customers of whom a share defaults, and some are neither good nor bad."""
    customers = 2500 if share > 0.05 else 4000
    rng = np.random.default_rng(day.toordinal())
    frame = pd.DataFrame(dict.fromkeys(features(settings), np.nan), index=range(customers))
    frame = frame.assign(**KNOWN)
    frame["on_time_rate_12m"] = rng.beta(5, 2, customers).round(4)
    frame["overdue_months"] = rng.exponential(0.7, customers).round(2)
    frame["tenure"] = rng.integers(1, 200, customers).astype(float)
    frame["service_change"] = rng.integers(0, 4, customers).astype(float)
    risk = sum(weight * frame[name] for name, weight in DRIVERS.items()) + rng.logistic(0, 1, customers)
    return frame.assign(
        as_of_date=day,
        customer_id=[f"C{number}" for number in range(customers)],
        segment=rng.choice(["residential", "industrial"], customers),
        region="north",
        grade="A",
        score=50.0,
        is_default=risk > np.quantile(risk, 1 - share),
        is_indeterminate=(risk <= np.quantile(risk, 1 - share)) & (rng.random(customers) < 0.05),
    )


def as_it_is(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def without_a_bill_for_a_tenth(frame: pd.DataFrame) -> pd.DataFrame:
    is_blank = np.random.default_rng(7).random(len(frame)) < 0.1
    return frame.assign(**{name: frame[name].mask(is_blank) for name in (*DRIVERS, *KNOWN)})


def with_a_constant(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(service_change=0.0)


def sample_of(frames: dict[date, pd.DataFrame], rules: EvaluationRules, horizon: int | None) -> Sample:
    """The three parts as `read_sample` makes them; seven customers of ten are fitted on."""
    fitted_on, judged_on = split_month_ends(sorted(frames), rules, horizon)

    def part(days: list[date], within: Callable[[int], bool]) -> Part:
        every = pd.concat([frames[day] for day in days], ignore_index=True)
        return sampling._part(every[[within(int(one[1:]) % 10) for one in every["customer_id"]]].copy())

    if not judged_on:
        return Sample(part(fitted_on, lambda _: True), None, None, {})
    return Sample(
        part(fitted_on, lambda one: one < 7), part(fitted_on, lambda one: one >= 7), part(judged_on, lambda _: True), {}
    )


@pytest.mark.parametrize(
    ("name", "share", "months", "horizon", "change"),
    [
        ("no-bill", 0.1, 11, None, without_a_bill_for_a_tenth),
        ("constant", 0.1, 11, None, with_a_constant),
        ("rare", 0.011, 12, None, as_it_is),
        ("frequent", 0.9, 11, None, as_it_is),
        ("two", 0.1, 2, None, as_it_is),
        # A horizon of one month, by the supplier's own word.
        ("reported", 0.1, 5, 1, as_it_is),
    ],
)
def test_every_step_from_fit_to_withdraw(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    share: float,
    months: int,
    horizon: int | None,
    change: Change,
) -> None:
    days = [day.date() for day in pd.date_range(end="2026-05-31", periods=months, freq="ME")]
    frames = {day: change(made_up(settings, day, share)) for day in days}
    sample = sample_of(frames, read_rules(settings), horizon)
    monkeypatch.setattr(development, "read_sample", lambda _: sample)
    made = develop(tmp_path / name, name, NEXT_MONTH, settings)
    facts = facts_of(made)
    chosen = [one.name for one in made.fitted.indicators]
    assert {"on_time_rate_12m", "overdue_months"} <= set(chosen)
    if name == "constant":
        assert made.fitted.left_out["service_change"] == "it has a single value"
    # Whether nobody can be scored is decided by what is known, and each of the others is between 0 and 100.
    judged = sample.judging.obligors
    scores = score(made.policy, judged)
    is_unknown = judged[chosen].isna().all(axis=1).to_numpy()
    assert (np.isnan(scores) == is_unknown).all()
    assert is_unknown.any() == (name == "no-bill")
    assert 0 <= np.nanmin(scores) <= np.nanmax(scores) <= 100
    # The grades hold all obligors with a score, the indeterminate ones too, and their rates are true of them.
    assert sum(one.observed for one in made.grades) == (~is_unknown).sum()
    came = judged.loc[~is_unknown, "is_default"].mean()
    stated = sum(one.observed * one.expected_rate for one in made.grades) / (~is_unknown).sum()
    assert stated == pytest.approx(came, rel=0.15)
    assert ("cross-validated" in [one.part for one in made.judged]) == (name == "two")
    assert any("defaulted, above" in line for line in made.verdict.lines) == (name == "frequent")
    if name == "two":
        # Everybody in the parts of the card, and in its grades.
        (part,) = facts["parts"]
        assert part["observed"] + part["indeterminate"] == len(judged)
        assert part["indeterminate"] > 0

    # The card says what the folder says, to the hundredth.
    of_folder = {row["indicator"]: row for row in made.policy.tables["indicators"]}
    for one in facts["indicators"]:
        row = of_folder[one["indicator"]]
        assert (one["weight"], one["missing_points"]) == (float(row["weight"]), float(row["missing_points"]))
    number = propose(made.policy, made.base.header.version, METHOD, facts, settings)
    proposal = read_proposal(number, settings)
    assert f"**{made.verdict.lines[0]}**" in card_as_markdown(proposal)
    assert "(no value)" in card_as_markdown(proposal)
    assert "<svg" in card_as_html(proposal)
    # Everybody is rated by it before its approval.
    decide(number, "Li Wei", "agreed", is_approved=True, settings=settings)
    load_policies(settings)
    assert rows(settings, "select count(*) from policy.indicators where policy_version = %s", name) == [(len(chosen),)]
    withdraw(number, "Wang", "not yet", settings)
    load_policies(settings)
    assert rows(settings, "select count(*) from policy.indicators where policy_version = %s", name) == [(0,)]


def test_a_second_policy_with_the_same_date_is_not_approved(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No run would go on with both; also where the other was approved while this one was tried."""
    days = [date(2026, 4, 30), date(2026, 5, 31)]
    sample = sample_of({day: made_up(settings, day, 0.1) for day in days}, read_rules(settings), None)
    monkeypatch.setattr(development, "read_sample", lambda _: sample)
    numbers = []
    for name in ("first", "second"):
        made = develop(tmp_path / name, name, NEXT_MONTH, settings)
        numbers.append(propose(made.policy, made.base.header.version, METHOD, facts_of(made), settings))
    with connect(settings) as connection:
        connection.execute("update policy.proposals set changes = '{}' where proposal_id = any(%s)", [numbers])

    def meanwhile(*_: Any, **__: Any) -> None:
        with connect(settings) as connection:
            connection.execute(
                "update policy.proposals set is_approved = true, approver = 'Wang', reason = 'fine', "
                "decided_at = now() where proposal_id = %s",
                [numbers[0]],
            )

    with monkeypatch.context() as tried:
        tried.setattr("gridcredit.policy_changes.proposals.try_policy", meanwhile)
        with pytest.raises(GridCreditError, match=rf"as first does, which is approved: .* withdraw {numbers[0]}"):
            decide(numbers[1], "Li Wei", "agreed", is_approved=True, settings=settings)
    with pytest.raises(GridCreditError, match="as first does, which is approved"):
        decide(numbers[1], "Li Wei", "agreed", is_approved=True, settings=settings)
    load_policies(settings)
    withdraw(numbers[0], "Wang", "the second is better", settings)
    decide(numbers[1], "Li Wei", "agreed", is_approved=True, settings=settings)
    withdraw(numbers[1], "Wang", "the end", settings)


def test_an_outcome_extract_alone(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No window by bills is over. What is reported of the last day is named until it is read. Then a scorecard is
    fitted to it, proposed, approved and withdrawn.
    """
    with pytest.raises(GridCreditError, match=r"no month-end has an outcome yet: window_months \(6\)"):
        read_sample(settings)
    paid_on_time = rows(settings, "select customer_id, on_time_rate_12m from published.feature_library order by 1")
    customers = [one for one, _ in paid_on_time]
    middle = median(rate for _, rate in paid_on_time if rate is not None)
    # Who pays late defaults, but every fifth is the other way round.
    defaults = {
        one: (rate is not None and rate < middle) != (place % 5 == 0) for place, (one, rate) in enumerate(paid_on_time)
    }
    lines = [f"{one},{SMALL_DAY},{str(defaults[one]).lower()}" for one in customers]
    (tmp_path / "outcome.csv").write_text("\n".join(["customer_id,as_of_date,defaulted", *lines, ""]))
    load(tmp_path, settings, ("outcome",))
    with connect(settings) as connection:
        (unread,) = unused_outcomes(connection)
    assert unread == f"{len(customers)} delivered outcomes no build has read yet: run `gridcredit run`."
    pipeline.build_ratings("with outcomes", SMALL_DAY, settings)
    build_outcomes(settings)
    rated = dict(rows(settings, "select customer_id, grade_by_policy from published.customer_rating"))
    wanted = {one: defaults[one] for one in customers if rated[one] != "NR"}
    few = read_rules(settings)
    few = few.model_copy(update={"fit": few.fit.model_copy(update={"min_defaults": 10})})
    monkeypatch.setattr(sampling, "read_rules", lambda _: few)
    sample = read_sample(settings)
    assert sample.out_of_time is None
    assert sample.fitted.month_ends == [SMALL_DAY]
    found = dict(zip(sample.fitted.frame["customer_id"], sample.fitted.frame["is_default"], strict=True))
    assert found == wanted
    assert len(found) > 40
    made = calibrate_policy(tmp_path / "own", "own-1", NEXT_MONTH, settings)
    assert sum(one.observed for one in made.rates) == len(wanted)
    fitted = develop(tmp_path / "alone", "alone-1", NEXT_MONTH, settings)
    assert [one.part for one in fitted.judged] == ["fitted on", "cross-validated"]
    assert fitted.judged[0].fitted.auc.value > 0.7
    (not_rated,) = fitted.notes
    assert not_rated.startswith(
        f"{len(customers) - len(wanted)} delivered outcomes are of customers whom the policy did"
    )
    with connect(settings) as connection, connection.transaction(force_rollback=True):
        # As if the supplier had taken them back.
        connection.execute("update staging.stg_outcome set is_deleted = true")
        assert unused_outcomes(connection) == []
    with monkeypatch.context() as strict:
        many = few.model_copy(update={"fit": few.fit.model_copy(update={"min_defaults": 1000})})
        strict.setattr(sampling, "read_rules", lambda _: many)
        with pytest.raises(GridCreditError, match=rf"defaults are too few .*\. {not_rated[:30]}"):
            read_sample(settings)
    number = propose(fitted.policy, fitted.base.header.version, METHOD, facts_of(fitted), settings)
    decide(number, "Li Wei", "agreed", is_approved=True, settings=settings)
    load_policies(settings)
    withdraw(number, "Wang", "one day alone", settings)
    assert read_proposal(number, settings).status == "withdrawn"
    assert rows(settings, "select count(*) from policy.indicators where policy_version = 'alone-1'") == [(0,)]
    # The grades of month-ends are counted without it: it is only what was reported.
    assert rows(settings, "select count(*) from evaluation.outcome_by_grade where as_of_date = %s", SMALL_DAY) == [(0,)]
