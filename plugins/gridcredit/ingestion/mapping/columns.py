"""Parts of a mapping that are about one column: how it is made, and what a row is tested by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from gridcredit.contract.shapes import Column

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# Units of which many are counted by one letter, and how prices name theirs.
_MANY = {"": Decimal("0.001"), "k": Decimal(1), "M": Decimal(1000), "G": Decimal(1_000_000)}
_OF_A = {"": Decimal(1000), "k": Decimal(1), "M": Decimal("0.001"), "G": Decimal("0.000001")}
_PRICE_OF = "currency per "
FILE_PLACEHOLDERS = ("_file", "_line")
# With those of the numbers multiplied they make as many as Arrow reckons with.
FACTOR_PLACES = 9
DATED = ("date", "month", "timestamp")
TRUE_WORDS, FALSE_WORDS = {"true", "t", "yes", "y", "1"}, {"false", "f", "no", "n", "0"}


class Strict(BaseModel):
    """A part of a mapping: an unknown key is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ColumnRule(Strict):
    """How one canonical column is made: from one source column, a constant, or a template of several.

    `template` may name source columns and `{_file}`, `{_line}`, for keys a source lacks.
    `values` maps source values, with `otherwise` for the rest; unmapped values pass through without it. An absent
    value has the key "", and a value mapped to "" is absent. A file may lack the source of an `optional` column.
    `factor` says how many of the contract's units one `unit` of the source is.
    """

    source: str | None = Field(None, alias="from")
    constant: str | None = None
    template: str | None = None
    values: dict[str, str] | None = None
    otherwise: str | None = None
    case: Literal["upper", "lower"] | None = None
    format: str | None = None
    add_days: int = 0
    add_working_days: int = Field(0, ge=0)
    end_of_month: int | None = Field(None, ge=0)
    multiline: bool = False
    optional: bool = False
    unit: str | None = None
    factor: Decimal | None = Field(None, gt=0, max_digits=12)
    negated: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> ColumnRule:
        if sum(origin is not None for origin in (self.source, self.constant, self.template)) != 1:
            raise ValueError("give exactly one of `from`, `constant` and `template`")
        if self.constant is not None and self.values is not None:
            raise ValueError("`values` says nothing of a constant")
        if "values" in self.model_fields_set and not self.values:
            raise ValueError("`values` without an entry says nothing")
        if self.constant is not None and (self.multiline or self.optional):
            raise ValueError("a constant is neither `multiline` nor `optional`")
        if self.template is not None and self.optional:
            raise ValueError("a template needs all of its columns, and is not `optional`")
        if "otherwise" in self.model_fields_set and (self.otherwise is None or self.values is None):
            raise ValueError('`otherwise` is a text beside `values`; "" makes the other values absent')
        if self.constant is not None and not self.constant.strip():
            raise ValueError("a constant without text: leave the column out")
        if any(brace in PLACEHOLDER.sub("", self.template or "") for brace in "{}"):
            raise ValueError("a brace without its other half")
        padded = [text for text in self.texts() if text != text.strip()]
        if padded:
            raise ValueError(f"{padded[0]!r} begins or ends with a space, which no value does")
        return self

    @field_validator("factor")
    @classmethod
    def _places_suffice(cls, value: Decimal | None) -> Decimal | None:
        if value is not None and value != round(value, FACTOR_PLACES):
            raise ValueError(f"has more than {FACTOR_PLACES} decimal places")
        return value

    @field_validator("format")
    @classmethod
    def _format_works(cls, value: str | None) -> str | None:
        return value if value is None else checked_format(value)

    def texts(self) -> list[str]:
        """The texts that it compares with or writes."""
        values = self.values or {}
        return [text for text in (self.constant, self.otherwise, *values, *values.values()) if text is not None]

    def reckons(self) -> bool:
        """Whether it says anything of dates."""
        return self.format is not None or self.end_of_month is not None or bool(self.add_days or self.add_working_days)

    def conversion(self, column: Column) -> Decimal | None:
        """What numbers are multiplied by; None where they stay as they are."""
        factor = self.factor or known_units(column).get(self.unit or "")
        return None if factor == 1 else factor

    def results(self) -> list[str]:
        """The texts that it writes whatever the file holds; "" stands for none."""
        fixed = [text for text in (self.constant, self.otherwise, *(self.values or {}).values()) if text]
        return [text.upper() if self.case == "upper" else text.lower() if self.case else text for text in fixed]

    def sources(self) -> tuple[str, ...]:
        """The source columns it reads."""
        if self.source is not None:
            return (self.source,)
        names = PLACEHOLDER.findall(self.template or "")
        return tuple(name for name in names if name not in FILE_PLACEHOLDERS)


def known_units(column: Column) -> dict[str, Decimal]:
    """How many of a column's own unit one of each unit is that needs no factor: of prices, what one is of."""
    many = _OF_A if column.unit.startswith(_PRICE_OF) else _MANY
    own = column.unit.removeprefix(_PRICE_OF)
    return {letter + own[1:]: factor for letter, factor in many.items()} if own.startswith("k") else {}


def as_column_rule(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


class Condition(Strict):
    """Selects rows by a source column's value, or by what other conditions say together.

    A column may be `filled` or not, `equals` one of several values or `differs` from all of them, or lie between
    numbers. `all`, `any` and `none` hold conditions of which each, one or no one must be met.
    """

    column: str | None = None
    equals: list[str] | None = Field(None, min_length=1)
    differs: list[str] | None = Field(None, min_length=1)
    filled: bool | None = None
    more_than: Decimal | None = None
    at_least: Decimal | None = None
    less_than: Decimal | None = None
    at_most: Decimal | None = None
    all_of: list[Condition] | None = Field(None, alias="all", min_length=1)
    any_of: list[Condition] | None = Field(None, alias="any", min_length=1)
    none_of: list[Condition] | None = Field(None, alias="none", min_length=1)

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        of_column = (self.equals, self.differs, self.filled, self.compares or None)
        together = (self.all_of, self.any_of, self.none_of)
        if sum(test is not None for test in (*of_column, *together)) != 1:
            raise ValueError("give one of `equals`, `differs`, `filled`, bounds, `all`, `any` and `none`")
        if (self.column is None) != any(test is not None for test in together):
            raise ValueError("a test needs a `column`; `all`, `any` and `none` have those of their conditions")
        if any(not text or text != text.strip() for text in [*(self.equals or []), *(self.differs or [])]):
            raise ValueError("no value is empty or begins or ends with a space: for empty ones say `filled: false`")
        return self

    @model_validator(mode="after")
    def _can_be_met(self) -> Condition:
        least = [bound for bound in (self.more_than, self.at_least) if bound is not None]
        most = [bound for bound in (self.less_than, self.at_most) if bound is not None]
        is_open = self.more_than is not None or self.less_than is not None
        if least and most and (max(least) > min(most) or (is_open and max(least) == min(most))):
            raise ValueError("no number lies between these bounds")
        return self

    @property
    def compares(self) -> bool:
        """Whether it compares numbers."""
        return any(bound is not None for bound in (self.more_than, self.at_least, self.less_than, self.at_most))

    def in_words(self) -> str:
        """The condition as a mapping has it, on one line."""
        plain = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return yaml.safe_dump(plain, default_flow_style=True, width=1000, allow_unicode=True, sort_keys=False).strip()

    def tests(self) -> Iterator[Condition]:
        """The tests of columns that it is made of."""
        parts = self.all_of or self.any_of or self.none_of
        if parts is None:
            yield self
        for part in parts or []:
            yield from part.tests()

    @property
    def tested(self) -> str:
        """The column that a test reads."""
        return self.column or ""


def as_several(value: object) -> object:
    return {"several": value} if isinstance(value, list) else value


def checked_format(value: str) -> str:
    """A format of dates that names the year and the month; a ValueError says what is wrong with it."""
    if "%Z" in value or re.search(r"%[HIMSfp]\s*[+-]\d", value):
        raise ValueError(f"{value!r} would drop the zone: write it with %z, or with UTC, GMT or Z at its end")
    if "%I" in value and "%p" not in value:
        raise ValueError(f"{value!r} has hours of half a day: say by %p which half, or write %H")
    if re.search("%[cxXD]", value):
        raise ValueError(f"{value!r} depends on the machine: write it with %Y, %m, %d, %H, %M, %S, %z")
    sample = datetime(2013, 11, 25, 14, 35, 59)  # noqa: DTZ001 - only its digits matter
    try:
        parsed = datetime.strptime(sample.strftime(value).replace("%z", ""), value.replace("%z", ""))  # noqa: DTZ007 - nor here
    except ValueError:
        raise ValueError(f"{value!r} is not a date format: write it with %Y, %m, %d, %H, %M, %S, %z") from None
    if (parsed.year, parsed.month) != (2013, 11):
        raise ValueError(f"{value!r} does not name the year and the month")
    return value


def names_day(pattern: str) -> bool:
    """Whether a format of dates says which day it is."""
    sample, plain = datetime(2013, 11, 25), pattern.replace("%z", "")  # noqa: DTZ001 - only its digits matter
    return datetime.strptime(sample.strftime(plain), plain).day == sample.day  # noqa: DTZ007 - nor here
