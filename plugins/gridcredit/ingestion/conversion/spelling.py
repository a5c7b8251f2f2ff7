"""One spelling of what can be spelt in several ways: full-width signs, letters made of two characters."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.ingestion.batch import by_distinct, clean, is_ascii
from gridcredit.ingestion.mapping.rules import FileRule

# The signs of ASCII as Chinese input methods write them, and no others: a footnote's ¹ is no digit.
_HALF_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}


def coded(values: pa.Array, rule: FileRule) -> pa.Array:
    """Values that are compared, counted or reckoned with, cleaned and spelt in one way."""
    values = clean(values)
    if is_ascii(values):
        return values
    if rule.full_width:
        values = clean(half_width(values))
    return pc.utf8_normalize(values, "NFC")


def half_width(values: pa.Array) -> pa.Array:
    """Values with the signs of ASCII in the place of full-width ones."""
    return values if is_ascii(values) else by_distinct(values, pa.string(), lambda text: text.translate(_HALF_WIDTH))[0]
