"""Files that come with a manifest: they wait for it, and are refused where they break its promise."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from gridcredit.errors import FileRefusedError, MappingError
from gridcredit.ingestion.landing import ready_files, take_in
from gridcredit.ingestion.mapping.read import load_mapping
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

MAPPING = """
mapping: supplier
description: Files with a manifest.
files:
  - pattern: "payment*.csv*"
    manifest: {suffix: .ctl, rows: 'ROWS=(\\d+)', sha256: 'SHA256=(\\w+)'}
    extracts: {payment: {}}
"""
PAYMENTS = "payment_id,customer_id,paid_on,amount\nP1,C1,2026-01-05,10.00\nP2,C1,2026-01-06,5.50\n"
DIGEST = hashlib.sha256(PAYMENTS.encode()).hexdigest()


@pytest.fixture
def landing(settings: Settings, tmp_path: Path) -> Path:
    settings.mappings_dir = tmp_path
    (tmp_path / "supplier.yml").write_text(MAPPING)
    folder = settings.landing_dir / "supplier"
    folder.mkdir(parents=True)
    return folder


def test_a_file_waits_for_its_manifest_and_both_are_accepted(settings: Settings, landing: Path) -> None:
    path, manifest = landing / "payment.csv", landing / "payment.csv.ctl"
    path.write_text(PAYMENTS)
    assert ready_files(settings) == []
    manifest.write_text(f"ROWS=2\nSHA256={DIGEST.upper()}\n")
    assert ready_files(settings) == [path]
    take_in(path, settings)
    assert list(landing.iterdir()) == []
    assert len(list(settings.accepted_dir.rglob("*payment.csv*"))) == 2


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (f"ROWS=3 SHA256={DIGEST}", "has 2 rows, the manifest says 3"),
        (f"ROWS=2 SHA256={DIGEST[::-1]}", "its SHA-256 is"),
        ("ROWS=2", "does not state its sha256"),
    ],
)
def test_a_broken_promise(settings: Settings, landing: Path, manifest: str, why: str) -> None:
    path = landing / "payment.csv"
    path.write_text(PAYMENTS)
    (landing / "payment.csv.ctl").write_text(manifest)
    with pytest.raises(FileRefusedError, match=why):
        take_in(path, settings)
    with connect(settings) as connection:
        assert connection.execute("select count(*) from raw.payment").fetchone() == (0,)
    assert ready_files(settings) == []
    assert [found.name.split("_")[1] for found in settings.refused_dir.rglob("*payment.csv")] == ["payment.csv"]


def test_a_wrong_manifest_rule_is_reported_by_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yml"
    path.write_text(MAPPING.replace("(\\d+)", "\\d+"))
    with pytest.raises(MappingError, match=r"wrong.yml:6: files\[0\].manifest.rows: .*must have one group"):
        load_mapping(path)
