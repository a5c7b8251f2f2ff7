"""Reads dates and times by a mapping's format, and no others that only look as if they fitted."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial

import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.ingestion.mapping.columns import ColumnRule
from gridcredit.ingestion.mapping.rules import FileRule

# Formats in common use, which are tried where most values do not fit the mapping's.
COMMON_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d")
SATURDAY = 5
# Days that stand for "without end" are of such a year.
FIRST_YEAR, YEARS_AHEAD, OPEN_ENDS = 1900, 100, (2999, 4712, 9999)
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?)?|\d{8}",
    re.ASCII,
)
# A time behind which the zone stands as a word.
_IN_UTC = re.compile(r"%[HIMSfp]\s*(?:Z|UTC|GMT)$")
_WITHOUT_SEPARATOR = re.compile("%[YymdHMS]%[YymdHMS]")


def date_reader(pattern: str, rule: FileRule) -> Callable[[str], datetime]:
    """What reads a text by a format; it raises ValueError where the text does not fit."""
    return partial(_read, pattern=pattern, year_pivot=rule.year_pivot)


# Of a file's batches most hold the days of the one before.
@lru_cache(maxsize=1 << 16)
def _read(text: str, pattern: str, year_pivot: int | None) -> datetime:
    # strptime takes the digits of any script.
    if any(sign.isdigit() and not sign.isascii() for sign in text):
        raise ValueError(text)
    moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is the caller's
    if "%y" in pattern and year_pivot is not None:
        year = moment.year % 100
        moment = moment.replace(year=year + (2000 if year < year_pivot else 1900))
    if _WITHOUT_SEPARATOR.search(pattern) and moment.strftime(pattern) != text:
        raise ValueError(text)  # 1012026 may be the 1st or the 10th of January
    return moment.replace(tzinfo=UTC) if _IN_UTC.search(pattern) else moment


def iso_moment(text: str) -> datetime:
    """A day, or a moment of one, by ISO 8601; ValueError for its other forms (weeks), and for what only looks so."""
    if _ISO.fullmatch(text) is None:
        raise ValueError(text)
    return datetime.fromisoformat(text)


def is_likely_year(year: int) -> bool:
    """Whether a day of a supplier's may be of that year: other calendars, and dates cut short, are not."""
    return FIRST_YEAR <= year <= datetime.now(UTC).year + YEARS_AHEAD or year in OPEN_ENDS


def reckoned(moment: datetime, rule: ColumnRule) -> datetime:
    """The day that a rule makes of a day: the end of its month or of a later one, then days or working days on."""
    if rule.end_of_month is not None:
        months = moment.year * 12 + moment.month + rule.end_of_month  # those up to the month after the one meant
        moment = moment.replace(year=months // 12, month=months % 12 + 1, day=1) - timedelta(days=1)
    moment += timedelta(days=rule.add_days)
    for _ in range(rule.add_working_days):
        moment += timedelta(days=1)
        while moment.weekday() >= SATURDAY:
            moment += timedelta(days=1)
    return moment


def other_format(text: pa.Array, pattern: str, rule: FileRule) -> tuple[str, int]:
    """The format other than this one by which most of the values fit, and how many do."""
    swapped = re.sub("%[md]", lambda part: "%d" if part.group() == "%m" else "%m", pattern)
    common = () if "%H" in pattern else COMMON_FORMATS
    candidates = [one for one in dict.fromkeys((swapped, *common)) if one != pattern]
    counts = pc.value_counts(text.drop_null()).to_pylist()
    found = {one: _fitting(counts, date_reader(one, rule)) for one in candidates}
    best = max(found, key=lambda one: found[one], default=pattern)
    return f'the format "{best}"', found.get(best, 0)


def _fitting(counts: list[dict[str, object]], read: Callable[[str], datetime]) -> int:
    total = 0
    for count in counts:
        try:
            read(str(count["values"]))
        except ValueError:
            continue
        total += int(str(count["counts"]))
    return total
