"""The tool of `make test-mutants`: each fault stands where it says, is one thing, and the same for the same seed."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import yaml
from gridcredit.settings import PROJECT_DIR

from tests.mutants.graph import Graph
from tests.mutants.imports import Imports, module_of
from tests.mutants.known_tests import all_tests, chosen_by_tables
from tests.mutants.mutant import CHANGES_NOTHING, Mutant, changing_something, mutants_by_hand, mutants_of
from tests.mutants.report import Report
from tests.mutants.run import KILLED, SURVIVED, Result
from tests.mutants.sampling import sample

# Each line holds what may change, or what never may; the faults expected of it stand in WANTED.
MODEL = """\
-- a comment of 1 > 2 and more
{{ config(indexes=[{'columns': ['a'], 'unique': true}]) }}
{# where 1 = 1 #}
{% if days > 3 %}
select
    a.*, count(*) as n, 'sum(1) > 2' as text,
    cast(sum(a.price * 2.5) as numeric(18, 2)) as price
from a
left join b on a.id = b.id and a.day + 3 > b.day
where not a.gone and a.day between 1 and b.day
order by 1, n desc
{% endif %}
"""
WANTED = {
    (7, "aggregate", "sum", "max"),
    (7, "sign", "*", "/"),
    (7, "constant", "2.5", "3.5"),
    (9, "join", "left", "inner"),
    (9, "comparison", "=", "<>"),
    (9, "condition", "and a.day + 3 > b.day", "nothing"),
    (9, "sign", "+", "-"),
    (9, "day", "3", "4"),
    (9, "comparison", ">", ">="),
    (10, "condition", "not a.gone", "true"),
    (10, "condition", "not", "nothing"),
    (10, "condition", "and a.day between 1 and b.day", "nothing"),
    (10, "bound", "1", "2"),
    (11, "order", "desc", "asc"),
}


def mutants_in(tmp_path: Path, name: str, text: str) -> list[Mutant]:
    (tmp_path / name).write_text(text)
    return mutants_of(name, tmp_path)


def shown(mutant: Mutant) -> tuple[int, str, str, str]:
    before, after = mutant.name.split(f"{mutant.kind}: ")[1].split(" -> ")
    return mutant.line, mutant.kind, before, after


def test_a_model_has_these_faults_and_no_others(tmp_path: Path) -> None:
    """Comments, strings, sizes of types, places in a list and Jinja's own syntax stay as they are."""
    mutants = mutants_in(tmp_path, "model.sql", MODEL)
    assert sorted(map(shown, mutants)) == sorted(WANTED)


def test_a_fault_changes_its_own_line_and_nothing_else(tmp_path: Path) -> None:
    lines = MODEL.splitlines()
    for mutant in mutants_in(tmp_path, "model.sql", MODEL):
        changed = mutant.applied(MODEL).splitlines()
        assert [number for number, line in enumerate(lines, 1) if line != changed[number - 1]] == [mutant.line]
        assert changed[mutant.line - 1] == lines[mutant.line - 1].replace(mutant.before, mutant.after, 1) or (
            # A piece that stands twice in its line.
            lines[mutant.line - 1].count(mutant.before) > 1
        )


def test_a_fault_of_another_text_is_refused(tmp_path: Path) -> None:
    (mutant, *_) = mutants_in(tmp_path, "model.sql", MODEL)
    with pytest.raises(ValueError, match="not the file"):
        mutant.applied("x" + MODEL)


@pytest.mark.parametrize(
    ("condition", "dropped"),
    [
        ("a = 1 or (b = 2 and c = 3)", {"or (b = 2 and c = 3)", "and c = 3", "a = 1"}),
        ("case when a and b then c else d end", {"and b", "case when a and b then c else d end"}),
        ("a between b and c and d", {"and d", "a between b and c"}),
        ("a {% if x %} and b {% endif %}", set()),
    ],
)
def test_a_condition_is_dropped_whole(tmp_path: Path, condition: str, dropped: set[str]) -> None:
    mutants = mutants_in(tmp_path, "one.sql", f"select 'x' from t where {condition}")
    assert {mutant.before for mutant in mutants if mutant.kind == "condition"} == dropped


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        (
            "a.csv",
            'code,limit,text\nA1,30,"30,5 of 7"\nB,0.05,true\n',
            [("30", "31"), ("0.05", "0.15"), ("true", "false")],
        ),
        (
            "a.yml",
            'version: "1.1"\n# of 5\ndays: 30 # 7\nshares: [0.1, 2]\n',
            [("30", "31"), ("0.1", "0.3"), ("2", "3")],
        ),
        ("a.json", '{"max": 5, "text": "5", "of": [1, true]}', [("5", "6"), ("1", "2"), ("true", "false")]),
    ],
)
def test_values_of_data_change_and_its_texts_do_not(
    tmp_path: Path, name: str, text: str, wanted: list[tuple[str, str]]
) -> None:
    assert [(one.before, one.after) for one in mutants_in(tmp_path, name, text)] == wanted


def test_faults_by_hand_fit_their_files() -> None:
    mutants = mutants_by_hand(PROJECT_DIR)
    assert len(mutants) >= 4
    for mutant in mutants:
        text = (PROJECT_DIR / mutant.path).read_text(encoding="utf-8")
        assert mutant.applied(text) == text.replace(mutant.before, mutant.after)


def test_what_changes_nothing_is_drawn_no_more_and_stands_as_it_was_judged() -> None:
    """A line that was changed since has to be judged again."""
    listed = yaml.safe_load((PROJECT_DIR / CHANGES_NOTHING).read_text(encoding="utf-8"))
    for one in listed:
        lines = (PROJECT_DIR / one["path"]).read_text(encoding="utf-8").splitlines()
        (number,) = [number for number, line in enumerate(lines, 1) if line.strip() == one["line"]]
        before, after = one["change"].split(" -> ")
        known = Mutant(one["path"], 0, number, "", before, after)
        other = Mutant(one["path"], 0, number, "", before, f"{after}0")
        assert changing_something([known, other], PROJECT_DIR) == [other]


def test_a_sample_is_spread_over_folders_and_is_the_seeds_own() -> None:
    many = [Mutant(f"large/{file}.sql", place, 1, "sign", "+", "-") for file in "abc" for place in range(50)]
    few = [Mutant("small/a.sql", place, 1, "sign", "+", "-") for place in range(3)]
    found = sample(many + few, 10, seed=4)
    assert len(set(found)) == 10
    assert sum(one.folder == "small" for one in found) == 3
    assert {one.path for one in found[:6]} == {"large/a.sql", "large/b.sql", "large/c.sql", "small/a.sql"}
    assert found == sample(many + few, 10, seed=4)
    assert found != sample(many + few, 10, seed=5)
    assert len(sample(few, 10, seed=4)) == 3


def test_a_macros_tests_are_those_of_the_models_that_call_it(tmp_path: Path) -> None:
    def model(name: str, above: list[str], macros: list[str]) -> dict[str, object]:
        return {
            "resource_type": "model",
            "name": name,
            "alias": name,
            "schema": "ledger",
            "original_file_path": f"models/{name}.sql",
            "depends_on": {"nodes": above, "macros": macros},
        }

    def macro(name: str, calls: list[str]) -> dict[str, object]:
        return {
            "package_name": "gridcredit",
            "original_file_path": f"macros/{name}.sql",
            "depends_on": {"macros": calls},
        }

    manifest = {
        "nodes": {"a": model("a", [], ["outer"]), "b": model("b", ["a"], []), "c": model("c", ["b"], [])},
        "macros": {"inner": macro("inner", []), "outer": macro("outer", ["inner"])},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    graph = Graph(tmp_path / "manifest.json")
    assert graph.models_at("dbt_project/macros/inner.sql") == ["a"]
    assert graph.distances(["a"]) == {"ledger.a": 0, "ledger.b": 1, "ledger.c": 2}
    folder = tmp_path / "tests" / "dbt"
    folder.mkdir(parents=True)
    (folder / "test_x.py").write_text(
        textwrap.dedent("""
        def read(rows): return rows("select * from ledger.b")
        def test_far(built): assert built.rows("select * from ledger.c")
        def test_near(rows): assert read(rows)
        def test_builds(): build_by_hand("ledger.a")
        def test_other(rows): assert rows("select * from credit.x")
        """)
    )
    chosen = chosen_by_tables(all_tests(tmp_path), graph.distances(["a"]))
    assert [(far, test.name.partition("::")[2], test.cost) for far, test in chosen] == [
        (2, "test_far", 0),
        (1, "test_near", 0),
        (0, "test_builds", 1),
    ]


def test_a_module_is_known_to_those_that_import_it(tmp_path: Path) -> None:
    package = tmp_path / "plugins" / "gridcredit"
    package.mkdir(parents=True)
    (package / "low.py").write_text("x = 1")
    (package / "middle.py").write_text("from gridcredit import low")
    (package / "high.py").write_text("def late():\n    from gridcredit.middle import y")
    found = Imports(tmp_path).distances(module_of("plugins/gridcredit/low.py"))
    assert {name: far for name, far in found.items() if name.startswith("gridcredit.")} == {
        "gridcredit.low": 0,
        "gridcredit.middle": 1,
        "gridcredit.high": 2,
    }


def test_a_run_that_was_interrupted_goes_on_with_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    first, second = (Mutant("models/a.sql", place, 1, "sign", "+", "-") for place in (1, 2))
    report = Report(path, seed=1, paths=["models"])
    report.add(Result(first, KILLED, 2.0, "tests/x.py::test_y"))
    again = Report(path, seed=1, paths=["models"])
    assert again.holds(first)
    # Of the same name, further on in the line.
    assert not again.holds(second)
    again.add(Result(second, SURVIVED, 3.0))
    assert again.table().splitlines()[-1].split() == ["all", "1", "1", "0", "0", "0", "50%"]
    assert not Report(path, seed=2, paths=["models"]).holds(first)


def test_a_fault_of_python_leaves_python(tmp_path: Path) -> None:
    """As Cosmic Ray makes them, where its environment is."""
    python = Path(__file__).parents[2] / ".venv-mutants" / "bin" / "python"
    if not python.exists():
        pytest.skip("needs .venv-mutants, which `make test-mutants` installs")
    code = '"""1 < 2"""\n\n\ndef of(a: int) -> bool:\n    return a*3 < 5 and not a == 1  # 1 < 2\n'
    (tmp_path / "a.py").write_text(code)
    cosmic = Path(sys.modules["tests.mutants"].__path__[0]) / "faults" / "cosmic.py"
    said = subprocess.run(
        [python, cosmic, "99", "1", "a.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    found = [
        Mutant("a.py", one["offset"], 5, one["kind"], one["before"], one["after"])
        for one in map(json.loads, said.splitlines())
    ]
    assert {(one.before, one.after.strip()) for one in found} >= {
        ("<", "<="),
        ("a*3", "a/3"),
        ("5", "6"),
        ("and", "or"),
        ("==", "!="),
    }
    for one in found:
        changed = one.applied(code)
        ast.parse(changed)
        assert changed.splitlines()[:4] == code.splitlines()[:4]
        assert changed.endswith("# 1 < 2\n")
