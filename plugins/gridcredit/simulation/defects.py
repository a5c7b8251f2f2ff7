"""Spoils rows of the simulated files, and lists what was spoiled and what must catch it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.shapes import DECIMALS, Extract


@dataclass(frozen=True)
class Defect:
    """One injected defect: where it is and what must catch it (`quarantine`, or the raw `gate`)."""

    file: str
    line_no: int
    kind: str
    column: str
    caught_by: str


Spoil = Callable[[str], str]
Kinds = dict[str, tuple[list[str], Spoil]]

# Below the share of bad rows at which a file would be refused whole.
LARGEST_SHARE = 0.04
FULL_WIDTH = {digit: digit + 0xFEE0 for digit in map(ord, "0123456789")}
# What spoils a line as a whole.
LINE_KINDS = ("extra_field", "missing_field", "stray_quote")


def inject_defects(count: int, rng: np.random.Generator, out: Path) -> None:
    """Spoil `count` rows, spread over the files by their size, and list each in truth/defects.csv."""
    defects: list[Defect] = []
    if count:
        paths = [out / f"{name}.csv" for name in EXTRACTS]
        sizes = np.array([sum(1 for _ in path.open("rb")) - 1 for path in paths])
        shares = _spread(count, sizes, rng)
        for path, size, share in zip(paths, sizes.tolist(), shares, strict=True):
            lines = rng.choice(size, size=share, replace=False) + 2
            defects += _spoil(path, set(lines.tolist()), rng)
    with (out / "truth" / "defects.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Defect.__annotations__)
        writer.writerows([d.file, d.line_no, d.kind, d.column, d.caught_by] for d in defects)


def _spread(count: int, sizes: npt.NDArray[np.int64], rng: np.random.Generator) -> list[int]:
    """How many rows of each file to spoil; what small files cannot bear goes to the largest."""
    room = (sizes * LARGEST_SHARE).astype(int)
    if count > room.sum():
        raise ValueError(f"{count} defects are more than {LARGEST_SHARE:.0%} of {sizes.sum()} rows")
    shares = np.minimum(rng.multinomial(count, sizes / sizes.sum()), room)
    for index in np.argsort(-sizes):
        shares[index] = min(room[index], shares[index] + count - shares.sum())
    return [int(share) for share in shares]


def _kinds(extract: Extract) -> Kinds:
    """What can be spoiled in an extract: by kind of defect, the columns that can have it and how."""

    def columns(*kinds: str) -> list[str]:
        return [column.name for column in extract.columns if column.kind in kinds]

    dates = [column.name for column in extract.columns if column.kind == "date" and column.required]
    required = [column.name for column in extract.columns if column.required]
    numbers, codes, first = columns(*DECIMALS), columns("code"), [extract.columns[0].name]
    identifiers = [column.name for column in extract.columns if column.is_identifier]
    kinds: Kinds = {
        "missing_required": (required, lambda _: ""),
        "impossible_date": (dates, lambda value: f"{value[:4]}-02-30"),
        "month_thirteen": (dates, lambda value: f"{value[:4]}-13-01"),
        "other_date_format": (dates, lambda value: f"{value[8:10]}/{value[5:7]}/{value[:4]}"),
        "short_year": (dates, lambda value: value[2:]),
        "full_width_date": (dates, lambda value: value.translate(FULL_WIDTH)),
        "date_with_time": (dates, lambda value: f"{value} 00:00:00"),
        "week_date": (dates, lambda value: f"{value[:4]}-W05"),
        "milliseconds": (dates, lambda _: "1712112312345"),
        "buddhist_year": (dates, lambda value: f"{int(value[:4]) + 543}{value[4:]}"),
        "year_without_century": (dates, lambda value: f"00{value[2:]}"),
        "not_a_number": (numbers, lambda _: "n/a"),
        "too_fine_a_number": (numbers, lambda value: f"{value.split('.')[0] or 0}.7777777"),
        "too_long_a_number": (numbers, lambda _: "9" * 20),
        "thousands_separator": (numbers, lambda _: "1,234.50"),
        "decimal_comma": (numbers, lambda _: "12,5"),
        "tiny_exponent": (numbers, lambda _: "1.5e-9"),
        "currency_sign": (numbers, lambda value: f"¥{value}"),
        "space_in_number": (numbers, lambda _: "1 234"),
        "full_width_number": (numbers, lambda _: "１２"),
        "footnote": (numbers, lambda value: f"{value}¹"),
        "apostrophes": (numbers, lambda _: "1'234.50"),
        "power_with_decimal_comma": (numbers, lambda _: "1,5e+03"),
        "unknown_code": (codes, lambda _: "unheard_of"),
        "code_in_capitals": (codes, lambda value: (value or "none_given").upper()),
        "not_a_flag": (columns("boolean"), lambda _: "maybe"),
        "not_a_month": (columns("month"), lambda value: value.replace("-", "")),
        "not_a_timestamp": (columns("timestamp"), lambda value: value.replace(" ", "_")),
        "null_character": (columns("text"), lambda value: f"{value}\0"),
        "zero_width_space": (columns("text"), lambda value: f"{value}\u200b"),
        "byte_order_mark": (first, lambda value: f"\ufeff{value}"),
        "float_as_identifier": (identifiers, lambda _: "12.0"),
        "power_as_identifier": (identifiers, lambda _: "1,23457E+11"),
        "word_for_nothing": (identifiers, lambda _: "NULL"),
        "stray_quote": (first, lambda value: value),
        "extra_field": (first, lambda value: value),
        "missing_field": (first, lambda value: value),
    }
    if extract.keys != ("customer_id",) and extract.column("customer_id") is not None:
        kinds["unknown_customer"] = (["customer_id"], lambda value: f"X{value}")
    return {kind: (names, spoil) for kind, (names, spoil) in kinds.items() if names}


def _spoil(path: Path, lines: set[int], rng: np.random.Generator) -> list[Defect]:
    extract = EXTRACTS[path.stem]
    kinds = _kinds(extract)
    names = [column.name for column in extract.columns]
    found: list[Defect] = []
    spoiled = path.with_suffix(".partial")
    with path.open(newline="") as source, spoiled.open("w", newline="") as target:
        for number, line in enumerate(source, start=1):
            if number not in lines:
                target.write(line)
                continue
            kind = list(kinds)[int(rng.integers(len(kinds)))]
            columns, spoil = kinds[kind]
            column = columns[int(rng.integers(len(columns)))]
            fields = next(csv.reader([line]))
            fields[names.index(column)] = spoil(fields[names.index(column)])
            if kind == "extra_field":
                fields.append("surplus")
            elif kind == "missing_field":
                fields.pop()
            if kind == "stray_quote":
                target.write(f'"{line}')
            else:
                csv.writer(target, lineterminator="\n").writerow(fields)
            caught_by = "gate" if kind == "unknown_customer" else "quarantine"
            found.append(Defect(path.name, number, kind, "" if kind in LINE_KINDS else column, caught_by))
    spoiled.replace(path)
    return found
