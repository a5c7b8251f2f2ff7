"""`gridcredit status` and `gridcredit sql`: what an operator and an analyst ask first, before and after a release."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psutil
import pytest
from gridcredit.operations.processes import noted
from gridcredit.operations.status import as_lines, status
from gridcredit.orchestration.callbacks import release_is_late
from gridcredit.quality.results import record_approval
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect, connect_as_owner
from gridcredit.warehouse.embedded_postgres import free_port

from tests.support import commands
from tests.support.commands import Said, command_here
from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory


def command(settings: Settings, *arguments: str, run: Callable[..., Said] = command_here) -> Said:
    """The command as a person runs it, but where `run` says otherwise in this process."""
    assert settings.warehouse_url
    return run(
        list(arguments),
        {
            "GRIDCREDIT_HOME": str(settings.home),
            "GRIDCREDIT_WAREHOUSE_URL": settings.warehouse_url.get_secret_value(),
            "GRIDCREDIT_BI_READER_PASSWORD": "for this test",
            "COLUMNS": "80",
        },
    )


@pytest.fixture(scope="module")
def released(new_warehouse: WarehouseFactory, small: Prepared) -> Settings:
    settings = new_warehouse(small)
    with connect_as_owner(settings) as connection:
        connection.execute("alter role bi_reader password 'for this test'")
    return settings


def test_nothing_is_started_to_say_that_nothing_runs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    lines = list(as_lines(status(Settings(home=home))))
    assert lines == [
        f"home       {home}",
        "warehouse  does not run: `make up` starts it",
        "airflow    does not run: `make up` starts it",
        "superset   does not run: `make bi` starts it",
    ]
    assert not home.exists()


def test_an_empty_warehouse_says_what_to_do_next(settings: Settings) -> None:
    lines = list(as_lines(status(settings)))
    assert "release    none yet: load files (`gridcredit ingest`), then `gridcredit run`" in lines
    assert "waiting    no file in the landing folder" in lines
    assert "failure    none" in lines
    for arguments in (["run"], ["run", "--as-of", "2026-06-20"]):
        refused = command(settings, *arguments)
        assert (refused.returncode, refused.stderr.splitlines()[-1]) == (
            1,
            "error: nothing is loaded: load files (`gridcredit ingest --mapping NAME FILE...`), then run again",
        )
    with connect(settings) as connection:
        assert connection.execute("select from lineage.runs").fetchone() is None
    assert "nothing is released yet" in command(settings, "sql", "select 1").stderr


def test_status_of_a_release(released: Settings) -> None:
    landing = released.landing_dir / "demo"
    landing.mkdir(parents=True)
    (landing / "bill_2.csv").write_text("not loaded yet")
    with connect(released) as connection:
        connection.execute(
            "insert into ops.refused_files (mapping, file_name, reason) values ('demo', 'bill_3.csv', 'bill_3.csv: is "
            "empty')"
        )
        connection.execute(
            "insert into ops.task_failures (dag_id, run_id, task_id, map_index, try_number, error) "
            "values ('build_ratings', 'r', 'publish', -1, 1, 'the disk is full')"
        )
        accepted, quarantined = connection.execute(
            "select sum(rows_accepted), sum(rows_quarantined) from lineage.loads"
        ).fetchone() or (0, 0)
    done = command(released, "status", run=commands.command)
    assert done.returncode == 0
    assert "release    1, as of 2026-06-19, published 20" in done.stdout
    assert "waiting    1 for demo" in done.stdout
    assert f"loaded     4 files in 7 days: {accepted:,} rows accepted, {quarantined:,} quarantined" in done.stdout
    assert "quarantine no row waits" in done.stdout
    assert "refused    bill_3.csv: is empty" in done.stdout
    assert "build_ratings.publish: the disk is full" in done.stdout
    # Officers were delivered, readings and tariffs were not.
    assert "missing    meter_reading: " in done.stdout
    assert "missing    tariff: " in done.stdout
    assert "officer_assignment: " not in done.stdout
    found = json.loads(command(released, "status", "--format", "json").stdout)
    assert (found["release"], found["as_of_date"]) == (1, "2026-06-19")
    assert found["waiting_files"] == {"demo": 1}


def test_a_run_that_was_stopped_after_the_last_release_is_shown(released: Settings) -> None:
    """Also by a person who refused it, and where no gate stopped it; it goes with the next run that ends well."""
    with connect(released) as connection:
        connection.execute(
            "insert into lineage.runs (run_id, as_of_date, code_version, status) "
            "values ('night', '2026-06-20', '', 'failed')"
        )
    shown = command(released, "status").stdout
    assert "failed     night, as of 2026-06-20, made no release: " in shown
    with connect(released) as connection:
        connection.execute(
            "insert into lineage.gate_results (run_id, gate, table_name, suite, expectation, column_name, severity, "
            "success, detail) "
            "values ('night', 'raw', 'bill', 'raw.bill', 'in_order', 'due_on', 'critical', false, '2 bad')"
        )
    found = json.loads(command(released, "status", "--format", "json").stdout)
    assert found["last_failure"] is None or "publish" in found["last_failure"]
    assert (found["stopped_run"]["run"], found["stopped_run"]["as_of_date"]) == ("night", "2026-06-20")
    assert found["stopped_run"]["checks"] == ["raw.bill in_order on due_on: 2 bad"]
    to_publish = "gridcredit run --blocked 'night' --approver NAME --reason TEXT"
    assert found["stopped_run"]["to_publish"] == to_publish
    shown = command(released, "status").stdout
    assert f"blocked    night, as of 2026-06-20, by 1 critical check(s): {found['stopped_run']['checks'][0]}. " in shown
    assert to_publish in shown
    record_approval("night", "A. Chief", "the dates are wrong", is_approved=False, settings=released)
    shown = command(released, "status").stdout
    assert "A person refused to publish it" in shown
    assert "--blocked" not in shown
    with connect(released) as connection:
        connection.execute(
            "insert into lineage.runs (run_id, as_of_date, code_version, status, finished_at) "
            "values ('later', '2026-06-20', '', 'unchanged', clock_timestamp())"
        )
    assert json.loads(command(released, "status", "--format", "json").stdout)["stopped_run"] is None


class StartingAirflow(BaseHTTPRequestHandler):
    """Airflow's API before it has read a DAG."""

    def do_POST(self) -> None:
        self._answer(201, b'{"access_token": "token"}')

    def do_GET(self) -> None:
        self._answer(404, b'{"detail": "not found"}')

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(content)


@pytest.mark.parametrize("is_there", [True, False])
def test_status_says_what_it_knows_while_airflow_starts(released: Settings, *, is_there: bool) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), StartingAirflow) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port if is_there else free_port()
        state = {
            "address": f"http://127.0.0.1:{port}",
            "home": str(released.home),
            "processes": {"api-server": noted(psutil.Process())},
        }
        (released.home / "services.json").write_text(json.dumps(state))
        try:
            lines = list(as_lines(status(released)))
        finally:
            (released.home / "services.json").unlink()
            server.shutdown()
    (unknown,) = [line for line in lines if line.startswith("next run")]
    trouble = "Airflow has not read the DAG build_ratings yet" if is_there else "Airflow does not answer at"
    assert unknown.startswith(f"next run   not known: {trouble}")
    assert any(line.startswith("release    1, as of 2026-06-19") for line in lines)


def test_a_release_that_is_late_is_the_last_failure(released: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Airflow's triggerer calls it, five hours after the run was queued."""
    monkeypatch.setattr("gridcredit.orchestration.connection.get_settings", lambda: released)
    asyncio.run(release_is_late({"dag_run": {"dag_id": "build_ratings", "dag_run_id": "night"}}, hours=5))
    assert "build_ratings.deadline: no release 5 hours after the run was queued" in command(released, "status").stdout


def test_sql_reads_as_bi_reader_and_writes_nothing(released: Settings) -> None:
    query = "select customer_id, grade, grade_rank, release, as_of_date from customer_rating order by grade_rank, 1"
    done = command(released, "sql", query, run=commands.command)
    assert done.returncode == 0
    assert "2026-06-19" in done.stdout
    found = json.loads(command(released, "sql", query, "--format", "json").stdout)
    ranks = [row["grade_rank"] for row in found if row["grade_rank"] is not None]
    assert ranks == sorted(ranks)
    assert len(found) > 70
    assert {(row["release"], row["as_of_date"]) for row in found} == {(1, "2026-06-19")}
    # It writes to the process's own output.
    lines = command(released, "sql", query, "--format", "csv", run=commands.command).stdout.splitlines()
    assert lines[0] == "customer_id,grade,grade_rank,release,as_of_date"
    assert len(lines) == len(found) + 1
    refused = command(released, "sql", "delete from published.customer_rating_history", run=commands.command)
    assert refused.returncode == 1
    assert "permission denied" in refused.stderr
    assert "Traceback" not in refused.stderr
    strange = command(released, "sql", "select 'nan'::float as one, '-infinity'::float as other", "--format", "json")
    assert json.loads(strange.stdout, parse_constant=pytest.fail) == [{"one": "nan", "other": "-inf"}]
    wrong = command(released, "sql", "select nothing", "--format", "json", run=commands.command)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert wrong.stderr.startswith("error: the query failed: ")


def test_levels_sort_by_their_rank(released: Settings) -> None:
    found = json.loads(
        command(
            released, "sql", "select distinct level, level_rank from customer_warning order by 2", "--format", "json"
        ).stdout
    )
    assert [row["level"] for row in found] == [
        level for level in ("red", "orange", "yellow", "blue") if any(row["level"] == level for row in found)
    ]
    assert found


def test_lists_show_whole_names_and_print_json(released: Settings) -> None:
    """At 80 columns no value is cut; for other programs the same as JSON."""
    for arguments, key in ((("load", "list"), "file"), (("release", "list"), "release")):
        text = command(released, *arguments).stdout
        assert "…" not in text
        found = json.loads(command(released, *arguments, "--format", "json").stdout)
        assert found
        assert all(str(row[key]) in text for row in found)
    assert command(released, "quarantine", "list").stdout == "nothing waits in quarantine\n"
    assert json.loads(command(released, "quarantine", "list", "--format", "json").stdout) == []


def test_a_file_is_traced_by_its_name(released: Settings) -> None:
    by_name = command(released, "trace", "file", "officer_assignment.csv").stdout
    assert by_name.startswith("file #4")
    assert by_name == command(released, "trace", "file", "4").stdout
    unknown = command(released, "trace", "file", "nothing.csv")
    assert (unknown.returncode, unknown.stderr.splitlines()[0][:38]) == (1, "error: no file has the name 'nothing.c")
    assert "error: no file has the name '²'" in command(released, "trace", "file", "²").stderr
