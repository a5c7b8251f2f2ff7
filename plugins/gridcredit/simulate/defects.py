"""Spoils rows of the simulated files, and lists what was spoiled and what must catch it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gridcredit.extracts.contract import EXTRACTS


@dataclass(frozen=True)
class Defect:
    """One injected defect: where it is and what must catch it (`quarantine`, or the raw `gate`)."""

    file: str
    line_no: int
    kind: str
    column: str
    caught_by: str


def inject_defects(count: int, rng: np.random.Generator, out: Path) -> None:
    """Spoil `count` rows, spread over the files by their size, and list each in truth/defects.csv."""
    defects: list[Defect] = []
    if count:
        paths = [out / f"{name}.csv" for name in EXTRACTS]
        sizes = [sum(1 for _ in path.open("rb")) - 1 for path in paths]
        if count > sum(sizes):
            raise ValueError(f"{count} defects do not fit into {sum(sizes)} rows")
        chosen = np.sort(rng.choice(sum(sizes), size=count, replace=False))
        offset = 0
        for path, size in zip(paths, sizes, strict=True):
            lines = chosen[(chosen >= offset) & (chosen < offset + size)] - offset + 2
            defects += _spoil(path, set(lines.tolist()), rng)
            offset += size
    with (out / "truth" / "defects.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Defect.__annotations__)
        writer.writerows([d.file, d.line_no, d.kind, d.column, d.caught_by] for d in defects)


def _spoil(path: Path, lines: set[int], rng: np.random.Generator) -> list[Defect]:
    extract = EXTRACTS[path.stem]
    names = [column.name for column in extract.columns]
    required = [column.name for column in extract.columns if column.required]
    dates = [column.name for column in extract.columns if column.kind == "date" and column.required]
    amounts = [column.name for column in extract.columns if column.kind == "money"]
    codes = [column.name for column in extract.columns if column.kind == "code"]
    kinds: dict[str, tuple[list[str], Callable[[str], str]]] = {
        "missing_required": (required, lambda _: ""),
        "impossible_date": (dates, lambda value: f"{value[:4]}-02-30"),
        "other_date_format": (dates, lambda value: f"{value[8:10]}/{value[5:7]}/{value[:4]}"),
        "not_a_number": (amounts, lambda _: "n/a"),
        "fraction_of_a_cent": (amounts, lambda value: f"{value.split('.')[0] or 0}.7777"),
        "unknown_code": (codes, lambda _: "unheard_of"),
        "extra_field": ([names[0]], lambda value: f"{value},surplus"),
        "unknown_customer": (["customer_id"], lambda value: f"X{value}"),
    }
    if extract.keys == ("customer_id",) or extract.column("customer_id") is None:
        del kinds["unknown_customer"]
    found: list[Defect] = []
    spoiled = path.with_suffix(".partial")
    with path.open(newline="") as source, spoiled.open("w", newline="") as target:
        for number, line in enumerate(source, start=1):
            if number in lines:
                possible = [kind for kind, (columns, _) in kinds.items() if columns]
                kind = possible[int(rng.integers(len(possible)))]
                columns, spoil = kinds[kind]
                column = columns[int(rng.integers(len(columns)))]
                fields = next(csv.reader([line]))
                fields[names.index(column)] = spoil(fields[names.index(column)])
                line = ",".join(fields) + "\n"
                caught_by = "gate" if kind == "unknown_customer" else "quarantine"
                found.append(Defect(path.name, number, kind, "" if kind == "extra_field" else column, caught_by))
            target.write(line)
    spoiled.replace(path)
    return found
