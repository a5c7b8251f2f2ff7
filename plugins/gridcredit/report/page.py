"""The report's page: a template filled with the facts, in English or Chinese."""

from __future__ import annotations

from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import jinja2
import yaml
from markupsafe import Markup

from gridcredit.report import charts
from gridcredit.report.facts import collect
from gridcredit.settings import Settings, get_settings

Language = Literal["en", "zh"]


def write_report(customer_id: str, out: Path, language: Language = "en", settings: Settings | None = None) -> None:
    """Write a customer's credit report as one HTML page, self-contained and set for printing on A4.

    Raises:
        GridCreditError: nothing has been published yet, or the release does not rate the customer.
    """
    report = collect(customer_id, settings or get_settings())
    here = files("gridcredit.report")
    texts: dict[str, Any] = yaml.safe_load((here / "texts.yml").read_text(encoding="utf-8"))[language]
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"money": _money, "plain": _plain}
    page = environment.from_string((here / "page.html.j2").read_text(encoding="utf-8")).render(
        report=report,
        t=texts,
        language=language,
        bills_chart=Markup(charts.bills_and_payments(report.months, texts)),  # noqa: S704 our own SVG
        grades_chart=Markup(charts.grades(report.history, report.rating, report.release["as_of_date"])),  # noqa: S704 our own SVG
    )
    out.write_text(page, encoding="utf-8")


def _money(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


def _plain(value: Decimal | None) -> str:
    """A figure without the zeros behind its point."""
    if value is None:
        return "–"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
