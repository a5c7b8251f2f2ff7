"""The contract's columns as Arrow's types."""

from __future__ import annotations

import pyarrow as pa

from gridcredit.contract.shapes import DECIMALS, Extract

ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "code": pa.string(),
    "date": pa.date32(),
    "month": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "json": pa.string(),
} | {kind: pa.decimal128(digits, scale) for kind, (digits, scale) in DECIMALS.items()}


def raw_schema(extract: Extract) -> pa.Schema:
    """The columns of an extract's table in raw: those of the contract, then file, line, tombstone and what nobody
    reads.
    """
    columns = [(column.name, ARROW_TYPES[column.kind]) for column in extract.columns]
    own = [("_file_id", pa.int64()), ("_line_no", pa.int64()), ("_deleted", pa.bool_()), ("_extra", pa.string())]
    return pa.schema(columns + own)
