"""Warnings night by night, and in one run at their end: shared by a test and by `make bench-warnings`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from gridcredit.operations import pipeline
from gridcredit.settings import Settings

from tests.support.waiting import rows

# Customer, rule, first day.
Warned = tuple[str, str, date]


def replay(days: Iterable[date], settings: Settings) -> Iterator[tuple[date, set[Warned]]]:
    """Build and publish each day; yields the dated warnings that stand by its release."""
    for day in days:
        pipeline.build_ratings(f"night of {day}", day, settings)
        yield (
            day,
            set(rows(settings, "select customer_id, rule, opened_on from published.customer_warning where is_dated")),
        )


def asked_today(settings: Settings) -> set[tuple[str, str, bool, bool]]:
    """Customer, rule, whether it holds and is dated, by the last release."""
    return set(rows(settings, "select customer_id, rule, is_met, is_dated from published.customer_warning"))


def standing_on(day: date, settings: Settings) -> set[Warned]:
    """What stood on a day, by the events that the last release shows."""
    return set(
        rows(
            settings,
            "select customer_id, rule, opened_on from published.warning_event "
            "group by customer_id, rule, opened_on "
            "having opened_on <= %s and coalesce(min(happened_on) filter (where event = 'cleared'), 'infinity') > %s",
            day,
            day,
        )
    )


def difference(nightly: set[Warned], at_the_end: set[Warned], last_day: date) -> set[Warned]:
    """What only one of two shows; older than the year that the last run covers, a warning is as old as that."""
    first_day = date(last_day.year - 1, last_day.month, 1) - timedelta(days=1)
    return {(who, rule, max(opened_on, first_day)) for who, rule, opened_on in nightly} ^ at_the_end
