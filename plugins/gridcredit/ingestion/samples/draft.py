"""Drafts a mapping from samples; what it is not sure of stands in comments."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from gridcredit.contract.customers import CUSTOMER
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.shapes import DECIMALS, Column, Extract
from gridcredit.errors import GridCreditError
from gridcredit.files.limits import ReadLimits
from gridcredit.ingestion.batch import Batch
from gridcredit.ingestion.conversion.dates import date_reader, iso_moment
from gridcredit.ingestion.conversion.identifiers import not_identifier_reason, not_identifiers
from gridcredit.ingestion.conversion.numerals import to_decimal
from gridcredit.ingestion.mapping.columns import FALSE_WORDS, TRUE_WORDS, ColumnRule, known_units
from gridcredit.ingestion.mapping.faults import named_units
from gridcredit.ingestion.mapping.patterns import covers
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers.reader import read_batches, read_header
from gridcredit.ingestion.samples.other_names import is_another_name, is_named_in
from gridcredit.ingestion.samples.written import (
    FORMATS,
    SAMPLE_BYTES,
    SEPARATORS,
    draft_dates,
    draft_numbers,
    fits,
    sniff,
)

# How alike two names must be to be taken for one, and from where on without a comment.
ALIKE, ALIKE_CODES, SURE = 0.6, 0.8, 0.9
# That of another name of the same: never without a comment.
GUESSED = 0.89
# Which an amount's name may end in.
CURRENCY = re.compile("_(eur|euro|usd|chf|gbp|cny|rmb|yuan)$")
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
    patterns: list[str] = []
    for sample in samples:
        pattern = _pattern(sample.name)
        same = next((one for one in patterns if covers(one, pattern)), None)
        if same is not None:
            lines.append(f"  # {sample.name}: read by the rule of {same}")
            continue
        patterns.append(pattern)
        lines += [f"  {line}".rstrip() for line in _draft_file(sample)]
    return "\n".join(lines) + "\n"


def _draft_file(sample: Path) -> list[str]:
    options: dict[str, object] = {"pattern": _pattern(sample.name)}
    comments: dict[str, str] = {}
    sniff(sample, options, comments)
    rule = FileRule.model_validate(options | {"extracts": {"bill": {}}})
    header = read_header(sample, rule)
    batch = next(islice(read_batches(sample, rule, ReadLimits(SAMPLE_BYTES)), 1), None)
    values = {name: pc.utf8_trim_whitespace(array) for name, array in batch.columns.items()} if batch else {}
    values = {name: array.filter(pc.greater(pc.binary_length(array), 0)) for name, array in values.items()}
    could_be = {name: _could_be(array, rule) for name, array in values.items()}
    candidates = {name: _likely_columns(one, header, could_be) for name, one in EXTRACTS.items()}
    scores = {name: _score(EXTRACTS[name], found, sample.name) for name, found in candidates.items()}
    likeliest = max(scores, key=lambda name: scores[name])
    extract, found = EXTRACTS[likeliest], candidates[likeliest]
    sources = {column: source for column, (source, _) in found.items()}
    of_kind = _values_by_kind(extract, sources, values, could_be)
    draft_dates(of_kind, rule, options, comments)
    draft_numbers(of_kind["number"], options, comments)
    lines = [_line(key, value, comments.get(key)) for key, value in options.items()]
    if scores[likeliest] < KNOWN:
        lines += ["# A GUESS, names say not which; it may be one of:", f"# {', '.join(EXTRACTS)}"]
    lines += ["extracts:", f"  {extract.name}:", f"    columns:{'' if found else ' {}'}"]
    lines += [f"      {line}" for line in _key_lines(extract, sources, batch)]
    lines += [f"      {line}" for line in _column_lines(extract, found, values, could_be)]
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
    return re.sub(r"[\d_-]*\d[\d_-]*", "*", glob.escape(stem)) + dot + glob.escape(ending)


def _line(key: str, value: object, comment: str | None) -> str:
    style = None if isinstance(value, dict) else False
    text = yaml.safe_dump({key: value}, allow_unicode=True, width=1000, default_flow_style=style).strip()
    return f"{text}  # {comment}" if comment else text


def _could_be(array: pa.Array, rule: FileRule) -> set[str]:
    """What kinds of column a source's values could be of: text always, dates and numbers where each fits some way of
    writing.
    """
    texts = set(array.slice(0, PROBED).to_pylist())
    kinds = {"text"}
    typed = {text for text in texts if rule.format != "csv" and fits(iso_moment, text)}
    for kind, formats in FORMATS.items():
        if any(all(fits(date_reader(one, rule), text) for text in texts - typed) for one in formats):
            kinds.add(kind)
    if len(kinds) > 1 and not all(text.isdigit() for text in texts):
        # 01.2026 is no number.
        return kinds
    probed = pa.array(sorted(texts), pa.string())
    wide = Column("number", "price", "")
    if any(not to_decimal(probed, wide, *separators)[1].any() for separators in SEPARATORS):
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
    """The source of each canonical column whose name is alike and whose values could be its own, or that has its very
    name, and how alike it is.
    """
    pairs = sorted(
        (
            (_alike(column.name, source), column.name, source)
            for column in extract.columns
            for source in header
            if _fits_column(column, source, could_be) or _alike(column.name, source) == 1
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
    words = CURRENCY.sub("", re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", "_", source).lower().strip("_"))
    alike = SequenceMatcher(None, column, words).ratio()
    return max(alike, GUESSED) if is_another_name(column, words) else alike


def _score(extract: Extract, found: dict[str, tuple[str, float]], file_name: str) -> float:
    required = [column for column in extract.columns if column.required]
    share = sum(found[column.name][1] for column in required if column.name in found) / len(required)
    return share + (0.5 if is_named_in(extract.name, file_name) else 0) + len(found) / 1000


def _key_lines(extract: Extract, sources: dict[str, str], batch: Batch | None) -> list[str]:
    """A comment where rows share a key of several columns."""
    names = [sources[key] for key in extract.keys if key in sources]
    if batch is None or len(names) < 2 or len(names) < len(extract.keys):
        return []
    rows = pa.table({name: batch.columns[name] for name in names})
    twice = rows.num_rows - rows.group_by(names).aggregate([]).num_rows
    return [f"# {', '.join(extract.keys)} together are the key, but {twice} rows repeat one"] if twice else []


def _column_lines(
    extract: Extract, found: dict[str, tuple[str, float]], values: dict[str, pa.Array], could_be: dict[str, set[str]]
) -> list[str]:
    lines: list[str] = []
    for column in extract.columns:
        if column.name not in found:
            lines += [f"# {column.name}: REQUIRED, not found: {column.text}"] if column.required else []
            continue
        source, alike = found[column.name]
        doubts = [] if alike >= SURE else ["by its name only"]
        if not _fits_column(column, source, could_be):
            doubts.append(f"its values are not all of kind {column.kind}")
        texts = values.get(source)
        doubts += [] if texts is None else _doubts(extract, column, texts)
        stated = named_units(column, ColumnRule.model_validate({"from": source}))
        known = next((unit for unit in known_units(column) if stated and unit.lower() == stated[0]), None)
        if known:
            doubts.append("the unit by its name only")
        elif stated:
            doubts.append(f"in {stated[0]}? `unit` and `factor` say how many {column.unit or 'of the contract'} one is")
        line = _line(column.name, {"from": source, "unit": known} if known else source, "; ".join(doubts))
        lines.append(f"# {line}" if stated and not known else line)
    return lines


def _doubts(extract: Extract, column: Column, texts: pa.Array) -> list[str]:
    """What the values of a source say against its being the column."""
    doubts: list[str] = []
    if extract.keys == (column.name,) and len(pc.unique(texts)) < len(texts):
        doubts.append("is the key, but has values twice")
    meant = column.values or (("true", "false") if column.kind == "boolean" else ())
    known = {*column.values} if column.values else TRUE_WORDS | FALSE_WORDS
    strange = [text for text in sorted(set(texts.to_pylist())) if meant and _as_known(text, column) not in known]
    if strange:
        doubts.append(f"`values` must map {', '.join(strange[:5])} to {', '.join(meant)}")
    if column.is_identifier and not_identifiers(texts).any():
        example = texts.filter(pa.array(not_identifiers(texts)))[0].as_py()
        doubts.append(f"{example} {not_identifier_reason(example)}")
    return doubts


def _as_known(text: str, column: Column) -> str:
    return text.lower() if column.kind == "boolean" else text
