"""The DAG files: they parse without a warehouse and without slow imports, and each task is ready for production."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gridcredit.settings import PROJECT_DIR

PARSE = """
import json, socket, sys

def refuse(*_, **__):
    raise AssertionError("a DAG file opened a connection while it was parsed")

socket.socket.connect = refuse
from airflow.dag_processing.dagbag import DagBag

bag = DagBag(sys.argv[1], safe_mode=False)
slow = {"pandas", "pyarrow", "dbt", "great_expectations", "psycopg", "numpy"} & set(sys.modules)
dags = {
    dag.dag_id: {
        "doc_md": dag.doc_md,
        "tags": sorted(dag.tags),
        "max_active_runs": dag.max_active_runs,
        "catchup": dag.catchup,
        "deadlines": [[one.callback.path, str(one.interval)] for one in dag.deadline or []],
        "tasks": {
            task.task_id: {
                "retries": task.retries,
                "doc_md": task.doc_md,
                "callback": bool(task.on_failure_callback),
                "timeout": str(task.execution_timeout),
                "downstream": sorted(task.downstream_task_ids),
                "links": sorted(link.name for link in task.operator_extra_links),
                "outlets": {one.name: getattr(one, "extra", {}) for one in task.outlets},
            }
            for task in dag.tasks
        },
    }
    for dag in bag.dags.values()
}
before = set(json.loads(sys.argv[2]))
errors = {str(k): v for k, v in bag.import_errors.items()}
print(json.dumps({"errors": errors, "slow": sorted(slow - before), "dags": dags}))
"""
BASELINE = "import json, sys; from airflow.dag_processing.dagbag import DagBag; print(json.dumps(sorted(sys.modules)))"


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        "AIRFLOW_HOME": str(home),
        "PATH": str(Path(sys.executable).parent),
        "GRIDCREDIT_WAREHOUSE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "GRIDCREDIT_HOME": str(home / "never"),
    }

    def run(*arguments: str) -> Any:
        result = subprocess.run(
            [sys.executable, "-c", *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr[-3000:]
        return json.loads(result.stdout.splitlines()[-1])

    loaded_by_airflow = run(BASELINE)
    found: dict[str, Any] = run(PARSE, str(PROJECT_DIR / "dags"), json.dumps(loaded_by_airflow))
    assert not (home / "never").exists()
    return found


def test_all_dags_parse(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}
    assert set(parsed["dags"]) == {path.stem for path in (PROJECT_DIR / "dags").glob("*.py")}


def test_no_slow_import_while_parsing(parsed: dict[str, Any]) -> None:
    assert parsed["slow"] == []


def test_the_wiring(parsed: dict[str, Any]) -> None:
    def wiring(dag: str) -> dict[str, list[str]]:
        return {name: task["downstream"] for name, task in parsed["dags"][dag]["tasks"].items()}

    assert wiring("ingest_extracts") == {
        "wait_for_files": ["load_file"],
        "load_file": ["all_files_accepted", "announce_extracts"],
        "announce_extracts": [],
        "all_files_accepted": [],
    }
    assert wiring("build_ratings") == {
        "check_raw": ["ask_approver", "build_ledger"],
        "build_ledger": ["build_credit"],
        "build_credit": ["build_collections"],
        "build_collections": ["build_candidate"],
        "build_candidate": ["check_candidate"],
        "check_candidate": ["ask_approver", "publish"],
        "publish": [],
        "ask_approver": [],
    }
    assert wiring("monitor_ratings") == {"watch_ratings": ["note_breaches"], "note_breaches": []}
    assert wiring("recalibrate_scorecard") == {
        "fit_scorecard": ["compare_policy", "decide"],
        "compare_policy": ["decide"],
        "decide": [],
    }
    assert wiring("release_blocked_run") == {
        "decide": ["build_models"],
        "build_models": ["check_candidate"],
        "check_candidate": ["ask_again", "publish"],
        "publish": [],
        "ask_again": [],
    }


def test_each_dag_and_task_is_ready(parsed: dict[str, Any]) -> None:
    for dag_id, dag in parsed["dags"].items():
        assert dag["doc_md"]
        assert dag["tags"]
        # Whoever decides on one blocked run does not stop another from being asked about.
        assert dag["max_active_runs"] == 1 or dag_id == "release_blocked_run"
        assert dag["catchup"] is False
        for name, task in dag["tasks"].items():
            assert task["retries"] >= 1, name
            assert task["doc_md"], name
            assert task["callback"], name
            assert task["timeout"] != "None" or name in ("wait_for_files", "decide", "note_breaches"), name


def test_the_page_beside_the_dags_lists_each(parsed: dict[str, Any]) -> None:
    page = (PROJECT_DIR / "dags" / "README.md").read_text()
    for dag, facts in parsed["dags"].items():
        assert f"## {dag}" in page
        for task in facts["tasks"]:
            assert f"`{task}`" in page


def test_a_late_release_is_noticed(parsed: dict[str, Any]) -> None:
    """Queued at 02:00, there by 07:00."""
    deadlines = {name: dag["deadlines"] for name, dag in parsed["dags"].items() if dag["deadlines"]}
    assert deadlines == {"build_ratings": [["gridcredit.orchestration.callbacks.release_is_late", "5:00:00"]]}


def test_tasks_lead_to_what_they_made(parsed: dict[str, Any]) -> None:
    links = {
        (dag, task): facts["links"]
        for dag, one in parsed["dags"].items()
        for task, facts in one["tasks"].items()
        if facts["links"] and not {"Trigger", "Triggered DAG"} & set(facts["links"]) and "decide" not in task
    }
    gate, release = ["Gate results"], ["Changes", "Dashboard"]
    wanted = {
        ("build_ratings", "check_raw"): gate,
        ("build_ratings", "check_candidate"): gate,
        ("build_ratings", "publish"): release,
        ("release_blocked_run", "check_candidate"): gate,
        ("release_blocked_run", "publish"): release,
        ("ingest_extracts", "load_file"): ["Quarantine"],
    }
    assert {key: links.get(key) for key in wanted} == wanted


def test_assets_say_what_they_are(parsed: dict[str, Any]) -> None:
    outlets = parsed["dags"]["build_ratings"]["tasks"]["publish"]["outlets"]
    assert outlets["published.release"].keys() == {"description", "owner", "dictionary"}
    assert outlets["published.release"]["dictionary"] == "/credit/docs/reference/warehouse/dictionary.html"
