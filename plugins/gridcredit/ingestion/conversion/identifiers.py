"""Finds identifiers that were floating-point numbers on their way: they have lost digits, or got some."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.ingestion.batch import BooleanMask, no_rows, to_mask

# What a reader of typed files puts behind a float.
FLOAT_MARK = " (float)"
FLOAT_REASON = "was a floating-point number, which changes identifiers: deliver it as text or as a whole number"
# 10.0 as pandas writes, 1.23E+17 as Excel does.
_FLOATS = r"^[+-]?[0-9]+\.0+$|^[+-]?[0-9](\.[0-9]+)?[eE][+][0-9]+$|^nan$|^NaN$| \(float\)$"
_SIGNS = (b".", b"+", b"(", b"nan", b"NaN")


def were_floats(text: pa.Array) -> BooleanMask:
    """The identifiers that were floats."""
    data = text.buffers()[2]
    codes = data.to_pybytes() if data is not None else b""
    # In most files none has such a sign.
    if not any(sign in codes for sign in _SIGNS):
        return no_rows(len(text))
    return to_mask(pc.match_substring_regex(text, _FLOATS))
