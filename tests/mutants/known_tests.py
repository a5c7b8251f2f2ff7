"""What each test names: tables and modules, in its own text or in what of its file it uses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.imports import imported

FOLDERS = ("tests/unit", "tests/dbt", "tests/integration")
PREPARED = {"small", "rich", "evaluated", "oracle_warehouse", "migrated_airflow"}
# Whoever calls one of these builds models of its own.
_BUILDS = {"build", "build_by_hand", "build_ratings", "build_layer", "build_outcomes", "simulate_policy", "run_dbt"}
_BUILDS |= {"nights", "build_from_shell", "CliRunner", "build_night", "invoke"}
_NAMES = re.compile(r"\b([a-z_]+\.[a-z_0-9]+)\b")


@dataclass(frozen=True)
class Test:
    """A test of the repository, and what its text names."""

    name: str
    tables: frozenset[str]
    modules: frozenset[str]
    prepared: frozenset[str]
    builds: bool

    @property
    def file(self) -> str:
        return self.name.partition("::")[0]

    @property
    def cost(self) -> int:
        """0 reads what is prepared, 1 builds for itself, 2 is a long one of whole runs."""
        if "incremental" in self.name or "random" in self.name or self.file.startswith("tests/integration"):
            return 2
        return 1 if self.builds else 0


def all_tests(root: Path) -> list[Test]:
    """Every test of the folders of behaviour."""
    return [
        test for folder in FOLDERS for path in sorted((root / folder).glob("test_*.py")) for test in _in(path, root)
    ]


def chosen_by_tables(tests: Iterable[Test], distances: dict[str, int]) -> list[tuple[int, Test]]:
    """Those that name one of the tables, with the distance of the nearest that they name."""
    named = [(test.tables & distances.keys(), test) for test in tests]
    return [(min(distances[one] for one in found), test) for found, test in named if found]


def _in(path: Path, root: Path) -> list[Test]:
    definitions = _definitions(path)
    shared = path.parent / "conftest.py"
    if shared.exists():
        definitions = _definitions(shared) | definitions
    file = path.relative_to(root).as_posix()
    aliases = imported(ast.parse(path.read_text(encoding="utf-8")))
    return [_test(f"{file}::{name}", name, definitions, aliases) for name in definitions if name.startswith("test_")]


def _definitions(path: Path) -> dict[str, ast.stmt]:
    """What the module defines at its top, by name."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Name):
                found[target.id] = node
    return found


def _test(full_name: str, name: str, definitions: dict[str, ast.stmt], aliases: dict[str, set[str]]) -> Test:
    used: set[str] = set()
    waiting = {name}
    texts: list[str] = []
    while waiting:
        one = waiting.pop()
        used.add(one)
        if one not in definitions:
            continue
        for node in ast.walk(definitions[one]):
            words = (
                {node.id} if isinstance(node, ast.Name) else {node.attr} if isinstance(node, ast.Attribute) else set()
            )
            if isinstance(node, ast.arg):
                words = {node.arg}
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
                words = {node.value} if node.value in PREPARED else set()
            waiting |= words - used
    tables = {table.replace("published.", "candidate.") for text in texts for table in _NAMES.findall(text)}
    modules = frozenset(module for alias in used for module in aliases.get(alias, ()))
    return Test(full_name, frozenset(tables), modules, frozenset(used & PREPARED), bool(used & _BUILDS))
