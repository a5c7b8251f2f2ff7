"""Reads XLSX, whose cells have types and formats, as text. The line of a row is its row in the sheet."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from gridcredit.errors import FileRefusedError
from gridcredit.files.csv_line import to_line
from gridcredit.files.limits import ReadLimits
from gridcredit.ingestion.batch import Batch, Malformed, nameless_reason
from gridcredit.ingestion.conversion.identifiers import FLOAT_MARK, NOT_TEXT_MARK
from gridcredit.ingestion.conversion.invisible import clean_name
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers.expansion import check_expanded_size
from gridcredit.ingestion.readers.typed_text import typed_text, unreadable

ROWS_PER_BATCH = 50_000
# How much of a sheet is searched at a time, and the most that the name of a merged cell takes of it.
SEARCHED_BYTES, MERGE_BYTES = 1 << 20, 256
EXPANDED_BYTES = 1 << 30
# The digits of a number that a spreadsheet stores.
SURE_DIGITS = 15
# Formats that show a number's own digits.
PLAIN_FORMAT = re.compile(r"General|@|#|[#,]*0(?:\.0+)?(?:_?[ )])?(?:;.*)?")


_QUOTED = re.compile(r'"[^"]*"|\\.')
MERGED = "is part of a merged cell: its value stands in the first one alone"
_MERGE = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=[\"']([A-Z]+\d+:[A-Z]+\d+)[\"']")


@dataclass(frozen=True)
class _Cell:
    text: str
    fault: str | None = None


@dataclass(frozen=True)
class _Kinds:
    """The positions of columns that make identifiers, and of those of which the contract asks per cent."""

    identifiers: set[int] = field(default_factory=set)
    percentages: set[int] = field(default_factory=set)


class _Merges:
    """The merged cells of a sheet, asked for row by row."""

    def __init__(self, ranges: set[str]) -> None:
        from openpyxl.utils import range_boundaries

        areas: list[Any] = [range_boundaries(one) for one in ranges]
        self.waiting = sorted(areas, key=lambda area: int(area[1]), reverse=True)
        self.open: list[Any] = []

    def covered(self, line: int) -> set[int]:
        """The positions of a row, no earlier than the one asked for before, that a merged cell covers."""
        while self.waiting and self.waiting[-1][1] <= line:
            self.open.append(self.waiting.pop())
        self.open = [one for one in self.open if one[3] >= line]
        covered: set[int] = set()
        for left, top, right, _ in self.open:
            covered.update(range(left - 1 + (line == top), right))
        return covered


def read_header(path: Path, rule: FileRule) -> list[str]:
    """The names in the header's row."""
    for line, row in _rows(path, rule):
        if line >= rule.header_row:
            names = {position: cell.text for position, cell in row.items() if cell.text and line == rule.header_row}
            return [names.get(position, "") for position in range(max(names, default=-1) + 1)]
    return []


def filled_cells(path: Path, rule: FileRule, count: int) -> list[int]:
    """How many cells are filled in each of the first rows."""
    found = [0] * count
    for line, row in _rows(path, rule):
        if line > count:
            break
        found[line - 1] = sum(bool(cell.text) for cell in row.values())
    return found


def read_batches(path: Path, rule: FileRule, header: list[str], limits: ReadLimits) -> Iterator[Batch]:  # noqa: ARG001 - one signature for all formats
    """The rows after the header; a row without any value is no row."""
    rows = ((line, row) for line, row in _rows(path, rule) if line > rule.header_row and row)
    read = {position for position, name in enumerate(header) if name in rule.sources()}
    while chunk := list(islice(rows, ROWS_PER_BATCH)):
        lines: list[int] = []
        values: list[list[str]] = []
        malformed: list[Malformed] = []
        for line, row in chunk:
            texts = [row[position].text if position in row else "" for position in range(len(header))]
            fault = _fault(row, read, len(header))
            if fault:
                malformed.append(Malformed(line, to_line(texts, rule.delimiter), fault))
            elif any(texts):
                lines.append(line)
                values.append(texts)
        columns = zip(*values, strict=True) if values else ([] for _ in header)
        arrays = {name: pa.array(column, pa.string()) for name, column in zip(header, columns, strict=True)}
        yield Batch(arrays, np.array(lines, dtype=np.int64), malformed)


def unread_sheets(path: Path, rule: FileRule) -> list[str]:
    """What is said of sheets where the mapping does not name the one that is read: others, or that it is hidden."""
    from openpyxl.reader.excel import ExcelReader

    if rule.sheet is not None:
        return []
    with path.open("rb") as stream:
        reader: Any = ExcelReader(stream, read_only=True, data_only=True, keep_links=False)
        reader.read_manifest()
        reader.read_workbook()
        sheets = [(sheet, rel) for sheet, rel in reader.parser.find_sheets() if "chartsheet" not in rel.Type]
    others = [sheet.name for sheet, _ in sheets[1:] if sheet.state == "visible"]
    name_it = "`sheet` in the mapping names the one that is"
    notes = [f"sheets not read: {', '.join(others)}; {name_it}"] if others else []
    hidden = [sheet.name for sheet, _ in sheets[:1] if sheet.state != "visible"]
    return notes + [f"the sheet that is read, {name!r}, is hidden; {name_it} meant" for name in hidden]


def _fault(row: dict[int, _Cell], read: set[int], width: int) -> str | None:
    """What is wrong with a row apart from its values."""
    for position, cell in row.items():
        if position >= width:
            return nameless_reason(position + 1)
        if cell.fault and position in read:
            return cell.fault
    return None


def _rows(path: Path, rule: FileRule) -> Iterator[tuple[int, dict[int, _Cell]]]:
    """The filled cells of each row by their position."""
    try:
        # A sheet's texts are held in memory, so they must be within what XLSX is for.
        check_expanded_size(path.name, _archive_size(path), EXPANDED_BYTES)
        with path.open("rb") as stream:
            yield from _sheet_rows(path, stream, rule)
    except FileRefusedError:
        raise
    except Exception as error:  # a broken workbook makes its parser's many parts raise whatever they raise
        raise unreadable(path, "XLSX", error) from error


def _archive_size(path: Path) -> int:
    """What the archive says its parts expand to; reading stops there, whatever follows."""
    with zipfile.ZipFile(path) as archive:
        return sum(part.file_size for part in archive.infolist())


def _sheet_rows(path: Path, stream: Any, rule: FileRule) -> Iterator[tuple[int, dict[int, _Cell]]]:  # noqa: ANN401
    # The library's own loop over a sheet trusts the extent that the file claims, and drops the cells beyond it.
    from openpyxl.reader.excel import ExcelReader
    from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE
    from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser

    class Reader(ExcelReader):
        def read_chartsheet(self, sheet: object, rel: object) -> None:
            """A chart has no rows."""

    class Parser(WorkSheetParser):
        def parse_cell(self, element: Any) -> dict[str, Any]:  # noqa: ANN401
            cell: dict[str, Any] = super().parse_cell(element)
            cell["formula"] = element.find(FORMULA_TAG) is not None
            # An empty text is a value that a formula may have.
            if cell["value"] is None and element.get("t") == "str" and element.find(VALUE_TAG) is not None:
                cell["value"] = ""
            return cell

    reader = Reader(stream, read_only=True, data_only=True, keep_links=False)
    reader.read()
    book: Any = reader.wb
    sheet = _chosen_sheet(path, book.worksheets, rule)

    def number_format(style: int) -> str:
        number = book._cell_styles[style].numFmtId
        if number < BUILTIN_FORMATS_MAX_SIZE:
            return str(BUILTIN_FORMATS.get(number, "General"))
        return str(book._number_formats[number - BUILTIN_FORMATS_MAX_SIZE])

    with sheet._get_source() as source:
        merges = _Merges(_merged_ranges(source))
    with sheet._get_source() as source:
        parser = Parser(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        kinds = _Kinds()
        for line, row in parser.parse():
            cells: dict[int, _Cell] = {}
            for raw in row:
                position = raw["column"] - 1
                cell = _cell(raw, number_format(raw["style_id"]), position, kinds, rule)
                if cell.text or cell.fault:
                    cells[position] = cell
            covered = merges.covered(line)
            if line == rule.header_row:
                names = {position: clean_name(cell.text) for position, cell in cells.items()}
                kinds = _Kinds(_of(names, rule.identifier_sources()), _of(names, rule.percentage_sources()))
            elif cells:
                cells |= {position: _Cell("", MERGED) for position in covered}
            yield line, cells


def _of(names: dict[int, str], sources: set[str]) -> set[int]:
    return {position for position, name in names.items() if name in sources}


def _merged_ranges(source: IO[bytes]) -> set[str]:
    """The ranges of merged cells, which a sheet names behind its rows."""
    found: set[str] = set()
    rest = b""
    while block := source.read(SEARCHED_BYTES):
        text = rest + block
        found.update(match.group(1).decode() for match in _MERGE.finditer(text))
        rest = text[-MERGE_BYTES:]
    return found


def _cell(raw: dict[str, Any], shown_as: str, position: int, kinds: _Kinds, rule: FileRule) -> _Cell:
    value, kind, is_identifier = raw["value"], raw["data_type"], position in kinds.identifiers
    if value is None and raw["formula"]:
        return _Cell("", "holds a formula without a stored value: open the file in a spreadsheet program and save it")
    if kind == "e":
        return _Cell(str(value), f"holds the error {value}")
    text = typed_text(value, rule)
    if isinstance(value, bool) or not isinstance(value, int | float):
        is_text = value is None or isinstance(value, str)
        return _Cell(text if is_text or not is_identifier else text + NOT_TEXT_MARK)
    if "%" in _QUOTED.sub("", shown_as) and position in kinds.percentages:
        return _Cell(typed_text(Decimal(repr(value)) * 100, rule))
    if isinstance(value, int) and value >= 0 and re.fullmatch("0+", shown_as):
        text = text.zfill(len(shown_as))
    elif is_identifier and not PLAIN_FORMAT.fullmatch(shown_as):
        return _Cell(text, f"holds a number shown by the format {shown_as!r}: store what is shown as text")
    if is_identifier and (isinstance(value, float) or len(text) > SURE_DIGITS):
        text += FLOAT_MARK
    return _Cell(text)


def _chosen_sheet(path: Path, sheets: list[Any], rule: FileRule) -> Any:  # noqa: ANN401
    """The sheet that the mapping names, else the first; charts are none."""
    if not sheets:
        raise FileRefusedError(f"{path.name}: has no sheet with rows")
    named = {sheet.title: sheet for sheet in sheets}
    if rule.sheet is not None and rule.sheet not in named:
        raise FileRefusedError(f"{path.name}: has no sheet {rule.sheet!r}; it has {', '.join(named)}")
    return named[rule.sheet] if rule.sheet is not None else sheets[0]
