"""A sample of all faults, spread evenly over folders, and the same one for the same seed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable

from tests.mutants.mutant import Mutant


def sample(mutants: Iterable[Mutant], size: int, seed: int) -> list[Mutant]:
    """One of each folder in turn until there are enough; within a folder no file twice before each had its turn."""
    by_folder: dict[str, dict[str, list[Mutant]]] = defaultdict(lambda: defaultdict(list))
    for mutant in mutants:
        by_folder[mutant.folder][mutant.path].append(mutant)
    chance = random.Random(seed)
    queues = [_in_turn(list(files.values()), chance) for _, files in sorted(by_folder.items())]
    return _in_turn(queues, chance, shuffled=False)[:size]


def _in_turn(groups: list[list[Mutant]], chance: random.Random, *, shuffled: bool = True) -> list[Mutant]:
    """The first of each group, then the second of each, and so on."""
    groups = [chance.sample(group, len(group)) if shuffled else group for group in groups]
    order = chance.sample(groups, len(groups)) if shuffled else groups
    return [group[turn] for turn in range(max(map(len, order), default=0)) for group in order if turn < len(group)]
