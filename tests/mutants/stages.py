"""Which tests a mutant runs, in which order."""

from __future__ import annotations

from itertools import groupby

from tests.mutants.graph import Graph
from tests.mutants.mutant import Mutant
from tests.mutants.run import Stage
from tests.mutants.tests_of_tables import Test, chosen

# Their warehouse is the dearest, so they come after tests that build for themselves.
_LAST = "evaluated"


def stages_of_sql(mutant: Mutant, graph: Graph, tests: list[Test]) -> list[Stage]:
    """Tests of each prepared warehouse together, then of each file that builds its own; long ones only where no other knows."""
    models = graph.models_at(mutant.path)
    found = chosen(tests, graph.distances(models))
    short = [test for test in found if test.cost < 2]
    ordered = sorted(short or found, key=_place)
    return [Stage([test.name for test in group], models) for _, group in groupby(ordered, key=_place)]


def _place(test: Test) -> tuple[int, str]:
    if _LAST in test.prepared:
        return 3, ""
    if test.cost == 0:
        return 0 if "oracle_warehouse" in test.prepared else 1, ""
    return 2 * test.cost, test.file
