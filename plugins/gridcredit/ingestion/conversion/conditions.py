"""Which rows meet a condition of the mapping, and for which it cannot be said."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.contract.shapes import Column
from gridcredit.ingestion.batch import Batch, BooleanMask, no_rows, to_mask
from gridcredit.ingestion.conversion.numerals import SOURCE_SCALE, SOURCE_TYPE, to_decimal
from gridcredit.ingestion.conversion.spelling import coded
from gridcredit.ingestion.mapping.columns import Condition
from gridcredit.ingestion.mapping.rules import FileRule

_NUMBER = Column("compared", "money", "what a condition compares")
NOT_COMPARABLE = "is not a number, and a condition compares it"


def meets(batch: Batch, condition: Condition, file_rule: FileRule) -> BooleanMask:
    """The rows that meet a condition; an absent value is neither equal to, nor less or more than any."""
    if condition.all_of is not None:
        return meet_all(batch, condition.all_of, file_rule)
    if condition.any_of is not None:
        return _meet_one(batch, condition.any_of, file_rule)
    if condition.none_of is not None:
        return ~_meet_one(batch, condition.none_of, file_rule)
    values = coded(batch.columns[condition.tested], file_rule)
    if condition.filled is not None:
        return to_mask(pc.is_valid(values) if condition.filled else pc.is_null(values))
    if condition.equals is not None:
        return to_mask(pc.is_in(values, pa.array(condition.equals, pa.string())))
    if condition.differs is not None:
        return to_mask(
            pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, pa.array(condition.differs, pa.string()))))
        )
    plain, bad = _numbers(values, file_rule)
    numbers = pc.if_else(pa.array(bad), pa.scalar(None, pa.string()), plain).cast(SOURCE_TYPE)
    found = ~no_rows(batch.row_count)
    for compare, bound in (
        (pc.greater, condition.more_than),
        (pc.greater_equal, condition.at_least),
        (pc.less, condition.less_than),
        (pc.less_equal, condition.at_most),
    ):
        if bound is not None:
            found &= to_mask(compare(numbers, pa.scalar(bound)))
    return found


def meet_all(batch: Batch, conditions: list[Condition], file_rule: FileRule) -> BooleanMask:
    """The rows that meet each of the conditions."""
    found = ~no_rows(batch.row_count)
    for condition in conditions:
        found &= meets(batch, condition, file_rule)
    return found


def in_scope_of(
    batch: Batch, conditions: list[Condition], file_rule: FileRule
) -> tuple[BooleanMask, list[tuple[str, BooleanMask]]]:
    """The rows that meet each condition, and by condition those that it is the first to set aside."""
    found = ~no_rows(batch.row_count)
    aside: list[tuple[str, BooleanMask]] = []
    for condition in conditions:
        met = meets(batch, condition, file_rule)
        aside.append((condition.in_words(), found & ~met))
        found &= met
    return found, aside


def _meet_one(batch: Batch, conditions: list[Condition], file_rule: FileRule) -> BooleanMask:
    found = no_rows(batch.row_count)
    for condition in conditions:
        found |= meets(batch, condition, file_rule)
    return found


def not_comparable(batch: Batch, condition: Condition, file_rule: FileRule) -> BooleanMask:
    """The rows whose value is no number, where the condition compares it with one."""
    if not condition.compares:
        return no_rows(batch.row_count)
    return _numbers(coded(batch.columns[condition.tested], file_rule), file_rule)[1]


def _numbers(values: pa.Array, file_rule: FileRule) -> tuple[pa.Array, BooleanMask]:
    return to_decimal(values, _NUMBER, file_rule.decimal_separator, file_rule.thousands_separator, scale=SOURCE_SCALE)
