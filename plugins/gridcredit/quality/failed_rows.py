"""The rows that failed a check, in words: which they are, which loads brought them, and how to take these back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Of a check's rows so many are named; the rest are counted.
ROWS_NAMED = 10


def named_rows(keys: Sequence[Mapping[str, Any]], count: int | None = None, of: int | None = None) -> str:
    """The first rows by their keys, how many more there are, and of how many; nothing where none is known."""
    shown = sorted(keys, key=_order)[:ROWS_NAMED]
    if not shown:
        return ""
    found = max(count or 0, len(keys))
    more = f" and {found - len(shown):,} more" if found > len(shown) else ""
    # A query may find rows that its table lacks.
    of_all = f"of {of:,} rows: " if of and found <= of else ""
    return f"{of_all}{_in_words(shown)}{more}"


def loads_of(keys: Iterable[Mapping[str, Any]]) -> list[int]:
    """The loads that brought the rows, where the rows are those of loads."""
    return sorted({int(key["_file_id"]) for key in keys if key.get("_file_id") is not None})


def to_publish(run_id: str) -> str:
    """The command that publishes a blocked run."""
    return f"gridcredit run --blocked '{run_id}' --approver NAME --reason TEXT"


def correct_and_run(keys: Iterable[Mapping[str, Any]]) -> str:
    """What a person does about wrong rows: a corrected file alone does not help while they are in raw."""
    loads = loads_of(keys)
    if len(loads) == 1:
        back = f"take the load back (`gridcredit load revert {loads[0]} --reason TEXT`)"
    else:
        named = f", these are of {', '.join(map(str, loads))}" if loads else ""
        back = f"take back the loads that brought it (`gridcredit load list` shows them{named}; "
        back += "`gridcredit load revert ID --reason TEXT`)"
    return f"If the data is wrong, {back}, deliver the corrected file and run again."


def way_out(run_id: str, keys: Iterable[Mapping[str, Any]]) -> str:
    """What a person does about a blocked run: correct it, or publish it."""
    return f"{correct_and_run(keys)} If it is right, publish it anyway: `{to_publish(run_id)}`"


def _order(key: Mapping[str, Any]) -> list[tuple[int, str]]:
    return [(value, "") if isinstance(value, int) else (-1, str(value)) for value in key.values()]


def _in_words(keys: Sequence[Mapping[str, Any]]) -> str:
    if all(set(key) == {"_file_id", "_line_no"} for key in keys):
        lines: dict[int, list[str]] = {}
        for key in keys:
            lines.setdefault(key["_file_id"], []).append(str(key["_line_no"]))
        return "; ".join(
            f"load {load} line{'s' if len(of) > 1 else ''} {', '.join(of)}" for load, of in sorted(lines.items())
        )
    columns = list(keys[0])
    if len(columns) == 1 and all(list(key) == columns for key in keys):
        return f"{columns[0]} {', '.join(str(key[columns[0]]) for key in keys)}"
    return "; ".join(" ".join(f"{name}={value}" for name, value in key.items()) for key in keys)
