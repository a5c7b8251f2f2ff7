"""`gridcredit mapping check`: what a mapping makes of a sample, before anything is loaded."""

from __future__ import annotations

from pathlib import Path

from gridcredit.cli import app
from gridcredit.extracts.mapping import load_mapping
from gridcredit.extracts.preview import preview
from gridcredit.settings import PROJECT_DIR
from typer.testing import CliRunner

DEMO = PROJECT_DIR / "mappings" / "demo.yml"
SAMPLE = (
    "payment_id,customer_id,bill_id,paid_on,amount,colour\n"
    "P1,C1,B1,2026-01-05,10.00,red\n"
    "P2,C1,,2026-02-30,5.50,blue\n"
    "P3,C1\n"
    "P4,C1,,2026-01-06,5.5,\n"
)


def test_before_after_and_quarantine(tmp_path: Path) -> None:
    sample = tmp_path / "payment_sample.csv"
    sample.write_text(SAMPLE)
    found = preview(load_mapping(DEMO), sample)
    assert [row["payment_id"] for row in found.before] == ["P1", "P2", "P4"]
    payments = found.after["payment"]
    assert [(row["payment_id"], row["paid_on"], row["amount"]) for row in payments.rows] == [
        ("P1", "2026-01-05", "10.00"),
        ("P4", "2026-01-06", "5.5"),
    ]
    assert [(line, bad.column, bad.value) for line, bad in payments.first_rejected] == [(3, "paid_on", "2026-02-30")]
    assert (payments.accepted, found.malformed, found.unused_columns) == (2, 1, ["colour"])


def test_the_command(tmp_path: Path) -> None:
    sample = tmp_path / "payment_sample.csv"
    sample.write_text(SAMPLE)
    answer = CliRunner().invoke(app, ["mapping", "check", str(DEMO), "--sample", str(sample)])
    assert answer.exit_code == 0
    assert "to quarantine: 1 rows, paid_on is not a date written as %Y-%m-%d" in answer.output
    assert "columns that nothing reads: colour" in answer.output
    sample.write_text("nothing\n1\n")
    refused = CliRunner().invoke(app, ["mapping", "check", str(DEMO), "--sample", str(sample)])
    assert refused.exit_code == 1
