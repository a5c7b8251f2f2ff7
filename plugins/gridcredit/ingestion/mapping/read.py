"""Reads mapping files; every fault is a MappingError that names the file, the key and the line."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from pydantic import (
    ValidationError,
)

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.shapes import DECIMALS, Extract
from gridcredit.errors import MappingError
from gridcredit.files.strict_yaml import load_text
from gridcredit.ingestion.mapping.columns import DATED, KWH_IN, ColumnRule
from gridcredit.ingestion.mapping.lookup import with_lookups
from gridcredit.ingestion.mapping.rules import Mapping

# Units that a column's name may state, though the mapping does not.
OTHER_UNITS = {"m3", "m³", "wh", "mwh", "gwh", "mj", "gj", "therm", "therms", "ccf", "mcf", "scm", "btu"}


def faults(mapping: Mapping) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """What a sound file says that cannot be meant, each with where it stands."""
    for number, rule in enumerate(mapping.files):
        for earlier, other in enumerate(mapping.files[:number]):
            if _covers(other.pattern, rule.pattern):
                yield (
                    ("files", number, "pattern"),
                    f"is never used: files[{earlier}] ({other.pattern}) takes its files; put this one first, or take "
                    "it out",
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
    if extract.named is not None and name == "value":
        # What may be said of it depends on the row's name.
        return None
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
        named = [
            part for source in rule.sources() for part in re.split(r"[\W_]+", source.lower()) if part in OTHER_UNITS
        ]
        if named or rule.factor:
            return f"is stored in kWh: name the `unit` of the source{f' ({named[0]}?)' if named else ''}"
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
        # A misspelt key explains the one that seems to be missing, so it is reported first.
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
