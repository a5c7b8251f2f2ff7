"""`gridcredit mapping init` proposes what values could be, and says what it cannot know."""

from __future__ import annotations

from pathlib import Path

import yaml
from gridcredit.ingestion.samples.draft import draft_mapping


def drafted(path: Path, text: str) -> tuple[dict[str, object], str]:
    """The draft of one sample, as YAML and as text."""
    path.write_text(text, encoding="utf-8")
    draft = draft_mapping("mine", [path])
    (rule,) = yaml.safe_load(draft)["files"]
    return rule, draft


def test_columns_named_in_another_language_are_not_guessed(tmp_path: Path) -> None:
    rule, draft = drafted(
        tmp_path / "rechnungen.csv",
        "Rechnung;Kunde;Monat;Datum;Betrag\nR1;K001;01.2026;13.02.2026;1.234,56\nR2;K002;01.2026;03.02.2026;34,50\n",
    )
    # How values are written can be seen, whatever the columns are called.
    assert (rule["delimiter"], rule["date_format"]) == (";", "%d.%m.%Y")
    assert (rule["decimal_separator"], rule["thousands_separator"]) == (",", ".")
    assert rule["extracts"] == {}
    assert "# names say not which: customer, " in draft
    assert "# columns: Rechnung, Kunde, Monat, Datum, Betrag" in draft


def test_a_name_alone_does_not_make_dates_or_numbers(tmp_path: Path) -> None:
    """`amount` is like `Account` and `Month`, whose values are no amounts."""
    rule, draft = drafted(
        tmp_path / "bills.csv",
        "Account,Month,Due on,Bill id,Amount "
        'due\nK001,2026-01,2026-02-23,B1,"1,234.56"\nK002,2026-01,2026-02-23,B2,34.50\n',
    )
    columns = rule["extracts"]["bill"]["columns"]  # type: ignore[index]
    assert columns["bill_id"] == "Bill id"
    assert columns["due_on"] == "Due on"
    assert columns.get("amount") in (None, "Amount due")
    assert "# customer_id: REQUIRED, not found" in draft
