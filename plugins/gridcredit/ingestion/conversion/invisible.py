"""Finds characters that nobody sees and that make another value: zero-width spaces, byte order marks, controls."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.contract.shapes import Column
from gridcredit.ingestion.batch import BooleanMask, codes_within, to_mask

_NOWHERE = (
    "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\u009f\u200b\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
)
# Joiners, directions, fillers and variants, which words of some scripts need, and what stands for a lost character.
_IN_WORDS_ONLY = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c-\u200f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\ufffc-\uffff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Spaces that look like others, and line breaks; those around a value do not count.
_NOT_IN_IDENTIFIERS = "\\t\\n\\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
LOST = "\ufffd"
_AROUND_NAMES = " \t\r\n\u00a0\u3000\ufeff\u200b\u2060"


def clean_name(name: str) -> str:
    """A column's name in a header without what nobody sees around it."""
    return name.strip(_AROUND_NAMES)


def invisible(values: pa.Array, column: Column | None) -> BooleanMask | None:
    """The values with characters that the column, or a condition where none is given, must not hold; None: no value."""
    if codes_within(values, " ", "~"):
        return None
    found = to_mask(pc.match_substring_regex(pc.utf8_trim_whitespace(values), _pattern(column)))
    return found if found.any() else None


def invisible_reason(value: str, column: Column | None) -> str:
    """Which character it is."""
    found = re.search(_pattern(column), value.strip())
    sign = found.group() if found else "\0"
    if sign == LOST:
        return f"holds U+{ord(LOST):04X}, which stands for a character that was lost on the way"
    return f"holds an invisible character (U+{ord(sign):04X})"


def _pattern(column: Column | None) -> str:
    if column is not None and column.kind == "text" and not column.is_identifier:
        return f"[{_NOWHERE}]"
    spaces = _NOT_IN_IDENTIFIERS if column is not None and column.is_identifier else ""
    return f"[{_NOWHERE}{_IN_WORDS_ONLY}{spaces}]"
