"""A mapping brings a supplier's files to the canonical extracts, with no code: a reviewed YAML file.

Every fault is a MappingError that names the file, the key and the line.
"""

from __future__ import annotations

import codecs
import fnmatch
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from gridcredit.contract.extracts import DECIMALS, EXTRACTS, Column, Extract
from gridcredit.errors import MappingError
from gridcredit.files.strict_yaml import load_text
from gridcredit.ingestion.mapping.lookup import with_lookups

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# What needs no factor.
KWH_IN = {"Wh": Decimal("0.001"), "kWh": None, "MWh": Decimal(1000), "GWh": Decimal(1_000_000)}
# Units that a column's name may tell, though the mapping does not.
OTHER_UNITS = {"m3", "m³", "wh", "mwh", "gwh", "mj", "gj", "therm", "therms", "ccf", "mcf", "scm", "btu"}
FILE_PLACEHOLDERS = ("_file", "_line")
DATED = ("date", "month", "timestamp")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ColumnRule(_Strict):
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
    factor: Decimal | None = Field(None, gt=0, max_digits=12, decimal_places=9)
    negated: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> ColumnRule:
        if sum(origin is not None for origin in (self.source, self.constant, self.template)) != 1:
            raise ValueError("give exactly one of `from`, `constant` and `template`")
        if self.constant is not None and self.values is not None:
            raise ValueError("`values` says nothing of a constant")
        if self.constant is not None and (self.multiline or self.optional):
            raise ValueError("a constant is neither `multiline` nor `optional`")
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

    @field_validator("format")
    @classmethod
    def _format_works(cls, value: str | None) -> str | None:
        return value if value is None else _checked_format(value)

    def texts(self) -> list[str]:
        """The texts that it looks for or writes."""
        values = self.values or {}
        return [text for text in (self.constant, self.otherwise, *values, *values.values()) if text is not None]

    def reckons(self) -> bool:
        """Whether it says anything of dates."""
        return self.format is not None or self.end_of_month is not None or bool(self.add_days or self.add_working_days)

    def conversion(self) -> Decimal | None:
        """What numbers are multiplied by; None where they stay as they are."""
        return self.factor or KWH_IN.get(self.unit or "")

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


def _column_rule(value: object) -> object:
    return {"from": value} if isinstance(value, str) else value


class Condition(_Strict):
    """Keeps rows by a source column's value, or by what other conditions say together.

    A column may be `filled` or not, `equals` one of several values or `differs` from all of them, or lie between
    numbers. `all`, `any` and `none` hold conditions of which each, one or no one must be met.
    """

    column: str | None = None
    equals: list[str] | None = None
    differs: list[str] | None = None
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
        """The column that a test looks at."""
        return self.column or ""


def _several(value: object) -> object:
    return {"several": value} if isinstance(value, list) else value


def _filled_in(value: Any, values: dict[str, str]) -> Any:  # noqa: ANN401 - a tree of a rule's texts
    if isinstance(value, str):
        for name, text in values.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, dict):
        return {_filled_in(key, values): _filled_in(one, values) for key, one in value.items()}
    return [_filled_in(one, values) for one in value] if isinstance(value, list) else value


class ExtractRule(_Strict):
    """How rows of one file become rows of one canonical extract; columns not named keep their own name.

    A row that meets `deleted` is a tombstone: it says that the fact of its key is no more. Each entry of `unpivot` makes
    a row of its own: its names stand in braces in the texts of the rule. `several` are rules of the same extract.
    """

    columns: dict[str, Annotated[ColumnRule, BeforeValidator(_column_rule)]] = {}
    where: list[Condition] = []
    deleted: Condition | None = None
    distinct: bool = False
    unpivot: list[dict[str, str]] = []
    several: list[ExtractRule] = []

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


class Manifest(_Strict):
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


class FileRule(_Strict):
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
        description="where keys are made of file and line: each file repeats the rows of those before, or holds new ones",
    )
    manifest: Manifest | None = None
    trailer: str | None = Field(
        None, description="regular expression of the file's last line; its one group is the number of rows"
    )
    ignore: list[str] = Field(
        [], description="source columns known to be of no use; others that nothing reads are kept"
    )
    multiline: list[str] = Field(
        [], description="source columns that nothing reads whose quoted values may hold line breaks"
    )
    iso_dates: bool = Field(False, description="dates and times may also be written as in ISO 8601")
    extracts: dict[str, Annotated[ExtractRule, BeforeValidator(_several)]] = Field(min_length=1)

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError(f"unknown encoding {value!r}") from None

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
        return _checked_format(value)

    @field_validator("extracts")
    @classmethod
    def _known_extracts(cls, value: dict[str, ExtractRule]) -> dict[str, ExtractRule]:
        for name in value:
            if name not in EXTRACTS:
                raise ValueError(f"unknown extract {name!r}; there are {', '.join(EXTRACTS)}")
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
        if self.header_row > 1 and self.format == "parquet":
            raise ValueError("`header_row` says nothing of Parquet files")
        if self.decimal_separator == self.thousands_separator:
            raise ValueError("`decimal_separator` and `thousands_separator` are the same")
        columns = [column for _, part in self.parts() for column in part.columns.values()]
        formats = [self.date_format, self.month_format, self.timestamp_format, *(column.format for column in columns)]
        short = [one for one in formats if one and "%y" in one]
        if short and self.year_pivot is None:
            raise ValueError(f"{short[0]!r} has years of two digits: say by `year_pivot` which century they are of")
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

    def _columns(self) -> Iterator[tuple[str, Column]]:
        for name, part in self.parts():
            for column in EXTRACTS[name].columns:
                for source in part.rule_of(column.name).sources():
                    yield source, column

    def multiline_columns(self) -> set[str]:
        """The source columns whose quoted values may hold line breaks."""
        rules = [column for _, part in self.parts() for column in part.columns.values() if column.multiline]
        return {*self.multiline, *(source for column in rules for source in column.sources())}


class Mapping(_Strict):
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


def _checked_format(value: str) -> str:
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


def faults(mapping: Mapping) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """What a sound file says that cannot be meant, each with where it stands."""
    for number, rule in enumerate(mapping.files):
        for earlier, other in enumerate(mapping.files[:number]):
            if _covers(other.pattern, rule.pattern):
                yield (
                    ("files", number, "pattern"),
                    f"is never used: files[{earlier}] ({other.pattern}) takes its files; put this one first, or take it out",
                )
        for extract_name, several in rule.extracts.items():
            for unused in several.unused_names():
                yield ("files", number, "extracts", extract_name, "unpivot"), f"no text has {{{unused}}}"
        for extract_name, extract_rule in rule.parts():
            for name, column_rule in extract_rule.columns.items():
                fault = _column_fault(EXTRACTS[extract_name], name, column_rule)
                if fault:
                    yield ("files", number, "extracts", extract_name, "columns", name), fault


def _covers(pattern: str, other: str) -> bool:
    """Whether a pattern matches every name that the other one does, as far as that can be said."""
    if "?" in pattern or "[" in pattern:
        return pattern == other
    return fnmatch.fnmatchcase(other, pattern)


def _column_fault(extract: Extract, name: str, rule: ColumnRule) -> str | None:
    column = extract.column(name)
    if column is None:
        known = ", ".join(known.name for known in extract.columns)
        return f"extract {extract.name!r} has no column {name!r}; it has {known}"
    if column.kind not in DATED and rule.reckons():
        return "has no date, so that `format`, `end_of_month` and days to add say nothing"
    if column.kind not in DECIMALS and (rule.unit or rule.factor):
        return "has no number, so that `unit` and `factor` say nothing"
    if column.kind not in DECIMALS and rule.negated:
        return "has no number, so that `negated` says nothing"
    if column.kind == "energy":
        return _unit_fault(rule)
    if column.kind == "code":
        wrong = [text for text in rule.results() if text not in column.values]
        if wrong:
            return f"{wrong[0]!r} is not one of {', '.join(column.values)}"
    return None


def _unit_fault(rule: ColumnRule) -> str | None:
    """Why it cannot be said that energy is stored in kWh."""
    if rule.unit is None:
        told = [
            part for source in rule.sources() for part in re.split(r"[\W_]+", source.lower()) if part in OTHER_UNITS
        ]
        if told or rule.factor:
            return f"is stored in kWh: name the `unit` of the source{f' ({told[0]}?)' if told else ''}"
    elif rule.unit not in KWH_IN and rule.factor is None:
        return f"is stored in kWh: say by `factor` how many one {rule.unit} is"
    return None


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise MappingError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MappingError(f"{path}: is not UTF-8") from error
    try:
        document, node = load_text(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise MappingError(f"{path}:{line}: not valid YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(document, dict) or node is None:
        raise MappingError(f"{path}:1: a mapping is a YAML file with the keys mapping, description and files")
    try:
        document, tables = with_lookups(document, path.parent)
        sha256 = hashlib.sha256(text.encode() + tables).hexdigest()
        mapping = Mapping.model_validate(document | {"sha256": sha256})
    except ValidationError as error:
        # A misspelt key explains the one that seems to be missing, so it is told first.
        fault = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        where = tuple(part for part in fault["loc"] if part != "[key]")
        unknown = fault["type"] == "extra_forbidden"
        message = "unknown key" if unknown else fault["msg"].removeprefix("Value error, ")
        raise MappingError(f"{path}:{_line(node, where)}: {_key(where)}: {message}") from error
    for place, what in faults(mapping):
        raise MappingError(f"{path}:{_line(node, place)}: {_key(place)}: {what}")
    return mapping


def load_mappings(folder: Path) -> dict[str, Mapping]:
    """Every mapping of a folder, by name."""
    mappings: dict[str, Mapping] = {}
    for path in sorted(folder.glob("*.yml")):
        mapping = load_mapping(path)
        if mapping.mapping in mappings:
            raise MappingError(f"{path}:1: mapping: {mapping.mapping!r} is defined twice in {folder}")
        mappings[mapping.mapping] = mapping
    return mappings


def _line(node: yaml.Node, location: tuple[int | str, ...]) -> int:
    """The line in the file of the deepest part of the location that exists."""
    line = node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            match = [(key, value) for key, value in node.value if key.value == str(part)]
            if not match:
                return line
            key, node = match[0]
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _key(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
