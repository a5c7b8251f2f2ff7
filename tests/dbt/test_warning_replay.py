"""Warnings computed night by night are those that one run at the end finds."""

from __future__ import annotations

from datetime import date

from tests.support.builders import RICH_DAY
from tests.support.nights import asked_today, difference, replay, standing_on
from tests.support.prepared import Prepared
from tests.support.suppliers import load
from tests.support.warehouses import WarehouseFactory


def test_nights_and_one_run_at_their_end(new_warehouse: WarehouseFactory, rich: Prepared) -> None:
    nightly, at_the_end = new_warehouse(), new_warehouse(rich)
    nightly.history_months = at_the_end.history_months
    load(rich.files, nightly)
    # Over a month's end; nights in between are missed.
    days = [date(2026, 5, 28), date(2026, 6, 2), date(2026, 6, 3), RICH_DAY]
    by_night = dict(replay(days, nightly))
    by_one_run = {day: standing_on(day, at_the_end) for day in days}
    assert {day: difference(by_night[day], by_one_run[day], days[-1]) for day in days} == {day: set() for day in days}
    # What the last day asks is the last day's alone.
    assert asked_today(nightly) == asked_today(at_the_end)
    assert asked_today(nightly)
    came = by_night[days[-1]] - by_night[days[0]]
    went = by_night[days[0]] - by_night[days[-1]]
    assert len(came) >= 3
    assert len(went) >= 3
