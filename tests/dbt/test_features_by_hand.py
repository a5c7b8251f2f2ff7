"""Features of a few accounts, worked by hand: what a month costs, runs of bills, and windows that end with a month."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from gridcredit.policies.store import read_policy
from gridcredit.policy_changes.simulation import simulate_policy
from gridcredit.settings import Settings

from tests.support import shipped
from tests.support.by_hand import Hand, build_by_hand
from tests.support.warehouses import WarehouseFactory

DAY = date(2026, 6, 30)
# Customers that differ in their bills alone.
WHO = ["monthly", "bimonthly", "quarterly", "weekly", "new", "gap", "caught_up", "rebilled", "thief", "one_bill"]
# Of these one or two bills are of the twelve months, and others older.
RARELY = ["yearly", "two_years", "wrong_month", "came_back", "left_out"]
# Of agriculture: their use alone differs.
FARMS = ["in_season", "half_of_it"]
# What a month takes there, in a hundred of the mean one (policies/default/1.2/season_indices.csv).
SEASON = {3: 100, 4: 130, 5: 152, 6: 160, 7: 152, 8: 130, 12: 40}
OTHERS = ["returned", "unpaid_today", "two_meters", "windows", "tiny", "partly", "bankrupt"]
Bill = tuple[str, str, date, date, str, str, str]


def first(year: int, month: int) -> date:
    years, month = divmod(month - 1, 12)
    return date(year + years, month + 1, 1)


def use(customer: str, months: list[int], amount: str, every: int = 1) -> Iterator[Bill]:
    """Bills for the months of 2025 (13 is January 2026), each issued on the 3rd of the month after its last one."""
    for month in months:
        issued = first(2025, month + every) + timedelta(2)
        period = f"{first(2025, month):%Y-%m}"
        yield f"{customer} {month}", customer, issued, issued + timedelta(20), period, amount, "regular"


def bills() -> Iterator[Bill]:
    # For June 2025 to May 2026.
    yield from use("monthly", list(range(6, 18)), "100.00")
    yield from use("bimonthly", list(range(6, 18, 2)), "200.00", 2)
    # Issued in July and October 2025, January and April 2026.
    yield from use("quarterly", [4, 7, 10, 13], "300.00", 3)
    for week in range(52):
        issued = date(2025, 7, 3) + timedelta(7 * week)
        yield f"weekly {week}", "weekly", issued, issued + timedelta(20), f"{issued:%Y-%m}", "25.00", "regular"
    yield from use("new", [16, 17], "100.00")
    # Nobody lived there from September to December.
    yield from use("gap", [6, 7, 8, *range(13, 18)], "150.00")
    yield from use("caught_up", [13, 14, 15], "100.00")
    yield from use("caught_up", [17], "200.00")
    # December was cancelled, and issued again in May.
    yield from use("rebilled", [*range(6, 18)], "100.00")
    yield "rebilled c", "rebilled", date(2026, 5, 5), date(2026, 5, 5), "2025-12", "-100.00", "reversal"
    yield "rebilled n", "rebilled", date(2026, 5, 5), date(2026, 5, 25), "2025-12", "100.00", "regular"
    yield from use("thief", [13, 14, 15, 16, 17], "100.00")
    yield "thief r", "thief", date(2026, 4, 8), date(2026, 4, 28), "2026-04", "5000.00", "recovery"
    yield from use("one_bill", [17], "100.00")
    # For a year each up to April, issued in May: one of them in the twelve months.
    yield from use("yearly", [-19, -7, 5], "1200.00", 12)
    # Both issued in the twelve months, the second for eleven months.
    yield from use("two_years", [-5, 6], "1100.00", 12)
    # As yearly; a bill for February was a mistake, and cancelled.
    yield from use("wrong_month", [-7, 5], "1200.00", 12)
    yield "wrong_month w", "wrong_month", date(2025, 5, 4), date(2025, 5, 24), "2025-02", "50.00", "regular"
    yield "wrong_month c", "wrong_month", date(2025, 6, 5), date(2025, 6, 5), "2025-02", "-50.00", "reversal"
    # After sixteen months.
    yield from use("came_back", [1, 17], "100.00")
    # July was billed with August, and nothing since; before the twelve months bills were monthly.
    yield from use("left_out", [5, 6], "100.00")
    yield from use("left_out", [8], "200.00")
    # 5 of a hundred are not paid in time: too little to be pursued, and no small share.
    yield from use("partly", [13, 14, 15, 16], "3.00")
    for month in range(2, 7):
        # The last is due on the day itself.
        due = first(2026, month + 1) - timedelta(1)
        issued = date(2026, month, 3)
        yield f"today {month}", "unpaid_today", issued, due, f"2026-{month:02}", "100.00", "regular"
        yield f"windows {month}", "windows", issued, due, f"2026-{month:02}", "100.00", "regular"
        for meter in ("a", "b"):
            yield (
                f"two {meter}{month}",
                "two_meters",
                issued,
                issued + timedelta(20),
                f"2026-{month:02}",
                "50.00",
                "regular",
            )
        yield f"tiny {month}", "tiny", issued, issued + timedelta(20), f"2026-{month:02}", "0.15", "regular"


def payments() -> Iterator[tuple[str, str, str, date, str]]:
    for bill, customer, _, due, _, amount, kind in bills():
        if kind == "reversal" or bill in ("today 6", "rebilled 12", "wrong_month w") or customer == "tiny":
            continue
        amount = "2.85" if customer == "partly" else amount
        late = 9 if bill.startswith("two b") else 8 if bill == "windows 4" else 0
        yield f"P {bill}", customer, bill, due + timedelta(late or -1), amount


# Payments of "returned" for bills due on their day: one that came back on the last day of March, one of April on the
# first of the next month, one on the last day of May.
RETURNS = [("2026-03-20", "2026-03-31"), ("2026-03-21", "2026-04-01"), ("2026-05-20", "2026-05-31")]


def returned_bills() -> Iterator[Bill]:
    for number, (paid_on, _) in enumerate(RETURNS):
        due = date.fromisoformat(paid_on)
        yield f"returned {number}", "returned", due - timedelta(20), due, paid_on[:7], "100.00", "regular"


def returned_payments() -> Iterator[str]:
    for number, (paid_on, returned_on) in enumerate(RETURNS):
        yield f"R{number},returned,returned {number},{paid_on},100.00,"
        yield f"R{number}b,returned,returned {number},{returned_on},-100.00,R{number}"


# Name, share and days of who stands behind "monthly", "new" and "gap".
PARTIES = """
monthly,legal_representative,Wang,,2020-01-01,2026-03-31
monthly,legal_representative,Wang,,2026-04-01,
monthly,shareholder,Li,40,2020-01-01,2026-03-31
monthly,shareholder,Li,45,2026-04-01,
new,shareholder,Ann,60,2020-01-01,2026-03-31
new,shareholder,Bob,40,2020-01-01,
gap,legal_representative,Wang,,2020-01-01,2026-03-31
gap,legal_representative,Chen,,2026-04-01,
gap,shareholder,Ann,60,2020-01-01,2026-04-30
gap,shareholder,Bob,60,2026-05-01,
"""


def readings() -> Iterator[str]:
    """A meter of "monthly" that takes 1000 kWh a month, of which half at peak and with as much reactive energy, for
    twelve months; it has registers of these for three.
    """
    for number in range(13):
        read_on = first(2025, 7 + number) - timedelta(1)
        yield f"M1,total,{read_on},{1000 * number}"
        if number >= 9:
            yield f"M1,reactive,{read_on},{1000 * number}"
            yield f"M1,peak,{read_on},{500 * number}"


def readings_of_farms() -> Iterator[str]:
    """Of March to August 2025 by one meter and of December by another, as much a day as in season; one of them takes
    half of that in December.
    """
    for farm in FARMS:
        figure = 0
        yield f"{farm} 1,total,2025-02-28,0"
        for month in range(3, 9):
            last = first(2025, month + 1) - timedelta(1)
            figure += SEASON[month] * last.day
            yield f"{farm} 1,total,{last},{figure}"
        yield f"{farm} 2,total,2025-11-30,0"
        yield f"{farm} 2,total,2025-12-31,{SEASON[12] * 31 // (2 if farm == 'half_of_it' else 1)}"


def files() -> dict[str, str]:
    customers = [f"{who},name,commercial,2015-03-01,2025-01-01 08:00:00" for who in [*WHO, *RARELY, *OTHERS]]
    customers += [f"{who},name,agricultural,2015-03-01,2025-01-01 08:00:00" for who in FARMS]
    meters = ["M1,monthly,2020-01-01,,1"]
    for farm in FARMS:
        meters += [f"{farm} 1,{farm},2020-01-01,2025-09-01,1", f"{farm} 2,{farm},2025-11-30,,1"]
    reverses = {"rebilled c": "rebilled 12", "wrong_month c": "wrong_month w"}
    return {
        "customer": "\n".join(["customer_id,name,segment,opened_on,updated_at", *customers, ""]),
        "bill": "\n".join(
            [
                "bill_id,customer_id,issued_on,due_on,period,amount,kind,reverses_bill_id",
                *(",".join([*map(str, bill), reverses.get(bill[0], "")]) for bill in (*bills(), *returned_bills())),
                "",
            ]
        ),
        "meter": "\n".join(["meter_id,customer_id,installed_on,removed_on,multiplier", *meters, ""]),
        "meter_reading": "\n".join(["meter_id,register,read_on,reading", *readings(), *readings_of_farms(), ""]),
        "external_risk": "customer_id,kind,listed_on\nbankrupt,bankruptcy,2026-03-01\n",
        "party": "\n".join(["customer_id,role,party_name,share_pct,valid_from,valid_to", *PARTIES.split(), ""]),
        "payment": "\n".join(
            [
                "payment_id,customer_id,bill_id,paid_on,amount,reverses_payment_id",
                *(",".join([*map(str, one), ""]) for one in payments()),
                *returned_payments(),
                "",
            ]
        ),
    }


@pytest.fixture(scope="module")
def hand(new_warehouse: WarehouseFactory, tmp_path_factory: pytest.TempPathFactory) -> Hand:
    settings: Settings = new_warehouse()
    folder: Path = tmp_path_factory.mktemp("features")
    build_by_hand(files(), [date(2026, 1, 31), date(2026, 5, 31), DAY], folder, settings)
    return Hand(settings)


def test_a_month_costs_the_same_however_often_it_is_billed(hand: Hand) -> None:
    found = {
        who: (mean, spread, months)
        for who, mean, spread, months in hand.rows(
            "select customer_id, mean_monthly_bill, bill_spread_12m, months_covered_12m "
            f"from features.payment_behaviour where as_of_date = '{DAY}'"
        )
        if who in [*WHO, *RARELY]
    }
    hundred, even = Decimal("100.00"), Decimal("1.00")
    assert found == {
        "monthly": (hundred, even, 12),
        "bimonthly": (hundred, even, 12),
        "quarterly": (hundred, even, 12),
        # 52 bills of 25 in the twelve months from July on.
        "weekly": (Decimal("108.33"), even, 12),
        "new": (hundred, even, 2),
        # 8 bills of 150 in 12 months.
        "gap": (hundred, even, 12),
        # 500 for January to May; the largest of bills of 125 in the mean.
        "caught_up": (hundred, Decimal("1.60"), 5),
        "rebilled": (hundred, even, 12),
        "thief": (hundred, even, 5),
        "one_bill": (hundred, even, 1),
        "yearly": (hundred, even, 12),
        "two_years": (hundred, even, 22),
        "wrong_month": (hundred, even, 12),
        "came_back": (hundred, even, 1),
        # 300 for June to August.
        "left_out": (hundred, Decimal("1.33"), 3),
    }
    guessed = (
        f"select customer_id from features.payment_behaviour where as_of_date = '{DAY}' and last_period is not null "
        "and not is_months_per_bill_known"
    )
    assert {who for (who,) in hand.rows(guessed)} & {*WHO, *RARELY} == {"one_bill", "came_back"}


def test_limit_and_exposure_are_by_what_a_month_costs(hand: Hand) -> None:
    """The limit is alike; use not billed yet counts from the end of the last bill's months on."""
    limits = {
        who: (limit, unbilled)
        for who, limit, unbilled in hand.rows(
            "select customer_id, credit_limit, unbilled_amount from candidate.credit_limit"
        )
    }
    alike = ("monthly", "bimonthly", "quarterly", "thief", "caught_up", "yearly")
    assert len({limits[who][0] for who in alike}) == 1
    unbilled = {who: limits[who][1] for who in ("monthly", "bimonthly", "quarterly", "thief", "yearly")}
    # The bimonthly bill is for April and May, the quarterly one for January to March, the yearly one up to April.
    assert unbilled == {
        "monthly": Decimal("100.00"),
        "bimonthly": Decimal("100.00"),
        "quarterly": Decimal("300.00"),
        "thief": Decimal("100.00"),
        "yearly": Decimal("200.00"),
    }


def test_a_bill_that_is_due_today_and_not_paid_was_not_paid_in_time(hand: Hand) -> None:
    found = hand.rows(
        "select as_of_date, on_time_streak, late_streak, late_share_1m, on_time_rate_1m "
        "from features.payment_behaviour where customer_id = 'unpaid_today' and as_of_date >= '2026-05-31' order by 1"
    )
    assert found[-1] == (DAY, 4, 0, 0, 0)


def test_a_day_on_which_one_of_two_bills_is_late_is_a_late_one(hand: Hand) -> None:
    """Five months, of two bills of which one came nine days late; that of June came in July."""
    found = hand.row(f"(select * from features.payment_behaviour where as_of_date = '{DAY}') as one", "two_meters")
    assert (found["late_streak"], found["on_time_streak"]) == (5, 0)


def test_a_window_that_ends_with_a_month_begins_with_one(hand: Hand) -> None:
    """Of bills due on each month's last day June's alone is of one month, and April's, 8 days late, of three."""
    found = hand.row(f"(select * from features.payment_behaviour where as_of_date = '{DAY}') as one", "windows")
    assert (found["worst_days_late_1m"], found["worst_days_late_3m"]) == (0, 8)
    before = hand.row("(select * from features.payment_behaviour where as_of_date = '2026-05-31') as one", "windows")
    assert (before["on_time_rate_1m"], before["worst_days_late_1m"]) == (Decimal("1.0000"), 0)


def test_a_return_of_a_months_last_day_is_of_that_month(hand: Hand) -> None:
    """As of 31 May it is one of May; as of 30 June none is of June, and of three months those of 1 April and 31 May."""
    found = hand.rows(
        "select as_of_date, bounced_1m, bounced_3m, bounced_6m from features.customer_feature "
        f"where customer_id = 'returned' and as_of_date in ('2026-05-31', '{DAY}') order by 1"
    )
    assert found == [(date(2026, 5, 31), 1, 3, 3), (DAY, 0, 2, 3)]


def test_a_bill_is_late_by_its_own_size_too(hand: Hand) -> None:
    """Nothing was paid of bills of 0.15, and 2.85 of those of 3.00: neither comes to what is pursued, both are late."""
    found = hand.rows(
        "select customer_id, late_streak, on_time_streak, overdue_bills from features.customer_feature "
        f"where as_of_date = '{DAY}' and customer_id in ('tiny', 'partly') order by 1"
    )
    assert found == [("partly", 4, 0, 0), ("tiny", 5, 0, 0)]


def test_a_change_of_party_is_somebody_else_or_a_quarter_of_the_shares(hand: Hand) -> None:
    """A renewed term and five more of a hundred are none; a majority that left is one, one that was taken over too."""
    found = hand.rows(
        "select customer_id, party_change from features.customer_feature "
        f"where as_of_date = '{DAY}' and customer_id in ('monthly', 'new', 'gap') order by 1"
    )
    assert found == [("gap", 2), ("monthly", 0), ("new", 1)]


def test_a_share_is_of_the_months_in_which_both_were_measured(hand: Hand) -> None:
    found = hand.row(f"(select * from features.customer_feature where as_of_date = '{DAY}') as one", "monthly")
    assert (found["power_factor_12m"], found["peak_share_12m"]) == (Decimal("0.7071"), Decimal("0.5000"))


def test_a_policy_may_ask_for_so_many_bills(hand: Hand, tmp_path: Path) -> None:
    """Of three that are asked for "one_bill" has one and "new" two, as have those billed rarely; "returned" has three,
    and all others more, or none and so no grade before either.
    """
    folder, out = tmp_path / "asking", tmp_path / "changes.csv"
    shutil.copytree(shipped.FOLDER, folder)
    header = (folder / "policy.yml").read_text().replace(shipped.VERSION, "asking-1")
    (folder / "policy.yml").write_text(header + "least_bills_due: 3\n")
    simulate_policy(read_policy(folder, hand.settings), DAY, hand.settings, out=out)
    with out.open(newline="", encoding="utf-8") as file:
        changed = {row["customer_id"]: (row["grade_before"], row["grade_after"]) for row in csv.DictReader(file)}
    assert changed == dict.fromkeys(["one_bill", "new", *RARELY], ("AAA", "NR"))


def test_use_is_compared_by_the_season_of_each_month(hand: Hand) -> None:
    """Each month before comes to 100 a day without its season, so December has 40."""
    found = hand.rows(
        "select customer_id, usage_against_segment from features.customer_feature "
        "where as_of_date = '2026-01-31' and customer_id in ('in_season', 'half_of_it') order by 1"
    )
    assert found == [("half_of_it", -50), ("in_season", 0)]


def test_a_bankrupt_firm_without_a_bill_has_the_worst_grade(hand: Hand) -> None:
    """A veto that leaves one grade alone needs no score."""
    found = hand.row("candidate.customer_rating", "bankrupt")
    assert (found["grade"], found["grade_by_score"], found["score"]) == ("D", "NR", None)
    assert found["veto"]
