"""Rows that are alike in every column, of which the first counts where a rule says `distinct`."""

from __future__ import annotations

import numpy as np

from gridcredit.contract.arrow import ARROW_TYPES
from gridcredit.contract.shapes import Extract
from gridcredit.ingestion.batch import BooleanMask
from gridcredit.ingestion.conversion.convert import Converted


def without_repeats(converted: Converted, extract: Extract, seen: set[tuple[object, ...]]) -> BooleanMask:
    """The rows to keep but for those like one seen before; they must be alike where their key is."""
    keep = converted.keep.copy()
    columns = [converted.rows[column.name].cast(ARROW_TYPES[column.kind]).to_pylist() for column in extract.columns]
    for index in np.flatnonzero(keep):
        row = tuple(column[index] for column in columns)
        if row in seen:
            keep[index] = False
        seen.add(row)
    return keep
