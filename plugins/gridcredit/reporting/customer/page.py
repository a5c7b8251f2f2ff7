"""The report's page: a template filled with the facts, in English or Chinese; of one customer, or of many."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

from gridcredit.lineage.places import trace_link
from gridcredit.pages.template import render, write_page
from gridcredit.pages.texts import Language, plain, read_texts
from gridcredit.reporting.customer import charts
from gridcredit.reporting.customer.facts import Report, collect, current_release, rated_customers, snapshot
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.currency import in_its_currency

# What the report is made of, each row of which can be traced to file and line.
TRACED = ("customer_rating", "credit_limit", "customer_account")


def write_report(customer_id: str, out: Path, language: Language = "en", settings: Settings | None = None) -> None:
    """Write a customer's credit report as one HTML page, self-contained and set for printing on A4.

    Raises:
        GridCreditError: nothing has been published yet, or the release does not rate the customer.
    """
    settings = settings or get_settings()
    with snapshot(settings) as connection:
        settings = in_its_currency(settings, connection)
        report = collect(connection, current_release(connection), customer_id)
    write_page(out, _page(report, language, settings), private=True)


def write_reports(folder: Path, grade: str | None, language: Language, settings: Settings) -> list[Path]:
    """Write the report of each customer of a grade, or of all, all of one release; returns the files.

    Raises:
        GridCreditError: nothing has been published yet, or nobody has the grade.
    """
    written = []
    with snapshot(settings) as connection:
        settings = in_its_currency(settings, connection)
        release = current_release(connection)
        for customer_id in rated_customers(connection, grade):
            page = _page(collect(connection, release, customer_id), language, settings)
            # A customer number may hold what a file name must not.
            written.append(write_page(folder / f"{quote(customer_id, safe='')}.html", page, private=True))
    return written


def _page(report: Report, language: Language, settings: Settings) -> str:
    texts = read_texts(language)
    facts = {
        "report": report,
        "currency": settings.currency,
        "t": texts,
        "language": language,
        "bills_chart": charts.bills_and_payments(report.months, texts),
        "grades_chart": charts.grades(report.history, report.rating, report.release["as_of_date"]),
        "traces": [
            (texts["tables"][table], *trace_link(table, {"customer_id": report.customer_id}, settings))
            for table in (*TRACED, *(["work_list"] if report.debt else []))
        ],
    }
    return render("gridcredit.reporting.customer", "page.html.j2", facts, FILTERS)


def _money(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def word(names: dict[str, str], name: str) -> str:
    """What a name is called in the page's language; one that the product does not know stands as it is."""
    return names.get(name, name)


FILTERS: dict[str, Callable[..., str]] = {
    "money": _money,
    "plain": plain,
    "word": lambda name, names: word(names, name),
}
