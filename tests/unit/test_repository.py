"""Promises about the tree itself."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jinja2
import yaml
from gridcredit.cli.app import app
from gridcredit.cli.reference import reference_files
from gridcredit.contract.derived import derived_files
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.files.private import write_private
from gridcredit.quality.context import project_files
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.published_tables import TABLES
from typer.main import get_command


def tracked() -> list[Path]:
    if not (PROJECT_DIR / ".git").exists():
        return [path for path in PROJECT_DIR.glob("[a-z]*") if path.is_file()]
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT_DIR, capture_output=True, check=True).stdout
    return [PROJECT_DIR / name for name in listing.decode().split("\0") if name]


def test_no_file_names_a_registry_and_the_lock_is_hashed() -> None:
    pattern = re.compile(r"https?://[^\s\"']*(simple|pypi|pythonhosted)|--(extra-)?index-url\s+\S+:", re.IGNORECASE)
    for path in tracked():
        if path != Path(__file__) and path.is_file():
            assert not pattern.search(path.read_text(errors="replace")), path
    lock = (PROJECT_DIR / "requirements.lock").read_text()
    pinned = re.findall(r"^[a-z0-9_.-]+(?:\[.*\])?==\S+ \\$", lock, re.MULTILINE | re.IGNORECASE)
    assert len(pinned) > 150
    assert lock.count("--hash=sha256:") >= len(pinned)


def test_what_is_derived_from_the_contract_is_up_to_date() -> None:
    derived = derived_files(Settings()) | project_files(Settings()) | reference_files(get_command(app), Settings())
    for path, text in derived.items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: run `gridcredit contract`"


def described_in(folder: str) -> dict[str, Any]:
    """By name what the .yml files of a folder of models say of each."""
    files = (PROJECT_DIR / "dbt_project" / "models" / folder).glob("*.yml")
    return {model["name"]: model for path in files for model in yaml.safe_load(path.read_text())["models"]}


def test_the_key_that_a_model_states_is_the_one_that_its_table_enforces() -> None:
    """And a run replaces its rows by a scope that there is, and by columns that both have."""
    scopes = {path.stem for path in (PROJECT_DIR / "dbt_project" / "models" / "scope").glob("*.sql")}
    for name, model in described_in("candidate").items():
        enforced = [
            one["key_is_enforced"]["arguments"]["columns"] for one in model["data_tests"] if "key_is_enforced" in one
        ]
        assert enforced == [list(TABLES[name].key)]
        if TABLES[name].scope:
            assert TABLES[name].scope in scopes
            assert set(TABLES[name].scope_key) <= {column["name"] for column in model["columns"]}
    assert sum(table.scope is not None for table in TABLES.values()) > 15


def test_no_loop_of_a_model_has_an_else() -> None:
    """sqlfluff passes over a model with one, and says so in a warning alone."""
    reader = jinja2.Environment(extensions=["jinja2.ext.do"])
    for path in (PROJECT_DIR / "dbt_project" / "models").rglob("*.sql"):
        loops = reader.parse(path.read_text()).find_all(jinja2.nodes.For)
        assert not any(loop.else_ for loop in loops), path


def test_every_model_is_described_keyed_and_tested() -> None:
    for folder in (PROJECT_DIR / "dbt_project/models").iterdir():
        if folder.is_dir():
            described = described_in(folder.name)
            assert set(described) == {path.stem for path in folder.glob("*.sql")}
            for model in described.values():
                assert "Grain and key:" in model["description"]
                assert model.get("data_tests") or any(
                    "unique" in column.get("data_tests", []) for column in model["columns"]
                )


def test_every_expectation_has_a_severity_and_a_reason() -> None:
    suites = list((PROJECT_DIR / "expectations" / "suites").rglob("*.json"))
    assert {path.stem for path in suites if path.parent.name == "raw"} == {*EXTRACTS, "delivery"}
    assert {path.stem for path in suites if path.parent.name == "candidate"} == {
        *TABLES,
        "indicator_drift",
        "account_balance",
        "bill_balance",
        "write_off",
    }
    for path in suites:
        for expectation in json.loads(path.read_text())["expectations"]:
            assert expectation["severity"] in ("critical", "warning", "info")
            assert expectation["meta"]["reason"]


def test_every_extract_is_asked_whether_a_file_names_a_key_once() -> None:
    for extract in EXTRACTS.values():
        suite = json.loads((PROJECT_DIR / "expectations" / "suites" / "raw" / f"{extract.name}.json").read_text())
        queries = [one["kwargs"].get("unexpected_rows_query", "") for one in suite["expectations"]]
        key = ", ".join([*extract.keys, "_file_id"])
        assert sum(query.endswith(f"group by {key} having count(*) > 1") for query in queries) == 1


def test_freshness_is_checked_as_the_contract_says() -> None:
    suite = json.loads((PROJECT_DIR / "expectations" / "suites" / "raw" / "delivery.json").read_text())
    checked = {
        expectation["kwargs"]["row_condition"]["parameter"]: expectation["kwargs"]["max_value"]
        for expectation in suite["expectations"]
        if expectation["kwargs"]["column"].startswith("days_since")
    }
    assert checked == {extract.name: extract.fresh_days for extract in EXTRACTS.values() if extract.fresh_days}


def test_secrets_are_for_their_owner_only_and_made_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    secret = settings.secret("one")
    assert Settings(home=tmp_path / "home").secret("one") == secret
    assert settings.secret("two") != secret
    assert (tmp_path / "home" / "secrets.json").stat().st_mode & 0o777 == 0o600
    write_private(tmp_path / "file", "x")
    assert (tmp_path / "file").stat().st_mode & 0o077 == 0


def test_the_floors_are_as_the_docs_say() -> None:
    """docs/architecture.md lists the floors in the order that import-linter holds, and every package is on one."""
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())
    contract = project["tool"]["importlinter"]["contracts"][0]
    held = [set(layer.split(" | ")) for layer in contract["layers"] if layer != "__main__"]
    table = (PROJECT_DIR / "docs" / "architecture.md").read_text().partition("| floor, from the top")[2]
    rows = [line.split("|")[1] for line in table.splitlines()[2:] if line.startswith("|")]
    assert [set(re.findall(r"`(\w+)`", row)) for row in rows] == held
    package = PROJECT_DIR / "plugins" / "gridcredit"
    assert {path.parent.name for path in package.glob("*/__init__.py")} <= set().union(*held)


def test_folders_of_the_package_are_small_and_say_what_they_are_for() -> None:
    package = PROJECT_DIR / "plugins" / "gridcredit"
    for path in package.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
        assert len(list(path.parent.glob("*.py"))) <= 16, path.parent


def test_every_option_and_setting_says_what_it_is_for() -> None:
    for path, text in reference_files(get_command(app), Settings()).items():
        assert not [
            line for line in text.splitlines() if line.startswith("| `") and line.rstrip(" |").count("|") < 4
        ], path
        assert "| --help" not in text
