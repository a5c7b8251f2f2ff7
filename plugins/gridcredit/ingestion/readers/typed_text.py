"""The text of values that have types in their file."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.errors import FileRefusedError
from gridcredit.ingestion.mapping.rules import FileRule

CENT = 0.01


class NotTextError(Exception):
    """Why a column's values cannot be read as text."""


def typed_text(value: object, rule: FileRule) -> str:
    """A typed value as text: dates and times by ISO 8601, decimals without exponent or needless zeros."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, np.floating):
        # Its shortest digits, where they are sure to the cent; else it must not pass for a number.
        if not np.spacing(abs(value)) < CENT:
            return f"{value} ({value.dtype})"
        value = Decimal(str(value))
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, bytes):
        try:
            return value.decode(rule.encoding)
        except UnicodeDecodeError as error:
            raise NotTextError(f"holds bytes that are not text in {rule.encoding}: ask for it as text") from error
    if isinstance(value, int | Decimal):
        text = f"{value:f}"
        plain = text.rstrip("0").rstrip(".") if "." in text else text
        return plain.replace(".", rule.decimal_separator)
    return str(value)


def mark(texts: pa.Array, by: str) -> pa.Array:
    """Values with a mark behind them, so that none passes for an identifier."""
    marked = pc.binary_join_element_wise(texts, pa.scalar(by), pa.scalar(""))
    return pc.if_else(pc.equal(texts, ""), texts, marked)


def unreadable(path: Path, kind: str, error: Exception) -> FileRefusedError:
    """The refusal of a file that its format's parser cannot read."""
    return FileRefusedError(f"{path.name}: cannot be read as {kind}: {' '.join(str(error).split())[:300]}")
