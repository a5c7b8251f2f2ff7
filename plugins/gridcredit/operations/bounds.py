"""Bounds of bill sizes that came from wrong bills: by a named person's word they are computed again."""

from __future__ import annotations

from datetime import date

from gridcredit.errors import GridCreditError
from gridcredit.lineage.decisions import named_decision, record_decision
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect


def forget_bounds(since: date, approver: str, reason: str, settings: Settings) -> int:
    """Forget the bounds of the month-ends from a day on, so that the next build computes them; returns how many.

    Until one succeeds each build computes everything, since customers whose facts did not change move too.

    Raises:
        GridCreditError: there are none, or the decision lacks a name or a reason.
    """
    what = "compute bounds of bill sizes anew"
    approver, reason = named_decision(what, approver, reason, settings)
    with connect(settings) as connection:
        record_decision(connection, what, f"from {since}", approver, reason, settings)
        forgotten = connection.execute(
            "with gone as (delete from ops.bill_size_bounds where basis_date >= %s returning basis_date, segment) "
            "select count(distinct (basis_date, segment)) from gone",
            [since],
        ).fetchone()
        if forgotten in (None, (0,)):
            raise GridCreditError(f"no bounds of bill sizes are stored of {since} or a later day")
        connection.execute(
            "insert into ops.restatement (because) values (%s) on conflict do nothing",
            [f"bounds of bill sizes from {since} on are computed again: {reason} ({approver})"],
        )
        connection.execute("truncate ops.built, ops.built_layer")
    return int(forgotten[0]) if forgotten else 0
