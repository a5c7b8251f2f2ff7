"""Runs the commands of a page of the docs as a reader would, in a copy of the repository and a home of its own.

- An indented block is commands; the ```text block after it is what they print. Seconds may differ, `...` stands for any
  lines.
- A fenced block with title="NAME" is a file that the reader writes.
- `<!-- not run: WHY -->` before an indented block leaves it out. `<!-- fails -->`: its last command ends with an error.
- `<!-- begins with: a release -->` at the top: the page's home holds one.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gridcredit.settings import PROJECT_DIR

NOTE = re.compile(r"<!-- (not run: .+|fails) -->")
ITEM = re.compile(r"(\d+\.|-) ")
WITH_RELEASE = "<!-- begins with: a release -->"


@dataclass
class Step:
    """Commands of a page, or a file to write before the next ones."""

    commands: str = ""
    printed: str = ""
    note: str = ""
    files: dict[str, str] = field(default_factory=dict)


def steps_of(text: str) -> list[Step]:
    """The steps of a page, in its order."""
    steps: list[Step] = []
    note, files = "", dict[str, str]()
    lines = iter(text.splitlines())
    # Code is indented by four, under an entry of a list by eight.
    indent, is_open = 4, False
    for line in lines:
        stripped = line.strip()
        if stripped.startswith("```"):
            content = textwrap.dedent("".join(f"{one}\n" for one in _until_fence(lines)))
            if named := re.search(r'title="([^"]+)"', stripped):
                files[named[1]] = content
            elif stripped == "```text" and steps:
                steps[-1].printed = content
            is_open = False
        elif found := NOTE.fullmatch(stripped):
            note = found[1]
        elif stripped and line.startswith(" " * indent):
            if not is_open:
                steps.append(Step(note=note, files=files))
                note, files, is_open = "", {}, True
            steps[-1].commands += f"{line[indent:]}\n"
        else:
            is_open = False
            if stripped and not line.startswith(" "):
                indent = 8 if ITEM.match(line) else 4
    return steps


def _until_fence(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line.strip() == "```":
            return
        yield line


def follow(page: Path, clone: Path, home: Path) -> list[str]:
    """Do what a page says; returns what went otherwise than it says."""
    faults = []
    for step in steps_of(page.read_text(encoding="utf-8")):
        for name, content in step.files.items():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_text(content, encoding="utf-8")
        if step.note.startswith("not run"):
            continue
        done = run(step.commands, clone, home)
        if (done.returncode != 0) != (step.note == "fails"):
            faults.append(f"{step.commands}ended with {done.returncode}: {done.stdout[-1500:]}")
            break
        faults += [
            f"{step.commands}did not print: {line}\nnearest to it: {_nearest(line, done.stdout)}"
            for line in missing_lines(step.printed, done.stdout)
        ]
    return faults


def run(commands: str, clone: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Commands of a shell, at the top of the clone."""
    environment = os.environ | {
        "GRIDCREDIT_HOME": str(home),
        "GRIDCREDIT_POSTGRES_PORT": "0",
        "GRIDCREDIT_PROJECT_DIR": str(clone),
        "GRIDCREDIT_MAPPINGS_DIR": str(clone / "mappings"),
        "GRIDCREDIT_POLICIES_DIR": str(clone / "policies"),
        "COLUMNS": "160",
    }
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


def missing_lines(shown: str, printed: str) -> list[str]:
    """The lines that a page shows and the commands did not print; what differs from run to run is not compared."""
    lines = {_comparable(line) for line in printed.splitlines()}
    wanted = (line for line in shown.splitlines() if line.strip() not in ("", "..."))
    return [line for line in wanted if _comparable(line) not in lines]


def _nearest(line: str, printed: str) -> str:
    return next(iter(difflib.get_close_matches(line, printed.splitlines(), 1, 0)), "nothing was printed")


def _comparable(line: str) -> str:
    line = re.sub(r"\b[\d.]+ s\b", "0 s", line)
    line = re.sub(r"-{3,}|\s+", " ", line)
    return line.strip()


def make_clone(folder: Path) -> Path:
    """The repository's files, with the environment of this one."""
    clone = folder / "clone"
    clone.mkdir()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT_DIR, capture_output=True, check=True).stdout
    subprocess.run(
        ["tar", "--null", "-T", "-", "-cf", str(folder / "clone.tar")], input=listed, cwd=PROJECT_DIR, check=True
    )
    subprocess.run(["tar", "-xf", str(folder / "clone.tar"), "-C", str(clone)], check=True)
    (clone / ".venv").symlink_to(Path(sys.executable).parents[1])
    return clone
