"""What a sound file says that cannot be meant, or that has no effect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.shapes import DECIMALS, Column, Extract
from gridcredit.ingestion.mapping.columns import (
    DATED,
    FALSE_WORDS,
    TRUE_WORDS,
    ColumnRule,
    known_units,
    names_day,
)
from gridcredit.ingestion.mapping.patterns import covers
from gridcredit.ingestion.mapping.rules import ExtractRule, FileRule, Mapping, made_keys

# Units that a column's name may state, though the mapping does not.
_OF_ENERGY = {"m3", "m³", "wh", "mwh", "gwh", "j", "kj", "mj", "gj", "tj", "kcal", "mcal", "gcal", "therm", "therms"}
_OF_ENERGY |= {"ccf", "mcf", "scm", "btu", "mmbtu", "dth"}
_OF_POWER = {"w", "kw", "mw", "gw", "va", "mva", "gva"}
# In Chinese, where no space stands around a unit: ten thousand of anything, and larger ones of power and heat.
_CHINESE = ("万", "兆瓦", "吉瓦", "焦")
_LEFT_OPEN = re.compile(r"\{\w+\}")

Place = tuple[int | str, ...]


def faults(mapping: Mapping) -> Iterator[tuple[Place, str]]:
    """Each fault with where it stands."""
    for number, rule in enumerate(mapping.files):
        at: Place = ("files", number)
        for earlier, other in enumerate(mapping.files[:number]):
            if covers(other.pattern, rule.pattern):
                yield (
                    (*at, "pattern"),
                    f"is never used: files[{earlier}] ({other.pattern}) takes its files; put this one first, or take "
                    "it out",
                )
        for key, what in _file_faults(rule):
            yield (*at, key), what
        for name, several in rule.extracts.items():
            for unused in several.unused_names():
                yield (*at, "extracts", name, "unpivot"), f"no text has {{{unused}}}"
            for what in _extract_faults(several):
                yield (*at, "extracts", name), what
        for name, part in rule.parts():
            for column, column_rule in part.columns.items():
                fault = _column_fault(EXTRACTS[name], column, column_rule, rule)
                if fault:
                    yield (*at, "extracts", name, "columns", column), fault


def _file_faults(rule: FileRule) -> Iterator[tuple[str, str]]:
    """What says nothing in a rule, each with its key."""
    read = sorted(rule.sources() & set(rule.ignore))
    if read:
        yield "ignore", f"{read[0]!r} is read: take it out here, or name another source for its column"
    if rule.delivery is not None and not any(made_keys(EXTRACTS[name], part) for name, part in rule.parts()):
        yield "delivery", "says something of keys that are made of {_file} or {_line} alone, and there is none"
    for name, part in rule.parts():
        for column in EXTRACTS[name].columns:
            own = part.rule_of(column.name)
            if column.kind not in ("date", "timestamp") or own.format or own.end_of_month is not None:
                continue
            if own.constant is None and not names_day(rule.format_of(column, own)):
                yield f"{column.kind}_format", f"does not name the day, which {name}.{column.name} needs"
                return


def _extract_faults(rule: ExtractRule) -> Iterator[str]:
    parts = rule.parts()
    for part in parts:
        for text in _plain_texts(part):
            open_ = _LEFT_OPEN.search(text)
            if open_:
                yield f"{text!r} holds {open_.group()}, which no entry of `unpivot` gives"
    if any(part in parts[:number] for number, part in enumerate(parts)):
        yield "has the same rule twice, and would make each row twice"


def _plain_texts(rule: ExtractRule) -> Iterator[str]:
    """Texts in which nothing is filled in from a row."""
    for column in rule.columns.values():
        yield from (text for text in (column.source, *column.results()) if text)
    for test in rule.conditions():
        yield from (test.tested, *(test.equals or []), *(test.differs or []))


def _column_fault(extract: Extract, name: str, rule: ColumnRule, file_rule: FileRule) -> str | None:
    column = extract.column(name)
    if column is None:
        known = ", ".join(known.name for known in extract.columns)
        return f"extract {extract.name!r} has no column {name!r}; it has {known}"
    if extract.named is not None and name == "value":
        # What may be said of it depends on the row's name.
        return None
    if rule.optional and column.required:
        return "is required, so that `optional` says nothing"
    if rule.multiline and file_rule.format != "csv":
        return f"`multiline` says nothing of {file_rule.format} files"
    if rule.case and column.kind not in ("text", "code"):
        return "is no text, so that `case` says nothing"
    if column.kind not in DATED and rule.reckons():
        return "has no date, so that `format`, `end_of_month` and days to add say nothing"
    if column.kind not in DECIMALS and (rule.unit or rule.factor):
        return "has no number, so that `unit` and `factor` say nothing"
    if column.kind not in DECIMALS and rule.negated:
        return "has no number, so that `negated` says nothing"
    return _format_fault(column, rule) or _unit_fault(column, rule) or _result_fault(column, rule, file_rule)


def _format_fault(column: Column, rule: ColumnRule) -> str | None:
    needs_day = column.kind in ("date", "timestamp") and rule.end_of_month is None
    if needs_day and rule.format and not names_day(rule.format):
        return f"needs a day, which {rule.format!r} does not name"
    return None


def _unit_fault(column: Column, rule: ColumnRule) -> str | None:
    """Why it cannot be said that a number is stored in the column's own unit."""
    known = known_units(column)
    own = f"is stored in {column.unit}" if column.unit else "has a unit of its own"
    if rule.unit is None:
        named = named_units(column, rule)
        if named or (rule.factor and column.kind == "energy"):
            return f"{own}: name the `unit` of the source{f' ({named[0]}?)' if named else ''}"
    elif rule.unit in known and rule.factor not in (None, known[rule.unit]):
        return f"{own}: one {rule.unit} is {known[rule.unit].normalize():f} of it, not {rule.factor}"
    elif rule.unit not in known and rule.factor is None:
        return f"{own}: say by `factor` how many one {rule.unit} is"
    return None


def named_units(column: Column, rule: ColumnRule) -> list[str]:
    """Other units that the sources' names state."""
    if column.kind not in DECIMALS:
        return []
    own = {unit.lower() for unit in known_units(column)} - {column.unit.rpartition(" ")[2].lower()}
    if column.kind == "energy" or not column.unit or column.unit.endswith("kWh"):
        own |= _OF_ENERGY
    elif column.unit.endswith(("kW", "kVA")):
        own |= _OF_POWER - {column.unit.rpartition(" ")[2].lower()}
    found: list[str] = []
    for source in rule.sources():
        # The k of kWh begins a word, though it is small.
        spelt = re.sub("k(?=[WV])", "_K", source)
        words = re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", spelt).lower())
        found += [word for word in words if word in own]
        found += [sign for sign in _CHINESE if sign in source]
    return found


def _result_fault(column: Column, rule: ColumnRule, file_rule: FileRule) -> str | None:
    """Why what the rule writes, whatever the file holds, is no value of the column."""
    for text in rule.results():
        if column.kind == "code" and text not in column.values:
            return f"{text!r} is not one of {', '.join(column.values)}"
        if column.kind == "boolean" and text.lower() not in TRUE_WORDS | FALSE_WORDS:
            return f"{text!r} is not yes or no"
        if column.kind in DECIMALS and not _is_number(text, file_rule):
            return f"{text!r} is not a number"
        if column.kind in DATED and not _is_date(text, column, rule, file_rule):
            return f"{text!r} is not a {column.kind} written as {file_rule.format_of(column, rule)}"
    return None


def _is_number(text: str, rule: FileRule) -> bool:
    try:
        Decimal(text.replace(rule.thousands_separator or "\0", "").replace(rule.decimal_separator, "."))
    except InvalidOperation:
        return False
    return True


def _is_date(text: str, column: Column, rule: ColumnRule, file_rule: FileRule) -> bool:
    try:
        datetime.strptime(text, file_rule.format_of(column, rule))  # noqa: DTZ007 - whether it is one at all
    except ValueError:
        return (file_rule.iso_dates or file_rule.format != "csv") and bool(re.match(r"\d{4}-\d\d-\d\d", text))
    return True
