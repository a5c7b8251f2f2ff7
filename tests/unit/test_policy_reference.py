"""What the reference page says of each policy file is complete, and is what the warehouse holds."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from gridcredit.cli.policy_reference import SHARED, described_keys, policies_page
from gridcredit.policies.folder import Header
from gridcredit.policies.tables import POLICY_TABLES
from gridcredit.settings import PROJECT_DIR
from pydantic import BaseModel

MODELS: list[type[BaseModel]] = [Header, *(model for model, _ in SHARED.values())]


def described() -> Iterator[tuple[str, str | None]]:
    """Each file, column and key, with its text."""
    for model in MODELS:
        yield from ((f"{model.__name__} {name}", field.description) for name, field in described_keys(model, ""))
    for name, table in POLICY_TABLES.items():
        yield name, table.text
        yield from ((f"{name}.{column.name}", column.text) for column in (*table.columns, *table.optional_columns))


def test_every_column_and_key_has_a_text_of_one_line() -> None:
    texts = dict(described())
    assert len(texts) > 150
    assert [name for name, text in texts.items() if not text or "\n" in text or "|" in text] == []


def test_every_file_that_ships_is_on_the_page() -> None:
    """A folder may have any file: those that are read are on the page, and no other ships."""
    page = policies_page()
    for path in filter(Path.is_file, (PROJECT_DIR / "policies").rglob("*")):
        assert f"# {path.name}\n" in page, path


def test_what_ships_names_the_columns_of_the_page() -> None:
    for path in (PROJECT_DIR / "policies").glob("*/*/*.csv"):
        header = next(csv.reader([path.read_text(encoding="utf-8").split("\n")[0]]))
        section = policies_page().split(f"## {path.name}\n")[1].split("\n## ")[0]
        assert [line.split(" | ")[0].removeprefix("| ") for line in section.split("\n") if line.startswith("| ")][
            2 : 2 + len(header)
        ] == header


@pytest.mark.parametrize("text", [None, "", "two\nlines"])
def test_a_key_without_a_text_is_noticed(text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Header.model_fields["approver"], "description", text)
    with pytest.raises(AssertionError, match="Header approver"):
        test_every_column_and_key_has_a_text_of_one_line()
