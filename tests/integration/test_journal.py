"""The double-entry journal, held against the accounts by beancount itself."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from gridcredit.errors import GridCreditError
from gridcredit.operations import pipeline
from gridcredit.reporting.journal import account_name, customer_of, export_journal
from gridcredit.settings import PROJECT_DIR, Settings
from hypothesis import given
from hypothesis import strategies as st

from tests.support.suppliers import BILLING, load
from tests.support.waiting import number

DAY, MONTH_END = date(2024, 5, 31), date(2024, 4, 30)


def bean_check(journal: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("bean-check")
    return subprocess.run([program, str(journal)], capture_output=True, text=True, check=False)


def test_beancount_comes_to_the_same_balances(settings: Settings, tmp_path: Path) -> None:
    load(PROJECT_DIR / "tests" / "cases" / "ledger", settings, (*BILLING, "collection_action"))
    with pytest.raises(GridCreditError, match="nothing has been published"):
        export_journal(DAY, tmp_path / "early.beancount", settings=settings)
    settings.history_months = 1
    pipeline.build_ratings("cases", DAY, settings)
    for day in (MONTH_END, DAY):
        journal = tmp_path / f"{day}.beancount"
        movements = export_journal(day, journal, settings=settings)
        text = journal.read_text()
        assert text.count(" balance ") == 30
        assert movements == text.count(" * ") > 50
        checked = bean_check(journal)
        assert (checked.returncode, checked.stderr) == (0, "")
        broken = tmp_path / "broken.beancount"
        broken.write_text(text.replace("  250.00 CNY", "  250.01 CNY").replace("  -250.00 CNY", "  -250.01 CNY"))
        assert "Balance failed for 'Assets:Receivable:CL01'" in bean_check(broken).stderr
    assert number(settings, "select count(*) from published.account_movement where amount <> 0") == movements
    with pytest.raises(GridCreditError, match="the last release is of 2024-05-31"):
        export_journal(date(2024, 6, 1), tmp_path / "late.beancount", settings=settings)


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_customer_number_becomes_an_account_and_back(customer: str) -> None:
    account = account_name(customer)
    assert customer_of(account) == customer
    assert account.isascii()
    assert all(part.replace("-", "").isalnum() for part in account.split(":"))
