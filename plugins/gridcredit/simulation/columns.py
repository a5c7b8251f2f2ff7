"""Numpy arrays as the text and decimals of a supplier's files."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.contract.shapes import Extract

Array = npt.NDArray[Any]
NO_TEXT = pa.scalar(None, pa.string())

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英"
PLACES = ("东江", "南湖", "西岭", "北辰", "青山", "白云", "金沙", "长桥")
TRADES = ("机械", "纺织", "食品", "商贸", "酒店", "化工", "农业", "学校")


def numbered(prefix: str, numbers: Array, width: int = 8) -> pa.Array:
    """`C00000012` and the like."""
    text = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width, "0")
    return pc.binary_join_element_wise(pa.scalar(prefix), text, "")


def document_id(prefix: str, period: Array, customer: Array) -> pa.Array:
    """The number of a customer's document of a month: prefix, yyyymm, customer."""
    month = pc.replace_substring(words(period.astype(str)), "-", "")
    return pc.binary_join_element_wise(pa.scalar(prefix), month, numbered("", customer), "")


def decimal(units: Array, scale: int) -> pa.Array:
    """Whole units of 10^-scale as exact decimals."""
    whole = pc.cast(pa.array(units.astype(np.int64)), pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(19, scale), len(whole), whole.buffers())


def words(values: Array) -> pa.Array:
    """Text; an empty one is nothing."""
    text = pa.array(values.astype(object), pa.string())
    return pc.if_else(pc.equal(text, ""), NO_TEXT, text)


def days(values: Array, known: Array | None = None) -> pa.Array:
    """Dates, nothing where not known."""
    dates = pa.array(values.astype("datetime64[D]"))
    return dates if known is None else pc.if_else(pa.array(known), dates, pa.scalar(None, pa.date32()))


def person_names(rng: np.random.Generator, count: int) -> Array:
    """Names of nobody in particular."""
    picks = rng.integers(0, 1 << 30, size=(count, 3)).tolist()
    return np.array(
        [f"{SURNAMES[a % len(SURNAMES)]}{GIVEN[b % len(GIVEN)]}{GIVEN[c % len(GIVEN)]}" for a, b, c in picks],
        dtype=object,
    )


def firm_names(rng: np.random.Generator, numbers: Array) -> Array:
    """Names of firms, each with a number of its own."""
    picks = rng.integers(0, 1 << 30, size=(len(numbers), 2)).tolist()
    return np.array(
        [
            f"{PLACES[a % len(PLACES)]}{TRADES[b % len(TRADES)]}{number:06d}有限公司"
            for number, (a, b) in zip(numbers.tolist(), picks, strict=True)
        ],
        dtype=object,
    )


def officers(org_unit: Array, second: int) -> pa.Array:
    """The officer of each unit, the first or the second."""
    return numbered("E", org_unit * 10 + second, 4)


def table(extract: Extract, **columns: pa.Array) -> pa.Table:
    """A file with the extract's columns in order; those not given are empty."""
    count = len(next(iter(columns.values())))
    empty = pa.nulls(count, pa.string())
    # A column must have one type in all parts of a file, also where a part has nothing in it.
    types: dict[str, Any] = {"date": pa.date32(), "money": pa.decimal128(19, 2), "energy": pa.decimal128(19, 3)}
    return pa.table(
        {
            column.name: columns[column.name]
            if column.name in columns
            else empty.cast(types.get(column.kind, pa.string()))
            for column in extract.columns
        }
    )
