"""What all parts of a rule make of a batch, as a load takes it and a check shows it."""

from __future__ import annotations

from collections.abc import Iterator

from gridcredit.contract.shapes import Extract
from gridcredit.ingestion.batch import Batch, BooleanMask
from gridcredit.ingestion.conversion.ambiguous import without_ambiguous
from gridcredit.ingestion.conversion.convert import Converted, convert
from gridcredit.ingestion.conversion.repeats import without_repeats
from gridcredit.ingestion.mapping.rules import ExtractRule, FileRule


def convert_parts(
    batch: Batch,
    extract: Extract,
    parts: list[ExtractRule],
    rule: FileRule,
    file_name: str,
    seen: set[tuple[object, ...]],
) -> Iterator[tuple[Converted, BooleanMask]]:
    """Each part's rows, and which of them are loaded; `seen` are rows of earlier batches where one of several alike
    counts.
    """
    made = [convert(batch, extract, part, rule, file_name) for part in parts]
    for part, converted in zip(parts, without_ambiguous(made, parts, extract), strict=True):
        yield converted, without_repeats(converted, extract, seen) if part.distinct else converted.keep
