"""Exponential smoothing of the cash that came in by month: one of the methods that the cash forecast chooses from.

It runs between two steps of dbt: the first sums the closed months (receivables.cash_month), the second chooses.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

import structlog

from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect

log = structlog.get_logger(__name__)

LEAST_MONTHS = YEAR = 12
# A window of three months that begins within a month ends in the fourth.
MONTHS_AHEAD = 4

Months = list[tuple[date, Decimal]]


def smoothed(amounts: Sequence[float]) -> list[float] | None:
    """What the months after these amounts are forecast to bring, in their unit; None where they are too few or do not
    fit.

    Simple exponential smoothing (Brown 1956); from two years on with an additive season of twelve months (Winters
    1960).
    """
    if len(amounts) < LEAST_MONTHS:
        return None
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    season = {"seasonal": "add", "seasonal_periods": YEAR} if len(amounts) >= 2 * YEAR else {}
    # In thousandths of the mean: the fit's tolerances are made for numbers of that size.
    scale = max(sum(map(abs, amounts)) / len(amounts) / 1000, 1e-9)
    with warnings.catch_warnings():
        # A fit that stopped early is judged by its errors, as every other.
        warnings.simplefilter("ignore")
        model = ExponentialSmoothing([one / scale for one in amounts], initialization_method="estimated", **season)
        found = [float(one) * scale for one in model.fit().forecast(MONTHS_AHEAD)]
    return [max(one, 0.0) for one in found] if all(map(math.isfinite, found)) else None


def store_smoothed(month_ends: Sequence[date], settings: Settings, *, full_refresh: bool) -> None:
    """Bring ops.smoothed_cash to the closed months that the ledger has now, as of each month-end; all at once, or
    nothing.

    `full_refresh` fits every month-end again; else those alone whose months were restated.
    """
    with connect(settings) as connection:
        months: Months = connection.execute(
            "select month_end, collected_amount from receivables.cash_month order by month_end"
        ).fetchall()
        if full_refresh:
            connection.execute("delete from ops.smoothed_cash")
        stored: dict[date, str] = dict(
            connection.execute("select month_end, fitted_to from ops.smoothed_cash group by 1, 2").fetchall()
        )
        histories = dict(_histories(months, month_ends))
        unchanged = [day for day, history in histories.items() if stored.get(day) == _fingerprint(history)]
        connection.execute("delete from ops.smoothed_cash where not month_end = any(%s)", [unchanged])
        for day, history in histories.items():
            if day not in unchanged:
                _store(connection, day, history)


def _store(connection: Connection, day: date, history: Months) -> None:
    try:
        found = smoothed([float(amount) for _, amount in history])
    except (ValueError, ArithmeticError) as error:
        # The other methods remain.
        log.warning("cash_not_smoothed", month_end=day.isoformat(), detail=str(error))
        return
    connection.cursor().executemany(
        "insert into ops.smoothed_cash (month_end, months_ahead, amount, fitted_to) values (%s, %s, %s, %s)",
        [
            (day, ahead, round(Decimal(amount), 2), _fingerprint(history))
            for ahead, amount in enumerate(found or [], start=1)
        ],
    )


def _histories(months: Months, month_ends: Sequence[date]) -> Iterator[tuple[date, Months]]:
    """As of each month-end that is closed the months up to it, back to the last gap."""
    run: Months = []
    for day, amount in months:
        if run and run[-1][0] != day.replace(day=1) - timedelta(days=1):
            run = []
        run.append((day, amount))
        if day in month_ends:
            yield day, list(run)


def _fingerprint(history: Months) -> str:
    return hashlib.sha256(repr([(day.isoformat(), str(amount)) for day, amount in history]).encode()).hexdigest()
