"""Outcomes, scorecards, proposals and the watch on a real warehouse, against what the deliveries say by themselves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
from gridcredit.contract.features import features
from gridcredit.errors import GridCreditError
from gridcredit.evaluation.outcomes import build_outcomes
from gridcredit.evaluation.page import write_watch
from gridcredit.evaluation.scorecards.card import card_as_html, card_as_markdown
from gridcredit.evaluation.scorecards.develop import Development, develop
from gridcredit.evaluation.scorecards.facts import METHOD, facts_of
from gridcredit.evaluation.scorecards.sample import read_sample, unused_outcomes
from gridcredit.evaluation.scorecards.score import score
from gridcredit.evaluation.scorecards.weighting import weigh
from gridcredit.evaluation.watch import describe_breaches, note_breaches, watch
from gridcredit.operations import pipeline
from gridcredit.policies.store import load_policies, read_policy
from gridcredit.policy_changes.effects import compare, describe_proposal
from gridcredit.policy_changes.proposals import decide, list_proposals, propose, read_proposal
from gridcredit.policy_changes.simulation import simulate_policy
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect, warehouse_url
from gridcredit.warehouse.reading.access import add_reader
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sklearn.metrics import roc_auc_score

from tests.support import account_engine, oracle, shipped
from tests.support.builders import EVALUATED_DAY as LAST_DAY
from tests.support.builders import REPORTED_OUTCOMES
from tests.support.delivered import as_oracles_read, read_rows
from tests.support.depth import few_or_many
from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

NEW_FROM = date(2026, 6, 20)


@dataclass(frozen=True)
class Rated:
    """A warehouse with 24 month-ends rated, and the files behind it."""

    settings: Settings
    folder: Path


@pytest.fixture(scope="module")
def rated(new_warehouse: WarehouseFactory, evaluated: Prepared) -> Rated:
    return Rated(new_warehouse(evaluated), evaluated.files)


@pytest.fixture(scope="module")
def made(rated: Rated, tmp_path_factory: pytest.TempPathFactory) -> Development:
    return develop(tmp_path_factory.mktemp("policy") / "fitted", "fitted-1", NEW_FROM, rated.settings)


@pytest.fixture(scope="module")
def ledger(rated: Rated) -> oracle.Ledger:
    names = ("customer", "bill", "payment", "meter", "meter_reading", "dispute", *oracle.CONDUCT)
    return as_oracles_read(read_rows([rated.folder / f"{name}.csv" for name in names]))[0]


def first_days_so_old(ledger: oracle.Ledger, customer_id: str, days_overdue: int) -> list[date]:
    """For each bill the first day at whose end it was overdue by more days, and all of the customer's bills so old were
    worth pursuing: what was not paid of them, and not contested.
    """
    facts = ledger.accounts_of(customer_id)
    # One that was cancelled unpaid was never owed.
    bills = {
        state.bill.bill_id: state.bill.due_on + timedelta(days=days_overdue + 1)
        for state in oracle.bills_as_of(ledger, customer_id, LAST_DAY)
        if state.judged > 0
    }
    late = [
        bills[state.bill.bill_id]
        for state in oracle.bills_as_of(ledger, customer_id, LAST_DAY)
        if state.bill.bill_id in bills and (not state.settled_on or state.settled_on > bills[state.bill.bill_id])
    ]
    found: dict[str, date] = {}
    for day in sorted({*facts.book.dates, *bills.values()} if late else ()):
        if min(late) <= day <= LAST_DAY:
            then = account_engine.bills_as_of(facts, day)
            old = [then[bill] for bill, on in bills.items() if on <= day and bill in then]
            # What was written off and not recovered was not paid either.
            unpaid = {
                one.bill_id: max(one.open - one.contested, oracle.ZERO) + one.written_off - one.recovered for one in old
            }
            owed = {bill: amount for bill, amount in unpaid.items() if amount > 0}
            if sum(owed.values()) >= oracle.PURSUED_FROM:
                found = dict.fromkeys(owed, day) | found
    return list(found.values())


@pytest.mark.deep
def test_outcomes_are_what_the_bills_say(rated: Rated, ledger: oracle.Ledger) -> None:
    """Default: a debt worth pursuing that is 61 days overdue, within six months; late: 31 days, and no default."""
    got = {
        (day, customer): (exclusion, outcome, grade)
        for day, customer, exclusion, outcome, grade in rows(
            rated.settings,
            "select as_of_date, customer_id, exclusion, outcome, grade_by_policy from outcomes.outcome "
            "where as_of_date < %s",
            LAST_DAY,
        )
    }
    days = sorted({day for day, _ in got})
    assert len(days) == 24
    seen: Counter[str | None] = Counter()
    for customer in ledger.customers[:: few_or_many(2, 1)]:
        starts = {days: first_days_so_old(ledger, customer.customer_id, days) for days in (30, 60)}
        for day in days:
            if (day, customer.customer_id) not in got or (
                customer.customer_id in REPORTED_OUTCOMES and day == date(2025, 6, 30)
            ):
                continue
            exclusion, outcome, grade = got[day, customer.customer_id]
            ends = oracle.month_end_after(day, 6)

            def late(days_overdue: int, after: date = day, until: date = ends) -> bool:
                return any(after < on <= until for on in starts[days_overdue])  # noqa: B023 - called within the round

            then = oracle.payment_features(ledger, customer.customer_id, day)["max_days_overdue"]
            if grade == "NR":
                want: tuple[str | None, str | None] = ("not rated", None)
            elif then is not None and then > 60:
                want = ("in default already", None)
            elif ends > LAST_DAY:
                want = ("window not over", None)
            else:
                want = (None, "default" if late(60) else "indeterminate" if late(30) else "no default")
            assert (exclusion, outcome) == want, (customer.customer_id, day)
            seen[want[0] or want[1]] += 1
    assert all(seen[one] > 20 for one in ("default", "indeterminate", "no default", "in default already"))
    # Six months after a month's end end on a month's end too.
    query = "select max(window_ends_on) from outcomes.outcome where as_of_date = '2025-02-28'"
    assert rows(rated.settings, query) == [(date(2025, 8, 31),)]


def test_a_suppliers_own_word_comes_first(rated: Rated) -> None:
    reported = rows(
        rated.settings,
        "select customer_id, outcome from outcomes.outcome where as_of_date = '2025-06-30' and customer_id = any(%s) "
        "order by 1",
        list(REPORTED_OUTCOMES),
    )
    assert reported == [(REPORTED_OUTCOMES[0], "default"), (REPORTED_OUTCOMES[1], "no default")]


def test_what_is_reported_of_the_last_day_alone_does_not_count_beside_month_ends(rated: Rated) -> None:
    """One customer is reported, in default: as a cohort of its own it would be one of which everybody defaults."""
    of_last_day = rows(
        rated.settings,
        "select customer_id, exclusion, outcome from outcomes.outcome where as_of_date = %s",
        LAST_DAY,
    )
    assert of_last_day == [(REPORTED_OUTCOMES[0], "last day", None)]
    with connect(rated.settings) as connection:
        (unused,) = unused_outcomes(connection)
    assert unused.startswith("1 delivered outcomes are of the last day")
    assert LAST_DAY not in [day for part in read_sample(rated.settings).parts.values() for day in part.month_ends]


def test_vintages_and_grades_count_the_outcomes(rated: Rated) -> None:
    frame = pd.DataFrame(
        rows(
            rated.settings,
            "select as_of_date, grade_by_policy, outcome, exclusion, defaulted_on from outcomes.outcome",
        ),
        columns=["day", "grade", "outcome", "exclusion", "on"],
    )
    day = date(2026, 1, 31)
    cohort = frame[(frame["day"] == day) & (frame["exclusion"].isna() | (frame["exclusion"] == "window not over"))]
    for months, customers, defaults in rows(
        rated.settings,
        "select months_after, customers, defaults from evaluation.vintage where as_of_date = %s order by 1",
        day,
    ):
        until = oracle.month_end_after(day, months)
        within = [on for on in cohort["on"] if on is not None and not pd.isna(on) and on <= until]
        assert (customers, defaults) == (len(cohort), len(within))
    counted = rows(
        rated.settings,
        "select as_of_date, grade, sum(observed)::int, sum(defaults)::int from evaluation.outcome_by_grade group by 1, "
        "2",
    )
    # All obligors are in the denominator, those who were neither good nor bad too.
    wanted = frame[frame["outcome"].notna()].groupby(["day", "grade"])["outcome"]
    for day, grade, observed, defaults in counted:
        group = wanted.get_group((day, grade)) if (day, grade) in wanted.groups else pd.Series(dtype=str)
        assert (observed, defaults) == (len(group), int((group == "default").sum()))


def test_vintages_by_month_of_opening(rated: Rated, ledger: oracle.Ledger) -> None:
    """From the files: whose contract began in a month, and the first day on which a debt was 61 days overdue."""
    first_bill = min(bill.issued_on for own in ledger.bills_of.values() for bill in own)
    cohorts: dict[date, list[date | None]] = {}
    for customer in ledger.customers:
        opened = customer.opened_on.replace(day=1)
        defaults = first_days_so_old(ledger, customer.customer_id, 60)
        if opened >= first_bill.replace(day=1):
            cohorts.setdefault(opened, []).append(min(defaults, default=None))
    want = {}
    for opened, firsts in cohorts.items():
        for months in range(1, 25):
            end = oracle.add_months(opened, months + 1) - timedelta(days=1)
            if end <= LAST_DAY:
                want[opened, months] = (len(firsts), sum(on is not None and on <= end for on in firsts))
    got = rows(rated.settings, "select opened_month, months_after, customers, defaults from evaluation.opening_vintage")
    assert {(opened, months): (customers, defaults) for opened, months, customers, defaults in got} == want
    assert sum(defaults for *_, defaults in got) > 0


def test_no_customer_is_fitted_on_and_judged_out_of_sample(made: Development) -> None:
    sample = made.sample
    assert sample.out_of_sample is not None
    assert not set(sample.fitted.frame["customer_id"]) & set(sample.out_of_sample.frame["customer_id"])
    last_fitted, first_judged = sample.fitted.month_ends[-1], sample.judging.month_ends[0]
    assert oracle.add_months(last_fitted, 6) <= first_judged + timedelta(days=1)
    assert made.judged[0].fitted.auc.value > 0.6


def test_sql_scores_every_customer_as_python_does(rated: Rated, made: Development) -> None:
    names = list(features(rated.settings))
    found: dict[str, Any] = {}

    def read(connection: Any) -> None:
        found["scores"] = dict(
            connection.execute(
                f"select customer_id, score from simulated_credit.rating where as_of_date = '{LAST_DAY}'"
            ).fetchall()
        )
        query = sql.SQL(
            "select customer_id, segment, {} from simulated_features.customer_feature join staging.stg_customer using "
            f"(customer_id) where as_of_date = '{LAST_DAY}'"
        )
        columns = sql.SQL(", ").join(sql.SQL("{}::float8").format(sql.Identifier(name)) for name in names)
        found["features"] = connection.execute(query.format(columns)).fetchall()

    simulate_policy(made.policy, LAST_DAY, rated.settings, then=read)
    frame = pd.DataFrame(found["features"], columns=["customer_id", "segment", *names]).astype(
        dict.fromkeys(names, "float64")
    )
    by_python = dict(zip(frame["customer_id"], score(made.policy, frame), strict=True))
    assert len(by_python) == len(found["scores"]) > 400
    # Both have missing values whose points are the policy's.
    assert all(row["missing_points"] for row in made.policy.tables["indicators"])
    assert frame[[row["indicator"] for row in made.policy.tables["indicators"]]].isna().to_numpy().any()
    assert {customer: None if np.isnan(value) else f"{value:.2f}" for customer, value in by_python.items()} == {
        customer: None if value is None else f"{value:.2f}" for customer, value in found["scores"].items()
    }


def test_a_proposal_is_compared_refused_and_stored_with_its_card(rated: Rated, made: Development) -> None:
    settings = rated.settings
    number = propose(made.policy, made.base.header.version, METHOD, facts_of(made), settings)
    assert propose(made.policy, made.base.header.version, METHOD, facts_of(made), settings) == number
    changes = compare(number, settings)
    assert (
        sum(move["customers"] for move in changes["moves"])
        == rows(settings, "select count(*) from published.customer_rating")[0][0]
    )
    text = describe_proposal(read_proposal(number, settings))
    assert "change grade, who owe" in text
    with pytest.raises(GridCreditError, match="needs the name of who decides, and a reason"):
        decide(number, "Li Wei", " ", is_approved=True, settings=settings)
    decide(number, "Li Wei", "too few defaults to trust it", is_approved=False, settings=settings)
    with pytest.raises(GridCreditError, match="was refused by Li Wei"):
        decide(number, "Wang", "no", is_approved=True, settings=settings)
    stored = read_proposal(number, settings)
    assert (stored.status, stored.reason) == ("refused", "too few defaults to trust it")
    card = card_as_markdown(stored)
    for one in made.fitted.indicators:
        assert card.count(f"| {one.name} |") == len(one.bins)
    assert "refused by Li Wei" in card
    assert f"{made.sample.fitted.defaults:,}" in card
    page = card_as_html(stored)
    assert page.count("<svg") == 2
    assert "<table>" in page


def test_an_approved_policy_rates_from_its_date_on(rated: Rated, tmp_path: Path) -> None:
    settings = rated.settings
    late = weigh(tmp_path / "late", "late-1", LAST_DAY, settings, matrices=None, entropy_share=1)
    with pytest.raises(GridCreditError, match="have been rated and released: propose it with a later date"):
        propose(late.policy, late.base.header.version, late.method, late.facts, settings)
    weighted = weigh(tmp_path / "new", "weighted-1", NEW_FROM, settings, matrices=None, entropy_share=1)
    number = propose(weighted.policy, weighted.base.header.version, weighted.method, weighted.facts, settings)
    assert "by entropy" in card_as_markdown(read_proposal(number, settings))
    decide(number, "Li Wei", "entropy is fair", is_approved=True, settings=settings)
    pipeline.build_ratings("by the new policy", NEW_FROM + timedelta(days=1), settings)
    assert rows(settings, "select distinct policy_version from published.customer_rating") == [("weighted-1",)]
    assert rows(settings, "select distinct policy_version from published.rating_month_end") == [(shipped.VERSION,)]
    assert rows(settings, "select approver from policy.policies where policy_version = 'weighted-1'") == [("Li Wei",)]
    # Another machine, with a home of its own, finds the policy in the warehouse.
    elsewhere = settings.model_copy(update={"home": tmp_path / "elsewhere"})
    load_policies(elsewhere)
    adopted = read_policy(elsewhere.policy_folders[1] / "default" / "weighted-1", elsewhere)
    assert adopted.header.approver == "Li Wei"
    assert [one.status for one in list_proposals(settings)] == ["approved", "refused"]


def test_the_watch_computes_what_scikit_learn_computes(rated: Rated) -> None:
    settings = rated.settings
    found = watch(settings)
    assert watch(settings) == found
    month_end = max(one.as_of_date for one in found.figures if one.figure == "auc")
    frame = pd.DataFrame(
        rows(
            settings,
            "select score::float8, outcome = 'default', segment from outcomes.outcome where as_of_date = %s "
            "and outcome in ('default', 'no default') and score is not null",
            month_end,
        ),
        columns=["score", "is_default", "segment"],
    )
    figures = {(one.scorer, one.figure, one.dimension, one.member): one for one in found.figures}
    auc = figures["champion", "auc", "", ""]
    assert auc.value == pytest.approx(roc_auc_score(frame["is_default"], -frame["score"]))
    assert (auc.customers, auc.defaults) == (len(frame), int(frame["is_default"].sum()))
    homes = frame[frame["segment"] == "residential"]
    assert figures["champion", "auc", "segment", "residential"].value == pytest.approx(
        roc_auc_score(homes["is_default"], -homes["score"])
    )
    assert ("challenger", "auc", "", "") in figures
    # The default policy's rates are starting values, and simulated customers pay worse: the watch must say so.
    assert any(one.figure == "calibration_p" for one in found.breaches)
    drift = figures["champion", "psi", "indicator", "score"]
    assert drift.as_of_date == oracle.previous_month_end(LAST_DAY)
    assert drift.value == pytest.approx(drift_of_scores(settings, drift.as_of_date), abs=0.0001)
    stored = rows(settings, "select count(*), count(*) filter (where status = 'breach') from evaluation.rating_figure")
    assert stored == [(len(found.figures), len(found.breaches))]
    challenged = rows(
        settings, "select count(*) from evaluation.challenger_rating where as_of_date = %s", found.watched_on
    )
    assert challenged == rows(settings, "select count(*) from published.customer_rating")


def drift_of_scores(settings: Settings, day: date) -> float:
    """PSI by its definition, month-end with month-end: scores by tens, of those with a score and bills due on both."""
    found = rows(
        settings,
        "select now.score::float8, earlier.score::float8 from credit.score as now "
        "join credit.score as earlier using (customer_id) "
        "join features.customer_feature as seen on seen.customer_id = now.customer_id "
        "and seen.as_of_date = now.as_of_date "
        "join features.customer_feature as seen_then on seen_then.customer_id = now.customer_id "
        "and seen_then.as_of_date = earlier.as_of_date where now.as_of_date = %s "
        "and earlier.as_of_date = (%s::date - interval '1 year')::date and seen.bills_due_12m > 0 and "
        "seen_then.bills_due_12m > 0 "
        "and now.score is not null and earlier.score is not null",
        day,
        day,
    )
    tens = np.floor(np.array(found, dtype=float) / 10).astype(int)
    bins = range(tens.min(), tens.max() + 1)
    now, then = (np.maximum([(tens[:, place] == one).mean() for one in bins], 0.0001) for place in (0, 1))
    used = [one in tens for one in bins]
    return float(((now - then) * np.log(now / then))[used].sum())


def test_a_grades_default_rate_is_of_all_whom_the_policy_graded_so(rated: Rated) -> None:
    """Over a year's month-ends, indeterminate ones in the denominator; a grade that is certain to default is not
    tested.
    """
    figures = {(one.figure, one.member): one for one in watch(rated.settings).figures if one.dimension == "grade"}
    frame = pd.DataFrame(
        rows(
            rated.settings,
            "select as_of_date, customer_id, grade, grade_by_policy, outcome from outcomes.outcome where outcome is "
            "not null",
        ),
        columns=["day", "customer", "grade", "by_policy", "outcome"],
    )
    year = frame[frame["day"] > oracle.year_before(frame["day"].max())]
    assert (year["grade"] != year["by_policy"]).any()
    assert (year["outcome"] == "indeterminate").any()
    came = (year["outcome"] == "default").groupby(year["by_policy"]).agg(["mean", "size", "sum"])
    got: dict[Any, Any] = {
        grade: (one.value, one.customers, one.defaults)
        for (name, grade), one in figures.items()
        if name == "default_rate"
    }
    assert got == {
        grade: (pytest.approx(row["mean"]), int(row["size"]), int(row["sum"])) for grade, row in came.iterrows()
    }
    for grade in came.index:
        rate = figures["default_rate", grade]
        assert rate.lower is not None
        assert rate.value is not None
        assert rate.upper is not None
        assert rate.lower <= rate.value <= rate.upper
        assert (("calibration_p", grade) in figures) == (figures["told_default_rate", grade].value != 1)


def test_a_breach_asks_until_somebody_has_noted_it(rated: Rated) -> None:
    settings = rated.settings
    day = watch(settings).watched_on
    assert "calibration_p" in (describe_breaches(day, settings) or "")
    with pytest.raises(GridCreditError, match="needs the name"):
        note_breaches(day, "", "mend it", settings)
    note_breaches(day, "Li Wei", "recalibrate in July", settings)
    assert describe_breaches(day, settings) is None
    page = write_watch(settings).read_text()
    assert "recalibrate in July" in page
    dashboard = write_dashboard(None, settings).read_text()
    assert dashboard.split('id="watched"')[1].split("</table>")[0].count("recalibrate in July") >= 1
    assert page.count("<svg") == 6
    assert "http" not in page.split("</style>")[1].replace("http://www.w3.org", "")


def test_analysts_see_the_evaluation_and_no_customers_outcome(rated: Rated) -> None:
    settings = rated.settings
    for department, sees in (("credit", True), ("finance", False)):
        password = add_reader(f"reader_{department}", department, ["*"], settings)
        conninfo = make_conninfo(warehouse_url(settings), user=f"reader_{department}", password=password)
        for table in ("evaluation.rating_figure", "evaluation.vintage", "evaluation.challenger_rating"):
            with psycopg.connect(conninfo) as connection:
                if sees:
                    (count,) = connection.execute(f"select count(*) from {table}".encode()).fetchone() or (0,)
                    assert count > 0
                else:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        connection.execute(f"select count(*) from {table}".encode())
        with psycopg.connect(conninfo) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select count(*) from outcomes.outcome")


def test_too_little_history_is_refused(new_warehouse: WarehouseFactory) -> None:
    settings = new_warehouse()
    with pytest.raises(GridCreditError, match="nothing has been built yet"):
        build_outcomes(settings)
    with pytest.raises(GridCreditError, match="nothing has been built yet"):
        watch(settings)
