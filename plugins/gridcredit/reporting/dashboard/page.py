"""The dashboard's page: a template filled with the facts of a release."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from markupsafe import Markup

from gridcredit.lineage.places import trace_link
from gridcredit.pages.template import render, write_page
from gridcredit.pages.texts import Language, plain, read_texts
from gridcredit.reporting.dashboard import charts
from gridcredit.reporting.dashboard.cells import FILTERS, choices, money, percent
from gridcredit.reporting.dashboard.facts import Dashboard, Row, collect
from gridcredit.reporting.dashboard.listings import Listings
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.currency import in_its_currency

FORMATS: dict[str, Callable[..., str]] = {
    "money": lambda value: money(value).text,
    "percent": lambda value: percent(value).text,
    "plain": plain,
}
LISTED = (
    "places",
    "debtors",
    "warnings",
    "officers",
    "strategies",
    "watched",
    "checks",
    "failed_checks",
    "loads",
)


def write_dashboard(out: Path | None = None, settings: Settings | None = None, language: Language = "en") -> Path:
    """Write the dashboard of the current release as one HTML page; by default under `var/dashboards`, by number.

    Raises:
        GridCreditError: nothing has been published yet.
    """
    settings = in_its_currency(settings or get_settings())
    dashboard = collect(settings, language)
    suffix = "" if language == "en" else f"_{language}"
    out = out or settings.home / "dashboards" / f"release_{dashboard.release['release']:06d}{suffix}.html"
    return write_page(out, _page(dashboard, language, settings), private=True)


def _page(dashboard: Dashboard, language: Language, settings: Settings) -> str:
    shared = read_texts(language)
    t = read_texts(language, "gridcredit.reporting.dashboard")
    words = Listings(dashboard, t, shared, language, settings.currency)
    listings = {name: getattr(words, name)() for name in LISTED}
    facts = {
        "release": dashboard.release,
        "release_before": dashboard.release_before,
        "language": language,
        "currency": settings.currency,
        "rows": dashboard.rows,
        "now": dashboard.now,
        "customers": dashboard.customers,
        "missing": dashboard.missing,
        "charts": _charts(dashboard, t | {"levels": shared["levels"]}, settings.currency),
        "errors": past_errors(dashboard.rows["forecasts"]),
        "t": t,
        "shared": shared,
        "words": words,
        "listings": listings,
        "filters": list(FILTERS),
        "choices": choices(listings.values(), {"grade": words.grades, "level": list(shared["levels"])}),
        "change": partial(change, dashboard, t),
        "quoted": shlex.quote,
        "trace": lambda customer: trace_link("customer_rating", {"customer_id": customer}, settings),
    }
    return render("gridcredit.reporting.dashboard", "page.html.j2", facts, FORMATS)


def _charts(dashboard: Dashboard, t: dict[str, Any], currency: str) -> dict[str, Markup]:
    rows = dashboard.rows
    return {
        "receivables": charts.receivables(rows["months"], t, currency),
        "dso": charts.days_sales_outstanding(rows["months"], t),
        "ageing": charts.ageing(rows["ageing"], t, currency),
        "grades": charts.grades(rows["grades"], t),
        "migration": charts.migration(rows["migration"], t),
        "warnings": charts.warnings(rows["warnings"], t),
        "warning_months": charts.warning_months(rows["warning_months"], rows["months"], t),
        "forecasts": charts.forecasts(rows["forecasts"], t, currency),
    }


def change(dashboard: Dashboard, t: dict[str, Any], name: str) -> str:
    """How a figure differs from that of the release before, in words."""
    if dashboard.before is None:
        return str(t["first_release"])
    difference = (dashboard.now[name] or 0) - (dashboard.before[name] or 0)
    return f"{difference:+,.0f}" if difference else str(t["unchanged"])


def past_errors(forecasts: list[Row]) -> list[Row]:
    """By months ahead the mean absolute error of past forecasts in % of what came in, and that of the naive one."""
    found = []
    for months in sorted({row["months"] for row in forecasts}):
        past = [row for row in forecasts if row["months"] == months and row["collected_amount"]]
        errors: Row = {"months": months, "forecasts": len(past)}
        for name in ("forecast", "naive"):
            known = [row for row in past if row[f"{name}_amount"] is not None]
            errors[name] = (
                sum(abs(row[f"{name}_amount"] - row["collected_amount"]) / row["collected_amount"] for row in known)
                / len(known)
                if known
                else None
            )
        found.append(errors)
    return found
