"""Shows what a mapping makes of a sample, with no database: first rows before and after, and what would be refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa

from gridcredit.errors import FileRefusedError
from gridcredit.extracts.contract import EXTRACTS
from gridcredit.extracts.conventions import advice
from gridcredit.extracts.convert import Rejected, convert
from gridcredit.extracts.drift import check_header
from gridcredit.extracts.limits import ReadLimits
from gridcredit.extracts.mapping import Mapping
from gridcredit.extracts.reader import read_batches, read_header

SHOWN = 5
PREVIEW_LIMITS = ReadLimits(batch_bytes=1 << 20)


@dataclass
class ExtractPreview:
    """What one extract would get of the sample: its first rows by canonical column, and the rows for quarantine."""

    rows: list[dict[str, str | None]] = field(default_factory=list)
    accepted: int = 0
    filtered: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    first_rejected: list[tuple[int, Rejected]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Preview:
    """A sample as it came, by source column, what each extract makes of it, and the columns that nothing reads."""

    before: list[dict[str, str]]
    after: dict[str, ExtractPreview]
    malformed: int
    unused_columns: list[str]
    notes: list[str]


def preview(mapping: Mapping, sample: Path, limits: ReadLimits = PREVIEW_LIMITS) -> Preview:
    """Read the first part of a sample by the mapping.

    Raises:
        FileRefusedError: no rule matches the sample's name, or it would be refused whole.
    """
    rule = mapping.rule_for(sample.name)
    if rule is None:
        raise FileRefusedError(f"{sample.name}: mapping {mapping.mapping!r} has no rule for it")
    header = read_header(sample, rule)
    drift = check_header(sample, rule, header)
    found = Preview([], {name: ExtractPreview() for name in rule.extracts}, 0, drift.unused, drift.notes)
    for batch in islice(read_batches(sample, rule, limits), 1):
        found.malformed = len(batch.malformed)
        found.before = pa.table(batch.columns).slice(0, SHOWN).to_pylist()
        for name, part in rule.extracts.items():
            converted = convert(batch, EXTRACTS[name], part, rule, sample.name)
            shown = found.after[name]
            accepted = pa.table(converted.rows).filter(pa.array(converted.keep))
            shown.accepted, shown.filtered = accepted.num_rows, converted.filtered
            shown.rows = [
                {column: None if value is None else str(value) for column, value in row.items()}
                for row in accepted.slice(0, SHOWN).to_pylist()
            ]
            shown.reasons = Counter(f"{bad.column} {bad.reason}" for bad in converted.rejected)
            shown.notes = advice(converted.conventions)
            shown.first_rejected = [(int(batch.line_no[bad.index]), bad) for bad in converted.rejected[:SHOWN]]
    return found
