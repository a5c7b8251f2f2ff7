"""The report's page: a template filled with the facts, in English or Chinese."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from gridcredit.pages.template import render, write_page
from gridcredit.pages.texts import Language, plain, read_texts
from gridcredit.reporting.customer import charts
from gridcredit.reporting.customer.facts import collect
from gridcredit.settings import Settings, get_settings


def write_report(customer_id: str, out: Path, language: Language = "en", settings: Settings | None = None) -> None:
    """Write a customer's credit report as one HTML page, self-contained and set for printing on A4.

    Raises:
        GridCreditError: nothing has been published yet, or the release does not rate the customer.
    """
    settings = settings or get_settings()
    report = collect(customer_id, settings)
    texts = read_texts(language)
    facts = {
        "report": report,
        "currency": settings.currency,
        "t": texts,
        "language": language,
        "bills_chart": charts.bills_and_payments(report.months, texts),
        "grades_chart": charts.grades(report.history, report.rating, report.release["as_of_date"]),
    }
    write_page(
        out,
        render("gridcredit.reporting.customer", "page.html.j2", facts, {"money": _money, "plain": plain}),
        private=True,
    )


def _money(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:,.2f}"
