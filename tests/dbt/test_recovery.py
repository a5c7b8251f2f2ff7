"""Late charges, dunning and the work-list against the oracle."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

from tests.support import oracle, promise_oracle, recovery_oracle
from tests.support.built import DAYS, POLICY, Built


def test_late_charges_to_the_cent(built: Built) -> None:
    want = {}
    for customer in built.ledger.customers[::5]:
        for bill, late in recovery_oracle.late_bills(POLICY, built.ledger, customer, DAYS[-1]).items():
            want[bill] = (late.overdue, late.charge, *late.recovered.values(), late.open)
    customers = {bill.bill_id: bill.customer_id for bill in built.ledger.bills}
    sampled = {customers[bill] for bill in want}
    rows = built.rows(
        "select bill_id, days_charged, accrued_charge, daily_charge, least_charge, charged_through, "
        "overdue_amount, recovered_30, recovered_60, recovered_90, open_amount from collections.late_bill"
    )
    got = {}
    for bill, days, accrued, daily, least, through, overdue, *rest in rows:
        if customers[bill] in sampled:
            since = max((DAYS[-1] - through).days, 0)
            owed = max(oracle.rounded(accrued + daily * since, 2), least) if days + since else Decimal(0)
            got[bill] = (overdue, owed, *rest)
    assert got == want
    assert len(want) > 100
    assert any(charge == 1 for _, charge, *_ in want.values())
    carried_over = built.rows("select count(*) from collections.late_bill where charge_carried_over > 0")[0][0]
    assert carried_over > 20


def test_what_is_charged_for_is_what_is_open(built: Built) -> None:
    """What is open by the spans is what is open by the ledger."""
    got = dict(built.rows("select bill_id, open_amount from collections.late_bill where open_amount > 0"))
    want = {
        state.bill.bill_id: state.open
        for customer in built.ledger.customers
        for state in oracle.bills_as_of(built.ledger, customer.customer_id, DAYS[-1])
        if state.open > 0 and state.bill.due_on < DAYS[-1]
    }
    assert got == want
    spans = built.rows(
        "select count(*) from collections.debt_span as one join collections.debt_span as other using (bill_id) "
        "where one.open_from < other.open_from and coalesce(one.open_until, 'infinity') > other.open_from"
    )
    assert spans == [(0,)]


def test_the_next_lawful_step(built: Built) -> None:
    important = {row["customer_id"] for row in built.delivered["customer"].values() if row["important_user"] == "true"}
    want = {}
    for customer in built.ledger.customers:
        pursued = recovery_oracle.pursue(
            POLICY,
            built.ledger,
            customer,
            DAYS[-1],
            is_important=customer.customer_id in important,
        )
        if pursued:
            want[customer.customer_id] = pursued
    got = {
        customer: recovery_oracle.Pursued(*rest)
        for customer, *rest in built.rows(
            "select customer_id, overdue_amount, last_step, lapsed_step, next_step, earliest_on, held_by, step_amount "
            "from candidate.work_list"
        )
    }
    assert got == want
    held = Counter(pursued.held_by for pursued in want.values())
    assert held.keys() >= {None, "agency", "approval", "dispute", "promise"}
    # The second instalment is due on 25 June.
    assert (want["H-plan"].held_by, want["H-plan"].earliest_on) == ("promise", date(2026, 6, 26))
    assert want["H-missed"].held_by is None
    assert want["H-approved"].next_step == "cut_off"
    # Days late are those of steps that nothing holds, and of claims.
    late = built.rows("select customer_id, step_days_late from candidate.work_list")
    assert dict(late) == {
        who: max((DAYS[-1] - (pursued.earliest_on or DAYS[-1])).days, 0)
        if pursued.held_by in (None, "insolvency")
        else None
        for who, pursued in want.items()
    }
    # No cut-off within 30 days overdue, nor before the notice has run.
    for customer, due_on, last_step_on, earliest_on in built.rows(
        "select customer_id, oldest_due_on, last_step_on, earliest_on from candidate.work_list where next_step = "
        "'cut_off' and earliest_on is not null"
    ):
        assert (earliest_on - due_on).days > 30, customer
        assert (earliest_on - last_step_on).days >= 3, customer


def test_instalments_are_kept_or_broken_one_by_one(built: Built) -> None:
    """One plan paid 100 on the first day, the other on the day after: for the first instalment, too late. Then every
    plan.
    """
    by_hand = built.rows(
        "select action_id, due_on, paid_amount, outcome from candidate.instalment_result "
        "where customer_id in ('H-plan', 'H-missed') order by 1 desc, 2"
    )
    first, second, third = date(2026, 6, 5), date(2026, 6, 25), date(2026, 7, 25)
    assert by_hand == [
        ("H-plan-instalment_plan", first, 100, "kept"),
        ("H-plan-instalment_plan", second, 0, "open"),
        ("H-plan-instalment_plan", third, 0, "open"),
        ("H-missed-instalment_plan", first, 0, "broken"),
        ("H-missed-instalment_plan", second, 0, "ended"),
        ("H-missed-instalment_plan", third, 0, "ended"),
    ]
    plans = {
        fact.row["action_id"]: fact
        for fact in built.ledger.facts
        if fact.extract == "collection_action" and fact.day <= DAYS[-1]
    }
    known = {row[0] for row in built.rows("select customer_id from scope.customer_scope where is_known")}
    want = {}
    for action in built.ledger.instalments:
        if action not in plans or plans[action].customer_id not in known:
            continue
        plan = plans[action]
        ending = oracle.end_of_plan(built.ledger, plan)
        for part in promise_oracle.parts_of(built.ledger, plan.customer_id):
            if part.action_id != action:
                continue
            outcome = "broken" if part.broken_on else "kept"
            if ending and ending.kind == "plan_completed" and ending.day <= DAYS[-1] and not part.broken_on:
                outcome = "kept"
            elif ending and ending.day <= min(part.due_on, DAYS[-1]):
                outcome = "ended"
            elif part.due_on >= DAYS[-1]:
                outcome = "open"
            want[action, part.due_on] = (part.amount, part.paid, outcome)
    got = {
        (action, due_on): tuple(rest)
        for action, due_on, *rest in built.rows(
            "select action_id, due_on, amount, paid_amount, outcome from candidate.instalment_result"
        )
    }
    assert got == want
    assert Counter(outcome for _, _, outcome in want.values()).keys() == {"kept", "broken", "open", "ended"}


def test_the_work_list_ranks_by_expected_loss_for_the_effort(built: Built) -> None:
    rows = built.rows(
        "select officer_id, officer_rank, expected_loss / effort, net_open_amount, probability_of_default, "
        "loss_given_default, expected_loss from candidate.work_list order by officer_id, officer_rank"
    )
    by_officer: dict[str, list[Decimal]] = {}
    for officer, rank, worth, exposure, default, loss, expected in rows:
        assert abs(expected - exposure * default * loss) < exposure / 5000 + 1
        mine = by_officer.setdefault(officer, [])
        mine.append(worth)
        assert rank == len(mine)
    assert all(mine == sorted(mine, reverse=True) for mine in by_officer.values())
    assert len(by_officer) > 3


def test_what_nobody_in_particular_agreed_counts_for_no_officer(built: Built) -> None:
    assert built.rows(
        "select officer_id from candidate.promise_result where action_id = 'H-missed-instalment_plan'"
    ) == [(None,)]
    of_officers = built.rows(
        "select count(*) from collections.promise "
        "where officer_id is not null and stands_until < (select max(as_of_date) from scope.as_of_date)"
    )
    assert built.rows("select sum(promises_due) from candidate.officer_result") == of_officers


def test_officers_are_responsible_for_what_became_overdue_while_they_were_assigned(built: Built) -> None:
    total = built.rows(
        "select sum(undisputed_amount), sum(recovered_30), sum(recovered_60), sum(recovered_90) from "
        "collections.late_bill"
    )
    by_officer = built.rows(
        "select sum(overdue_amount), sum(recovered_30), sum(recovered_60), sum(recovered_90) from "
        "candidate.officer_result"
    )
    assert by_officer == total
    spans = [
        (row["customer_id"], row["officer_id"], row["valid_from"], row["valid_to"] or "9999-12-31")
        for row in built.delivered["officer_assignment"].values()
    ]
    for customer, officer, due_on in built.rows(
        "select customer_id, officer_id, due_on from collections.late_bill where officer_id is not null limit 300"
    ):
        day = (due_on + timedelta(days=1)).isoformat()
        assert (customer, officer) in {(who, by) for who, by, first, last in spans if first <= day <= last}


def wilson(share: float, cases: float) -> tuple[float, float]:
    """Wilson's interval, as the roots of (p - x)^2 = z^2 x(1 - x)/n."""
    square, linear, constant = 1 + 1.96**2 / cases, -(2 * share + 1.96**2 / cases), share**2
    root = math.sqrt(max(linear**2 - 4 * square * constant, 0))
    return (-linear - root) / (2 * square), (-linear + root) / (2 * square)


def test_rates_of_officers_have_cases_and_intervals(built: Built) -> None:
    """31.9: by definition, from the officers' bills one by one; the worked example of docs/recovery.md."""
    bills: dict[tuple[str, date], list[tuple[Decimal, Decimal]]] = {}
    for officer, due_on, overdue, recovered in built.rows(
        "select officer_id, due_on, undisputed_amount, recovered_30 from collections.late_bill where undisputed_amount "
        "> 0"
    ):
        month = (due_on + timedelta(days=1)).replace(day=1)
        bills.setdefault((officer or "nobody", month), []).append((overdue, recovered))
    checked = 0
    for officer, month, rate, effective, low, high, due, kept, kept_low, kept_high in built.rows(
        "select officer_id, overdue_month, recovered_rate_30, effective_bills, recovered_rate_30_low, "
        "recovered_rate_30_high, promises_due, promises_kept, kept_rate_low, kept_rate_high from "
        "candidate.officer_result"
    ):
        if rate is not None:
            mine = bills[officer, month]
            total = float(sum(overdue for overdue, _ in mine))
            cases = total**2 / sum(float(overdue) ** 2 for overdue, _ in mine)
            assert math.isclose(float(effective), cases, abs_tol=0.051)
            want = wilson(float(sum(one for _, one in mine)) / total, cases)
            assert math.isclose(float(low), want[0], abs_tol=0.0002)
            assert math.isclose(float(high), want[1], abs_tol=0.0002)
            assert 0 <= low <= rate <= high <= 1
            checked += 1
        assert (low is None) == (rate is None)
        assert (kept_low is None) == (due == 0)
        if due:
            want = wilson(kept / due, due)
            assert math.isclose(float(kept_low), want[0], abs_tol=0.0002)
            assert math.isclose(float(kept_high), want[1], abs_tol=0.0002)
    assert checked > 20
    low, high = wilson(0.5, 1200**2 / 1_020_000)
    assert (round(low, 2), round(high, 2)) == (0.07, 0.93)


def test_a_challenger_is_compared_with_its_uncertainty(built: Built) -> None:
    """The share of each customer's debts, as statistics state it."""
    rows = built.rows(
        "select customer_id, sum(recovered_60) / sum(undisputed_amount) from collections.late_bill "
        "where undisputed_amount > 0 and due_on + 60 <= date '2026-06-19' group by customer_id"
    )
    shares: dict[str, list[float]] = {}
    for customer, share in rows:
        shares.setdefault(recovery_oracle.strategy_of(POLICY, customer), []).append(float(share))
    got = {
        strategy: (count, float(mean), float(error))
        for strategy, count, mean, error in built.rows(
            "select strategy, customers, mean_recovered_rate, standard_error from candidate.strategy_result "
            "where days_recovered = 60"
        )
    }
    assert got.keys() == shares.keys()
    for strategy, mine in shares.items():
        count, mean, error = got[strategy]
        assert count == len(mine)
        assert abs(mean - statistics.fmean(mine)) < 0.0001
        assert abs(error - statistics.stdev(mine) / len(mine) ** 0.5) < 0.0001
