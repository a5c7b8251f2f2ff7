"""Compares a file's columns with those its mapping reads: what is missing, and what nothing reads."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import structlog

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import FileRefusedError
from gridcredit.ingestion.mapping.rules import FileRule
from gridcredit.ingestion.readers.reader import doubts

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Drift:
    """Source columns that nothing reads or ignores, each extract's optional columns that the file cannot give, and
    notes.

    The notes are sentences on what else in the file is not read.
    """

    unused: list[str]
    missing: dict[str, list[str]]
    notes: list[str]


def check_header(path: Path, rule: FileRule, header: list[str]) -> Drift:
    """Say how a file's columns differ from those its mapping reads.

    Raises:
        FileRefusedError: a column is missing that the mapping needs.
    """
    elsewhere = "" if rule.format == "parquet" else "; if its header is in another line, `header_row` says which"
    used = rule.sources() | set(rule.ignore)
    missing: dict[str, list[str]] = {}
    for name, part in rule.parts():
        missing.setdefault(name, [])
        for condition in part.conditions():
            if condition.tested not in header:
                raise FileRefusedError(
                    f"{path.name}: has no column {condition.tested!r}, which {name} filters by{elsewhere}"
                )
        for column in EXTRACTS[name].columns:
            column_rule = part.rule_of(column.name)
            absent = [source for source in column_rule.sources() if source not in header]
            if not absent:
                continue
            if column.required or column_rule.template:
                raise FileRefusedError(
                    f"{path.name}: has no column {absent[0]!r}, which {name}.{column.name} needs; it has "
                    f"{', '.join(header)}{elsewhere}"
                )
            if column.name in part.columns and not column_rule.optional:
                alike = get_close_matches(absent[0], header, 1)
                raise FileRefusedError(
                    f"{path.name}: has no column {absent[0]!r}, which {name}.{column.name} reads"
                    f"{f' (is it {alike[0]!r}?)' if alike else ''}: correct the name in the mapping, or mark the "
                    "column `optional: true` if a file may come without it"
                )
            if column.name not in missing[name]:
                missing[name].append(column.name)
    drift = Drift([column for column in header if column not in used], missing, doubts(path, rule))
    if drift.unused or any(missing.values()):
        log.info("columns_differ", file=path.name, unused=drift.unused, missing=missing)
    return drift
