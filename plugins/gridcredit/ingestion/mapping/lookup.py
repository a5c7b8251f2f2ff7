"""Tables of codes beside a mapping: a CSV of two columns, the source's code and what it stands for."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import MappingError

KEY = "values_from"
_CODES = {value for extract in EXTRACTS.values() for column in extract.columns for value in column.values}


def with_lookups(document: Any, folder: Path) -> tuple[Any, bytes]:  # noqa: ANN401 - a tree of YAML
    """The document with `values` in the place of each `values_from`, and the content of the files that it names.

    Raises:
        MappingError: a file cannot be read, is not of two columns, or gives a code twice; or `values` stands beside it.
    """
    if isinstance(document, list):
        found = [with_lookups(one, folder) for one in document]
        return [one for one, _ in found], b"".join(content for _, content in found)
    if not isinstance(document, dict):
        return document, b""
    contents = b""
    result: dict[Any, Any] = {}
    for key, value in document.items():
        if key == KEY and isinstance(value, str):
            if "values" in document:
                raise MappingError(f"{folder / value}: `values` stands beside `{KEY}`: give one of them")
            result["values"], content = _read(folder / value)
        else:
            result[key], content = with_lookups(value, folder)
        contents += content
    return result, contents


def _read(path: Path) -> tuple[dict[str, str], bytes]:
    try:
        content = path.read_bytes()
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except OSError as error:
        raise MappingError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise MappingError(f"{path}: is not a CSV file in UTF-8: {error}") from error
    if rows and _is_no_header(rows[0], rows[1:]):
        raise MappingError(
            f"{path}:1: {','.join(rows[0])} looks like a row: the first line of a table names its columns"
        )
    values: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != 2:
            raise MappingError(
                f"{path}:{number}: has {len(row)} columns: a table has two, the code and what it stands for"
            )
        code, meaning = (text.strip() for text in row)
        if code in values:
            raise MappingError(f"{path}:{number}: gives {code!r} twice")
        values[code] = meaning
    if not values:
        raise MappingError(f"{path}: has no row under its header")
    return values, content


def _is_no_header(first: list[str], rows: list[list[str]]) -> bool:
    """Whether a table begins with a row: a number as a code, or a meaning that other rows or the contract have."""
    code, meaning = first[0].strip(), first[-1].strip()
    return code.isdigit() or meaning in _CODES or any(row and row[-1].strip() == meaning for row in rows)
