"""Finds identifiers that are none: numbers that lost digits on their way, dates and flags, words for nothing."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.ingestion.batch import BooleanMask, to_mask

# What a reader of typed files puts behind a float.
FLOAT_MARK = " (float)"
# And behind a date, a time, a flag or a fraction.
NOT_TEXT_MARK = " (not text)"
_FLOAT_REASON = "was a floating-point number, which changes identifiers: deliver it as text or as a whole number"
_NOT_TEXT_REASON = (
    "is a date, a time, a flag or a fraction in the file: deliver identifiers as text or as whole numbers"
)
# 10.0 as pandas writes, 1.23E+17 as Excel does; with a decimal comma where the machine has one. Without a fraction
# only the plus says it: 12E45 may be a number of somebody's.
_FLOATS = (
    r"^[+-]?[0-9]+[.,]0+$|^[+-]?[0-9]+[.,][0-9]+[eE][+]?[0-9]+$|^[+-]?[0-9][eE][+][0-9]+$|^nan$|^NaN$"
    r"| \(float\)| \(not text\)"
)
_FLOAT_SIGNS = (b".", b",", b"+", b"(", b"nan", b"NaN")
# What databases and spreadsheets write for no value, and nobody as the number of a thing.
NO_VALUE = (
    "NULL",
    "Null",
    "null",
    "(NULL)",
    "(null)",
    "<NULL>",
    "<null>",
    "N/A",
    "n/a",
    "#N/A",
    "#NULL!",
    "None",
    "\\N",
)
_NO_VALUES = pa.array(NO_VALUE, pa.string())


def not_identifiers(text: pa.Array) -> BooleanMask:
    """The values that identify nothing."""
    data = text.buffers()[2]
    codes = data.to_pybytes() if data is not None else b""
    found = to_mask(pc.is_in(text, _NO_VALUES))
    # In most files none has such a sign.
    if any(sign in codes for sign in _FLOAT_SIGNS):
        found = found | to_mask(pc.match_substring_regex(text, _FLOATS))
    return found


def not_identifier_reason(value: str) -> str:
    """Why a value identifies nothing."""
    if value in NO_VALUE:
        return f"stands for no value: where it does, say `absent: ['{value}']` in the mapping"
    return _NOT_TEXT_REASON if NOT_TEXT_MARK in value else _FLOAT_REASON
