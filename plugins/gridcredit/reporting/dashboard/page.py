"""The dashboard's page: a template filled with the facts of a release."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from gridcredit.pages.template import render, write_page
from gridcredit.reporting.dashboard import charts
from gridcredit.reporting.dashboard.facts import Row, collect
from gridcredit.settings import Settings, get_settings


def write_dashboard(out: Path | None = None, settings: Settings | None = None) -> Path:
    """Write the dashboard of the current release as one HTML page; by default under `var/dashboards`, by number.

    Raises:
        GridCreditError: nothing has been published yet.
    """
    settings = settings or get_settings()
    dashboard = collect(settings)
    out = out or settings.home / "dashboards" / f"release_{dashboard.release['release']:06d}.html"
    drawn = {
        "receivables": charts.receivables(dashboard.rows["months"]),
        "dso": charts.days_sales_outstanding(dashboard.rows["months"]),
        "ageing": charts.ageing(dashboard.rows["ageing"]),
        "grades": charts.grades(dashboard.rows["grades"]),
        "migration": charts.migration(dashboard.rows["migration"]),
        "warnings": charts.warnings(dashboard.rows["warnings"]),
        "warning_months": charts.warning_months(dashboard.rows["warning_months"]),
        "forecasts": charts.forecasts(dashboard.rows["forecasts"]),
    }
    page = render(
        "gridcredit.reporting.dashboard",
        "page.html.j2",
        {
            "release": dashboard.release,
            "currency": settings.currency,
            "rows": dashboard.rows,
            "missing": dashboard.missing,
            "charts": drawn,
            "errors": past_errors(dashboard.rows["forecasts"]),
        },
        {"money": _money, "percent": _percent},
    )
    return write_page(out, page, private=True)


def past_errors(forecasts: list[Row]) -> list[Row]:
    """By months ahead the mean absolute error of past forecasts in % of what came in, and that of the naive one."""
    found = []
    for months in sorted({row["months"] for row in forecasts}):
        past = [row for row in forecasts if row["months"] == months and row["collected_amount"]]
        errors: Row = {"months": months, "forecasts": len(past)}
        for name in ("forecast", "naive"):
            told = [row for row in past if row[f"{name}_amount"] is not None]
            errors[name] = (
                sum(abs(row[f"{name}_amount"] - row["collected_amount"]) / row["collected_amount"] for row in told)
                / len(told)
                if told
                else None
            )
        found.append(errors)
    return found


def _money(value: Decimal | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _percent(value: Decimal | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
