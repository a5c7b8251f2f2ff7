"""Faults of Python: Cosmic Ray's, made in an environment of its own since it is no part of the lock."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.mutants.mutant import Change, Mutant

COSMIC = Path(__file__).with_name("cosmic.py")


def python_mutants(paths: list[str], root: Path, *, most: int, seed: int) -> list[Mutant]:
    """At most so many faults of each file, chosen by the seed, in the order of their texts."""
    if not paths:
        return []
    python = root / ".venv-mutants" / "bin" / "python"
    if not python.exists():
        raise SystemExit("faults of Python need .venv-mutants: `make test-mutants` installs it")
    said = subprocess.run(
        [python, COSMIC, str(most), str(seed), *paths], cwd=root, capture_output=True, check=True, text=True
    ).stdout
    texts = {path: (root / path).read_bytes().decode() for path in paths}
    found = [
        Change(one["offset"], one["kind"], one["before"], one["after"]).within(one["path"], texts[one["path"]])
        for one in map(json.loads, said.splitlines())
    ]
    return sorted(found, key=lambda mutant: (mutant.path, mutant.offset, mutant.after))
