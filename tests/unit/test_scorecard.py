"""Fitting, scoring and weighing on samples made up for the purpose: what is fitted, and what is refused."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gridcredit.cli import policies
from gridcredit.cli.app import app
from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.evaluation.figures import (
    Interval,
    Power,
    calibration_p,
    effective_size,
    pooled_calibration_p,
    power,
    stability_index,
)
from gridcredit.evaluation.scorecards import develop as develop_module
from gridcredit.evaluation.scorecards.calibrate import Calibration, calibrate, cut_grades, default_rates
from gridcredit.evaluation.scorecards.calibration import GradeRate, as_written, shrunk_rate
from gridcredit.evaluation.scorecards.card import card_as_markdown
from gridcredit.evaluation.scorecards.facts import METHOD, facts_of
from gridcredit.evaluation.scorecards.fit import Fitted, fit_scorecard, log_odds
from gridcredit.evaluation.scorecards.policy_folder import _whole_hundredths, scorecard_tables, write_policy
from gridcredit.evaluation.scorecards.sample import Part, Sample, split_month_ends
from gridcredit.evaluation.scorecards.score import score
from gridcredit.evaluation.scorecards.verdict import Judged, cross_validate, judge
from gridcredit.evaluation.scorecards.weights import (
    combine,
    compare_pairs,
    entropy_weights,
    read_hierarchy,
    weighted_tables,
)
from gridcredit.policies.evaluation_rules import EvaluationRules, read_rules
from gridcredit.policies.folder import Policy, read_folder
from gridcredit.policies.store import read_policy
from gridcredit.policy_changes.model_card import ModelCard, read_card, write_card
from gridcredit.policy_changes.proposals import Proposal, refuse_worse
from gridcredit.settings import PROJECT_DIR, Settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.support import oracle

DEFAULT = PROJECT_DIR / "policies" / "default" / "1.0"
CANDIDATES = ["on_time_rate_12m", "overdue_months", "avg_days_late_12m", "tenure", "service_change"]


@pytest.fixture(scope="module")
def base() -> Policy:
    return read_policy(DEFAULT)


@pytest.fixture(scope="module")
def rules() -> EvaluationRules:
    return read_rules(Settings())


def make_part(customers: int = 6000, seed: int = 1) -> Part:
    """Customers whose log-odds of default are known: two indicators drive them, one repeats another, two say
    nothing.
    """
    rng = np.random.default_rng(seed)
    on_time = rng.beta(5, 2, customers).round(4)
    overdue = rng.exponential(0.7, customers).round(2)
    odds = -1.5 - 3 * (on_time - 0.7) + 0.9 * (overdue - 0.7)
    frame = pd.DataFrame(
        {
            "segment": rng.choice(["residential", "industrial"], customers),
            "on_time_rate_12m": on_time,
            "overdue_months": overdue,
            "avg_days_late_12m": (100 * (1 - on_time) + rng.normal(0, 1, customers)).round(2),
            "tenure": rng.integers(1, 200, customers).astype(float),
            "service_change": np.zeros(customers),
            "is_default": rng.random(customers) < 1 / (1 + np.exp(-odds)),
        }
    )
    return Part(frame)


@pytest.fixture(scope="module")
def part() -> Part:
    return make_part()


@pytest.fixture(scope="module")
def fitted(part: Part, base: Policy, rules: EvaluationRules) -> Fitted:
    return fit_scorecard(part, base, CANDIDATES, rules.fit)


def test_what_drives_default_is_found_and_the_rest_left_out_with_why(fitted: Fitted) -> None:
    names = {one.name for one in fitted.indicators}
    assert "overdue_months" in names
    assert len(names & {"on_time_rate_12m", "avg_days_late_12m"}) == 1
    assert fitted.left_out["service_change"] == "it has a single value"
    assert "information value" in fitted.left_out["tenure"]
    (repeated,) = {"on_time_rate_12m", "avg_days_late_12m"} - names
    assert "says what" in fitted.left_out[repeated]


def test_evidence_and_information_are_those_of_their_definitions(part: Part, fitted: Fitted) -> None:
    defaults = part.defaults
    good = part.observed - defaults
    for one in fitted.indicators:
        information = 0.0
        for each in one.bins:
            of_good, of_bad = (each.observed - each.defaults) / good, each.defaults / defaults
            assert each.weight_of_evidence == pytest.approx(np.log(of_good / of_bad), abs=1e-6)
            information += (of_good - of_bad) * np.log(of_good / of_bad)
        assert one.information_value == pytest.approx(information, abs=1e-6)
        assert one.coefficient < 0
        rates = [each.defaults / each.observed for each in one.bins]
        assert rates == sorted(rates) or rates == sorted(rates, reverse=True)


def test_points_are_a_straight_line_of_the_log_odds(part: Part, fitted: Fitted, base: Policy, tmp_path: Path) -> None:
    tables = scorecard_tables(fitted, base, Settings())
    assert sum(Decimal(row["weight"]) for row in tables["indicators"]) == 100
    policy = write_policy(tmp_path / "new", base, tables, {"version": "v", "effective_from": "2030-01-01"}, Settings())
    scores = score(policy, part.frame)
    slope, offset = np.polyfit(log_odds(fitted, part.frame), scores, 1)
    assert np.abs(scores - (offset + slope * log_odds(fitted, part.frame))).max() < 0.05
    assert scores.min() >= 0
    assert scores.max() <= 100
    # So many points more, and the odds are twice as good: factor = PDO / ln 2.
    assert -slope == pytest.approx(fitted.points_to_double_odds / np.log(2), rel=0.01)
    again = calibrate(scores, part.frame["is_default"].to_numpy())
    assert again.points_to_double_odds == pytest.approx(fitted.points_to_double_odds, rel=0.05)


def test_grades_are_cut_where_probabilities_meet(part: Part, fitted: Fitted, base: Policy) -> None:
    tables = scorecard_tables(fitted, base, Settings())
    policy = Policy(base.folder, base.header, {**base.tables, **tables}, base.sha256)
    calibration = calibrate(score(policy, part.frame), part.frame["is_default"].to_numpy())
    grades, _ = cut_grades(base, calibration)
    rates = {row["grade"]: float(row["probability_of_default"]) for row in base.tables["default_rates"]}
    floors = [float(row["min_score"]) for row in grades]
    assert floors == sorted(floors, reverse=True)
    assert floors[-1] == 0
    for better, worse in pairwise(grades):
        floor = float(better["min_score"])
        if 0.1 < floor < 99.9:
            between = np.sqrt(rates[better["grade"]] * rates[worse["grade"]])
            assert calibration.probability(floor) == pytest.approx(between, rel=0.01)


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_frame_is_scored_as_the_oracle_scores(data: st.DataObject) -> None:
    policy, by_hand = read_policy(DEFAULT), oracle.Policy(DEFAULT)
    segment = data.draw(st.sampled_from(["residential", "commercial", "industrial", "agricultural", "public"]))
    values = {}
    for row in policy.tables["indicators"]:
        name = row["indicator"]
        bounds = [float(one["upper_bound"]) for one in by_hand.rows_of_bins[name] if one["upper_bound"]]
        drawn = st.one_of(st.none(), st.sampled_from(bounds), st.floats(-10, 200).map(lambda one: round(one, 2)))
        values[name] = data.draw(drawn)
    frame = pd.DataFrame([{"segment": segment} | values]).astype(dict.fromkeys(values, "float64"))
    known = [name for name, value in values.items() if value is not None and segment not in by_hand.not_for[name]]
    points = sum((by_hand.points(name, Decimal(str(values[name]))) for name in known), Decimal(0))
    weight = sum((by_hand.weights[name] for name in known), Decimal(0))
    (got,) = score(policy, frame)
    if weight == 0:
        assert np.isnan(got)
    else:
        assert Decimal(str(got)) == oracle.rounded(100 * points / weight, 2)


def test_an_indicator_that_knows_the_outcome_is_named_and_refused(
    part: Part, base: Policy, rules: EvaluationRules
) -> None:
    rng = np.random.default_rng(3)
    knowing = part.frame.assign(tenure=part.frame["is_default"] * 1.0 + rng.normal(0, 0.1, part.observed))
    with pytest.raises(GridCreditError, match=r"tenure \(AUC 1\.000; .*was it known at the month-end\?"):
        fit_scorecard(Part(knowing), base, CANDIDATES, rules.fit)


def test_an_indicator_asked_for_is_not_left_out_in_silence(part: Part, base: Policy, rules: EvaluationRules) -> None:
    with pytest.raises(GridCreditError, match="service_change cannot be fitted: it has a single value"):
        fit_scorecard(part, base, ["overdue_months", "service_change"], rules.fit, asked=True)
    rarely = part.frame.assign(tenure=part.frame["tenure"].where(part.frame.index < 600))
    with pytest.raises(GridCreditError, match="tenure cannot be fitted: it is available of 10%, below 80%"):
        fit_scorecard(Part(rarely), base, ["overdue_months", "tenure"], rules.fit, asked=True)


def test_a_sample_in_which_nothing_separates_is_refused(base: Policy, rules: EvaluationRules) -> None:
    frame = make_part(3000).frame
    frame["is_default"] = np.random.default_rng(5).random(3000) < 0.2
    with pytest.raises(GridCreditError, match="no indicator separates defaults from others"):
        fit_scorecard(Part(frame), base, ["tenure"], rules.fit)


def test_no_window_reaches_into_the_months_that_judge(rules: EvaluationRules) -> None:
    month_ends = [day.date() for day in pd.date_range("2024-01-31", "2025-06-30", freq="ME")]
    fitted_on, judged_on = split_month_ends(month_ends, rules)
    assert judged_on == month_ends[-3:]
    assert fitted_on == [day for day in month_ends if day <= date(2024, 10, 31)]
    # Too short for later months to judge: all are fitted on, and cross-validated. A shorter horizon of its own leaves
    # some.
    assert split_month_ends(month_ends[:7], rules) == (month_ends[:7], [])
    assert split_month_ends(month_ends[:1], rules) == (month_ends[:1], [])
    assert split_month_ends(month_ends[:7], rules, 2) == (month_ends[:3], month_ends[4:7])


# What must be safe in the hands of somebody who is not a statistician (issue 32)


def with_gaps(part: Part) -> Part:
    """The part where an indicator is missing, nearly always of those who default: who has a value is better than the
    mean.
    """
    rng = np.random.default_rng(9)
    gone = rng.random(part.observed) < np.where(part.frame["is_default"], 0.9, 0.01)
    return Part(part.frame.assign(overdue_months=part.frame["overdue_months"].mask(gone)))


def test_points_follow_from_the_coefficients_also_with_missing_values(
    part: Part, base: Policy, rules: EvaluationRules
) -> None:
    """Points = 100 x coefficient x (evidence - least evidence) / sum of the indicators' spans, computed here from the
    card's figures.
    """
    fitted = fit_scorecard(with_gaps(part), base, CANDIDATES, rules.fit)
    assert any(min(b.weight_of_evidence for b in one.bins) > 0 for one in fitted.indicators)
    spans = {
        one.name: -one.coefficient
        * (max(b.weight_of_evidence for b in one.bins) - min(b.weight_of_evidence for b in one.bins))
        for one in fitted.indicators
    }
    written = scorecard_tables(fitted, base, Settings())
    in_policy = {(row["indicator"], row["bin"]): float(row["points"]) for row in written["bins"]}
    for one in fitted.indicators:
        least = min(b.weight_of_evidence for b in one.bins)
        for number, each in enumerate(one.bins, start=1):
            points = 100 * -one.coefficient * (each.weight_of_evidence - least) / sum(spans.values())
            assert each.points == pytest.approx(points, abs=1e-6)
            assert in_policy[one.name, str(number)] == pytest.approx(points, abs=0.011)
    assert sum(one.weight for one in fitted.indicators) == pytest.approx(100)
    weights = {row["indicator"]: float(row["weight"]) for row in written["indicators"]}
    assert all(weights[one.name] == pytest.approx(one.weight, abs=0.011) for one in fitted.indicators)


def test_a_missing_value_has_points_of_its_own(part: Part, base: Policy, rules: EvaluationRules) -> None:
    """Neither the best nor the worst, and the score is a straight line of the log-odds for customers with gaps too.

    The evidence is worked out here: the mean of the bins', by the customers in each.
    """
    gaps = with_gaps(part)
    fitted = fit_scorecard(gaps, base, CANDIDATES, rules.fit)
    tables = scorecard_tables(fitted, base, Settings())
    of_missing = {row["indicator"]: float(row["missing_points"]) for row in tables["indicators"]}
    spans = 0.0
    expected = {}
    for one in fitted.indicators:
        evidence = [each.weight_of_evidence for each in one.bins]
        mean = sum(each.weight_of_evidence * each.observed for each in one.bins) / sum(b.observed for b in one.bins)
        spans += -one.coefficient * (max(evidence) - min(evidence))
        expected[one.name] = -one.coefficient * (mean - min(evidence))
    for name, above_least in expected.items():
        weight = next(float(row["weight"]) for row in tables["indicators"] if row["indicator"] == name)
        assert of_missing[name] == pytest.approx(100 * above_least / spans, abs=0.011)
        assert 0 < of_missing[name] < weight
    policy = Policy(base.folder, base.header, {**base.tables, **tables}, base.sha256)
    scores, odds = score(policy, gaps.frame), log_odds(fitted, gaps.frame)
    is_missing = gaps.frame["overdue_months"].isna().to_numpy()
    assert 100 < is_missing.sum() < part.observed
    slope, offset = np.polyfit(odds[~is_missing], scores[~is_missing], 1)
    assert np.abs(scores - (offset + slope * odds)).max() < 0.05
    assert -slope == pytest.approx(fitted.points_to_double_odds / np.log(2), rel=0.01)


def test_nobody_is_scored_by_what_is_missing_alone(base: Policy) -> None:
    """By hand, of 10 + 4 points: 6 where missing and 4 known give 10 of 14; nothing known gives no score."""
    indicators = [
        {"indicator": name, "dimension": "payment", "weight": weight, "not_for": not_for, "missing_points": missing}
        for name, weight, not_for, missing in (
            ("overdue_months", "10", "industrial", "6"),
            ("bounced_12m", "4", "", ""),
        )
    ]
    policy = Policy(base.folder, base.header, {**base.tables, "indicators": indicators}, base.sha256)
    rows = [("residential", np.nan, 0.0), ("residential", np.nan, np.nan), ("industrial", np.nan, 0.0)]
    frame = pd.DataFrame(rows, columns=["segment", "overdue_months", "bounced_12m"])
    first, second, third = score(policy, frame)
    assert first == pytest.approx(71.43)
    assert np.isnan(second)
    # Where an indicator does not apply nothing is missing.
    assert third == 100


def test_who_lacks_what_the_policy_asks_for_has_no_score(base: Policy) -> None:
    """By hand: of payment's 10 + 5 half must be known, where industry has the 5 alone; points for a missing value are
    no knowledge.
    """
    indicators = [
        {"indicator": name, "dimension": dimension, "weight": weight, "not_for": not_for, "missing_points": missing}
        for name, dimension, weight, not_for, missing in (
            ("overdue_months", "payment", "10", "industrial", "6"),
            ("bounced_12m", "payment", "5", "", ""),
            ("service_change", "stability", "15", "", ""),
        )
    ]
    required = [{"dimension": "payment", "min_share": "0.5"}, {"dimension": "all", "min_share": "0.5"}]
    tables = {**base.tables, "indicators": indicators, "required_weights": required}
    policy = Policy(base.folder, base.header, tables, base.sha256)
    rows = [
        # 10 of payment's 15, but only 10 of all 30; then 25 of 30; then 5 of 15.
        ("residential", 0.0, np.nan, np.nan, False),
        ("residential", 0.0, np.nan, 0.0, True),
        ("residential", np.nan, 0.0, 0.0, False),
        # 5 of 5, and 5 of 20; then 20 of 20.
        ("industrial", np.nan, 0.0, np.nan, False),
        ("industrial", np.nan, 0.0, 0.0, True),
    ]
    frame = pd.DataFrame(rows, columns=["segment", "overdue_months", "bounced_12m", "service_change", "has_score"])
    assert list(~np.isnan(score(policy, frame))) == list(frame["has_score"])
    # Half of it is enough: 15 of 30.
    assert not np.isnan(score(policy, frame.assign(bounced_12m=0.0))[0])
    # And of three bills that are asked for three must have been due; none is known of the last. The third has 5 of
    # payment's 15 still.
    asking = replace(policy, header=base.header.model_copy(update={"least_bills_due": 3}))
    known = frame.assign(bounced_12m=0.0, bills_due_12m=[3.0, 2.0, 4.0, 3.0, np.nan])
    assert list(~np.isnan(score(asking, known.assign(service_change=0.0)))) == [True, False, False, True, False]


def test_a_scorecard_without_what_the_policy_asks_for_is_refused(fitted: Fitted, base: Policy) -> None:
    required = [{"dimension": "payment", "min_share": "0.5"}, {"dimension": "all", "min_share": "0.4"}]
    asking = Policy(base.folder, base.header, {**base.tables, "required_weights": required}, base.sha256)
    scorecard_tables(fitted, asking, Settings())
    of_stability = replace(fitted, indicators=[replace(fitted.indicators[0], name="tenure")])
    with pytest.raises(GridCreditError, match="no payment indicator is in the scorecard.* asks for 0.5 of that"):
        scorecard_tables(of_stability, asking, Settings())


def test_who_has_no_score_is_counted_apart(part: Part, base: Policy) -> None:
    scores = np.linspace(0, 100, part.observed)
    scores[:600] = np.nan
    found = power(scores, part.frame["is_default"].to_numpy())
    assert found is not None
    assert found.observed == part.observed - 600
    nobody = Part(part.frame.assign(**{row["indicator"]: np.nan for row in base.tables["indicators"]}))
    assert np.isnan(score(base, nobody.frame)).all()


def test_bins_hold_a_least_share_of_customers_and_of_defaults(part: Part, base: Policy, rules: EvaluationRules) -> None:
    strict = rules.fit.model_copy(update={"min_bin_share": 0.1, "min_bin_default_share": 0.1})
    # Values that stand for something else, and missing ones: where they are is no matter to the shares.
    rng = np.random.default_rng(6)
    marked = part.frame.assign(
        overdue_months=part.frame["overdue_months"].mask(rng.random(part.observed) < 0.05, 999.0)
    )
    marked["on_time_rate_12m"] = marked["on_time_rate_12m"].mask(rng.random(part.observed) < 0.15)
    for frame in (part.frame, marked):
        fitted = fit_scorecard(Part(frame), base, CANDIDATES, strict)
        for one in fitted.indicators:
            for each in one.bins:
                assert each.observed >= 0.1 * part.observed
                assert each.defaults >= 0.1 * part.defaults
            assert sum(each.observed for each in one.bins) == frame[one.name].notna().sum()


def test_an_indicator_of_one_bin_is_left_out_and_said(part: Part, base: Policy, rules: EvaluationRules) -> None:
    """All that `tenure` knows is that it is missing: no cut of its values says anything."""
    rng = np.random.default_rng(4)
    gone = part.frame["is_default"].to_numpy() & (rng.random(part.observed) < 0.5)
    frame = part.frame.assign(tenure=np.where(rng.random(part.observed) < 0.01, 2.0, 1.0)).assign(
        tenure=lambda rows: rows["tenure"].mask(gone)
    )
    fitted = fit_scorecard(Part(frame), base, CANDIDATES, rules.fit)
    assert fitted.left_out["tenure"].startswith("it has one bin")
    assert all(len(one.bins) > 1 and one.weight >= 0.005 for one in fitted.indicators)
    assert set(CANDIDATES) == {one.name for one in fitted.indicators} | set(fitted.left_out)
    weights = [Decimal(row["weight"]) for row in scorecard_tables(fitted, base, Settings())["indicators"]]
    assert min(weights) > 0
    assert sum(weights) == 100


def test_an_indicator_whose_weight_rounds_to_nothing_keeps_a_hundredth() -> None:
    assert _whole_hundredths({"a": 9999.4, "b": 0.6}) == {"a": 9999, "b": 1}
    thirds = _whole_hundredths(dict.fromkeys("abc", 10_000 / 3))
    assert sum(thirds.values()) == 10_000
    assert max(thirds.values()) - min(thirds.values()) == 1


def test_no_grade_is_beyond_what_a_score_reaches(base: Policy) -> None:
    grades, reported = cut_grades(base, Calibration(intercept=2.5, slope=-0.02))
    floors = [float(row["min_score"]) for row in grades]
    assert max(floors) <= 100
    assert floors == sorted(set(floors), reverse=True)
    assert reported
    assert all("scores go from 0 to 100" in one for one in reported)


def test_an_indicator_that_ranks_well_is_a_question(part: Part, base: Policy, rules: EvaluationRules) -> None:
    rng = np.random.default_rng(3)
    knowing = part.frame.assign(tenure=part.frame["is_default"] * -1.0 + rng.normal(0, 0.35, part.observed))
    with pytest.raises(GridCreditError, match=r"mean .* defaults, .* others.*--trust NAME.*--without NAME"):
        fit_scorecard(Part(knowing), base, ["tenure"], rules.fit)
    fitted = fit_scorecard(Part(knowing), base, ["tenure"], rules.fit, trusted=("tenure",))
    assert [one.name for one in fitted.indicators] == ["tenure"]


@pytest.mark.parametrize("share", [0.01, 0.9])
def test_rare_and_frequent_defaults_are_fitted(
    part: Part, base: Policy, rules: EvaluationRules, tmp_path: Path, share: float
) -> None:
    """The worst by their true odds default, so many of a hundred; one indicator is constant, a tenth has no value at
    all.
    """
    rng = np.random.default_rng(11)
    worse = part.frame["overdue_months"] - 3 * part.frame["on_time_rate_12m"] + rng.normal(0, 1, part.observed)
    frame = part.frame.assign(is_default=worse > worse.quantile(1 - share))
    frame.loc[rng.random(part.observed) < 0.1, CANDIDATES] = np.nan
    fitted = fit_scorecard(Part(frame), base, CANDIDATES, rules.fit)
    tables = scorecard_tables(fitted, base, Settings())
    policy = Policy(base.folder, base.header, {**base.tables, **tables}, base.sha256)
    scores = score(policy, frame)
    calibration = calibrate(scores, frame["is_default"].to_numpy())
    tables["grades"], _ = cut_grades(base, calibration)
    tables["default_rates"] = default_rates(base, tables["grades"], scores, calibration)
    header = {"version": "v", "effective_from": "2030-01-01"}
    made = write_policy(tmp_path / "new", base, tables, header, Settings())
    found = power(score(made, frame), frame["is_default"].to_numpy())
    assert found is not None
    assert found.auc.value > 0.7
    assert found.observed < part.observed
    is_doubtful = any(
        "defaulted, above" in one
        for one in judge([judged(0.8, 0.7)], Part(frame), [1, 1], scores, scores, rules.fit).lines
    )
    assert is_doubtful == (share > 0.5)


def test_a_failed_fit_leaves_no_folder(base: Policy, tmp_path: Path) -> None:
    header = {"version": "v", "effective_from": "2030-01-01"}
    with pytest.raises(PolicyError):
        write_policy(tmp_path / "new", base, {"grades": base.tables["grades"][1:]}, header, Settings())
    assert list(tmp_path.iterdir()) == []


def judged(fitted_auc: float, base_auc: float) -> Judged:
    both = [
        Power(1000, 100, Interval(one, one - 0.02, one + 0.02), Interval(0.4, 0.3, 0.5))
        for one in (fitted_auc, base_auc)
    ]
    return Judged("out of time", both[0], both[1], 0)


def test_worse_is_said_first_and_not_proposed(part: Part, rules: EvaluationRules) -> None:
    scores = np.linspace(0, 100, part.observed)
    worse = judge([judged(0.695, 0.723)], part, [500, 500], scores, scores, rules.fit)
    assert worse.lines[0].startswith("WORSE than the policy in force: AUC 0.695")
    with pytest.raises(GridCreditError, match=r"not proposed: WORSE .*--even-if-worse"):
        refuse_worse({"verdicts": worse.lines, "is_worse": worse.is_worse})
    better = judge([judged(0.723, 0.695)], part, [500, 500], scores, scores, rules.fit)
    refuse_worse({"verdicts": better.lines, "is_worse": better.is_worse})
    assert len(better.lines) == 1


def test_a_verdict_that_chance_may_have_decided_says_so(part: Part, rules: EvaluationRules) -> None:
    """Better out of time by 24 defaults, and worse out of sample: both follow the first line."""
    scores = np.linspace(0, 100, part.observed)
    before, last = judged(0.881, 0.924), judged(0.852, 0.841)
    last = replace(last, fitted=replace(last.fitted, defaults=24))
    found = judge([replace(before, part="out of sample"), last], part, [500, 500], scores, scores, rules.fit)
    assert found.lines[0].startswith("Ranks at least as well")
    assert found.lines[1] == "Few defaults: only 24 judge it, so chance may have decided."
    assert found.lines[2] == "Doubtful: out of sample it ranks worse, AUC 0.881 and 0.924 by the policy in force."


def carded(base: Policy, folder: Path, *, is_worse: bool) -> Policy:
    """A policy folder with a model card beside it."""
    shutil.copytree(base.folder, folder)
    header = (folder / "policy.yml").read_text().replace(base.header.version, "fitted-1")
    (folder / "policy.yml").write_text(header)
    policy = read_folder(folder)
    facts = {"verdicts": ["WORSE than the policy in force: AUC 0.568."], "is_worse": is_worse}
    write_card(policy, ModelCard("fitted scorecard", base.header.version, facts))
    return policy


def test_a_folder_that_ranks_worse_is_not_proposed_by_hand(base: Policy, tmp_path: Path) -> None:
    """32.5: fitting refused to propose it; so does proposing the folder that it left."""
    carded(base, tmp_path / "fitted", is_worse=True)
    done = CliRunner().invoke(app, ["policy", "propose", str(tmp_path / "fitted")])
    assert done.exit_code == 1
    assert "not proposed: WORSE than the policy in force: AUC 0.568." in " ".join(done.output.split())


def test_it_is_where_somebody_says_so(base: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carded(base, tmp_path / "fitted", is_worse=True)
    proposed: list[tuple[str, str]] = []
    monkeypatch.setattr(policies, "prepare_quietly", lambda _settings: None)
    monkeypatch.setattr(
        policies, "store_proposal", lambda policy, card, _: proposed.append((policy.header.version, card.method))
    )
    done = CliRunner().invoke(app, ["policy", "propose", str(tmp_path / "fitted"), "--even-if-worse"])
    assert (done.exit_code, proposed) == (0, [("fitted-1", "fitted scorecard")]), done.output


def test_the_card_of_a_folder_is_of_its_files(base: Policy, tmp_path: Path) -> None:
    policy = carded(base, tmp_path / "fitted", is_worse=False)
    card = read_card(policy)
    assert card
    assert (card.method, card.base_version, card.facts["is_worse"]) == ("fitted scorecard", "default-1.0", False)
    limits = tmp_path / "fitted" / "limits.csv"
    limits.write_text(limits.read_text().replace("AAA,3,", "AAA,4,"))
    with pytest.raises(PolicyError, match="changed after fitted scorecard had made it"):
        read_card(read_folder(tmp_path / "fitted"))
    (tmp_path / "fitted" / "model_card.json").write_text("[]")
    with pytest.raises(PolicyError, match="is no model card"):
        read_card(policy)
    (tmp_path / "fitted" / "model_card.json").unlink()
    assert read_card(policy) is None


def test_what_is_asked_for_twice_counts_once_and_nothing_is_refused(
    part: Part, base: Policy, rules: EvaluationRules
) -> None:
    once = fit_scorecard(part, base, CANDIDATES, rules.fit)
    assert [one.name for one in fit_scorecard(part, base, CANDIDATES * 2, rules.fit).indicators] == [
        one.name for one in once.indicators
    ]
    for nothing in ([], ["constant"]):
        frame = part.frame.assign(constant=1.0)
        with pytest.raises(GridCreditError, match="no indicator separates defaults"):
            fit_scorecard(Part(frame), base, nothing, rules.fit)


def test_doubtful_outcomes_spread_and_drift_are_said_with_figures(part: Part, rules: EvaluationRules) -> None:
    scores = np.linspace(0, 100, part.observed)
    many = Part(part.frame.assign(is_default=np.arange(part.observed) % 100 < 88))
    lines = judge([judged(0.8, 0.7)], many, [95, 5], scores, scores / 10, rules.fit).lines
    assert any("88% defaulted" in one for one in lines)
    assert any("95% of those who are judged fall in one grade" in one for one in lines)
    assert any(one.startswith("Drift: PSI") for one in lines)
    # A default rate counts all obligors: as many again are neither good nor bad.
    neither = Part(many.frame, many.frame.assign(is_default=False))
    assert not any(
        "defaulted" in one for one in judge([judged(0.8, 0.7)], neither, [1, 1], scores, scores, rules.fit).lines
    )


def test_an_empty_bin_gives_a_finite_index() -> None:
    """By hand: (0.5 - 0.0001) x ln(5000) for the bin that was empty, (0.5 - 1) x ln(0.5) for the other."""
    by_hand = (0.5 - 0.0001) * np.log(0.5 / 0.0001) + (0.5 - 1) * np.log(0.5)
    assert stability_index([50, 50], [0, 100]) == pytest.approx(by_hand)


def test_each_customer_is_judged_by_a_fit_on_the_others(part: Part, base: Policy, rules: EvaluationRules) -> None:
    frame = part.frame.assign(customer_id=[f"C{number % 3000}" for number in range(part.observed)])
    ahead = cross_validate(Part(frame), base, ["overdue_months", "on_time_rate_12m"], rules.fit)
    assert not np.isnan(ahead).any()
    found = power(ahead, frame["is_default"].to_numpy())
    assert found is not None
    assert found.auc.value > 0.6
    # Of whom nothing is known no fit says anything.
    is_blank = np.random.default_rng(7).random(part.observed) < 0.1
    blank = frame.assign(**{name: frame[name].mask(is_blank) for name in CANDIDATES})
    ahead = cross_validate(Part(blank), base, ["overdue_months", "on_time_rate_12m"], rules.fit)
    assert (np.isnan(ahead) == is_blank).all()


def test_a_fold_asks_no_question_that_the_whole_has_answered(part: Part, base: Policy, rules: EvaluationRules) -> None:
    """An indicator just below the bound on the whole is above it without some fold; what fails there names the fold."""
    frame = part.frame.assign(customer_id=[f"C{number}" for number in range(part.observed)])
    alone = power(-frame["overdue_months"].to_numpy(), frame["is_default"].to_numpy())
    assert alone is not None
    just_below = rules.fit.model_copy(update={"max_auc_alone": alone.auc.value + 1e-6})
    fit_scorecard(Part(frame), base, ["overdue_months"], just_below)
    assert not np.isnan(cross_validate(Part(frame), base, ["overdue_months"], just_below)).any()
    with pytest.raises(GridCreditError, match=r"without fold 1 of 5 .*: no indicator separates"):
        cross_validate(Part(frame), base, ["tenure"], rules.fit)


def made_sample(part: Part, base: Policy) -> Sample:
    """Fitted on the first half, judged out of time on the second."""
    frame = part.frame.assign(
        customer_id=[f"C{number}" for number in range(part.observed)], region="north", as_of_date=date(2026, 1, 31)
    )
    unknown = [row["indicator"] for row in base.tables["indicators"] if row["indicator"] not in frame]
    frame = frame.assign(**dict.fromkeys(unknown, np.nan))
    half = part.observed // 2
    return Sample(Part(frame[:half].reset_index(drop=True)), None, Part(frame[half:].reset_index(drop=True)), {})


@pytest.fixture
def without_warehouse(monkeypatch: pytest.MonkeyPatch, base: Policy) -> pytest.MonkeyPatch:
    monkeypatch.setattr(develop_module, "policy_in_force", lambda *_: base)
    monkeypatch.setattr(develop_module, "connect", lambda _: nullcontext())
    monkeypatch.setattr(develop_module, "unused_outcomes", lambda _: [])
    return monkeypatch


def test_a_fit_that_fails_late_leaves_no_folder(
    part: Part, base: Policy, tmp_path: Path, without_warehouse: pytest.MonkeyPatch
) -> None:
    """Nobody out of time has a score: the verdict says so first. Where nothing at all can be judged, or the
    cross-validation fails, no folder is there.
    """
    sample = made_sample(part, base)
    assert sample.out_of_time is not None
    blank = sample.out_of_time.frame.assign(**dict.fromkeys(CANDIDATES, np.nan))
    unjudged = replace(sample, out_of_time=Part(blank))
    without_warehouse.setattr(develop_module, "read_sample", lambda _: unjudged)
    arguments: dict[str, Any] = {"indicators": CANDIDATES[:4]}
    made = develop_module.develop(tmp_path / "one", "one", date(2030, 1, 1), Settings(), **arguments)
    assert made.verdict.is_worse
    assert made.verdict.lines[0].startswith("NOT JUDGED out of time")
    assert made.policy.folder == tmp_path / "one"
    # The card says first what could not be judged, and which attributes are used.
    facts = facts_of(made)
    proposal = Proposal(
        *(7, "default", "one", "default-1.0", date(2030, 1, 1), METHOD, facts, None),
        *(datetime(2026, 6, 1, tzinfo=UTC), None, None, None, None),
    )
    assert "**NOT JUDGED out of time" in card_as_markdown(proposal)
    assert "No protected attribute is used. Nor is any other:" in card_as_markdown(proposal)
    facts["indicators"][0]["indicator"] = "attribute_direct_debit"
    assert "No protected attribute is used. Attributes that are used: attribute_direct_debit." in card_as_markdown(
        proposal
    )
    with pytest.raises(PolicyError, match="cannot be a name"):
        develop_module.develop(tmp_path / "a'b", "a'b", date(2030, 1, 1), Settings(), **arguments)
    without_warehouse.setattr(develop_module, "_judge", lambda *_: None)
    with pytest.raises(GridCreditError, match="neither can be judged"):
        develop_module.develop(tmp_path / "two", "two", date(2030, 1, 1), Settings(), **arguments)
    assert [one.name for one in tmp_path.iterdir()] == ["one"]


def test_a_withdrawal_is_told_by_who_withdrew() -> None:
    decided, withdrawn = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC)
    open_one = Proposal(
        *(7, "default", "own-1", "default-1.1", date(2026, 8, 1), "by hand", {}, None, decided, None, None, None, None)
    )
    approved = replace(open_one, is_approved=True, approver="Li Wei", reason="agreed", decided_at=decided)
    taken_back = replace(approved, withdrawn_by="Wang", withdrawn_reason="too early", withdrawn_at=withdrawn)
    told = {
        "Status: open.": open_one,
        "Status: approved by Li Wei on 2026-06-01: agreed.": approved,
        "Status: withdrawn by Wang on 2026-07-02: too early.": taken_back,
    }
    for line, proposal in told.items():
        assert line in card_as_markdown(proposal).splitlines()


def test_month_ends_of_one_customer_are_worth_one() -> None:
    """Ten month-ends that all say the same are one observation; ten customers with one each are ten."""
    assert effective_size([(10, 10), (10, 0)] * 50) == pytest.approx(100, rel=0.02)
    assert effective_size([(1, 1), (1, 0)] * 50) == pytest.approx(100, rel=0.02)
    assert effective_size([(10, 0)] * 40) == pytest.approx(40)
    alone = [(1, 1)] * 10 + [(1, 0)] * 90
    assert pooled_calibration_p(alone, 0.1) == pytest.approx(calibration_p(100, 10, 0.1), abs=0.05)
    # One month-end cannot distinguish 10 % from 14 %; twelve of other customers can, twelve of the same ones cannot.
    fresh = [(1, 1)] * 120 + [(1, 0)] * 1080
    again = [(12, 12)] * 10 + [(12, 0)] * 90
    assert (pooled_calibration_p(fresh, 0.14) or 0) < 0.001
    assert (pooled_calibration_p(again, 0.14) or 0) > 0.1


def test_thin_history_leans_on_the_policy() -> None:
    """100 customers of the policy's beside n of history: (100 x 0.02 + n x 0.2) / (100 + n)."""
    for customers in (10, 1000):
        counts = [(1, 1)] * (customers // 5) + [(1, 0)] * (customers - customers // 5)
        found = shrunk_rate("A", 0.02, counts).now
        size = effective_size(counts)
        assert found.value == pytest.approx((100 * 0.02 + size * 0.2) / (100 + size))
    assert shrunk_rate("A", 0.02, []).now.value == pytest.approx(0.02)


def test_the_rates_that_are_shown_are_those_that_are_written(base: Policy) -> None:
    """By hand: 10 + 100 customers with 10 % and 90 + 100 with 5 % are 20.5 of 300, however often the ten came."""
    sizes = {"AAA": (1000, 10.0, 0.1), "AA": (90, 90.0, 0.05), "D": (0, 0.0, 0.00001)}
    rates = [
        GradeRate(row["grade"], 0.5, observed, observed, 0, size, Interval(value, value - 0.00001, value + 0.00001))
        for row in base.tables["default_rates"]
        for observed, size, value in [sizes.get(row["grade"], (0, 0.0, 0.2))]
    ]
    found = {one.grade: one.now for one in as_written(base, rates)}
    assert found["AAA"].value == found["AA"].value == 0.0683
    # They hold the rate that is written.
    assert all(one.lower <= one.value <= one.upper for one in found.values())
    assert found["AA"].lower == pytest.approx(0.04999)
    # The others: five with 20 % and the worst with 0.001 %, one beside the other, five sixths of 20 %.
    assert found["B"].value == found["D"].value == 0.1667
    assert found["NR"].value == 0.2
    least = as_written(base, [replace(one, now=Interval(0, 0, 0)) for one in rates])
    assert {one.now for one in least} == {Interval(0.0001, 0, 0.0001)}


# Weights by method


def test_comparisons_of_a_textbook_case() -> None:
    """A consistent matrix gives its own ratios back; Saaty's example of a car gives weights known from the
    literature.
    """
    consistent = compare_pairs(["a", "b", "c"], np.array([[1, 2, 4], [1 / 2, 1, 2], [1 / 4, 1 / 2, 1]]))
    assert list(consistent.weights.values()) == pytest.approx([4 / 7, 2 / 7, 1 / 7])
    assert consistent.consistency_ratio == pytest.approx(0, abs=1e-9)
    known = compare_pairs(["a", "b", "c"], np.array([[1, 3, 5], [1 / 3, 1, 3], [1 / 5, 1 / 3, 1]]))
    assert list(known.weights.values()) == pytest.approx([0.637, 0.258, 0.105], abs=0.001)
    assert known.consistency_ratio == pytest.approx(0.033, abs=0.001)


def test_eleven_indicators_are_compared() -> None:
    """As many as the default policy has of payment; all alike, they have a weight each."""
    names = [f"i{number}" for number in range(11)]
    found = compare_pairs(names, np.ones((11, 11)))
    assert found.consistency_ratio == pytest.approx(0, abs=1e-9)
    assert list(found.weights.values()) == pytest.approx([1 / 11] * 11)


def test_comparisons_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(PolicyError, match=r"contradict each other: consistency ratio"):
        compare_pairs(["a", "b", "c"], np.array([[1, 5, 1 / 5], [1 / 5, 1, 5], [5, 1 / 5, 1]]))
    with pytest.raises(PolicyError, match="must be reciprocal"):
        compare_pairs(["a", "b"], np.array([[1, 3], [3, 1]]))
    with pytest.raises(PolicyError, match="must be 2 x 2"):
        compare_pairs(["a", "b"], np.array([[1.0]]))


def test_a_hierarchy_gives_a_policy_with_other_weights(base: Policy, tmp_path: Path) -> None:
    names: dict[str, list[str]] = {}
    for row in base.tables["indicators"]:
        names.setdefault(row["dimension"], []).append(row["indicator"])
    path = tmp_path / "comparisons.yml"
    lines = []
    for what, members in {"dimensions": list(names), **names}.items():
        matrix = [[f"{other}/{one}" for other in range(1, len(members) + 1)] for one in range(1, len(members) + 1)]
        lines.append(f"{what}: {{names: [{', '.join(members)}], matrix: {str(matrix)!s}}}")
    path.write_text("\n".join(lines))
    weights = read_hierarchy(path, base)
    # Consistent by construction: the first counts n/1 times what the last does.
    dimensions = list(names)
    share = {name: 1 / place for place, name in enumerate(dimensions, start=1)}
    of_first = sum(weights[name] for name in names[dimensions[0]])
    assert of_first == pytest.approx(share[dimensions[0]] / sum(share.values()))
    policy = write_policy(
        tmp_path / "weighted",
        base,
        weighted_tables(base, weights),
        {"version": "w", "effective_from": "2030-01-01"},
        Settings(),
    )
    assert sum(Decimal(row["weight"]) for row in policy.tables["indicators"]) == 100
    path.write_text(lines[0])
    with pytest.raises(PolicyError, match="is not compared"):
        read_hierarchy(path, base)


def test_entropy_gives_weight_to_what_differs(base: Policy) -> None:
    names = [row["indicator"] for row in base.tables["indicators"]]
    frame = pd.DataFrame({name: [np.nan] * 4 for name in names} | {"segment": ["residential"] * 4}).astype(
        dict.fromkeys(names, "float64")
    )
    # Full points for all; and full points for one of four.
    frame["on_time_rate_12m"] = 1.0
    frame["overdue_months"] = [0.0, 99, 99, 99]
    weights = entropy_weights(base, frame)
    worst = min(Decimal(row["points"]) for row in base.tables["bins"] if row["indicator"] == "overdue_months")
    assert worst == 0
    # One has all of it: the sum of p ln p is 0, the entropy 0, and the indicator says all there is.
    assert weights["overdue_months"] == pytest.approx(1)
    assert weights["on_time_rate_12m"] == pytest.approx(0)
    half = combine({"a": 0.8, "b": 0.2}, {"a": 0.2, "b": 0.8}, 0.25)
    assert half == pytest.approx({"a": 0.65, "b": 0.35})
