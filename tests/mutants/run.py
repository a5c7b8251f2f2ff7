"""Run one mutant: the tests that can know of it, the cheapest first, until one fails."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.mutants.bench import Bench
from tests.mutants.mutant import Mutant
from tests.mutants.rebuilt import MODELS, NOTES, WITH_TESTS

KILLED, SURVIVED, BROKEN, UNCOVERED = "killed", "survived", "broken", "not covered"
# Noticed by a test that fails without a fault too.
UNPROVEN = "unproven"
# A fault may make a query or a loop endless; no stage takes as long without.
LONGEST_STAGE = 900


@dataclass(frozen=True)
class Stage:
    """Tests that one process of pytest runs, and the models that it first builds once more."""

    tests: Sequence[str]
    models: Sequence[str] = ()


@dataclass
class Result:
    """What became of a mutant."""

    mutant: Mutant
    outcome: str
    seconds: float
    noticed_by: str = ""
    # Tables whose rows differ in the prepared warehouses, of a survivor.
    changed: list[str] = field(default_factory=list)
    # Stages that patience did not last for.
    stages_left: int = 0

    def as_json(self) -> dict[str, Any]:
        found = {
            "name": self.mutant.name,
            "offset": self.mutant.offset,
            "folder": self.mutant.folder,
            **asdict(self),
        }
        del found["mutant"]
        return found | {"seconds": round(self.seconds, 1)}


def run_mutant(mutant: Mutant, stages: Sequence[Stage], bench: Bench, patience: float) -> Result:
    """Put the fault in, run the stages, take it out."""
    started = time.monotonic()
    changed: list[str] = []
    was_built = False
    with bench.with_mutant(mutant), tempfile.TemporaryDirectory() as folder:
        for number, stage in enumerate(stages):
            if time.monotonic() - started > patience:
                return Result(
                    mutant, SURVIVED, time.monotonic() - started, changed=changed, stages_left=len(stages) - number
                )
            notes = Path(folder) / f"{number}.jsonl"
            environment = {MODELS: " ".join(stage.models), NOTES: str(notes), WITH_TESTS: "" if was_built else "1"}
            ended = bench.pytest(stage.tests, LONGEST_STAGE, environment)
            took = time.monotonic() - started
            for note in _read(notes):
                was_built = True
                changed += note["changed"]
                if note["broken"]:
                    return Result(mutant, BROKEN, took, note["failure"])
                if note["failure"]:
                    return Result(mutant, KILLED, took, f"{note['warehouse']}: {note['failure']}")
            if ended.code is None:
                return Result(mutant, KILLED, took, "a test that took too long")
            if ended.code == 5:
                raise SystemExit(f"no test found among {stage.tests}")
            if ended.code != 0:
                return Result(mutant, KILLED, took, next(iter(ended.failed), "tests that could not be read"))
    outcome = SURVIVED if stages else UNCOVERED
    return Result(mutant, outcome, time.monotonic() - started, changed=sorted(set(changed)))


def _read(notes: Path) -> Iterator[dict[str, Any]]:
    if notes.exists():
        for line in notes.read_text().splitlines():
            yield json.loads(line)
