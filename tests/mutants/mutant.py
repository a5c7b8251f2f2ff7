"""One small fault: a piece of a file's text, and what stands there in its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

BY_HAND = "tests/mutants/by_hand.yml"
CHANGES_NOTHING = "tests/mutants/changes_nothing.yml"


@dataclass(frozen=True)
class Mutant:
    """`before` at `offset` of the file becomes `after`; nothing else changes."""

    path: str
    offset: int
    line: int
    kind: str
    before: str
    after: str

    @property
    def name(self) -> str:
        """As the report names it."""
        before, after = (" ".join(text.split()) or "nothing" for text in (self.before, self.after))
        return f"{self.path}:{self.line} {self.kind}: {before} -> {after}"

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    def applied(self, text: str) -> str:
        """The file's text with the fault in it."""
        end = self.offset + len(self.before)
        if text[self.offset : end] != self.before:
            raise ValueError(f"{self.path} is not the file that the fault was made for")
        return text[: self.offset] + self.after + text[end:]


@dataclass(frozen=True)
class Change:
    """A fault within a text, before it has a file."""

    offset: int
    kind: str
    before: str
    after: str

    def within(self, path: str, text: str) -> Mutant:
        line = text.count("\n", 0, self.offset) + 1
        return Mutant(path, self.offset, line, self.kind, self.before, self.after)


def mutants_of(path: str, root: Path) -> list[Mutant]:
    """Every fault that the file can have, in the order of its text."""
    from tests.mutants.faults.data import changes_of_data
    from tests.mutants.faults.sql import changes_of_sql

    text = (root / path).read_bytes().decode()
    changes = changes_of_sql(text) if path.endswith(".sql") else changes_of_data(text, Path(path).suffix)
    return [change.within(path, text) for change in sorted(changes, key=lambda one: one.offset)]


def changing_something(mutants: list[Mutant], root: Path) -> list[Mutant]:
    """Without those of changes_nothing.yml."""
    listed = yaml.safe_load((root / CHANGES_NOTHING).read_text(encoding="utf-8"))
    known = {(one["path"], one["line"], one["change"]) for one in listed}
    paths = {path for path, *_ in known}
    lines = {path: (root / path).read_text(encoding="utf-8").splitlines() for path in paths if (root / path).exists()}

    def is_known(mutant: Mutant) -> bool:
        if mutant.path not in lines:
            return False
        line = lines[mutant.path][mutant.line - 1].strip()
        return (mutant.path, line, f"{mutant.before.strip()} -> {mutant.after.strip()}") in known

    return [mutant for mutant in mutants if not is_known(mutant)]


def mutants_by_hand(root: Path) -> list[Mutant]:
    """Those of by_hand.yml."""
    listed = yaml.safe_load((root / BY_HAND).read_text(encoding="utf-8"))
    return [_by_hand(one, (root / one["path"]).read_bytes().decode()) for one in listed]


def _by_hand(one: dict[str, str], text: str) -> Mutant:
    if text.count(one["before"]) != 1:
        raise ValueError(f"{BY_HAND}: {one['path']} does not hold this exactly once: {one['before']}")
    return Change(text.index(one["before"]), one["why"], one["before"], one["after"]).within(one["path"], text)
