"""Warnings worked out night by night are those that one run at the end tells of."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from gridcredit.simulate import simulate

from benchmarks.warnings import difference, load, replay, standing_on
from tests.conftest import WarehouseFactory


def test_nights_and_one_run_at_their_end(new_warehouse: WarehouseFactory, tmp_path: Path) -> None:
    nightly, at_the_end = new_warehouse(), new_warehouse()
    simulate(80, 18, 6, tmp_path)
    # Over a month's end; now and then a night is missed.
    days = [date(2026, 4, 24) + timedelta(days=number) for number in (0, 5, 6, 8)]
    for settings in (nightly, at_the_end):
        settings.history_months = 14
        load(tmp_path, settings)
    by_night = dict(replay(days, nightly))
    list(replay(days[-1:], at_the_end))
    by_one_run = {day: standing_on(day, at_the_end) for day in days}
    assert {day: difference(by_night[day], by_one_run[day], days[-1]) for day in days} == {day: set() for day in days}
    came = by_night[days[-1]] - by_night[days[0]]
    went = by_night[days[0]] - by_night[days[-1]]
    assert len(came) >= 3
    assert len(went) >= 3
