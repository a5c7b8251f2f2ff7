"""Which tests a mutant runs, in which order."""

from __future__ import annotations

from itertools import groupby

from tests.mutants.graph import Graph
from tests.mutants.imports import Imports, module_of
from tests.mutants.known_tests import Test, chosen_by_tables
from tests.mutants.mutant import Mutant
from tests.mutants.run import Stage

# Their warehouse is the dearest, so they come last.
_LAST = "evaluated"


def stages_of_sql(mutant: Mutant, graph: Graph, tests: list[Test]) -> list[Stage]:
    """Tests of the oracles' warehouse, then of the others and those that build their own, the nearest first; long
    ones only where no other knows.
    """
    models = graph.models_at(mutant.path)
    found = chosen_by_tables(tests, graph.distances(models))
    short = [(far, test) for far, test in found if test.cost < 2] or found
    by_place: dict[tuple[int, str], list[tuple[int, str]]] = {}
    for far, test in short:
        by_place.setdefault(_place(test), []).append((far, test.name))
    room = mutant.folder.rpartition("/")[2]
    # A file that is named after the room knows it best.
    order = sorted(by_place, key=lambda place: (place[0], room not in place[1], min(by_place[place])[0], place))
    return [Stage([name for _, name in sorted(by_place[place])], models) for place in order]


def _place(test: Test) -> tuple[int, str]:
    """When, and together with whom."""
    if _LAST in test.prepared:
        return 2, ""
    if test.cost > 0:
        return 1, test.file
    return (0, "") if "oracle_warehouse" in test.prepared else (1, "")


# Tests that are quick know a module through others; of the rest those that use it, or what uses it.
FARTHEST = {"tests/unit": 4, "tests/dbt": 2, "tests/integration": 2}
# What is no code has no imports: the tests of what reads it, and those that work its figures out by hand.
READERS = {
    "policies": (
        "tests/unit/test_policy",
        "tests/unit/test_attributes",
        "tests/unit/test_figures",
        "tests/unit/test_scorecard",
        "tests/dbt/",
    ),
    "expectations": (
        "tests/unit/test_bounds_of_expectations",
        "tests/unit/test_repository",
        "tests/integration/test_each_expectation_fails.py",
        "tests/integration/test_expectations",
        "tests/integration/test_release.py",
    ),
    "mappings": ("tests/unit/test_mapping", "tests/integration/test_formats", "tests/integration/test_ingest"),
}


def stages_of_python(mutant: Mutant, imports: Imports, tests: list[Test]) -> list[Stage]:
    """The unit tests together, then the other tests that use the module, a file at a time, the nearest first."""
    distances = imports.distances(module_of(mutant.path))
    by_file: dict[str, list[tuple[int, str]]] = {}
    for test in tests:
        far = min((distances[one] for one in test.modules if one in distances), default=99)
        folder = test.file.rpartition("/")[0]
        if far <= FARTHEST[folder]:
            by_file.setdefault("" if folder == "tests/unit" else test.file, []).append((far, test.name))
    order = sorted(by_file, key=lambda file: (file != "", min(by_file[file])[0], _is_long(file), file))
    return [Stage([name for _, name in sorted(by_file[file])]) for file in order]


def _is_long(file: str) -> bool:
    return any(
        word in file for word in ("airflow", "incremental", "evaluation", "killed", "upgrade", "any_bytes", "backup")
    )


def stages_of_data(mutant: Mutant, tests: list[Test]) -> list[Stage]:
    """The tests of what reads the file; those of prepared warehouses were built with the file as it was, but for
    suites, which are read when they are asked.
    """
    folder = mutant.path.partition("/")[0]
    wanted = READERS.get(folder, ())
    is_read_late = folder == "expectations"
    found = [
        test for test in tests if test.file.startswith(wanted) and (is_read_late or test.builds or not test.prepared)
    ]
    ordered = sorted(
        found, key=lambda test: (not test.file.startswith("tests/unit"), test.file.startswith("tests/dbt"), test.file)
    )
    return [Stage([test.name for test in group]) for _, group in groupby(ordered, key=lambda test: test.file)]
