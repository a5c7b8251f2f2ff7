"""Reads mapping files; every fault is a MappingError that names the file, the key and the line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml
from pydantic import ValidationError

from gridcredit.errors import MappingError
from gridcredit.files.strict_yaml import load_text
from gridcredit.ingestion.mapping.faults import faults
from gridcredit.ingestion.mapping.lookup import with_lookups
from gridcredit.ingestion.mapping.rules import Mapping

# What Pydantic says of a mapping in words of its own.
_PLAINLY = {"extra_forbidden": "unknown key", "missing": "is missing", "too_short": "is empty: say what it holds"}


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
        message = _PLAINLY.get(fault["type"], fault["msg"].removeprefix("Value error, "))
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
