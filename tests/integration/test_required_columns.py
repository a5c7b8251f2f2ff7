"""A supplier who delivers required columns alone: a release, and every page of it."""

from __future__ import annotations

import csv
from pathlib import Path

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.lineage.trace import trace_row
from gridcredit.operations import pipeline
from gridcredit.releases.audit import write_audit
from gridcredit.reporting.customer import write_report
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.settings import Settings

from tests.support.builders import RICH_DAY
from tests.support.prepared import Prepared
from tests.support.suppliers import BILLING, load
from tests.support.waiting import number, rows


def test_pages_of_a_supplier_who_delivers_required_columns_alone(
    settings: Settings, small: Prepared, tmp_path: Path
) -> None:
    settings.history_months = 1
    for name in BILLING:
        required = [column.name for column in EXTRACTS[name].columns if column.required]
        with (
            (small.files / f"{name}.csv").open(newline="", encoding="utf-8") as source,
            (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as target,
        ):
            writer = csv.DictWriter(target, required, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(csv.DictReader(source))
    load(tmp_path, settings, BILLING)
    assert pipeline.build_ratings("first", RICH_DAY, settings).number == 1
    customers = [customer for (customer,) in rows(settings, "select customer_id from published.customer_rating")]
    assert len(customers) > 70
    for customer in customers[:20]:
        for language in ("en", "zh"):
            write_report(customer, tmp_path / "report.html", "zh" if language == "zh" else "en", settings)
    write_dashboard(tmp_path / "dashboard.html", settings)
    write_audit(1, tmp_path / "audit", settings)
    assert trace_row("customer_rating", {"customer_id": customers[0]}, None, settings).of_kind("record")
    # A credit note without a kind is one by its sign: nothing disagrees.
    assert number(settings, "select count(*) from raw.bill where amount < 0") > 0
    disagreeing = "select count(*) from published.ledger_finding where finding = 'kind_and_sign_disagree'"
    assert number(settings, disagreeing) == 0
