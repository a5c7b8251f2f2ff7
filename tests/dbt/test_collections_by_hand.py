"""What a credit manager asks for first, on hand-made accounts: charges booked, supply cut off, steps that worked,
instalments paid.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from statsmodels.stats.proportion import proportion_confint

from tests.support.builders import RICH_DAY
from tests.support.by_hand import build_by_hand
from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory, Warehouses

DAY = date(2026, 6, 19)
MONTH_END = date(2026, 5, 31)
# The customer of each bill, of whom a third have two, and the days of its call and its payment after the due date of 2
# March or 1 April; none where there was none.
DEBTS = {
    f"S{number:03d}": (
        f"S{number % 180:03d}",
        date(2026, 3, 2) if number % 3 else date(2026, 4, 1),
        (10, 10, 12, None)[number % 4],
        (5, 11, 14, 20, 30, None)[number * 7 % 11 % 6],
    )
    for number in range(240)
}
# Thirty factories had a notice, one on each day from the 5th after the due date to the 34th; half of them paid three
# days later. One had none, and has not paid.
NOTICES = {f"N{number:02d}": (5 + number, 8 + number if number % 2 else None) for number in range(30)}
# Customer, kind, day.
SUPPLY = """
back, cut_off, 2026-04-10
back, reconnect, 2026-04-15
twice, cut_off, 2026-03-01
twice, cut_off, 2026-03-05
twice, reconnect, 2026-03-11
twice, cut_off, 2026-06-01
same_day, cut_off, 2026-05-05
same_day, reconnect, 2026-05-05
gone, cut_off, 2026-05-01
never_cut, reconnect, 2026-05-01
"""
# Meter, day, figure: of `twice` read at the cut-off, twice in between, and after the reconnection; the multiplier is
# 10.
READINGS = """
M1, 2026-02-01, 100
M1, 2026-03-01, 150
M1, 2026-03-04, 153
M1, 2026-03-10, 155.5
M1, 2026-03-20, 170
M1, 2026-06-01, 300
M1, 2026-06-18, 304
M2, 2026-04-01, 10
M2, 2026-05-01, 20
"""
# Customer, days of the two payments of 500 for a plan of 5 May by 31 May and 15 June, and how it ended on which day.
PLANS = """
done, 2026-05-30, 2026-06-15, plan_completed, 2026-06-15
early, 2026-05-20, 2026-05-20, plan_completed, 2026-05-20
failed, 2026-05-30, 2026-06-15, plan_broken, 2026-06-15
"""
# Entry, customer, day, kind, amount.
CHARGES = """
L1, back, 2026-03-20, billed, 100.00
L2, back, 2026-05-02, paid, 60.00
L3, back, 2026-05-31, waived, 30.00
L4, back, 2026-06-10, waived, -30.00
L5, twice, 2026-06-19, billed, 7.50
L6, twice, 2026-06-20, billed, 99.00
"""


def rows_of(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split(",")] for line in table.strip().splitlines()]


def files() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {
        "customer": ["customer_id,name,segment,opened_on,closed_on,updated_at"],
        "bill": ["bill_id,customer_id,period,issued_on,due_on,amount,kind"],
        "payment": ["payment_id,customer_id,bill_id,paid_on,amount"],
        "collection_action": ["action_id,customer_id,bill_id,kind,acted_on,amount,promise_date"],
        "meter": ["meter_id,customer_id,installed_on,multiplier", "M1,twice,2020-01-01,10", "M2,back,2020-01-01,10"],
        "meter_reading": ["meter_id,register,read_on,reading"],
        "investigation": [
            "investigation_id,customer_id,done_on,officer_id",
            "I1,gone,2025-10-01,E1",
            "I2,fell,2026-05-20,E1",
            "I3,fell_after,2026-06-10,E1",
            "I4,fell_before,2026-06-17,E1",
            "I5,forgotten,2025-08-01,E1",
        ],
        "party": [
            "customer_id,role,party_name,share_pct,valid_from",
            "gone,legal_representative,Li,,2020-01-01",
            "gone,legal_representative,Wang,,2026-05-10",
            "forgotten,legal_representative,Li,,2020-01-01",
            "forgotten,legal_representative,Wang,,2025-09-10",
            "forgotten,legal_representative,Zhou,,2026-06-10",
            "long_ago,legal_representative,Li,,2020-01-01",
            "long_ago,legal_representative,Wang,,2025-09-10",
        ],
        "instalment": ["action_id,due_on,amount"],
        "late_charge_entry": ["entry_id,customer_id,entered_on,kind,amount"],
    }
    for bill, (who, due_on, called, paid) in DEBTS.items():
        if who == bill:
            found["customer"].append(f"{who},{who},residential,2020-01-01,,2024-01-01 00:00:00")
        found["bill"].append(f"{bill}-B,{who},2026-02,{due_on - timedelta(14)},{due_on},100,regular")
        if called:
            found["collection_action"].append(f"{bill}-C,{who},{bill}-B,call,{due_on + timedelta(called)},,")
        if paid:
            found["payment"].append(f"{bill}-P,{who},{bill}-B,{due_on + timedelta(paid)},100")
    for who, (noticed, paid) in (NOTICES | {"N": (None, None)}).items():
        found["customer"].append(f"{who},{who},industrial,2020-01-01,,2024-01-01 00:00:00")
        found["bill"].append(f"{who}-B,{who},2026-02,2026-02-16,2026-03-02,100,regular")
        if noticed:
            found["collection_action"].append(f"{who}-C,{who},,notice,{date(2026, 3, 2) + timedelta(noticed)},,")
        if paid:
            found["payment"].append(f"{who}-P,{who},{who}-B,{date(2026, 3, 2) + timedelta(paid)},100")
    for who in ("back", "twice", "same_day", "gone", "never_cut"):
        closed_on = "2026-05-20" if who == "gone" else ""
        found["customer"].append(f"{who},{who},commercial,2020-01-01,{closed_on},2024-01-01 00:00:00")
        found["bill"].append(f"{who}-B,{who},2025-12,2026-01-02,2026-01-16,100,regular")
    for who in ("forgotten", "long_ago"):
        found["customer"].append(f"{who},{who},commercial,2020-01-01,,2024-01-01 00:00:00")
        found["bill"].append(f"{who}-B,{who},2026-05,2026-06-01,2026-07-01,100,regular")
    # Paid in time for two years, and now 65 days overdue: in default since 15 June.
    for who in ("fell", "fell_after", "fell_before"):
        found["customer"].append(f"{who},{who},commercial,2020-01-01,,2024-01-01 00:00:00")
        for number in range(24):
            due_on = date(2024 + (4 + number) // 12, (4 + number) % 12 + 1, 15)
            found["bill"].append(f"{who}-{number},{who},{due_on:%Y-%m},{due_on - timedelta(14)},{due_on},100,regular")
            if due_on < date(2026, 4, 15):
                found["payment"].append(f"{who}-P{number},{who},{who}-{number},{due_on},100")
    # Of 1,000 due on 2 March 300 are paid on the 20th, and the rest is written off on 10 April; of that 200 come in on
    # 5 May.
    found["customer"].append("lost,lost,commercial,2020-01-01,,2024-01-01 00:00:00")
    found["bill"].append("lost-B,lost,2026-02,2026-02-16,2026-03-02,1000,regular")
    found["payment"] += ["lost-P,lost,lost-B,2026-03-20,300", "lost-Q,lost,lost-B,2026-05-05,200"]
    found["collection_action"].append("lost-W,lost,lost-B,write_off,2026-04-10,,")
    for who, first, second, kind, day in rows_of(PLANS):
        found["customer"].append(f"{who},{who},commercial,2020-01-01,,2024-01-01 00:00:00")
        found["bill"].append(f"{who}-B,{who},2026-04,2026-04-17,2026-05-01,1000,regular")
        found["payment"] += [f"{who}-P,{who},{who}-B,{first},500", f"{who}-Q,{who},{who}-B,{second},500"]
        found["collection_action"].append(f"{who}-A,{who},{who}-B,instalment_plan,2026-05-05,1000,2026-06-15")
        found["collection_action"].append(f"{who}-E,{who},{who}-B,{kind},{day},,")
        found["instalment"] += [f"{who}-A,2026-05-31,500", f"{who}-A,2026-06-15,500"]
    for number, (who, kind, day) in enumerate(rows_of(SUPPLY)):
        found["collection_action"].append(f"X{number},{who},,{kind},{day},,")
    found["meter_reading"] += [f"{meter},total,{day},{figure}" for meter, day, figure in rows_of(READINGS)]
    found["late_charge_entry"] += [",".join(row) for row in rows_of(CHARGES)]
    return found


@pytest.fixture(scope="module")
def hand(warehouses: Warehouses, empty: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder: Path = tmp_path_factory.mktemp("collections")
    with warehouses.lent(empty) as settings:
        texts = {name: "\n".join([*lines, ""]) for name, lines in files().items()}
        build_by_hand(texts, [MONTH_END, DAY], folder, settings)
        yield settings


def test_the_account_of_late_charges(hand: Settings) -> None:
    """31.17: on 31 May 100 - 60 - 30 = 10 are unpaid; in June the waiver is taken back, and 7.50 billed; what is later
    is not known.
    """
    got = rows(
        hand,
        "select as_of_date, opening_amount, billed_amount, paid_amount, waived_amount, unpaid_amount "
        "from candidate.late_charge_by_month order by 1",
    )
    assert got == [
        (MONTH_END, Decimal(100), Decimal(0), Decimal(60), Decimal(30), Decimal(10)),
        (DAY, Decimal(10), Decimal("7.50"), Decimal(0), Decimal(-30), Decimal("47.50")),
    ]


def test_days_without_supply_and_use_after_the_cut_off(hand: Settings) -> None:
    """31.17: between 1 and 10 March 5.5 x 10 kWh in 9 days; a cut-off of who is cut off is none; a contract's end ends
    it.
    """
    got = rows(
        hand,
        "select customer_id, cut_off_on, reconnected_on, closed_on, is_cut_off, days_without_supply, "
        "kwh_after_cut_off, days_measured from candidate.supply_cut_off order by 1, 2",
    )
    assert got == [
        ("back", date(2026, 4, 10), date(2026, 4, 15), None, False, 5, None, 0),
        ("gone", date(2026, 5, 1), None, date(2026, 5, 20), False, 19, None, 0),
        ("same_day", date(2026, 5, 5), date(2026, 5, 5), None, False, 0, None, 0),
        ("twice", date(2026, 3, 1), date(2026, 3, 11), None, False, 10, Decimal(55), 9),
        ("twice", date(2026, 6, 1), None, None, True, 18, Decimal(40), 17),
    ]


def test_what_was_written_off_was_not_recovered(hand: Settings) -> None:
    """31.9: the charge ends on 10 April; 300 came in by then, and 500 within 90 days with what was written off."""
    got = rows(
        hand,
        "select recovered_30, recovered_60, recovered_90, settled_on, paid_on, charged_through "
        "from collections.late_bill where bill_id = 'lost-B'",
    )
    assert got == [(Decimal(300), Decimal(300), Decimal(500), date(2026, 4, 10), None, date(2026, 4, 10))]


def test_what_was_paid_under_a_completed_plan_is_kept(hand: Settings) -> None:
    """31.17: on the last day, on which the plan was completed, and long before it; what a broken plan asked for is not
    due of it.
    """
    got = rows(
        hand,
        "select customer_id, due_on, paid_amount, outcome from candidate.instalment_result order by 1, 2",
    )
    may, june = date(2026, 5, 31), date(2026, 6, 15)
    assert got == [
        ("done", may, Decimal(500), "kept"),
        ("done", june, Decimal(500), "kept"),
        ("early", may, Decimal(500), "kept"),
        ("early", june, Decimal(500), "kept"),
        ("failed", may, Decimal(500), "kept"),
        ("failed", june, Decimal(0), "ended"),
    ]
    months = rows(
        hand, "select due_month, due_amount, paid_amount, ended_amount from candidate.instalment_by_month order by 1"
    )
    assert months == [
        (date(2026, 5, 1), Decimal(1500), Decimal(1500), Decimal(0)),
        (date(2026, 6, 1), Decimal(1000), Decimal(1000), Decimal(500)),
    ]


def test_the_review_that_comes_first(hand: Settings) -> None:
    """31.15: the soonest day and not the fewest months; the unreviewed from the policy's start; a fall and a change
    from their own days.
    """
    got = {
        who: (rule, due_on)
        for who, rule, due_on in rows(hand, "select customer_id, review_rule, due_on from candidate.investigation_due")
    }
    # In default, never reviewed, a customer since 2020: half a year after 1 January 2026, when the policy begins to
    # ask.
    assert got["back"] == ("low_grade", date(2026, 7, 1))
    # Half a year after the review of October; the change of 10 May would ask by 10 August, by a rule of fewer months.
    assert got["gone"] == ("low_grade", date(2026, 4, 1))
    # Fallen in June: a month after the first of June, not after the review of 20 May.
    assert got["fell"] == ("grade_fell", date(2026, 7, 1))
    # Nobody knew of the fall of 15 June on the 10th: asked from the day after that review. On the 17th it was seen.
    assert got["fell_after"] == ("grade_fell", date(2026, 7, 11))
    assert got["fell_before"] == ("low_grade", date(2026, 12, 17))
    # The change of September is due in December still, though it was nine months ago and another came since.
    assert got["forgotten"] == ("party_changed", date(2025, 12, 10))
    # Before the policy began to ask nobody was to review anybody.
    assert got["long_ago"][0] != "party_changed"


def effect_of_calls(days: int) -> dict[str, float]:
    """By definition, from the debts: share paid in full within so many days of the call, and of others open at that
    age, not called yet; how far it may be off by what each customer adds to it.
    """
    called: dict[int, list[tuple[str, bool]]] = defaultdict(list)
    others: dict[int, list[tuple[str, bool]]] = {}
    ages = {call for _, _, call, paid in DEBTS.values() if call and (paid is None or paid >= call)}
    for age in ages:
        others[age] = []
        for bill, (_, _, call, paid) in DEBTS.items():
            is_open = paid is None or paid >= age
            is_paid = paid is not None and paid <= age + days
            if is_open and call == age:
                called[age].append((bill, is_paid))
            elif is_open and (call is None or call > age):
                others[age].append((bill, is_paid))
    everybody = sum(len(one) for one in called.values())
    rate = sum(is_paid for one in called.values() for _, is_paid in one) / everybody
    # The weight of one who was not called, of an age.
    weights = {age: len(called[age]) / everybody / len(others[age]) for age in ages}
    compared = sum(weights[age] * is_paid for age in ages for _, is_paid in others[age])
    moved: dict[str, float] = defaultdict(float)
    weighed: dict[str, float] = defaultdict(float)
    for age in ages:
        for bill, is_paid in called[age]:
            moved[DEBTS[bill][0]] += (is_paid - rate) / everybody
        for bill, is_paid in others[age]:
            moved[DEBTS[bill][0]] -= weights[age] * (is_paid - compared)
            weighed[DEBTS[bill][0]] += weights[age]
    half = 1.96 * math.sqrt(sum(one**2 for one in moved.values()))
    difference = rate - compared
    return {
        "bills": everybody,
        "bills_not_reached": len({bill for one in others.values() for bill, _ in one}),
        "paid_rate": rate,
        "compared_paid_rate": rate,
        "paid_rate_not_reached": compared,
        "difference": difference,
        "difference_low": difference - half,
        "difference_high": difference + half,
        "effective_customers_not_reached": round(1 / sum(one**2 for one in weighed.values()), 1),
    }


def effect_of(hand: Settings, step: str, days: int) -> dict[str, float | None]:
    with connect(hand) as connection:
        cursor = connection.execute(
            "select * from candidate.step_result where step = %s and days_after = %s", [step, days]
        )
        frame = pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description or ()])
    (row,) = frame.to_dict("records")
    return {str(name): value for name, value in row.items()}


@pytest.mark.parametrize("days", [7, 14, 30])
def test_the_effect_of_a_step(hand: Settings, days: int) -> None:
    """31.17: compared with bills of the same segment and age that the call had not reached."""
    want = effect_of_calls(days)
    row = effect_of(hand, "call", days)
    assert {name: float(row[name] or 0) for name in want} == pytest.approx(want, abs=0.00006)
    assert 0 < want["paid_rate"] < 1
    assert want["bills_not_reached"] > want["effective_customers_not_reached"] > 30


def test_a_bill_not_reached_is_one_bill_at_all_its_ages(hand: Settings) -> None:
    """31.17: at thirty ages 30, 29, ... and 1 bills had no notice yet: 465 pairs of bill and age, and 30 bills. A bill
    weighs a thirtieth of an age over those beside it there. Those that come last decide: too few for an interval.
    """
    row = effect_of(hand, "notice", 7)
    weights = [sum(1 / (30 * (30 - age)) for age in range(ages)) for ages in range(1, 31)]
    assert sum(weights) == pytest.approx(1)
    effective = 1 / sum(one**2 for one in weights)
    assert (row["bills"], row["paid"], row["compared_bills"], row["bills_not_reached"]) == (30, 15, 30, 30)
    assert row["effective_customers"] == 30
    assert float(row["effective_customers_not_reached"] or 0) == pytest.approx(effective, abs=0.051)
    assert effective < 20
    assert row["difference"] is not None
    assert (row["difference_low"], row["difference_high"]) == (None, None)


def test_the_worked_example_of_a_step() -> None:
    """docs/recovery.md: 40 of 80 called, and 24 of 60 not called, each of another customer."""
    half = 1.96 * math.sqrt(0.5 * 0.5 / 80 + 0.4 * 0.6 / 60)
    assert [round(one, 3) for one in (0.1 - half, 0.1 + half)] == [-0.065, 0.265]


def test_instalments_due_and_paid(new_warehouse: WarehouseFactory, rich: Prepared) -> None:
    """31.17: the instalments of the file by month, in pandas; what was paid by their days adds up to the single
    results.
    """
    settings = new_warehouse(rich)
    instalments = pd.read_csv(rich.files / "instalment.csv", parse_dates=["due_on"])
    actions = pd.read_csv(rich.files / "collection_action.csv", parse_dates=["acted_on"])
    plans = actions[actions["kind"] == "instalment_plan"].set_index("action_id")
    instalments = instalments[instalments["action_id"].isin(plans.index)]
    want = instalments.groupby(instalments["due_on"].dt.to_period("M"))["amount"].agg(["count", "sum"]).round(2)
    # A credit note for a paid bill of 2024 had paid 2,196.71 of B20251000000094 before its plan of 3 x 5,042.00: the
    # last of them asks for what is owed.
    got = pd.DataFrame(
        rows(
            settings,
            "select due_month, sum(kept + broken + open + ended)::int, sum(due_amount + open_amount + "
            "ended_amount)::float + case due_month when '2026-04-01' then 2196.71 else 0 end "
            "from published.instalment_by_month group by 1",
        ),
        columns=["month", "count", "sum"],
    )
    got.index = pd.PeriodIndex(pd.to_datetime(got.pop("month")), freq="M")
    pd.testing.assert_frame_equal(got.sort_index(), want, check_names=False, atol=0.001, check_freq=False)
    single = rows(
        settings,
        "select count(*) filter (where outcome = 'kept'), sum(paid_amount) filter (where outcome in ('kept', "
        "'broken')), sum(amount) filter (where outcome in ('kept', 'broken')) from published.instalment_result",
    )
    assert (
        rows(settings, "select sum(kept), sum(paid_amount), sum(due_amount) from published.instalment_by_month")
        == single
    )
    assert single[0][0] > 0
    # Wilson's interval of the share paid, by the effective number of instalments that were to be paid.
    judged = rows(
        settings,
        "select paid_share::float, effective_instalments::float, paid_share_low::float, paid_share_high::float, kept + "
        "broken from published.instalment_by_month where paid_share is not null",
    )
    assert judged
    for share, cases, low, high, instalments in judged:
        assert 1 <= cases <= instalments
        assert (low, high) == pytest.approx(proportion_confint(share * cases, cases, method="wilson"), abs=0.02)


def test_late_charges_by_place(new_warehouse: WarehouseFactory, rich: Prepared) -> None:
    """31.17: of the simulated supplier, in pandas from the file."""
    settings = new_warehouse(rich)
    entries = pd.read_csv(rich.files / "late_charge_entry.csv", parse_dates=["entered_on"])
    place = ["region", "org_unit", "segment"]
    customers = pd.read_csv(rich.files / "customer.csv")[["customer_id", *place]]
    entries = entries.merge(customers, on="customer_id", validate="many_to_one")
    may = entries[entries["entered_on"].between("2026-05-01", "2026-05-31")]
    want = may.pivot_table(index=place, columns="kind", values="amount", aggfunc="sum", fill_value=0).round(2)
    got = pd.DataFrame(
        rows(
            settings,
            "select region, org_unit, segment, billed_amount::float, paid_amount::float, waived_amount::float "
            "from published.late_charge_by_month where as_of_date = date '2026-05-31'",
        ),
        columns=[*place, "billed", "paid", "waived"],
    ).set_index(place)
    got = got[(got != 0).any(axis=1)].sort_index()
    pd.testing.assert_frame_equal(got, want[["billed", "paid", "waived"]], check_names=False, check_dtype=False)
    signs = entries["kind"].map({"billed": 1, "paid": -1, "waived": -1})
    unpaid = (entries["amount"] * signs)[entries["entered_on"] <= pd.Timestamp(RICH_DAY)].sum()
    query = "select sum(unpaid_amount)::float from published.late_charge_by_month where as_of_date = date '2026-06-19'"
    assert rows(settings, query) == [(pytest.approx(unpaid),)]
