"""Ratios over closed months, computed again in pandas from the supplier's files."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from statsmodels.stats.proportion import proportion_confint

from tests.support.builders import RICH_DAY
from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory

PLACE = ["region", "org_unit", "segment"]


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, rich: Prepared) -> Settings:
    return new_warehouse(rich)


def months_published(settings: Settings) -> pd.DataFrame:
    with connect(settings) as connection:
        cursor = connection.execute(
            "select * from published.receivable_by_month order by as_of_date, region, org_unit, segment"
        )
        frame = pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description or ()])
    frame["as_of_date"] = pd.to_datetime(frame["as_of_date"])
    return frame


def billed_between(files: Path, first: pd.Timestamp, last: pd.Timestamp) -> pd.Series:
    """What was billed from a day to another, by place: credit notes are negative lines of the file."""
    bills = pd.read_csv(files / "bill.csv", parse_dates=["issued_on"])
    customers = pd.read_csv(files / "customer.csv")[["customer_id", *PLACE]]
    bills = bills[bills["issued_on"].between(first, last)].merge(customers, on="customer_id", validate="many_to_one")
    return bills.groupby(PLACE)["amount"].sum().round(2)


def ratio(numerator: pd.Series, billed: pd.Series, days: int) -> pd.Series:
    return (numerator.astype(float) / billed.where(billed > 0) * days).rename(None)


@pytest.mark.parametrize("months", [3, 12])
@pytest.mark.parametrize("day", [RICH_DAY, date(2026, 5, 31)])
def test_ratios_over_closed_months(settings: Settings, rich: Prepared, day: date, months: int) -> None:
    """By definition: receivables over what the last closed months billed, times their days, on a month-end and in a
    month.
    """
    # On 19 June the last closed month is May, as it is on 31 May.
    last = pd.Timestamp(2026, 5, 31)
    first = last + pd.Timedelta(days=1) - pd.DateOffset(months=months)
    days = (last - first).days + 1
    published = months_published(settings)
    rows = published[published["as_of_date"] == pd.Timestamp(day)].set_index(PLACE)
    billed = billed_between(rich.files, first, last).reindex(rows.index, fill_value=0.0)
    assert (rows[f"days_{months}_months"] == days).all()
    pd.testing.assert_series_equal(
        rows[f"billed_{months}_months"].astype(float), billed, check_names=False, atol=0.001, rtol=0
    )
    for column, amount in {"dso": "receivable_amount", "average_days_delinquent": "overdue_amount"}.items():
        want = ratio(rows[amount], billed, days)
        pd.testing.assert_series_equal(
            rows[f"{column}_{months}_months"].astype(float), want, check_names=False, atol=0.00501, rtol=0
        )
        assert want.notna().any()


def test_a_running_month_is_marked_and_has_no_ratio_of_its_own(settings: Settings) -> None:
    months = months_published(settings)
    running = months[months["as_of_date"] == pd.Timestamp(RICH_DAY)]
    closed = months[months["as_of_date"] < pd.Timestamp(RICH_DAY)]
    assert running["is_running_month"].all()
    assert running[["dso", "average_days_delinquent"]].isna().all(axis=None)
    assert not closed["is_running_month"].any()
    assert closed["dso"].notna().any()


def test_a_window_is_unknown_where_a_month_of_it_is(settings: Settings) -> None:
    """The rich supplier's first month-end has no three months behind it, the eleventh no twelve."""
    months = months_published(settings)
    ends = sorted(months["as_of_date"].unique())
    for length in (3, 12):
        known = months.groupby("as_of_date")[f"days_{length}_months"].count() > 0
        assert [known[end] for end in ends[:13]] == [place + 1 >= length for place in range(13)]


def published_shares(settings: Settings) -> pd.DataFrame:
    months = months_published(settings)
    return months[months["as_of_date"] < pd.Timestamp(RICH_DAY)].set_index(["as_of_date", *PLACE])


def test_a_share_is_known_once_its_days_have_passed(settings: Settings, rich: Prepared) -> None:
    """By the due dates of the file: of the last month's bill of each place."""
    bills = pd.read_csv(rich.files / "bill.csv", parse_dates=["issued_on", "due_on"])
    customers = pd.read_csv(rich.files / "customer.csv")[["customer_id", *PLACE]]
    bills = bills[bills["reverses_bill_id"].isna() & (bills["amount"] > 0)].merge(customers, on="customer_id")
    bills["as_of_date"] = bills["issued_on"] + pd.offsets.MonthEnd(0)
    last_due = bills.groupby(["as_of_date", *PLACE])["due_on"].max()
    shares = published_shares(settings)
    last_due = last_due.reindex(shares.index)
    for days in (0, 30, 60, 90, 180):
        is_over = last_due + pd.Timedelta(days=days) <= pd.Timestamp(RICH_DAY)
        assert (shares[f"month_bills_collected_{days}"].notna() == is_over).all()
    assert shares["collected_share_180"].notna().any()
    assert shares["collected_share_180"].isna().any()


def test_shares_never_pass_one_and_grow_with_the_days(settings: Settings) -> None:
    shares = published_shares(settings)
    for fewer, more in pairwise((0, 30, 60, 90, 180)):
        both = shares.dropna(subset=[f"collected_share_{more}"])
        assert (both[f"collected_share_{more}"] <= 1).all()
        # Returned payments may lower a place's share, never most of them.
        assert (both[f"collected_share_{fewer}"] <= both[f"collected_share_{more}"]).mean() > 0.9


def test_each_share_has_its_cases_and_an_interval(settings: Settings, rich: Prepared) -> None:
    """Cases and effective cases from the file; Wilson's interval by statsmodels."""
    bills = pd.read_csv(rich.files / "bill.csv", parse_dates=["issued_on"])
    customers = pd.read_csv(rich.files / "customer.csv")[["customer_id", *PLACE]]
    # A credit note may have been taken back in its turn.
    reversals = bills[bills["reverses_bill_id"].notna()]
    taken_back = reversals[reversals["amount"] > 0].groupby("reverses_bill_id")["amount"].sum()
    notes = reversals[reversals["amount"] < 0]
    left_of_credits = notes["amount"] + notes["bill_id"].map(taken_back).fillna(0)
    credited = left_of_credits.groupby(notes["reverses_bill_id"]).sum()
    own = bills[bills["reverses_bill_id"].isna() & (bills["amount"] > 0)].merge(customers, on="customer_id")
    own["standing"] = (own["amount"] + own["bill_id"].map(credited).fillna(0)).round(2)
    own["as_of_date"] = own["issued_on"] + pd.offsets.MonthEnd(0)
    own["square"] = own["standing"] ** 2
    want = (
        own[own["standing"] > 0]
        .groupby(["as_of_date", *PLACE])
        .agg(cases=("standing", "size"), total=("standing", "sum"), squares=("square", "sum"))
    )
    shares = published_shares(settings).dropna(subset=["effective_month_bills"])
    want = want.reindex(shares.index)
    assert (shares["month_bills"] == want["cases"]).all()
    effective = want["total"] ** 2 / want["squares"]
    pd.testing.assert_series_equal(
        shares["effective_month_bills"].astype(float), effective, check_names=False, atol=0.051, rtol=0
    )
    for days in (0, 30, 60, 90, 180):
        known = shares.dropna(subset=[f"collected_share_{days}"])
        share = known[f"collected_share_{days}"].astype(float).clip(0, 1)
        low, high = proportion_confint(share * effective[known.index], effective[known.index], method="wilson")
        for end, bound in (("low", low), ("high", high)):
            found = known[f"collected_share_{days}_{end}"].astype(float)
            pd.testing.assert_series_equal(found, bound, check_names=False, atol=0.0004, rtol=0)
        assert len(known) > 0


def net_bad_debt(files: Path, first: pd.Timestamp, last: pd.Timestamp) -> pd.Series:
    """What was left of the bills that the file of actions writes off, less what later payments of these bills brought
    in.
    """
    actions = pd.read_csv(files / "collection_action.csv", parse_dates=["acted_on"])
    actions = actions[actions["kind"] == "write_off"].drop_duplicates("bill_id").set_index("bill_id")
    bills = pd.read_csv(files / "bill.csv", parse_dates=["issued_on"])
    payments = pd.read_csv(files / "payment.csv", parse_dates=["paid_on"])
    customers = pd.read_csv(files / "customer.csv").set_index("customer_id")
    found = []
    for bill_id, action in actions.iterrows():
        own = bills[(bills["bill_id"] == bill_id) | (bills["reverses_bill_id"] == bill_id)]
        paid = payments[payments["bill_id"] == bill_id]
        is_before = paid["paid_on"] <= action["acted_on"]
        written_off = own["amount"].sum() - paid.loc[is_before, "amount"].sum()
        recovered = paid.loc[~is_before & paid["paid_on"].between(first, last), "amount"].sum()
        net = (written_off if first <= action["acted_on"] <= last else 0.0) - recovered
        found.append({"net": net} | customers.loc[action["customer_id"], PLACE].to_dict())
    return pd.DataFrame(found).groupby(PLACE)["net"].sum().round(2)


@pytest.mark.parametrize("day", [RICH_DAY, date(2026, 5, 31)])
def test_net_bad_debt_of_a_year(settings: Settings, rich: Prepared, day: date) -> None:
    first, last = pd.Timestamp(2025, 6, 1), pd.Timestamp(2026, 5, 31)
    published = months_published(settings)
    rows = published[published["as_of_date"] == pd.Timestamp(day)].set_index(PLACE)
    want = net_bad_debt(rich.files, first, last).reindex(rows.index, fill_value=0.0)
    got = rows["net_bad_debt_12_months"].astype(float)
    pd.testing.assert_series_equal(got, want, check_names=False, atol=0.001, rtol=0)
    billed = billed_between(rich.files, first, last).reindex(rows.index, fill_value=0.0)
    share = rows["bad_debt_share_12_months"].astype(float)
    pd.testing.assert_series_equal(share, want / billed.where(billed > 0), check_names=False, atol=0.000001, rtol=0)
    assert (got > 0).any()
