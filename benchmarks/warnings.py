"""`make bench-warnings`: a year of warnings, night by night and in one run at its end; how many flap, and what
differs.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import structlog
from gridcredit.operations import pipeline
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import connect

from benchmarks.measure import warehouse
from tests.support.nights import difference, replay, standing_on
from tests.support.suppliers import load

LAST_DAY = date(2026, 6, 15)


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


def print_lives(settings: Settings) -> None:
    """How many warnings of a customer and rule opened in the year; those that come back within a week of clearing
    flap.
    """
    with connect(settings) as connection:
        rows = connection.execute(
            "select opened.rule, exists (select 1 from published.warning_event as cleared "
            "where cleared.customer_id = opened.customer_id and cleared.rule = opened.rule and cleared.event = "
            "'cleared' and cleared.happened_on between opened.happened_on - 7 and opened.happened_on) "
            "from published.warning_event as opened where opened.event in ('opened', 'reopened')"
        ).fetchall()
    for rule, count in sorted(Counter(rule for rule, _ in rows).items()):
        print(
            f"  {rule:<26}{count:>8,} opened  {sum(flaps for other, flaps in rows if other == rule):>6,} within a week"
        )


if __name__ == "__main__":
    main()
