"""A mapping brings a supplier's files to the canonical extracts, with no code: a reviewed YAML file."""

from __future__ import annotations

import codecs
import fnmatch
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.shapes import Column, Extract
from gridcredit.ingestion.mapping.columns import (
    FILE_PLACEHOLDERS,
    PLACEHOLDER,
    ColumnRule,
    Condition,
    Strict,
    as_column_rule,
    as_several,
    checked_format,
)

# What has no effect on files of a format.
_SAYS_NOTHING_OF = {
    "parquet": {"header_row", "delimiter", "multiline", "iso_dates"},
    "xlsx": {"delimiter", "encoding", "multiline", "iso_dates"},
}
_DAY_BEFORE_MONTH = re.compile("%Y-?%d-?%m")


def _filled_in(value: Any, values: dict[str, str]) -> Any:  # noqa: ANN401 - a tree of a rule's texts
    if isinstance(value, str):
        for name, text in values.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, dict):
        return {_filled_in(key, values): _filled_in(one, values) for key, one in value.items()}
    return [_filled_in(one, values) for one in value] if isinstance(value, list) else value


class ExtractRule(Strict):
    """How rows of one file become rows of one canonical extract; columns not named keep their own name.

    A row that meets `deleted` is a tombstone: it says that the fact of its key no longer exists. Each entry of
    `unpivot` makes a row of its own: its names stand in braces in the texts of the rule. `several` are rules of the
    same extract.
    """

    columns: dict[str, Annotated[ColumnRule, BeforeValidator(as_column_rule)]] = Field({})
    where: list[Condition] = Field([])
    deleted: Condition | None = None
    distinct: bool = False
    unpivot: list[dict[str, str]] = Field([])
    several: list[ExtractRule] = Field([])

    @model_validator(mode="after")
    def _unpivots_alike(self) -> ExtractRule:
        if self.several and len(self.model_fields_set) > 1:
            raise ValueError("`several` holds rules of their own, and nothing stands beside it")
        if len({frozenset(values) for values in self.unpivot}) > 1 or not all(self.unpivot):
            raise ValueError("the entries of `unpivot` give the same names, one or more")
        return self

    def unused_names(self) -> list[str]:
        """The names of `unpivot` that none of its texts uses."""
        texts = str(self.model_dump(exclude={"unpivot"}))
        own = [name for name in (self.unpivot[0] if self.unpivot else {}) if f"{{{name}}}" not in texts]
        return [*own, *(name for one in self.several for name in one.unused_names())]

    def parts(self) -> list[ExtractRule]:
        """The rules that each make one row of a line: one, unless it unpivots or holds several."""
        if self.several:
            return [part for one in self.several for part in one.parts()]
        plain = self.model_dump(by_alias=True, exclude_unset=True, exclude={"unpivot"})
        return [ExtractRule.model_validate(_filled_in(plain, values)) for values in self.unpivot] or [self]

    def rule_of(self, column: str) -> ColumnRule:
        """How a canonical column is made."""
        return self.columns.get(column) or ColumnRule(**{"from": column})

    def conditions(self) -> list[Condition]:
        """Every test of a source column."""
        return [test for one in (*self.where, *([self.deleted] if self.deleted else [])) for test in one.tests()]


class Manifest(Strict):
    """A small file that comes with each file, named like it plus `suffix`; the file waits until it is there.

    `rows` and `sha256` are regular expressions whose one group is the number of rows and the checksum.
    """

    suffix: str = Field(min_length=1)
    rows: str | None = None
    sha256: str | None = None

    @field_validator("rows", "sha256")
    @classmethod
    def _one_group(cls, value: str | None) -> str | None:
        return value if value is None else _with_one_group(value)


class FileRule(Strict):
    """One kind of file: how to recognise and read it, and the extracts it feeds."""

    pattern: str
    format: Literal["csv", "parquet", "xlsx"] = "csv"
    header_row: int = Field(1, ge=1, description="the line of the header; what stands before it is not read")
    sheet: str | None = Field(None, description="the sheet of an XLSX file; the first where none is named")
    encoding: str = "utf-8"
    delimiter: str = Field(",", min_length=1, max_length=1)
    date_format: str = "%Y-%m-%d"
    month_format: str = "%Y-%m"
    timestamp_format: str = "%Y-%m-%dT%H:%M:%S%z"
    time_zone: str = "UTC"
    int96: Literal["utc", "local"] | None = Field(
        None, description="what a Parquet file means by INT96 timestamps: UTC (Spark) or local time (Hive, Impala)"
    )
    year_pivot: int | None = Field(
        None,
        ge=0,
        le=100,
        description="two-digit years below it are of the years 2000 on, the others of those from 1900 on",
    )
    decimal_separator: Literal[".", ","] = "."
    full_width: bool = Field(
        False, description="digits and signs may be full-width, as Chinese input methods write them"
    )
    thousands_separator: Literal[",", ".", " ", "'"] | None = None
    bad_row_limit: float = Field(0.05, ge=0, le=1, description="share of bad rows above which the file is refused")
    delivery: Literal["cumulative", "delta"] | None = Field(
        None,
        description="where keys are made of file and line: each file repeats the rows of those before, or holds new "
        "ones",
    )
    manifest: Manifest | None = None
    trailer: str | None = Field(
        None, description="regular expression of the file's last line; its one group is the number of rows"
    )
    ignore: list[str] = Field(
        [], description="source columns known to be of no use; others that nothing reads are stored"
    )
    multiline: list[str] = Field(
        [], description="source columns that nothing reads whose quoted values may hold line breaks"
    )
    iso_dates: bool = Field(False, description="dates and times may also be written as in ISO 8601")
    absent: list[str] = Field([], description="texts that stand for no value in any column that is read: NULL, N/A")
    extracts: dict[str, Annotated[ExtractRule, BeforeValidator(as_several)]] = Field(min_length=1)

    @field_validator("pattern")
    @classmethod
    def _can_match(cls, value: str) -> str:
        if not value or "/" in value:
            raise ValueError("matches no file: it is compared with the name alone, which has no `/` and is not empty")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "".encode(value)  # which takes encodings of text alone, and neither `hex` nor `rot13`
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"unknown encoding {value!r}") from None
        except UnicodeError:
            raise ValueError(f"{value!r} writes no text") from None

    @field_validator("absent", mode="before")
    @classmethod
    def _absent_texts(cls, value: object) -> object:
        if isinstance(value, list) and None in value:
            raise ValueError("write NULL and its like in quotes: YAML takes them for nothing")
        if isinstance(value, list) and any(text != str(text).strip() or not text for text in value):
            raise ValueError("an empty text is absent anyway, and no value begins or ends with a space")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"unknown time zone {value!r}") from None
        return value

    @field_validator("trailer")
    @classmethod
    def _trailer_counts(cls, value: str | None) -> str | None:
        return value if value is None else _with_one_group(value)

    @field_validator("date_format", "month_format", "timestamp_format")
    @classmethod
    def _format_works(cls, value: str) -> str:
        return checked_format(value)

    @field_validator("extracts")
    @classmethod
    def _known_extracts(cls, value: dict[str, ExtractRule]) -> dict[str, ExtractRule]:
        for name in value:
            if name not in EXTRACTS:
                raise ValueError(f"unknown extract {name!r}; there are {', '.join(EXTRACTS)}")
        return value

    @field_validator("delimiter", mode="before")
    @classmethod
    def _tab_in_quotes(cls, value: object) -> object:
        if value == "\\t":
            raise ValueError('a tab is written in double quotes: "\\t"')
        return value

    @field_validator("delimiter")
    @classmethod
    def _sound_delimiter(cls, value: str) -> str:
        if not value.isascii() or value in '"\r\n':
            raise ValueError("is one ASCII character, and neither a quote nor a line break")
        return value

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> FileRule:
        if self.sheet is not None and self.format != "xlsx":
            raise ValueError("`sheet` says something of XLSX files alone")
        idle = self.model_fields_set & _SAYS_NOTHING_OF.get(self.format, set())
        if idle:
            raise ValueError(f"`{min(idle)}` says nothing of {self.format} files")
        if self.int96 and self.format != "parquet":
            raise ValueError("`int96` says something of Parquet files alone")
        if self.decimal_separator == self.thousands_separator:
            raise ValueError("`decimal_separator` and `thousands_separator` are the same")
        columns = [column for _, part in self.parts() for column in part.columns.values()]
        formats = [self.date_format, self.month_format, self.timestamp_format, *(column.format for column in columns)]
        short = [one for one in formats if one and "%y" in one]
        if short and self.year_pivot is None:
            raise ValueError(f"{short[0]!r} has years of two digits: say by `year_pivot` which century they are of")
        if not short and self.year_pivot is not None:
            raise ValueError("`year_pivot` says something of formats with %y alone")
        swapped = [one for one in formats if one and _DAY_BEFORE_MONTH.match(one)]
        if swapped and (self.iso_dates or self.format != "csv"):
            raise ValueError(f"{swapped[0]!r} cannot be told from ISO 8601, in which this file's dates may be too")
        return self

    def format_of(self, column: Column, rule: ColumnRule) -> str:
        """How a column of dates or times is written."""
        formats = {"date": self.date_format, "month": self.month_format, "timestamp": self.timestamp_format}
        return rule.format or formats[column.kind]

    def parts(self) -> Iterator[tuple[str, ExtractRule]]:
        """The rules that each make one row of a line, with the extract that it is of."""
        for name, rule in self.extracts.items():
            for part in rule.parts():
                yield name, part

    def sources(self) -> set[str]:
        """The source columns that it reads, where a file has them."""
        conditions = [condition.tested for _, part in self.parts() for condition in part.conditions()]
        return {*conditions, *(source for source, _ in self._columns())}

    def identifier_sources(self) -> set[str]:
        """The source columns that make identifiers."""
        return {source for source, column in self._columns() if column.is_identifier}

    def percentage_sources(self) -> set[str]:
        """The source columns of which the contract asks per cent."""
        return {source for source, column in self._columns() if column.unit == "%"}

    def _columns(self) -> Iterator[tuple[str, Column]]:
        for name, part in self.parts():
            for column in EXTRACTS[name].columns:
                for source in part.rule_of(column.name).sources():
                    yield source, column

    def multiline_columns(self) -> set[str]:
        """The source columns whose quoted values may hold line breaks."""
        rules = [column for _, part in self.parts() for column in part.columns.values() if column.multiline]
        return {*self.multiline, *(source for column in rules for source in column.sources())}


class Mapping(Strict):
    """A supplier's mapping, with the content hash that loads are recorded under."""

    mapping: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    description: str
    currency: str | None = None
    files: list[FileRule] = Field(min_length=1)
    sha256: str = ""

    def rule_for(self, file_name: str) -> FileRule | None:
        """The first rule whose pattern the file's name matches."""
        return next((rule for rule in self.files if fnmatch.fnmatchcase(file_name, rule.pattern)), None)


def _with_one_group(value: str) -> str:
    try:
        groups = re.compile(value).groups
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from None
    if groups != 1:
        raise ValueError(f"{value!r} must have one group, it has {groups}")
    return value


def made_keys(extract: Extract, part: ExtractRule) -> set[str]:
    """The key columns that are made of file and line."""
    return {
        name
        for name in extract.keys
        for one in part.parts()
        if set(PLACEHOLDER.findall(one.rule_of(name).template or "")) & set(FILE_PLACEHOLDERS)
    }
