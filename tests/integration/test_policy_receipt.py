"""Who has received the policy in writing: delivered, published, and which departments have not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from gridcredit.cli.app import app
from gridcredit.errors import GridCreditError
from gridcredit.operations import pipeline
from gridcredit.policies.folder import write_files
from gridcredit.policies.store import read_policy
from gridcredit.policy_changes.proposals import propose
from gridcredit.reporting.policy.document import find_policy, policy_document
from gridcredit.reporting.policy.receipts import read_receipts
from gridcredit.settings import Settings
from typer.testing import CliRunner

from tests.support import shipped
from tests.support.builders import SMALL_DAY
from tests.support.prepared import Prepared
from tests.support.suppliers import deliver
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

HEADER = "policy_version,department,staff_id,received_on\n"
DEPARTMENTS = ["audit", "billing", "collections", "credit", "customer_service", "finance", "inspection"]


def test_departments_that_have_not_received_the_policy_are_named(
    new_warehouse: WarehouseFactory, small: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: Settings = new_warehouse(small)
    nobody = read_receipts(None, settings)
    assert (nobody.version, nobody.missing) == ("default-1.2", DEPARTMENTS)
    deliver(
        tmp_path / "policy_receipt_1.csv",
        settings,
        HEADER
        + "default-1.2,credit,S1,2026-01-05\ndefault-1.2,credit,S2,2026-01-04\ndefault-1.2,billing,S3,2026-02-01\n"
        # Of an earlier version alone; of one that is misspelt; by nobody's department; and after the release's day.
        + "default-1.0,finance,S4,2025-01-01\ndefault-11,inspection,S5,2026-01-01\n"
        + "default-1.2,canteen,S6,2026-03-01\ndefault-1.2,audit,S7,2026-06-20\n",
    )
    pipeline.build_ratings("receipts", SMALL_DAY, settings)
    found = read_receipts(None, settings)
    assert found.missing == ["audit", "collections", "customer_service", "finance", "inspection"]
    said = {one.department: one.text for one in found.departments}
    assert said["credit"] == "received by 2 of its staff, first on 2026-01-04"
    assert said["canteen"].endswith("policies/departments.yml knows no such department")
    assert read_receipts("default-1.0", settings).missing == [name for name in DEPARTMENTS if name != "finance"]
    failed = rows(
        settings, "select suite, severity, detail from lineage.gate_results where run_id = 'receipts' and not success"
    )
    by_suite = {suite: (severity, detail) for suite, severity, detail in failed if suite.endswith("policy_receipt")}
    assert by_suite.keys() == {"raw.policy_receipt", "candidate.policy_receipt"}
    assert {severity for severity, _ in by_suite.values()} == {"warning"}
    with pytest.raises(GridCreditError, match="knows no policy version 'default-9'; it knows default-1.0"):
        read_receipts("default-9", settings)
    # The command ends with an error while one is missing, so that a job can watch it.
    monkeypatch.setattr("gridcredit.cli.console.get_settings", lambda: settings)
    result = CliRunner().invoke(app, ["policy", "receipts"])
    assert result.exit_code == 1
    assert "was not received by audit, collections, customer_service, finance, inspection" in result.stderr
    # A receipt that was withdrawn, the day on which audit's counts, and the rest.
    rest = "".join(f"default-1.2,{name},S8,2026-06-20\n" for name in found.missing)
    deliver(tmp_path / "policy_receipt_2.csv", settings, HEADER + rest)
    pipeline.build_ratings("all", date(2026, 6, 20), settings)
    assert read_receipts(None, settings).missing == []
    assert CliRunner().invoke(app, ["policy", "receipts"]).exit_code == 0
    _a_proposal_has_a_document(settings, tmp_path)


def _a_proposal_has_a_document(settings: Settings, folder: Path) -> None:
    """It is handed round before anybody has approved it."""
    source = shipped.FOLDER
    files = {path.name: path.read_text(encoding="utf-8") for path in source.iterdir()}
    for before, after in (
        ("default-1.2", "default-1.3"),
        ("2000-01-03", "2030-01-01"),
        ("Credit Committee", "nobody yet"),
    ):
        files["policy.yml"] = files["policy.yml"].replace(before, after)
    files["warning_rules.csv"] = files["warning_rules.csv"].replace(
        "collections,3,0,,30,,more than 60", "credit,2,0,,30,,more than 60"
    )
    write_files(folder / "next", files)
    propose(read_policy(folder / "next", settings), "default-1.2", "written by hand", {}, settings)
    page = policy_document(find_policy("default-1.3", settings), "en", settings)
    assert "Changes since default-1.2" in page
    assert "nobody yet" in page
    assert "department collections, deadline days 3" in page and "department credit, deadline days 2" in page
    there_are = "default-1.0, default-1.1, default-1.2, default-1.3"
    with pytest.raises(GridCreditError, match=f"no policy version 'default-7'; there are {there_are}"):
        find_policy("default-7", settings)
