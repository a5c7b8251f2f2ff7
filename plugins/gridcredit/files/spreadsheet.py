"""CSV that people open in a spreadsheet: no cell of it is a formula, and what was written comes back as it was."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from gridcredit.files.private import open_private

# As spreadsheets take them, also in full width; a plain number may have its sign.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")


def neutralised(value: str) -> str:
    """The text of a cell, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value


def as_it_was(cell: str) -> str:
    """The value of which `neutralised` made the text."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Write a CSV file that only its owner can read; returns the number of rows."""
    count = 0
    with open_private(path, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(map(neutralised, header))
        for row in rows:
            writer.writerow([neutralised(value) if isinstance(value, str) else value for value in row])
            count += 1
    return count


def read_table(text: str) -> list[list[str]]:
    """The rows, the header's too, of what `write_table` wrote."""
    return [[as_it_was(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline=""))]
