"""What `status` says is missing for sound results, against what the warehouse holds."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from gridcredit.evaluation import soundness
from gridcredit.policies.evaluation_rules import read_rules
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory


@pytest.fixture(scope="module")
def evaluated_settings(new_warehouse: WarehouseFactory, evaluated: Prepared) -> Settings:
    return new_warehouse(evaluated)


def test_defaults_are_those_of_the_outcomes(evaluated_settings: Settings) -> None:
    """Of the newest month-end whose window is over; customers of whom the supplier reported something are its own."""
    rules = read_rules(evaluated_settings).outcome
    with connect(evaluated_settings) as connection:
        seen = connection.execute(
            soundness.SEEN_DEFAULTS, {"months": rules.window_months, "days": rules.default_days_overdue}
        ).fetchall()
    found = {grade: (customers, defaulted) for grade, _, customers, defaulted in seen if grade != "NR"}
    expected = rows(
        evaluated_settings,
        "select grade_by_policy, count(*), count(*) filter (where defaulted_on <= window_ends_on) "
        "from outcomes.outcome "
        "where exclusion is null and as_of_date = (select max(as_of_date) from outcomes.outcome "
        "where exclusion is null and window_ends_on <= (select max(as_of_date) from lineage.releases)) "
        "and grade_by_policy <> 'D' group by 1",
    )
    assert found == {grade: (customers, defaulted) for grade, customers, defaulted in expected}
    assert sum(defaulted for _, defaulted in found.values()) > 5


def test_a_segment_without_tenths_is_named(evaluated_settings: Settings) -> None:
    """Of twelve customers; where the policy has sizes of its own nobody needs tenths."""

    def named() -> set[str]:
        with connect(evaluated_settings) as connection:
            return {figures["segment"] for _, figures in soundness._sizes(connection)}

    few = rows(
        evaluated_settings,
        "select segment from features.bill_size_bound where customers < 20 and basis_date = "
        "(select date_trunc('month', max(as_of_date))::date - 1 from lineage.releases)",
    )
    assert few == [("public",)]
    assert named() == {"public"}
    with connect(evaluated_settings) as connection:
        connection.execute(
            "insert into policy.bill_sizes (policy_version, segment, percentile, mean_monthly_bill) "
            "select distinct policy_version, 'residential', 0, 0 from published.customer_rating"
        )
    assert named() == set()


def test_bills_that_are_not_monthly_are_named(evaluated_settings: Settings) -> None:
    """Of four customers with bills three have one in two months, or three in two months."""

    def found(months_per_bill: int, bills_due: int) -> list[soundness.Gap]:
        with connect(evaluated_settings) as connection:
            connection.execute(
                "update features.payment_behaviour set bills_due_12m = case when number > 4 then 0 when number = 4 "
                "then 12 else %s end, months_covered_12m = 12, "
                "months_per_bill = case when number = 4 then 1 else %s end "
                "from (select customer_id, row_number() over () as number from published.customer_rating) as numbered "
                "where numbered.customer_id = payment_behaviour.customer_id",
                (bills_due, months_per_bill),
            )
            return list(soundness._bills(connection))

    assert found(1, 12) == []
    assert found(1, 17) == []
    assert found(2, 6) == [("bills_far_apart", {"share": 75})]
    assert found(1, 18) == [("bills_close_together", {"share": 75})]


def test_months_that_are_guessed_are_counted(evaluated_settings: Settings) -> None:
    """Of one bill so far, where the contract is older than three months."""

    def guessed() -> int:
        with connect(evaluated_settings) as connection:
            gaps = dict(soundness._bills(connection))
        return int(gaps.get("months_guessed", {"customers": 0})["customers"])

    def with_bills(of_tenure: str, wanted: int) -> list[str]:
        """Customers with a bill of the year, by the age of their contract."""
        found = rows(
            evaluated_settings,
            "select customer_id from features.payment_behaviour join published.customer_rating "
            "using (as_of_date, customer_id) join published.feature_library using (customer_id) "
            f"where last_period is not null and tenure {of_tenure} order by customer_id limit {wanted}",
        )
        assert len(found) == wanted
        return [who for (who,) in found]

    with connect(evaluated_settings) as connection:
        connection.execute("update features.payment_behaviour set is_months_per_bill_known = true")
    assert guessed() == 0
    with connect(evaluated_settings) as connection:
        connection.execute(
            "update features.payment_behaviour set is_months_per_bill_known = false where customer_id = any(%s)",
            [with_bills("> 3", 2) + with_bills("<= 3", 1)],
        )
    assert guessed() == 2


def test_customers_without_a_grade_are_counted(evaluated_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the bills as they were delivered: each of them had one in the year, and is new (test_first_day has others)."""
    grades = dict(rows(evaluated_settings, "select customer_id, grade_by_policy from published.customer_rating"))
    not_rated = {who for who, grade in grades.items() if grade == "NR"}
    due = {
        who
        for (who,) in rows(
            evaluated_settings,
            "select distinct customer_id from raw.bill cross join "
            "(select as_of_date from lineage.releases order by release desc limit 1) as last "
            "where due_on > as_of_date - interval '1 year' and due_on <= as_of_date and amount > 0",
        )
    }
    with connect(evaluated_settings) as connection:
        assert len(not_rated) < soundness.MANY_NOT_RATED * len(grades)
        assert list(soundness._not_rated(connection)) == []
        monkeypatch.setattr(soundness, "MANY_NOT_RATED", 0)
        (gap,) = soundness._not_rated(connection)
    assert not_rated
    assert not_rated <= due
    share = 100 * len(not_rated) / len(grades)
    cause, figures = gap
    assert cause == "new_not_rated"
    assert (figures["share"], figures["customers"]) == (share, len(not_rated))


def test_readings_that_are_far_apart_are_named(evaluated_settings: Settings) -> None:
    """As where meters are read every second month: the simulator reads each month."""
    with connect(evaluated_settings) as connection:
        assert list(soundness._readings(connection)) == []
    answer = SimpleNamespace(fetchone=lambda: (3, 2))
    asked: Any = SimpleNamespace(execute=lambda _: answer)
    assert list(soundness._readings(asked)) == [("readings_far_apart", {"share": 200 / 3})]


@pytest.mark.parametrize(
    ("expected", "customers", "defaulted", "gap"),
    [
        # One of forty where two of a thousand are expected is one chance in thirteen; three are hardly one.
        ("0.002", 40, 1, None),
        ("0.002", 40, 3, "probability_too_low"),
        # None where half are expected: of nine one chance in 256 both ways, of twelve one in 2,048.
        ("0.5", 9, 0, None),
        ("0.5", 12, 0, "probability_too_high"),
        ("0.5", 12, 12, "probability_too_low"),
    ],
)
def test_probabilities_that_chance_does_not_explain(
    evaluated_settings: Settings, expected: str, customers: int, defaulted: int, gap: str | None
) -> None:
    answer = SimpleNamespace(fetchall=lambda: [("B", Decimal(expected), customers, defaulted)])
    asked: Any = SimpleNamespace(execute=lambda *_: answer)
    found = list(soundness._probabilities(asked, read_rules(evaluated_settings)))
    assert [name for name, _ in found] == ([gap] if gap else [])
    for _, figures in found:
        assert figures["seen"] == 100 * defaulted / customers
        assert figures["expected"] == 100 * float(expected)


def test_customers_pursued_for_a_small_part_of_a_bill_are_counted(evaluated_settings: Settings) -> None:
    """Two for 6.99 and one for 7.00 of bills of 700 in the mean; who is not pursued for less is none."""
    with connect(evaluated_settings) as connection:
        assert list(soundness._small_debts(connection)) == []
        connection.execute(
            "update features.payment_behaviour set mean_monthly_bill = 700, "
            "overdue_amount = case when number = 3 then 7.00 else 6.99 end, "
            "pursued_bills = case when number <= 3 then 1 else 0 end "
            "from (select customer_id, row_number() over () as number from published.customer_rating) as numbered "
            "where numbered.customer_id = payment_behaviour.customer_id"
        )
        assert list(soundness._small_debts(connection)) == [("small_debts", {"customers": 2, "share": 1})]
        connection.rollback()
