"""A simulated supplier: customers whose hidden creditworthiness drives how they pay. Same seed, same bytes.

Customers are made in blocks, each from its own random stream, so memory does not grow with their number.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from gridcredit.extracts.contract import BILL, CUSTOMER, EXTRACTS, PAYMENT

BLOCK = 20_000
ISSUE_DAY, DUE_AFTER_DAYS = 3, 20
REGIONS = ("east", "south", "west", "north")
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英"
PLACES = ("东江", "南湖", "西岭", "北辰", "青山", "白云", "金沙", "长桥")
TRADES = ("机械", "纺织", "食品", "商贸", "酒店", "化工", "农业", "学校")

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Segment:
    """How a segment is made: its share of customers, use and season, and its mean creditworthiness."""

    name: str
    share: float
    monthly_kwh: float
    spread: float
    price: float
    season: float
    peak_month: int
    creditworthiness: float


SEGMENTS = (
    Segment("residential", 0.70, 260, 0.6, 0.55, 0.30, 7, 0.2),
    Segment("commercial", 0.14, 4_000, 1.0, 0.78, 0.20, 7, 0.0),
    Segment("industrial", 0.08, 45_000, 1.2, 0.66, 0.08, 11, -0.2),
    Segment("agricultural", 0.05, 1_500, 0.9, 0.48, 0.60, 5, -0.3),
    Segment("public", 0.03, 12_000, 0.8, 0.60, 0.15, 0, 0.6),
)


@dataclass(frozen=True)
class Defect:
    """One injected defect: where it is and what must catch it (`quarantine`, or the raw `gate`)."""

    file: str
    line_no: int
    kind: str
    column: str
    caught_by: str


def simulate(
    customers: int, months: int, seed: int, out: Path, *, through: date = date(2026, 6, 19), defects: int = 0
) -> None:
    """Write customer.csv, bill.csv and payment.csv into `out`, and what is hidden behind them into `out/truth`.

    `through` is the last day of data; the last period billed is the month before it. Defects are injected into
    that many rows and listed in truth/defects.csv.
    """
    truth = out / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    targets = {name: out / f"{name}.csv" for name in ("customer", "bill", "payment")}
    targets["truth"] = truth / "creditworthiness.csv"
    writers: dict[str, pyarrow.csv.CSVWriter] = {}
    try:
        for start in range(0, customers, BLOCK):
            block = np.arange(start, min(start + BLOCK, customers))
            for name, table in _block_tables(block, months, np.random.default_rng([seed, start]), through):
                if name not in writers:
                    options = pyarrow.csv.WriteOptions(quoting_style="needed")
                    writers[name] = pyarrow.csv.CSVWriter(targets[name], table.schema, write_options=options)
                writers[name].write_table(table)
    finally:
        for writer in writers.values():
            writer.close()
    _inject_defects(defects, np.random.default_rng([seed, customers, defects]), out)


def _block_tables(block: Array, months: int, rng: np.random.Generator, through: date) -> Iterator[tuple[str, pa.Table]]:
    count = len(block)
    segment = rng.choice(len(SEGMENTS), size=count, p=[kind.share for kind in SEGMENTS])
    of = {field: np.array([getattr(kind, field) for kind in SEGMENTS])[segment] for field in Segment.__annotations__}
    credit = rng.normal(of["creditworthiness"], 1.0)
    last_period = np.datetime64(through, "M") - 1
    periods = last_period - np.arange(months)[::-1]
    opened = _opened_on(rng, count, periods)
    is_firm = segment > 0
    customer_id = _numbered("C", block, 8)
    yield (
        "customer",
        pa.table(
            {
                "customer_id": customer_id,
                "name": pa.array(_names(rng, is_firm, block)),
                "segment": pa.array(of["name"]),
                "industry_code": pa.array([f"I{kind}" if kind else None for kind in segment.tolist()]),
                "region": pa.array(np.array(REGIONS)[rng.integers(len(REGIONS), size=count)]),
                "org_unit": pa.array([f"unit_{number:02d}" for number in rng.integers(1, 9, size=count)]),
                "opened_on": pa.array(opened),
                "closed_on": pa.nulls(count, pa.date32()),
                "status": pa.repeat("active", count),
                "voltage_kv": pa.array(np.where(is_firm, "10", "0.4")),
                "contract_capacity_kva": pa.array((of["monthly_kwh"] / 120).round(0).astype(int).clip(5)),
                "tariff_code": pa.array(np.char.add("T-", of["name"].astype(str))),
                "payment_mode": pa.repeat("postpaid", count),
                "deposit_amount": pa.nulls(count, pa.string()),
                "registered_capital": pa.array(np.where(is_firm, rng.integers(1, 500, size=count) * 10_000, 0)),
                "important_user": pa.array((segment == 4) & (rng.random(count) < 0.3)),
                "updated_at": pa.array(np.char.add(opened.astype(str), " 09:00:00")),
            }
        ).select([column.name for column in CUSTOMER.columns]),
    )
    yield "truth", pa.table({"customer_id": customer_id, "creditworthiness": pa.array(credit.round(6))})

    bills = _bills(rng, block, of, periods, opened)
    yield "bill", _bill_table(bills)
    yield "payment", _payment_table(_payments(rng, bills, credit, through))


def _opened_on(rng: np.random.Generator, count: int, periods: Array) -> Array:
    first_day = periods[0].astype("datetime64[D]")
    long_ago = first_day - rng.integers(200, 4000, size=count)
    span = int((periods[-1].astype("datetime64[D]") - first_day).astype(int)) + 1
    opened: Array = np.where(rng.random(count) < 0.85, long_ago, first_day + rng.integers(0, span, size=count))
    return opened


def _bills(
    rng: np.random.Generator, block: Array, of: dict[str, Array], periods: Array, opened: Array
) -> dict[str, Array]:
    """One bill per customer and period since its contract began, customer by customer."""
    count, months = len(block), len(periods)
    growth = rng.normal(0.0, 0.008, size=count)
    base = of["monthly_kwh"] * np.exp(rng.normal(0.0, of["spread"]))
    month_of_year = periods.astype(int) % 12
    season = 1 + of["season"][:, None] * np.cos(2 * np.pi * (month_of_year[None, :] - of["peak_month"][:, None]) / 12)
    noise = np.exp(rng.normal(0.0, 0.12, size=(count, months)))
    kwh = (base[:, None] * season * noise * (1 + growth[:, None]) ** np.arange(months)).clip(1).round(0)
    energy_charge = np.rint(kwh * of["price"][:, None] * 100).astype(np.int64)
    demand_charge = np.where(of["monthly_kwh"][:, None] > 10_000, np.rint(kwh * 0.08 * 100), 0).astype(np.int64)
    adjustment = np.where(rng.random((count, months)) < 0.02, np.rint(energy_charge * 0.02), 0).astype(np.int64)
    owner, month = np.nonzero(opened.astype("datetime64[M]")[:, None] <= periods[None, :])
    period = periods[month]
    issued = (period + 1).astype("datetime64[D]") + (ISSUE_DAY - 1)
    return {
        "owner": owner,
        "customer": block[owner],
        "month": month,
        "period": period,
        "issued_on": issued,
        "due_on": issued + DUE_AFTER_DAYS,
        "kwh": kwh[owner, month],
        "energy_charge": energy_charge[owner, month],
        "demand_charge": demand_charge[owner, month],
        "adjustment": adjustment[owner, month],
        "cents": (energy_charge + demand_charge + adjustment)[owner, month],
    }


def _payments(rng: np.random.Generator, bills: dict[str, Array], credit: Array, through: date) -> dict[str, Array]:
    """Payments until `through`: in time or late, in parts, bounced and paid again, with or without a bill's number."""
    owner, count = bills["owner"], len(bills["owner"])
    customers, months = len(credit), int(bills["month"].max(initial=0)) + 1

    # Distress: a spell in which nothing is paid; it is cured after some months or not at all.
    starts = np.where(
        rng.random(customers) < 1 / (1 + np.exp(2.6 + 1.5 * credit)),
        rng.integers(0, months, size=customers),
        10_000,
    )
    cured = rng.random(customers) < 1 / (1 + np.exp(-0.8 - 0.6 * credit))
    ends = np.where(cured, starts + rng.integers(1, 7, size=customers), 20_000)
    in_distress = (bills["month"] >= starts[owner]) & (bills["month"] < ends[owner])
    never_paid = in_distress & ~cured[owner]

    on_time = rng.random(count) < 1 / (1 + np.exp(-(1.9 + 1.3 * credit[owner])))
    early = bills["issued_on"] + rng.integers(1, DUE_AFTER_DAYS + 1, size=count)
    lateness = 1 + rng.exponential(9.0 * np.exp(-0.35 * credit[owner]))
    paid_on = np.where(on_time, early, bills["due_on"] + lateness.astype(np.int64))
    months_to_cure = np.clip(ends[owner] - bills["month"], 0, 12)
    paid_on = np.where(in_distress, bills["due_on"] + months_to_cure * 30 + rng.integers(1, 25, size=count), paid_on)

    in_parts = rng.random(count) < 0.03
    first = np.where(in_parts, bills["cents"] * rng.integers(30, 80, size=count) // 100, bills["cents"])
    rest_on = paid_on + rng.integers(5, 40, size=count)
    bounces = rng.random(count) < 0.02 / (1 + np.exp(1.2 * credit[owner]))
    bounced_on = paid_on + 3
    again_on = paid_on + rng.integers(8, 20, size=count)
    without_bill = (rng.random(customers) < 0.04)[owner]
    channel = np.array(["bank", "counter", "online", "agent"])[rng.integers(4, size=count)]

    def part(suffix: str, keep: Array, when: Array, cents: Array, reverses: str | None = None) -> dict[str, Array]:
        rows = np.flatnonzero(keep & ~never_paid & (when <= np.datetime64(through, "D")) & (cents != 0))
        return {
            "row": rows,
            "paid_on": when[rows],
            "cents": cents[rows],
            "suffix": np.full(len(rows), suffix),
            "reverses": np.full(len(rows), reverses or ""),
        }

    everything = np.ones(count, dtype=bool)
    parts = [
        part("1", everything, paid_on, first),
        part("2", in_parts, rest_on, bills["cents"] - first),
        part("R", bounces, bounced_on, -first, reverses="1"),
        part("3", bounces, again_on, first),
    ]
    joined = {name: np.concatenate([piece[name] for piece in parts]) for name in parts[0]}
    order = np.lexsort((joined["suffix"], joined["row"]))
    joined = {name: values[order] for name, values in joined.items()}
    row = joined["row"]
    return joined | {
        "customer": bills["customer"][row],
        "period": bills["period"][row],
        "without_bill": without_bill[row],
        "channel": channel[row],
    }


def _bill_table(bills: dict[str, Array]) -> pa.Table:
    count = len(bills["customer"])
    return pa.table(
        {
            "bill_id": _document_id("B", bills),
            "customer_id": _numbered("C", bills["customer"], 8),
            "period": pa.array(bills["period"].astype(str)),
            "issued_on": pa.array(bills["issued_on"]),
            "due_on": pa.array(bills["due_on"]),
            "energy_kwh": _decimal(bills["kwh"].astype(np.int64) * 1000, 3),
            "energy_charge": _decimal(bills["energy_charge"], 2),
            "demand_charge": _decimal(bills["demand_charge"], 2),
            "adjustment": _decimal(bills["adjustment"], 2),
            "amount": _decimal(bills["cents"], 2),
            "kind": pa.repeat("regular", count),
            "reverses_bill_id": pa.nulls(count, pa.string()),
            "disputed": pa.repeat(False, count),
        }
    ).select([column.name for column in BILL.columns])


def _payment_table(payments: dict[str, Array]) -> pa.Table:
    stem = _document_id("P", payments)
    bill_id = _document_id("B", payments)
    no_text = pa.scalar(None, pa.string())
    reverses = pa.array(payments["reverses"].astype(object), pa.string())
    return pa.table(
        {
            "payment_id": pc.binary_join_element_wise(
                stem, pa.array(payments["suffix"].astype(object), pa.string()), "-"
            ),
            "customer_id": _numbered("C", payments["customer"], 8),
            "bill_id": pc.if_else(pa.array(payments["without_bill"]), no_text, bill_id),
            "paid_on": pa.array(payments["paid_on"]),
            "amount": _decimal(payments["cents"], 2),
            "channel": pa.array(payments["channel"].astype(object), pa.string()),
            "reverses_payment_id": pc.if_else(
                pc.equal(reverses, ""), no_text, pc.binary_join_element_wise(stem, reverses, "-")
            ),
        }
    ).select([column.name for column in PAYMENT.columns])


def _numbered(prefix: str, numbers: Array, width: int) -> pa.Array:
    text = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix), text, "")


def _document_id(prefix: str, rows: dict[str, Array]) -> pa.Array:
    period = pc.replace_substring(pa.array(rows["period"].astype(str).astype(object), pa.string()), "-", "")
    return pc.binary_join_element_wise(pa.scalar(prefix), period, _numbered("", rows["customer"], 8), "")


def _decimal(units: Array, scale: int) -> pa.Array:
    """Whole units of 10^-scale as exact decimals."""
    whole = pc.cast(pa.array(units), pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(19, scale), len(whole), whole.buffers())


def _names(rng: np.random.Generator, is_firm: Array, block: Array) -> list[str]:
    picks = rng.integers(0, 1 << 30, size=(len(block), 3))
    return [
        f"{PLACES[a % len(PLACES)]}{TRADES[b % len(TRADES)]}{number:06d}有限公司"
        if firm
        else f"{SURNAMES[a % len(SURNAMES)]}{GIVEN[b % len(GIVEN)]}{GIVEN[c % len(GIVEN)]}"
        for firm, number, (a, b, c) in zip(is_firm.tolist(), block.tolist(), picks.tolist(), strict=True)
    ]


def _inject_defects(count: int, rng: np.random.Generator, out: Path) -> None:
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
        "extra_field": (["customer_id"], lambda value: f"{value},surplus"),
        "unknown_customer": (["customer_id"], lambda value: f"X{value}"),
    }
    if extract is CUSTOMER:
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
