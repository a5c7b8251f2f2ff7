"""The cash forecast recomputed in pandas, from the files of the supplier."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.transformation.cash_smoothing import smoothed

from tests.support.builders import RICH_DAY
from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory, Warehouses

LAST = pd.Timestamp(2026, 5, 31)
METHODS = ("by_age", "exponential_smoothing", "naive", "seasonal_naive")


@pytest.fixture(scope="module")
def settings(warehouses: Warehouses, rich: Prepared) -> Iterator[Settings]:
    with warehouses.lent(rich) as settings:
        yield settings


def collected_by_month(files: Path) -> Any:  # a series
    """Cash less what came back, by month-end. A refund is no return: it names nothing, or leaves its bill paid.

    Nor is what comes back of a payment that has come back already.
    """
    payments: Any = pd.read_csv(files / "payment.csv", parse_dates=["paid_on"]).sort_values("paid_on", kind="stable")
    bills = pd.read_csv(files / "bill.csv").set_index("bill_id")["amount"]
    paid = payments.groupby("bill_id")["amount"].cumsum()
    names_nothing = payments["reverses_payment_id"].isna() & payments["bill_id"].isna()
    leaves_it_paid = paid >= payments["bill_id"].map(bills) - 0.005
    amounts = payments.set_index("payment_id")["amount"]
    came_back = -payments.groupby("reverses_payment_id")["amount"].cumsum()
    came_back_twice = came_back > payments["reverses_payment_id"].map(amounts) + 0.005
    payments = payments[(payments["amount"] > 0) | ~(names_nothing | leaves_it_paid | came_back_twice)]
    months = payments.groupby(payments["paid_on"] + pd.offsets.MonthEnd(0))["amount"].sum().round(2)
    return months[months.index <= LAST]


def published(settings: Settings) -> Any:  # a frame, whose rows have no types
    columns = ["as_of_date", "months", "method", "forecast_amount", "collected_amount", "windows", "mean_error"]
    found = rows(
        settings,
        "select as_of_date, months, method, forecast_amount::float8, collected_amount::float8, windows, "
        "mean_error::float8, is_published from candidate.cash_forecast_method",
    )
    frame = pd.DataFrame(found, columns=[*columns, "is_published"])
    frame["as_of_date"] = pd.to_datetime(frame["as_of_date"])
    return frame


def forecasts_of(months: Any, base: pd.Timestamp, method: str) -> list[float] | None:
    """What a method that uses months says of the four months after a month-end."""
    known = months[months.index <= base]
    if method == "exponential_smoothing":
        return smoothed(known.to_list())
    earlier = [base + pd.offsets.MonthEnd(ahead - 12) for ahead in (1, 2, 3, 4)]
    return [months[day] for day in earlier] if earlier[0] in months.index else None


def test_what_came_in_and_what_naive_forecasts_say(settings: Settings, rich: Prepared) -> None:
    months = collected_by_month(rich.files)
    found = published(settings)
    for row in found.itertuples():
        base = min(row.as_of_date, LAST)
        after = months[(months.index > base) & (months.index <= base + pd.offsets.MonthEnd(row.months))]
        is_closed = row.as_of_date <= LAST and len(after) == row.months
        assert row.collected_amount == pytest.approx(after.sum()) if is_closed else np.isnan(row.collected_amount)
        if row.method == "naive":
            assert row.forecast_amount == pytest.approx(months[months.index <= base].iloc[-row.months :].sum())
    assert set(found["method"]) == {*METHODS, "combined"}


@pytest.mark.parametrize("method", ["seasonal_naive", "exponential_smoothing"])
def test_methods_that_go_by_months(settings: Settings, rich: Prepared, method: str) -> None:
    """Of the 19th of June a window has 11 of 30 parts of June, whole months, and 19 parts of its last month."""
    months = collected_by_month(rich.files)
    checked = 0
    for row in published(settings).query("method == @method").itertuples():
        by_month = forecasts_of(months, min(row.as_of_date, LAST), method)
        assert by_month is not None
        passed = 19 / 30 if row.as_of_date == pd.Timestamp(RICH_DAY) else 0
        want = sum(by_month[: row.months]) + passed * (by_month[row.months] - by_month[0])
        assert row.forecast_amount == pytest.approx(want, abs=0.02)
        checked += 1
    assert checked >= 10


def test_errors_weights_and_choice(settings: Settings) -> None:
    """By definition: errors of a year's closed windows, inverse squared errors as weights, and a tenth better to be
    published.
    """
    found = published(settings)
    closes = {
        (row.as_of_date, row.months): row.as_of_date + pd.offsets.MonthEnd(row.months) for row in found.itertuples()
    }
    found["closes"] = [closes[row.as_of_date, row.months] for row in found.itertuples()]
    for (day, length), now in found.groupby(["as_of_date", "months"]):
        base = min(day, LAST)
        past = found[
            (found["months"] == length)
            & found["collected_amount"].notna()
            & (found["closes"] <= base)
            & (found["closes"] > base + pd.offsets.MonthEnd(-12))
        ].assign(error=lambda frame: frame["forecast_amount"] - frame["collected_amount"])
        by_method = past.pivot_table(index="as_of_date", columns="method", values="error")
        weights, scores = {"naive": 1.0}, {"combined": 1.0}
        for row in now.itertuples():
            judged = past[past["method"] == row.method]
            assert row.windows == len(judged)
            if len(judged):
                assert row.mean_error == pytest.approx(
                    judged["error"].abs().sum() / judged["collected_amount"].sum(), abs=1e-6
                )
            if len(judged) >= 6:
                same = by_method.dropna(subset=[row.method])
                if row.method in METHODS:
                    weights[row.method] = (same["naive"] ** 2).sum() / (same[row.method] ** 2).sum()
                if row.method != "combined":
                    scores[row.method] = 1.1 * same[row.method].abs().sum() / same["combined"].abs().sum()
        amounts = now.set_index("method")["forecast_amount"]
        mean = sum(weight * amounts[method] for method, weight in weights.items()) / sum(weights.values())
        assert amounts["combined"] == pytest.approx(mean, abs=0.02)
        assert now[now["is_published"]]["method"].to_list() == [min(scores, key=lambda method: scores[method])]


def test_what_is_published_is_the_chosen_method_with_its_interval(settings: Settings) -> None:
    methods = published(settings)
    chosen = methods[methods["is_published"]].set_index(["as_of_date", "months"])
    forecasts = rows(
        settings,
        "select as_of_date, months, method, forecast_amount::float8, lower_amount::float8, upper_amount::float8 "
        "from candidate.cash_forecast",
    )
    assert len(forecasts) == len(chosen)
    for day, length, method, amount, lower, upper in forecasts:
        row = chosen.loc[(pd.Timestamp(day), length)]
        assert (method, amount) == (row["method"], row["forecast_amount"])
        past = methods[
            (methods["months"] == length) & (methods["method"] == method) & methods["collected_amount"].notna()
        ]
        closes = past["as_of_date"] + pd.offsets.MonthEnd(length)
        base = min(pd.Timestamp(day), LAST)
        past = past[(closes <= base) & (closes > base + pd.offsets.MonthEnd(-12))]
        if len(past) < 6:
            assert lower is None
            assert upper is None
        else:
            spread = 1.2816 * float(np.sqrt(np.mean((past["forecast_amount"] - past["collected_amount"]) ** 2)))
            assert (lower, upper) == pytest.approx((max(amount - spread, 0), amount + spread), abs=0.02)


def test_the_month_that_the_last_day_ends_is_closed(new_warehouse: WarehouseFactory, rich: Prepared) -> None:
    """Built on 31 May, everything about that day is as it was on 19 June."""
    settings = new_warehouse(rich)
    query = (
        "select months, method, forecast_amount, of_open_bills is not null from candidate.cash_forecast "
        "where as_of_date = '2026-05-31' order by 1"
    )
    roll = "select * from candidate.roll_rate where as_of_date = '2026-05-31' order by 1, 2, 3, 4"
    later = (rows(settings, query), rows(settings, roll))
    pipeline.build_ratings("month-end", date(2026, 5, 31), settings)
    assert (rows(settings, query), rows(settings, roll)) == later
    assert all(is_by_age_known for _, _, _, is_by_age_known in later[0])
    assert later[1]


def test_on_a_real_ledger_it_is_not_worse_than_naive(new_warehouse: WarehouseFactory, ibm_ledger: Path) -> None:
    """As published at each month-end, over twelve closed windows: at most a tenth worse than the better naive
    forecast.
    """
    settings = new_warehouse()
    load_file(ibm_ledger, load_mappings(settings.mappings_dir)["ibm_receivables"], settings)
    pipeline.build_ratings("ibm", date(2013, 12, 31), settings)
    found = rows(
        settings,
        "select error_against_naive from published.cash_forecast where error_against_naive is not null",
    )
    assert len(found) >= 30
    assert max(ratio for (ratio,) in found) <= 1.1
