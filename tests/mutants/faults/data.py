"""Faults of policies, expectations and other data: another number, the other truth."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.mutants.mutant import Change

TRUTHS = {"true": "false", "false": "true"}
# A value alone between what bounds it in such a file; names, texts and versions hold no value of their own.
_VALUES = {
    ".csv": re.compile(r"(?<=[,\n])(-?\d+(?:\.\d+)?|true|false)(?=[,\r\n]|$)"),
    ".yml": re.compile(r"(?:(?<=[:,-]\ )|(?<=\[))(-?\d+(?:\.\d+)?|true|false)(?=[ ]*(?:[,}\]\r\n#]|$))"),
    ".json": re.compile(r"(?<=[:\[,\s])(-?\d+(?:\.\d+)?|true|false)(?=[,}\]\s])"),
}
_TEXTS = {
    ".csv": re.compile(r'"(?:[^"]|"")*"'),
    ".yml": re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|(?:^|(?<=\s))\#[^\n]*", re.MULTILINE),
    ".json": re.compile(r'"(?:[^"\\]|\\.)*"'),
}
_COLUMNS = re.compile(r"[^\n]*\n")


def changes_of_data(text: str, suffix: str) -> list[Change]:
    """Each value of the file with one beside it in its place."""
    return list(_changes(text, suffix))


def _changes(text: str, suffix: str) -> Iterator[Change]:
    # Of the same length, so that positions stay; what ends a value is still there.
    blank = _TEXTS[suffix].sub(lambda match: match[0][0] + re.sub(r"[^\n]", "x", match[0][1:]), text)
    begins = 0
    if suffix == ".csv" and (columns := _COLUMNS.match(text)):
        begins = columns.end() - 1
    for match in _VALUES[suffix].finditer(blank, begins):
        value = match[1]
        yield Change(match.start(1), "constant", value, TRUTHS.get(value) or _beside(value))


def _beside(number: str) -> str:
    """A whole number and one more; a part of one three times as large."""
    if "." not in number:
        return str(int(number) + 1)
    places = len(number.partition(".")[2])
    value = float(number)
    return f"{value * 3 if value else 1:.{places}f}"
