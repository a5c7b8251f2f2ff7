"""The life of warnings against one lived day by day."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from psycopg import sql

from tests.support import oracle, warning_oracle
from tests.support.built import DAYS, POLICY, Built, FeaturesByDay, Rated
from tests.support.delivered import all_features


def test_the_life_of_warnings(built: Built, features: FeaturesByDay, ratings: Rated) -> None:
    """Every rule, as each evaluation of a customer finds it, followed day by day from the first month-end on."""
    last_day = DAYS[-1]
    evaluated: dict[str, list[date]] = defaultdict(list)
    for customer, day in built.rows("select customer_id, as_of_date from scope.evaluation_day"):
        evaluated[customer].append(day)
    acknowledged: dict[tuple[str, str], list[date]] = defaultdict(list)
    for row in built.delivered["warning_acknowledgement"].values():
        acknowledged[row["customer_id"], row["rule"]].append(date.fromisoformat(row["acknowledged_on"]))
    sample = built.ledger.customers[::4]
    want: set[tuple[object, ...]] = set()
    events: set[tuple[object, ...]] = set()
    for customer in sample:
        name = customer.customer_id
        met: dict[date, set[str]] = {}
        for day in sorted({*DAYS[1:-1], *evaluated[name]}):
            if day < customer.opened_on:
                continue
            found = features.get((day, name)) or all_features(
                POLICY, built.ledger, customer, built.months.get(name, {}), day, DAYS[:-1]
            )
            rating = ratings.get((day, name)) or oracle.rate(POLICY, built.ledger, customer, found, day)
            before = ratings.get((oracle.previous_month_end(day), name), ("", None, None))[1]
            facts = warning_oracle.facts_of(POLICY, built.ledger, customer, found, rating, before, day)
            met[day] = oracle.warnings(POLICY, customer.segment, facts)
        for rule in POLICY.rows("warning_rules") if met else []:
            evaluations = {day: rule["rule"] in rules for day, rules in met.items()}
            for one, happened in warning_oracle.live(rule, evaluations, acknowledged[name, rule["rule"]], last_day):
                status = "cleared" if one.cleared_on else "acknowledged" if one.acknowledged_on else "open"
                want.add((name, one.rule, one.opened_on, one.level, status, one.is_reopened))
                events |= {(name, one.rule, one.opened_on, *event) for event in happened}
    names = sql.Literal([customer.customer_id for customer in sample])
    got = built.rows(
        sql.SQL(
            "select customer_id, rule, opened_on, level, status, is_reopened from warnings.warning "
            "where customer_id = any({})"
        ).format(names)
    )
    assert set(got) == want
    got = built.rows(
        sql.SQL(
            "select customer_id, rule, opened_on, event, happened_on from candidate.warning_event "
            "where customer_id = any({})"
        ).format(names)
    )
    assert set(got) == events
    assert {status for *_, status, _ in want} == {"open", "acknowledged", "cleared"}
    seen = {rule for (rule,) in built.rows("select distinct rule from warnings.warning")}
    assert len({row["rule"] for row in POLICY.rows("warning_rules")} - seen) <= 2


def test_the_last_day_asks_everybody_every_rule(built: Built, features: FeaturesByDay, ratings: Rated) -> None:
    """30.10: warnings agree with the limits and grades of their release, whenever a customer was evaluated last."""
    last_day = DAYS[-1]
    want: set[tuple[str, str]] = set()
    for customer in built.ledger.customers:
        name = customer.customer_id
        if customer.opened_on > last_day:
            continue
        before = ratings.get((oracle.previous_month_end(last_day), name), ("", None, None))[1]
        facts = warning_oracle.facts_of(
            POLICY, built.ledger, customer, features[last_day, name], ratings[last_day, name], before, last_day
        )
        want |= {(name, rule) for rule in oracle.warnings(POLICY, customer.segment, facts)}
    shown = built.rows("select customer_id, rule, is_met, is_dated from candidate.customer_warning")
    assert {(customer, rule) for customer, rule, is_met, _ in shown if is_met} == want
    dated = {(customer, rule) for customer, rule, _, is_dated in shown if is_dated}
    assert dated == set(built.rows("select customer_id, rule from warnings.warning where status <> 'cleared'"))
    # Of some the last evaluation day has found nothing yet, and of others it found what is over.
    assert want - dated
    assert dated - want
    # Who pays in time is warned of no limit, however much of it he uses.
    punctual = {
        customer
        for (customer,) in built.rows(
            "select customer_id from candidate.credit_limit inner join candidate.customer_rating using (customer_id) "
            "where utilisation > 0.8 and max_days_overdue = 0 and overdue_amount = 0"
        )
    }
    assert punctual
    holds = {rule for customer, rule, is_met, _ in shown if is_met and customer in punctual}
    assert not holds & {"near_limit", "over_limit"}


def test_no_day_of_a_warning_is_missed(built: Built) -> None:
    """What debts and cases alone decide is found on its very day, though most days are no evaluation days."""
    held: dict[tuple[str, str], list[tuple[date, date]]] = defaultdict(list)
    for customer, rule, start, end in built.rows(
        "select customer_id, rule, met_from, coalesce(met_until, date '9999-12-31') from warnings.rule_met"
    ):
        held[customer, rule].append((start, end))
    days = [DAYS[1] + timedelta(days=number) for number in range((DAYS[-1] - DAYS[1]).days + 1)]
    differing = set()
    for customer in built.ledger.customers[::10]:
        name = customer.customer_id
        for day in days:
            if day < customer.opened_on:
                continue
            overdue = oracle.payment_features(built.ledger, name, day)["max_days_overdue"]
            theft = any(
                fact.extract == "inspection" and fact.kind == "theft" and fact.day <= day
                and (fact.until is None or fact.until > day)
                for fact in built.ledger.facts_of[name]
            )  # fmt: skip
            for rule, is_met in (("overdue_30_days", overdue > 30), ("theft_unsettled", theft)):
                if is_met != any(start <= day < end for start, end in held[name, rule]):
                    differing.add((name, rule, day))
    assert differing == set()
