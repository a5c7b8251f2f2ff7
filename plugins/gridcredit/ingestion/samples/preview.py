"""Shows what a mapping makes of a sample, with no database: first rows before and after, and what would be refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.contract.attributes import typed_extract
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import FileRefusedError
from gridcredit.files.limits import ReadLimits
from gridcredit.ingestion.batch import Batch, BooleanMask, LineNumbers, clean, no_rows
from gridcredit.ingestion.column_changes import check_header
from gridcredit.ingestion.conversion.ambiguous import key_hashes
from gridcredit.ingestion.conversion.conditions import meets
from gridcredit.ingestion.conversion.conventions import Conventions, advice
from gridcredit.ingestion.conversion.convert import Converted, Rejected
from gridcredit.ingestion.conversion.identifiers import NO_VALUE as WORDS
from gridcredit.ingestion.conversion.parts import convert_parts
from gridcredit.ingestion.conversion.spelling import coded
from gridcredit.ingestion.mapping.columns import Condition
from gridcredit.ingestion.mapping.rules import FileRule, Mapping
from gridcredit.ingestion.readers.reader import read_batches, read_header
from gridcredit.settings import Settings, get_settings

SHOWN = 5
# What stands for no value somewhere.
NO_VALUE = {*WORDS, "NaN", "nan", "NONE", "none", "-"}
PREVIEW_LIMITS = ReadLimits(batch_bytes=1 << 20)


@dataclass
class ExtractPreview:
    """What one extract would get of the sample: its first rows by canonical column, and the rows for quarantine."""

    rows: list[dict[str, str | None]] = field(default_factory=list)
    accepted: int = 0
    filtered: int = 0
    rejected: int = 0
    repeated: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)
    unused_lines: list[int] = field(default_factory=list)
    unused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first_rejected: list[tuple[int, Rejected]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, batch: Batch, converted: Converted, keep: BooleanMask) -> None:
        """Count a batch, and show its rows while there are few."""
        accepted = pa.table(converted.rows).filter(pa.array(keep))
        self.accepted += accepted.num_rows
        self.repeated += int(converted.keep.sum()) - accepted.num_rows
        self.filtered += converted.filtered
        self.set_aside.update(converted.set_aside)
        self.rejected += len(converted.rejected)
        self.reasons += Counter(f"{bad.column} {bad.reason}" for bad in converted.rejected)
        for row in accepted.slice(0, SHOWN - len(self.rows)).to_pylist() if len(self.rows) < SHOWN else []:
            self.rows.append({column: None if value is None else str(value) for column, value in row.items()})
        for bad in converted.rejected[: SHOWN - len(self.first_rejected)]:
            self.first_rejected.append((int(batch.line_no[bad.index]), bad))

    def add_unused(self, lines: LineNumbers) -> None:
        """Count lines of which no rule made a row, or tried to."""
        self.unused += len(lines)
        self.unused_lines += map(int, lines[: SHOWN - len(self.unused_lines)])


@dataclass
class Preview:
    """A sample as it came, by source column, what each extract makes of it, and what else a person should check."""

    before: list[dict[str, str]]
    after: dict[str, ExtractPreview]
    unused_columns: list[str]
    notes: list[str]
    read: int = 0
    malformed: Counter[str] = field(default_factory=Counter)
    lines_without_values: int = 0
    is_whole: bool = True

    def verdict(self, rule: FileRule) -> str:
        """What would become of the file, in one line."""
        malformed = self.malformed.total()
        for name, part in self.after.items():
            bad = part.rejected + malformed
            if not self.read and EXTRACTS[name].fresh_days is not None:
                return "would be refused: it has a header and no rows"
            if bad > rule.bad_row_limit * (part.accepted + bad):
                return (
                    f"would be refused: {bad} of {part.accepted + bad} {name} rows are bad, over "
                    f"{rule.bad_row_limit:.1%}"
                )
        bad = malformed + sum(part.rejected for part in self.after.values())
        made = ", ".join(f"{part.accepted} {name}" for name, part in self.after.items())
        none = [name for name, part in self.after.items() if self.read and not part.accepted]
        doubt = f", without any {' or '.join(none)} (is that meant?)" if none else ""
        return f"would be loaded{doubt}{f', {bad} to quarantine' if bad else ''}: {made} of {self.read} rows"


def preview(
    mapping: Mapping,
    sample: Path,
    limits: ReadLimits = PREVIEW_LIMITS,
    batches: int | None = None,
    settings: Settings | None = None,
) -> Preview:
    """Read a sample by the mapping: the whole of it, or so many batches.

    Raises:
        FileRefusedError: no rule matches the sample's name, or it would be refused whole.
    """
    rule = rule_of(mapping, sample)
    header = read_header(sample, rule)
    drift = check_header(sample, rule, header)
    found = Preview([], {name: ExtractPreview() for name in rule.extracts}, drift.unused, drift.notes)
    extracts = {name: typed_extract(name, settings or get_settings()) for name in rule.extracts}
    found.notes += [
        f"multiline names {name!r}, which the file does not have" for name in rule.multiline if name not in header
    ]
    never = _expected_values(rule, header)
    unmet = _tests_without_values(rule)
    words: dict[str, set[str]] = defaultdict(set)
    seen: dict[str, set[tuple[object, ...]]] = {name: set() for name in rule.extracts}
    keys: dict[str, list[npt.NDArray[np.uint64]]] = {name: [] for name in rule.extracts}
    conventions: dict[str, dict[str, Conventions]] = {name: defaultdict(Conventions) for name in rule.extracts}
    for number, batch in enumerate(read_batches(sample, rule, limits)):
        if number == batches:
            found.is_whole = False
            break
        found.read += batch.row_count + len(batch.malformed)
        found.malformed += Counter(bad.reason for bad in batch.malformed)
        found.lines_without_values += batch.lines_without_values
        if len(found.before) < SHOWN:
            found.before += pa.table(batch.columns).slice(0, SHOWN - len(found.before)).to_pylist()
        for (_, source), texts in never.items():
            texts -= set(pc.unique(coded(batch.columns[source], rule)).to_pylist())
        unmet = {what: test for what, test in unmet.items() if not meets(batch, test, rule).any()}
        for source in rule.sources() & batch.columns.keys():
            words[source] |= NO_VALUE & set(pc.unique(clean(batch.columns[source])).to_pylist())
        for name, extract_rule in rule.extracts.items():
            used = no_rows(batch.row_count)
            parts = extract_rule.parts()
            for converted, keep in convert_parts(batch, extracts[name], parts, rule, sample.name, seen[name]):
                found.after[name].add(batch, converted, keep)
                keys[name].append(key_hashes(converted, keep, extracts[name]))
                used |= converted.keep
                used[[bad.index for bad in converted.rejected]] = True
                for column, one in converted.conventions.items():
                    conventions[name][column] += one
            found.after[name].add_unused(batch.line_no[~used])
    for name, shown in found.after.items():
        shown.notes = [*advice(conventions[name]), *_about_keys(keys[name])]
        if shown.unused and len(rule.extracts[name].parts()) > 1:
            shown.notes.append(
                f"no rule takes {shown.unused} lines: {', '.join(map(str, shown.unused_lines))}"
                f"{', ...' if shown.unused > len(shown.unused_lines) else ''}"
            )
    found.notes += _about_words(rule, words)
    found.notes += [
        f"{what} of {source!r}: no row has {', '.join(map(repr, sorted(texts)))}"
        for (what, source), texts in never.items()
        if texts and found.is_whole
    ]
    found.notes += [f"a condition of {name}: no row meets {test}" for name, test in unmet if found.is_whole]
    return found


def _about_keys(hashes: list[npt.NDArray[np.uint64]]) -> list[str]:
    """A note where rows have the key of another row of the sample."""
    found = np.concatenate([*hashes, np.array([], np.uint64)])
    repeated = len(found) - len(np.unique(found))
    return [f"{repeated} rows have the key of another row: of each key the last line counts"] if repeated else []


def rule_of(mapping: Mapping, sample: Path) -> FileRule:
    """The rule by which a file would be read."""
    rule = mapping.rule_for(sample.name)
    if rule is None:
        patterns = ", ".join(one.pattern for one in mapping.files)
        raise FileRefusedError(f"{sample.name}: mapping {mapping.mapping!r} has no rule for it; it knows {patterns}")
    return rule


def _expected_values(rule: FileRule, header: list[str]) -> dict[tuple[str, str], set[str]]:
    """What value maps and conditions look for, by what asks and its source column."""
    expected: dict[tuple[str, str], set[str]] = {}
    for name, part in rule.parts():
        for column, column_rule in part.columns.items():
            if column_rule.values and column_rule.source in header:
                texts = expected.setdefault((f"values of {name}.{column}", str(column_rule.source)), set())
                texts |= {*column_rule.values} - {""}
        for condition in part.conditions():
            texts = expected.setdefault((f"a condition of {name}", condition.tested), set())
            texts |= {*(condition.equals or []), *(condition.differs or [])}
    return expected


def _tests_without_values(rule: FileRule) -> dict[tuple[str, str], Condition]:
    """The tests that look for no values, by extract and words."""
    tests = [(name, test) for name, part in rule.parts() for test in part.conditions()]
    return {(name, test.in_words()): test for name, test in tests if not test.equals and not test.differs}


def _about_words(rule: FileRule, words: dict[str, set[str]]) -> list[str]:
    """Advice on values that look as if they stood for none, and that the mapping says nothing of."""
    said: dict[str, set[str]] = defaultdict(set)
    for _, part in rule.parts():
        for column in part.columns.values():
            said[column.source or ""] |= {*(column.values or {})}
    found = {source: sorted(texts - said[source]) for source, texts in sorted(words.items())}
    return [
        f"{source!r} has {', '.join(map(repr, texts))}: where that stands for no value, `absent` in the mapping says so"
        for source, texts in found.items()
        if texts
    ]
