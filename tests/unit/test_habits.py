"""What hosts of repositories read: the workflow, the hooks and the templates name nothing that does not exist."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml
from gridcredit.settings import PROJECT_DIR

TARGETS = set(re.findall(r"^([a-z-]+):", (PROJECT_DIR / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def read(name: str) -> Any:
    return yaml.safe_load((PROJECT_DIR / name).read_text(encoding="utf-8"))


def test_the_workflow_runs_targets_that_exist_and_names_actions_by_version() -> None:
    steps = [step for job in read(".github/workflows/ci.yml")["jobs"].values() for step in job["steps"]]
    for step in steps:
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) if "uses" in step else step["run"]
        if step.get("run", "").startswith("make "):
            assert step["run"].split()[1] in TARGETS
    assert {"make lint", "make test", "make test-deep"} <= {step.get("run") for step in steps}


def test_the_hooks_call_programs_of_the_lock() -> None:
    programs = Path(sys.executable).parent
    for repository in read(".pre-commit-config.yaml")["repos"]:
        assert repository["repo"] == "local", "nothing is fetched from elsewhere"
        for hook in repository["hooks"]:
            assert (programs / Path(hook["entry"].split()[0]).name).exists(), hook["entry"]


def test_an_issue_template_says_what_it_is_for() -> None:
    for path in (PROJECT_DIR / ".github" / "ISSUE_TEMPLATE").glob("*.md"):
        front = yaml.safe_load(path.read_text(encoding="utf-8").split("---")[1])
        assert front["name"] and front["about"]


def test_no_check_of_a_gate_asks_again_for_each_row() -> None:
    """A subquery that gives a value of a row is asked row by row: of 100,000 customers one took nine minutes."""
    asked_by_row = []
    not_a_set = "".join(f"(?<!{word} )" for word in ("exists", "from", "join", "in"))
    for path in sorted((PROJECT_DIR / "expectations" / "suites").rglob("*.json")):
        for one in json.loads(path.read_text(encoding="utf-8"))["expectations"]:
            query = one["kwargs"].get("unexpected_rows_query", "")
            values = re.findall(rf"{not_a_set}\((select [^()]*(?:\([^()]*\)[^()]*)*)\)", query)
            asked_by_row += [(path.stem, value) for value in values if "subselect." in value]
    assert asked_by_row == []
