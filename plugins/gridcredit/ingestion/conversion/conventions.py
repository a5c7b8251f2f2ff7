"""Notices where most values of a column would fit another convention of numbers or dates than the mapping's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pyarrow as pa

from gridcredit.contract.shapes import DECIMALS, Column
from gridcredit.ingestion.conversion.dates import other_format
from gridcredit.ingestion.conversion.numerals import other_convention
from gridcredit.ingestion.mapping.columns import DATED, ColumnRule
from gridcredit.ingestion.mapping.rules import FileRule

# Below this share of bad values in a batch they are slips, and nothing is asked.
NOTICEABLE = 0.01


@dataclass
class Conventions:
    """How many values of a column fit the mapping, and how many another convention, where more than slips do not."""

    values: int = 0
    fits: int = 0
    others: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, text: pa.Array, bad: int, column: Column, rule: ColumnRule, file_rule: FileRule) -> Conventions:
        """Those of a batch's values, of which so many are bad."""
        values = len(text) - text.null_count
        other = _other(text, column, rule, file_rule) if bad > NOTICEABLE * values else None
        return cls(values, values - bad, Counter(dict([other]))) if other else cls()

    def __add__(self, more: Conventions) -> Conventions:
        return Conventions(self.values + more.values, self.fits + more.fits, self.others + more.others)

    def better(self) -> str | None:
        """What fits most values, and more of them than the mapping does, in words."""
        for other, count in self.others.most_common(1):
            if count > self.fits and count > self.values / 2:
                return f"{count} of {self.values} values would fit {other}"
        return None


def advice(found: dict[str, Conventions]) -> list[str]:
    """A sentence for each column whose values mostly fit another convention."""
    better = {column: conventions.better() for column, conventions in found.items()}
    return [f"{column}: {text}: name that in the mapping if it is meant" for column, text in better.items() if text]


def _other(text: pa.Array, column: Column, rule: ColumnRule, file_rule: FileRule) -> tuple[str, int] | None:
    if column.kind in DECIMALS:
        return other_convention(text, column, file_rule.decimal_separator, file_rule.thousands_separator)
    if column.kind in DATED:
        return other_format(text, file_rule.format_of(column, rule), file_rule)
    return None
