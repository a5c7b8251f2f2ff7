"""Reads numbers as decimal text, exactly, by the separators that the mapping names."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.contract.shapes import DECIMALS, Column
from gridcredit.ingestion.batch import BooleanMask, by_distinct, is_ascii, to_mask

# Signs that look like others, which some programs write: minus, and spaces and an apostrophe between thousands.
_MINUS = "\u2212"
_LOOK_LIKE = {" ": "\u00a0\u2009\u202f", "'": "\u2019"}
# Numbers in another unit may have more places than the column.
SOURCE_SCALE = 9
SOURCE_TYPE = pa.decimal128(25, SOURCE_SCALE)
# Decimal and thousands separators as they are common, in the order in which a mapping is advised to name them.
CONVENTIONS = ((".", ","), (",", "."), (",", " "), (".", " "), (".", "'"))


def to_decimal(
    text: pa.Array, column: Column, decimal: str, thousands: str | None, scale: int | None = None
) -> tuple[pa.Array, BooleanMask]:
    """Numbers as text with a point, which the database reads as exactly; the mask marks what is none that fits."""
    text = plain = _plain_signs(text, thousands)
    fits = _fits(text, column, decimal, thousands, scale)
    if thousands:
        plain = pc.replace_substring(plain, thousands, "")
    if decimal != ".":
        plain = pc.replace_substring(plain, decimal, ".")
    if thousands:
        fits = pc.and_(fits, _fits(plain, column, ".", None, scale))
    bad = to_mask(pc.invert(fits))
    if bad.any():
        # 1e+05 is a number too, whose digits are written out here.
        powers = pc.if_else(pc.match_substring_regex(text, _power(decimal)), text, pa.scalar(None, pa.string()))
        if powers.null_count < len(powers):
            written = by_distinct(powers, pa.string(), lambda number: _written_out(number.replace(decimal, ".")))[0]
            fits = pc.or_(fits, pc.fill_null(_fits(written, column, ".", None, scale), False))
            plain, bad = pc.coalesce(written, plain), to_mask(pc.invert(fits))
        plain = pc.if_else(fits, plain, pa.scalar(None, pa.string()))
    return plain, bad


def to_converted(
    text: pa.Array, column: Column, decimal: str, thousands: str | None, factor: Decimal
) -> tuple[pa.Array, BooleanMask]:
    """The same of numbers in another unit, times a factor, rounded to the column's places."""
    plain, bad = to_decimal(text, column, decimal, thousands, scale=SOURCE_SCALE)
    product = pc.multiply(plain.cast(SOURCE_TYPE), pa.scalar(factor))
    precision, scale = DECIMALS[column.kind]
    rounded = pc.round(product, ndigits=scale, round_mode="half_towards_infinity")
    fits = pc.less(pc.abs(rounded), pa.scalar(Decimal(10) ** (precision - scale)))
    bad |= to_mask(pc.invert(fits))
    return pc.if_else(fits, rounded, pa.scalar(None, rounded.type)).cast(pa.decimal128(precision, scale)), bad


def other_convention(text: pa.Array, column: Column, decimal: str, thousands: str | None) -> tuple[str, int]:
    """The convention other than this one by which most of the values fit, as a mapping names it, and how many do."""
    found = {
        other: int(np.count_nonzero(to_mask(_fits(_plain_signs(text, other[1]), column, *other))))
        for other in CONVENTIONS
        if other != (decimal, thousands)
    }
    best = max(found, key=lambda other: found[other])
    return f'decimal_separator: "{best[0]}" and thousands_separator: "{best[1]}"', found[best]


def not_a_number(value: str, column: Column) -> str:
    """Why a value is no number, with the first sign that no keyboard writes into one."""
    strange = next((sign for sign in value if not sign.isascii()), None)
    named = f" (it holds U+{ord(strange):04X}, {unicodedata.name(strange, 'a sign without a name')})" if strange else ""
    return f"is not a number that fits {column.sql_type}{named}"


def _plain_signs(text: pa.Array, thousands: str | None) -> pa.Array:
    if is_ascii(text):
        return text
    text = pc.replace_substring(text, _MINUS, "-")
    for other in _LOOK_LIKE.get(thousands or "", ""):
        text = pc.replace_substring(text, other, str(thousands))
    return text


def _power(decimal: str) -> str:
    return f"^[+-]?[0-9]+({re.escape(decimal)}[0-9]+)?[eE][+-]?[0-9]{{1,2}}$"


def _written_out(number: str) -> str:
    text = f"{Decimal(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _fits(text: pa.Array, column: Column, decimal: str, thousands: str | None, scale: int | None = None) -> pa.Array:
    precision, own_scale = DECIMALS[column.kind]
    whole = f"[0-9]{{1,{precision - own_scale}}}"
    if thousands:
        # Groups after the first have three digits, and the first one no zero before it.
        whole = f"(?:{whole}|[1-9][0-9]{{0,2}}(?:{re.escape(thousands)}[0-9]{{3}})+)"
    return pc.match_substring_regex(text, f"^[+-]?{whole}(?:{re.escape(decimal)}[0-9]{{1,{scale or own_scale}}})?$")
