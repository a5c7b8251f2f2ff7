"""One record of a CSV file as its line, and back."""

from __future__ import annotations

import csv
import io


def to_line(fields: list[str], delimiter: str) -> str:
    """The line, without its end."""
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="").writerow(fields)
    return line.getvalue()


def to_fields(line: str, delimiter: str) -> list[str]:
    """The fields; the line whole where it is no record."""
    try:
        return next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return [line]
