"""How a sample is written: encoding, delimiter, header, dates, separators; with comments where that is not sure."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.contract.shapes import Column
from gridcredit.errors import FileRefusedError
from gridcredit.ingestion.conversion.dates import COMMON_FORMATS, date_reader, iso_moment
from gridcredit.ingestion.conversion.numerals import CONVENTIONS, to_decimal
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers.csv_file import read_start
from gridcredit.ingestion.readers.xlsx_file import filled_cells

ENCODINGS = ("utf-8", "gb18030", "cp1252")
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_BYTES = 1 << 20
TIMES = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")
SHORT_YEARS = ("%d.%m.%y", "%d/%m/%y", "%m/%d/%y")
MONTHS = ("%Y-%m", "%Y%m", "%m/%Y", "%m.%Y", *COMMON_FORMATS)
FORMATS = {
    "date": (*COMMON_FORMATS, *TIMES, *SHORT_YEARS),
    "month": MONTHS,
    "timestamp": (*TIMES, *COMMON_FORMATS, *SHORT_YEARS),
}
SEPARATORS: tuple[tuple[str, str | None], ...] = ((".", None), *CONVENTIONS)
LIKELY_PIVOT = 50
# Rows among which the header is looked for.
TOP = 50

Options = dict[str, object]
Comments = dict[str, str]


def sniff(sample: Path, options: Options, comments: Comments) -> None:
    """Find the format of a file, and where its header is."""
    with sample.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(b"PK"):
        options["format"] = "xlsx"
        rule = FileRule.model_validate(options | {"extracts": {"bill": {}}})
        _draft_header(filled_cells(sample, rule, TOP), options, comments)
    elif magic == b"PAR1":
        options["format"] = "parquet"
    else:
        _sniff_csv(sample, options, comments)


def _sniff_csv(sample: Path, options: Options, comments: Comments) -> None:
    start = read_start(sample, SAMPLE_BYTES)
    readings = _readings(start)
    if not readings:
        raise FileRefusedError(f"{sample.name}: is text in none of {', '.join(ENCODINGS)}: name its encoding yourself")
    (encoding, text), *others = readings.items()
    if encoding != "utf-8":
        options["encoding"] = encoding
        comments["encoding"] = "not UTF-8; check letters with accents and signs"
        for other, otherwise in others:
            words = f"{_foreign_word(text)!r}, and {_foreign_word(otherwise)!r} by {other}"
            comments["encoding"] = f"not UTF-8: it reads {words}: which is meant?"
    lines = text.splitlines()[:TOP]
    delimiter = max(DELIMITERS, key=lambda one: sum(line.count(one) for line in lines))
    if delimiter != ",":
        options["delimiter"] = delimiter
    _draft_header([line.count(delimiter) for line in lines], options, comments)


def _readings(start: bytes) -> dict[str, str]:
    """The text by each encoding that it can be read in, the likeliest first: UTF-8 and UTF-16 leave no doubt."""
    is_utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    readings: dict[str, str] = {}
    for encoding in ("utf-16",) if is_utf16 else ENCODINGS:
        with suppress(UnicodeDecodeError):
            # The last letter may be cut.
            readings[encoding] = codecs.getincrementaldecoder(encoding)().decode(start)
            if encoding == "utf-8":
                break
    # A Chinese sign is two bytes beyond ASCII; of European letters one stands alone between others.
    runs = re.findall(rb"[\x80-\xff]+", start)
    alone = sum(len(run) == 1 for run in runs)
    return dict(reversed(readings.items())) if 2 * alone > len(runs) else readings


def _foreign_word(line: str) -> str:
    return next((word for word in re.split(r"[\W_]+", line) if not word.isascii()), line[:20])


def _draft_header(fields: list[int], options: Options, comments: Comments) -> None:
    row = next((number for number, count in enumerate(fields, start=1) if count == max(fields)), 1)
    if row > 1 and fields[0] < max(fields) / 2:
        options["header_row"], comments["header_row"] = row, "the first line with all fields"


def draft_dates(of_kind: dict[str, list[pa.Array]], rule: FileRule, options: Options, comments: Comments) -> None:
    """Find the formats of dates, months and times."""
    for kind, formats in FORMATS.items():
        texts = {text for array in of_kind[kind] for text in array.to_pylist()}
        if rule.format != "csv":
            # What the file holds as dates needs no format.
            texts = {text for text in texts if not fits(iso_moment, text)}
        fitting = [one for one in formats if texts and all(fits(date_reader(one, rule), text) for text in texts)]
        key = f"{kind}_format"
        if texts and not fitting:
            options[key], comments[key] = formats[0], f"no common format fits all, such as {min(texts)!r}"
        elif fitting and fitting[0] != FileRule.model_fields[key].default:
            options[key] = fitting[0]
        if len(fitting) > 1:
            options[key], comments[key] = fitting[0], f"{' and '.join(fitting[1:])} fit as well: which is meant?"
        elif kind == "timestamp" and fitting and "%H" in fitting[0] and "%z" not in fitting[0]:
            comments[key] = "names no zone: `time_zone` says which it is, UTC where it says nothing"
        if fitting and fitting[0] in SHORT_YEARS:
            options["year_pivot"] = LIKELY_PIVOT
            comments["year_pivot"] = "years of two digits below it are 20xx, the others 19xx: check"


def fits(read: Callable[[str], object], text: str) -> bool:
    """Whether a text can be read so."""
    try:
        read(text)
    except ValueError:
        return False
    return True


def draft_numbers(arrays: list[pa.Array], options: Options, comments: Comments) -> None:
    """Find the separators of numbers; where others fit all of them too and make others of them, say so."""
    text = pa.chunked_array(arrays or [[]], pa.string()).combine_chunks()
    read = {one: to_decimal(text, Column("number", "price", ""), *one) for one in SEPARATORS}
    bad = {one: int(mask.sum()) for one, (_, mask) in read.items()}
    best = min(SEPARATORS, key=lambda one: bad[one])
    decimal, thousands = best
    others = [one for one in SEPARATORS if not bad[one] and not read[one][0].equals(read[best][0])]
    if bad[(".", None)] or others:
        options["decimal_separator"] = decimal
        options |= {"thousands_separator": thousands} if thousands else {}
    if bad[best]:
        comments["decimal_separator"] = f"{bad[best]} of {len(text)} numbers do not fit; check which"
    elif others:
        unlike = pc.not_equal(read[others[0]][0], read[best][0])
        shown, taken, other = (array.filter(unlike)[0] for array in (text, read[best][0], read[others[0]][0]))
        comments["decimal_separator"] = (
            f"{shown} is taken for {taken}, and may be {other} by {others[0][0]!r}: which is meant?"
        )
