"""Mappings: what ships is sound, and each fault is told by file, key and line."""

from pathlib import Path

import pytest
from gridcredit.errors import MappingError
from gridcredit.extracts.mapping import load_mapping, load_mappings
from gridcredit.settings import PROJECT_DIR

GOOD = """\
mapping: sample
description: A sample.
files:
  - pattern: "*.csv"
    date_format: "%d.%m.%Y"
    extracts:
      payment:
        columns:
          payment_id: number
          amount: {from: value}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sample.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_mappings_load() -> None:
    assert set(load_mappings(PROJECT_DIR / "mappings")) == {"demo", "ibm_receivables"}


def test_columns_not_named_keep_their_own_name(tmp_path: Path) -> None:
    rule = load_mapping(written(tmp_path, GOOD)).files[0].extracts["payment"]
    assert set(rule.columns) == {"payment_id", "amount"}


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("payment_id: number", "paymnt_id: number", 9, "files[0].extracts.payment.columns.paymnt_id"),
        ('"%d.%m.%Y"', '"%d.%m.%Q"', 5, "files[0].date_format"),
        ('"%d.%m.%Y"', '"days"', 5, "files[0].date_format"),
        ("      payment:", "      pament:", 6, "files[0].extracts"),
        ("description:", "descripton:", 2, "descripton"),
        ("{from: value}", "{from: value, constant: 1}", 10, "files[0].extracts.payment.columns.amount"),
        ("    date_format", "    encoding: klingon\n    date_format", 5, "files[0].encoding"),
        ("    date_format", "    time_zone: Mars/Base\n    date_format", 5, "files[0].time_zone"),
        ("    date_format", "    delimiter: ';;'\n    date_format", 5, "files[0].delimiter"),
        ("mapping: sample", "mapping: [", 2, "YAML"),
    ],
)
def test_a_fault_names_file_key_and_line(tmp_path: Path, old: str, new: str, line: int, key: str) -> None:
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(MappingError) as fault:
        load_mapping(path)
    text = str(fault.value)
    assert "\n" not in text
    assert text.startswith(f"{path}:{line}:") or key == "YAML"
    assert key in text


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"absent\.yml: cannot be read"):
        load_mapping(tmp_path / "absent.yml")
