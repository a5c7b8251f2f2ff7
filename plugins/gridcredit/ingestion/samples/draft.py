"""Drafts a mapping from samples; what it is not sure of stands in comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from gridcredit.contract.customers import CUSTOMER
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.shapes import DECIMALS, Column, Extract
from gridcredit.errors import FileRefusedError, GridCreditError
from gridcredit.files.limits import ReadLimits
from gridcredit.ingestion.conversion.dates import COMMON_FORMATS, date_reader
from gridcredit.ingestion.conversion.numerals import CONVENTIONS, to_decimal
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers.csv_file import read_start
from gridcredit.ingestion.readers.reader import read_batches, read_header

ENCODINGS = ("utf-8", "gb18030", "cp1252")
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_BYTES = 1 << 20
TIMES = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")
MONTHS = ("%Y-%m", "%Y%m", "%m/%Y", "%m.%Y", *COMMON_FORMATS)
# How alike two names must be to be taken for one, and from where on without a comment.
ALIKE, ALIKE_CODES, SURE = 0.6, 0.8, 0.9
# The score from which on a file is taken for an extract's, and how many values are examined.
KNOWN, PROBED = 0.4, 500


def draft_mapping(name: str, samples: Iterable[Path]) -> str:
    """A mapping for the samples, as YAML with comments.

    Raises:
        GridCreditError: the name is none that a mapping can have.
        FileRefusedError: a sample cannot be read.
    """
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise GridCreditError(f"{name!r} is not a mapping name: lower-case letters, digits and underscores")
    lines = [f"mapping: {name}", "description: DRAFT, to be checked with `gridcredit mapping check`.", "files:"]
    for sample in samples:
        lines += [f"  {line}".rstrip() for line in _draft_file(sample)]
    return "\n".join(lines) + "\n"


def _draft_file(sample: Path) -> list[str]:
    options: dict[str, object] = {"pattern": _pattern(sample.name)}
    comments: dict[str, str] = {}
    with sample.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(b"PK"):
        options["format"] = "xlsx"
    elif magic == b"PAR1":
        options["format"] = "parquet"
    else:
        _sniff_csv(sample, options, comments)
    rule = FileRule.model_validate(options | {"extracts": {"bill": {}}})
    header = read_header(sample, rule)
    batch = next(islice(read_batches(sample, rule, ReadLimits(SAMPLE_BYTES)), 1), None)
    values = {name: pc.utf8_trim_whitespace(array) for name, array in batch.columns.items()} if batch else {}
    values = {name: array.filter(pc.greater(pc.binary_length(array), 0)) for name, array in values.items()}
    could_be = {name: _could_be(array, rule) for name, array in values.items()}
    candidates = {name: _likely_columns(one, header, could_be) for name, one in EXTRACTS.items()}
    scores = {name: _score(EXTRACTS[name], found, sample.name) for name, found in candidates.items()}
    likeliest = max(scores, key=lambda name: (scores[name], name))
    extract, found = EXTRACTS[likeliest], candidates[likeliest]
    sources = {column: source for column, (source, _) in found.items()}
    of_kind = _values_by_kind(extract, sources, values, could_be)
    if options.get("format") is None or options["format"] == "csv":
        _draft_dates(of_kind, rule, options, comments)
        _draft_numbers(of_kind["number"], options, comments)
    lines = [_line(key, value, comments.get(key)) for key, value in options.items()]
    if scores[likeliest] < KNOWN:
        lines += [f"extracts: {{}}  # names say not which: {', '.join(EXTRACTS)}", f"# columns: {', '.join(header)}"]
    else:
        lines += ["extracts:", f"  {extract.name}:", "    columns:"]
        lines += [f"      {line}" for line in _column_lines(extract, found, values)]
        unread = [name for name in header if name not in sources.values()]
        lines += [f"# nothing reads: {', '.join(unread)}"] if unread else []
        if unread and extract is CUSTOMER:
            lines += [
                "# what rules are to use of them comes in as customer_attribute: docs/how-to/bring_a_further_column.md"
            ]
    return [f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]


def _values_by_kind(
    extract: Extract, sources: dict[str, str], values: dict[str, pa.Array], could_be: dict[str, set[str]]
) -> dict[str, list[pa.Array]]:
    """The values that show how dates and numbers are written, also those of columns of which nothing else is known."""
    of_kind: dict[str, list[pa.Array]] = {"date": [], "month": [], "timestamp": [], "number": []}
    for column in extract.columns:
        kind = "number" if column.kind in DECIMALS else column.kind
        if column.name in sources and kind in of_kind and sources[column.name] in values:
            of_kind[kind].append(values[sources[column.name]])
    for name, array in values.items():
        if name not in sources.values() and len(array):
            of_kind["date"] += [array] if "date" in could_be[name] else []
            of_kind["number"] += [array] if could_be[name] == {"number", "text"} else []
    return of_kind


def _pattern(name: str) -> str:
    """The name with its numbers, mostly dates, left open."""
    stem, dot, ending = name.partition(".")
    return re.sub(r"[\d_-]*\d[\d_-]*", "*", stem) + dot + ending


def _line(key: str, value: object, comment: str | None) -> str:
    text = yaml.safe_dump({key: value}, allow_unicode=True, width=1000).strip()
    return f"{text}  # {comment}" if comment else text


def _sniff_csv(sample: Path, options: dict[str, object], comments: dict[str, str]) -> None:
    start = read_start(sample, SAMPLE_BYTES)
    cut = start[: start.rfind(b"\n") + 1] or start
    for encoding in ENCODINGS:
        try:
            text = cut.decode(encoding)
        except UnicodeDecodeError:
            continue
        break
    else:
        raise FileRefusedError(f"{sample.name}: is text in none of {', '.join(ENCODINGS)}: name its encoding yourself")
    if encoding != "utf-8":
        options["encoding"], comments["encoding"] = encoding, "not UTF-8; check letters with accents and signs"
    lines = text.splitlines()[:50]
    delimiter = max(DELIMITERS, key=lambda one: sum(line.count(one) for line in lines))
    if delimiter != ",":
        options["delimiter"] = delimiter
    fields = [line.count(delimiter) for line in lines]
    row = next((number for number, count in enumerate(fields, start=1) if count == max(fields)), 1)
    if row > 1 and fields[0] < max(fields) / 2:
        options["header_row"], comments["header_row"] = row, "the first line with all fields"


def _draft_dates(
    of_kind: dict[str, list[pa.Array]], rule: FileRule, options: dict[str, object], comments: dict[str, str]
) -> None:
    for kind, formats in (("date", COMMON_FORMATS), ("month", MONTHS), ("timestamp", TIMES)):
        texts = {text for array in of_kind[kind] for text in array.to_pylist()}
        fitting = [one for one in formats if texts and all(_fits(date_reader(one, rule), text) for text in texts)]
        key = f"{kind}_format"
        if texts and not fitting:
            options[key], comments[key] = formats[0], f"no common format fits all, such as {min(texts)!r}"
        elif fitting and fitting[0] != FileRule.model_fields[key].default:
            options[key] = fitting[0]
        if len(fitting) > 1:
            options[key], comments[key] = fitting[0], f"{' and '.join(fitting[1:])} fit as well: which is meant?"


def _fits(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def _draft_numbers(arrays: list[pa.Array], options: dict[str, object], comments: dict[str, str]) -> None:
    text = pa.chunked_array(arrays or [[]], pa.string()).combine_chunks()
    wide = Column("number", "price", "")

    def bad(decimal: str, thousands: str | None) -> int:
        return int(to_decimal(text, wide, decimal, thousands)[1].sum())

    if not bad(".", None):
        return
    decimal, thousands = min(CONVENTIONS, key=lambda one: bad(*one))
    options["decimal_separator"], options["thousands_separator"] = decimal, thousands
    left = bad(decimal, thousands)
    if left:
        comments["decimal_separator"] = f"{left} of {len(text)} numbers do not fit; check which"


def _could_be(array: pa.Array, rule: FileRule) -> set[str]:
    """What kinds of column a source's values could be of: text always, dates and numbers where each fits some way of
    writing.
    """
    texts = set(array.slice(0, PROBED).to_pylist())
    kinds = {"text"}
    for kind, formats in (("date", COMMON_FORMATS), ("month", MONTHS), ("timestamp", (*TIMES, *COMMON_FORMATS))):
        if any(all(_fits(date_reader(one, rule), text) for text in texts) for one in formats):
            kinds.add(kind)
    if len(kinds) > 1 and not all(text.isdigit() for text in texts):
        # 01.2026 is no number.
        return kinds
    probed = pa.array(sorted(texts), pa.string())
    wide = Column("number", "price", "")
    if any(
        not to_decimal(probed, wide, decimal, thousands)[1].any() for decimal, thousands in ((".", None), *CONVENTIONS)
    ):
        kinds.add("number")
    return kinds


def _fits_column(column: Column, source: str, could_be: dict[str, set[str]]) -> bool:
    """Whether the source's values could be the column's; of one without values nothing is known."""
    kinds = could_be.get(source)
    if kinds is None or column.kind in ("text", "code", "boolean", "json"):
        # A date is no name, and no number either.
        return kinds is None or column.kind == "text" or "date" not in kinds
    return ("number" if column.kind in DECIMALS or column.kind == "integer" else column.kind) in kinds


def _likely_columns(extract: Extract, header: list[str], could_be: dict[str, set[str]]) -> dict[str, tuple[str, float]]:
    """The source of each canonical column whose name is alike and whose values could be its own, and how alike it
    is.
    """
    pairs = sorted(
        (
            (_alike(column.name, source), column.name, source)
            for column in extract.columns
            for source in header
            if _fits_column(column, source, could_be)
        ),
        reverse=True,
    )
    coded = {column.name for column in extract.columns if column.values}
    found: dict[str, tuple[str, float]] = {}
    for alike, column, source in pairs:
        # What has codes of its own is not taken for another on a likeness alone.
        if (
            alike >= (ALIKE_CODES if column in coded else ALIKE)
            and column not in found
            and source not in {one for one, _ in found.values()}
        ):
            found[column] = (source, alike)
    return found


def _alike(column: str, source: str) -> float:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|\W+", "_", source).lower().strip("_")
    return SequenceMatcher(None, column, words).ratio()


def _score(extract: Extract, found: dict[str, tuple[str, float]], file_name: str) -> float:
    required = [column for column in extract.columns if column.required]
    share = sum(found[column.name][1] for column in required if column.name in found) / len(required)
    return share + (0.5 if extract.name in file_name.lower() else 0) + len(found) / 1000


def _column_lines(extract: Extract, found: dict[str, tuple[str, float]], values: dict[str, pa.Array]) -> list[str]:
    lines: list[str] = []
    for column in extract.columns:
        if column.name not in found:
            lines += [f"# {column.name}: REQUIRED, not found: {column.text}"] if column.required else []
            continue
        source, alike = found[column.name]
        doubts = [] if alike >= SURE else ["by its name only"]
        texts = values.get(source)
        if texts is not None and extract.keys == (column.name,) and len(pc.unique(texts)) < len(texts):
            doubts.append("is the key, but has values twice")
        if texts is not None and column.values:
            strange = sorted(set(texts.to_pylist()) - set(column.values))
            doubts += [f"`values` must map {', '.join(strange[:5])} to {', '.join(column.values)}"] if strange else []
        lines.append(_line(column.name, source, "; ".join(doubts)))
    return lines
