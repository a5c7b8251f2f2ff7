"""`make bench-warnings`: a year of warnings, night by night and in one run at its end; how many flap, and what differs."""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import structlog
from gridcredit import pipeline
from gridcredit.extracts.contract import EXTRACTS
from gridcredit.extracts.loader import load_file
from gridcredit.extracts.mapping import load_mappings
from gridcredit.settings import Settings
from gridcredit.simulate import simulate
from gridcredit.warehouse import connect

from benchmarks.measure import warehouse

LAST_DAY = date(2026, 6, 15)
Warned = tuple[str, str, date]


def main() -> None:
    """Replay and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--days", type=int, default=365)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        simulate(options.customers, 24, 1, Path(folder) / "files")
        days = [LAST_DAY - timedelta(days=number) for number in reversed(range(options.days))]
        with warehouse(Path(folder) / "nightly") as settings:
            load(Path(folder) / "files", settings)
            nightly = {}
            for day, standing in replay(days, settings):
                nightly[day] = standing
                print(f"{day}  {len(standing):,} warnings stand", flush=True)
        with warehouse(Path(folder) / "at the end") as settings:
            load(Path(folder) / "files", settings)
            pipeline.build_ratings("at the end", days[-1], settings)
            differing = sum(len(difference(nightly[day], standing_on(day, settings), days[-1])) for day in days)
            print_lives(settings)
        print(f"{options.customers:,} customers, {len(days)} nights")
        print(f"warnings that stand on one day by the nights and not by the one run, or the other way: {differing}")


def load(files: Path, settings: Settings) -> None:
    """All the files, with days ahead of most of the nights."""
    mapping = load_mappings(settings.mappings_dir)["demo"]
    for name in EXTRACTS:
        load_file(files / f"{name}.csv", mapping, settings)


def replay(days: list[date], settings: Settings) -> Iterator[tuple[date, set[Warned]]]:
    """Build and publish each day; yields what stands by its release: customer, rule, first day."""
    for day in days:
        pipeline.build_ratings(f"night of {day}", day, settings)
        with connect(settings) as connection:
            rows = connection.execute("select customer_id, rule, opened_on from published.customer_warning").fetchall()
        yield day, set(rows)


def standing_on(day: date, settings: Settings) -> set[Warned]:
    """What stood on a day, by the events that the last release tells."""
    with connect(settings) as connection:
        rows = connection.execute(
            "select customer_id, rule, opened_on from published.warning_event "
            "group by customer_id, rule, opened_on "
            "having opened_on <= %(day)s and coalesce(min(happened_on) filter (where event = 'cleared'), 'infinity') > %(day)s",
            {"day": day},
        ).fetchall()
    return set(rows)


def difference(nightly: set[Warned], at_the_end: set[Warned], last_day: date) -> set[Warned]:
    """What only one of two tells of; older than the year that the last run looks back on, a warning is as old as that."""
    first_day = date(last_day.year - 1, last_day.month, 1) - timedelta(days=1)
    return {(who, rule, max(opened_on, first_day)) for who, rule, opened_on in nightly} ^ at_the_end


def print_lives(settings: Settings) -> None:
    """How many warnings of a customer and rule opened in the year; those that come back within a week of clearing flap."""
    with connect(settings) as connection:
        rows = connection.execute(
            "select opened.rule, exists (select 1 from published.warning_event as cleared "
            "where cleared.customer_id = opened.customer_id and cleared.rule = opened.rule and cleared.event = 'cleared' "
            "and cleared.happened_on between opened.happened_on - 7 and opened.happened_on) "
            "from published.warning_event as opened where opened.event in ('opened', 'reopened')"
        ).fetchall()
    for rule, count in sorted(Counter(rule for rule, _ in rows).items()):
        print(
            f"  {rule:<26}{count:>8,} opened  {sum(flaps for other, flaps in rows if other == rule):>6,} within a week"
        )


if __name__ == "__main__":
    main()
