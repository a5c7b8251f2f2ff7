"""What is written for a spreadsheet is no formula, and comes back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from gridcredit.files.spreadsheet import as_it_was, neutralised, read_table, write_table


@pytest.mark.parametrize(
    "value",
    [
        "=1+1",
        "+cmd",
        "-cmd",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1",
        "＋1+1",
        "－a",
        "＠a",
        "'=1",
        "''=1",
        "=-5",
        "-5-5",
    ],
)
def test_a_formula_is_text(value: str) -> None:
    assert neutralised(value) == f"'{value}"
    assert as_it_was(neutralised(value)) == value


@pytest.mark.parametrize("value", ["", "a", "-5", "+5.00", "-1,5", "'", "'a", "O'Neil", "C1=2", "2026-01-01", "东方-1"])
def test_what_is_no_formula_stays_as_it_is(value: str) -> None:
    assert neutralised(value) == value
    assert as_it_was(value) == value


def test_a_table_comes_back_and_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("there before")
    path.chmod(0o644)
    rows = [["=1", 'a "quoted", field\nin two lines'], ["-5", ""]]
    assert write_table(path, ["id", "@note"], rows) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_table(path.read_text()) == [["id", "@note"], *rows]
