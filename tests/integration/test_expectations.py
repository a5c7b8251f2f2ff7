"""The project in `expectations/` is one that Great Expectations opens by itself, and a gate runs all of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from gridcredit.errors import GateFailedError, GridCreditError
from gridcredit.operations import runs
from gridcredit.quality import gates
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import connect, warehouse_url

from tests.support.prepared import Prepared
from tests.support.suppliers import deliver
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

# A process that knows Great Expectations alone.
PLAIN = """
import sys, json
import great_expectations as gx
context = gx.get_context(mode="file", context_root_dir=sys.argv[1])
result = context.checkpoints.get("candidate").run()
failed = [
    [table.suite_name, one.expectation_config.type, one.expectation_config.kwargs.get("column")]
    for table in result.run_results.values() for one in table.results if not one.success
]
print(json.dumps({"tables": len(result.run_results), "failed": failed}))
assert not [name for name in sys.modules if name.startswith("gridcredit")]
"""


def run_plainly(settings: Settings) -> dict[str, Any]:
    environment = os.environ | {
        "GX_WAREHOUSE": warehouse_url(settings).replace("postgresql://", "postgresql+psycopg2://", 1),
        "GX_RESULTS": str(settings.home / "own_results"),
        "GX_PAGES": str(settings.home / "own_pages"),
    }
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, str(settings.expectations_dir)],
        env=environment,
        cwd=settings.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_great_expectations_opens_and_runs_the_project_alone(new_warehouse: WarehouseFactory, small: Prepared) -> None:
    settings = new_warehouse(small)
    before = contents(settings.expectations_dir)
    suites = list((settings.expectations_dir / "suites" / "candidate").glob("*.json"))
    one_event = (
        "update candidate.warning_event set event = %s, happened_on = opened_on - 3 "
        "where ctid = (select min(ctid) from candidate.warning_event where (customer_id, rule, opened_on) in "
        "(select customer_id, rule, opened_on from candidate.warning_event group by 1, 2, 3 having count(*) = 1))"
    )
    with connect(settings) as connection:
        # Somebody took note of what had no day yet.
        assert connection.execute(one_event, ["acknowledged"]).rowcount == 1
    first = run_plainly(settings)
    assert first["tables"] == len(suites)
    with connect(settings) as connection:
        connection.execute("update candidate.customer_rating set score = 101 where score is not null")
        connection.execute(one_event, ["cleared"])
        recorded = connection.execute("select count(*) from lineage.gate_results").fetchone()
    wrong = [
        ["candidate.customer_rating", "expect_column_values_to_be_between", "score"],
        ["candidate.warning_event", "unexpected_rows_expectation", None],
    ]
    second = run_plainly(settings)
    for one in wrong:
        assert one not in first["failed"]
        assert one in second["failed"]
    # A validation of one's own is no evidence, and changes nothing in the project.
    with connect(settings) as connection:
        assert connection.execute("select count(*) from lineage.gate_results").fetchone() == recorded
    assert contents(settings.expectations_dir) == before


def test_what_a_ready_made_check_found_has_file_and_line(settings: Settings) -> None:
    lines = [
        "customer_id,name,segment,opened_on,closed_on,updated_at",
        "C1,a,public,2024-05-01,2024-05-01,2026-01-01 08:00:00",
    ]
    lines += [
        "C2,b,public,2024-05-01,,2026-01-01 08:00:00",
        "C3,c,public,2024-05-01,2024-04-30,2026-01-01 08:00:00",
        "",
    ]
    (settings.home / "files").mkdir(parents=True)
    deliver(settings.home / "files" / "customer.csv", settings, "\n".join(lines))
    run = runs.start_run("r", date(2026, 1, 2), settings)
    checks = {(one.suite, one.column): one for one in gates.run_gate("raw", run)}
    found = checks[("raw.customer", "closed_on")]
    assert (found.success, found.severity, found.unexpected_count, found.element_count) == (False, "warning", 1, 3)
    assert [key["_line_no"] for key in found.unexpected_keys] == [4]


def test_a_deposit_below_zero_stops_the_run(settings: Settings) -> None:
    """The limit of who is not rated is the deposit: a sign mistaken in the export would make it less than nothing."""
    lines = ["customer_id,name,segment,opened_on,deposit_amount,updated_at"]
    lines += [
        f"C{number},a,public,2024-05-01,{deposit},2026-01-01 08:00:00"
        for number, deposit in enumerate(["", "0", "-80.00"])
    ]
    (settings.home / "files").mkdir(parents=True)
    deliver(settings.home / "files" / "customer.csv", settings, "\n".join([*lines, ""]))
    with pytest.raises(GateFailedError, match="deposit_amount: 1 unexpected"):
        gates.run_gate("raw", runs.start_run("r", date(2026, 1, 2), settings))
    found = rows(
        settings,
        "select severity, unexpected_count, unexpected_keys -> 0 ->> '_line_no' from lineage.gate_results "
        "where suite = 'raw.customer' and column_name = 'deposit_amount' and not success",
    )
    assert found == [("critical", 1, "4")]


def test_a_check_of_an_unknown_type_is_refused(settings: Settings, tmp_path: Path) -> None:
    """Great Expectations leaves it out with a line in its log."""
    settings.project_dir = tmp_path
    shutil.copytree(PROJECT_DIR / "expectations", tmp_path / "expectations")
    suite = tmp_path / "expectations" / "suites" / "candidate" / "account_balance.json"
    suite.write_text(suite.read_text().replace("unexpected_rows_expectation", "unexpected_row_expectation", 1))
    run = runs.start_run("r", date(2026, 1, 2), settings)
    with pytest.raises(GridCreditError, match=r"account_balance\.json: .* no check of type unexpected_row_expectation"):
        gates.run_gate("candidate", run)


def test_a_suite_that_no_checkpoint_runs_is_refused(settings: Settings, tmp_path: Path) -> None:
    settings.project_dir = tmp_path
    shutil.copytree(PROJECT_DIR / "expectations", tmp_path / "expectations")
    suites = tmp_path / "expectations" / "suites" / "candidate"
    (suites / "largest_debtor_too.json").write_text((suites / "largest_debtor.json").read_text())
    run = runs.start_run("r", date(2026, 1, 2), settings)
    with pytest.raises(GridCreditError, match=r"suite candidate\.largest_debtor_too: `gridcredit contract` adds it"):
        gates.run_gate("candidate", run)
