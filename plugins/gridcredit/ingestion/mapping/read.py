"""Reads mapping files; every fault is a MappingError that names the file, the key and the line."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
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
_NAME = re.compile(r"""^mapping:[ \t]*["']?([^"'#\s]+)""", re.MULTILINE)


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


@dataclass(frozen=True)
class FaultyFile:
    """A mapping file that cannot be used, the name of the mapping that it is for, and what is wrong with it."""

    name: str
    error: MappingError


@dataclass(frozen=True)
class MappingFolder:
    """The mappings of a folder by name, and the files there that are faulty: these hold up nobody else's."""

    folder: Path
    sound: dict[str, Mapping]
    faulty: list[FaultyFile]

    def find(self, name: str) -> Mapping | None:
        """The mapping of this name; None where there is none.

        Raises:
            MappingError: the file that is to define it is faulty.
        """
        for one in self.faulty:
            if one.name == name:
                raise one.error
        return self.sound.get(name)

    def names(self) -> str:
        """The names that can be asked for, and what is wrong with the files that give none."""
        faults = "".join(f"; left aside: {one.error}" for one in self.faulty)
        return f"{', '.join(self.sound)}{faults}"

    def left_aside(self, name: str) -> list[str]:
        """What is wrong with the files of other mappings than this one."""
        return [str(one.error) for one in self.faulty if one.name != name]


def read_mappings(folder: Path) -> MappingFolder:
    """Every mapping of a folder, the faulty ones apart."""
    found = MappingFolder(folder, {}, [])
    for path in sorted(folder.glob("*.yml")):
        try:
            mapping = load_mapping(path)
        except MappingError as error:
            found.faulty.append(FaultyFile(_named(path), error))
            continue
        if mapping.mapping in found.sound:
            twice = MappingError(f"{path}:1: mapping: {mapping.mapping!r} is defined twice in {folder}")
            found.faulty.append(FaultyFile(mapping.mapping, twice))
            continue
        found.sound[mapping.mapping] = mapping
    return found


def load_mappings(folder: Path) -> dict[str, Mapping]:
    """Every mapping of a folder, by name.

    Raises:
        MappingError: one of them is faulty.
    """
    found = read_mappings(folder)
    for one in found.faulty:
        raise one.error
    return found.sound


def _named(path: Path) -> str:
    """The name that a faulty file gives its mapping, as far as it can be read; else its own."""
    text = path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
    given = _NAME.search(text)
    return given[1] if given else path.stem


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
