"""Releases that change what earlier ones said although no fact changed: marked with their reason, and reported by
cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import LiteralString

from psycopg import sql

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.published_tables import require_release

# What may have moved a balance, the rarest first: a customer counts under the first that his account has.
CAUSES: dict[str, LiteralString] = {
    "write_off": "kind in ('write_off', 'recovered')",
    "refund": "kind = 'refund'",
    "paid_by_another": "payer_id is not null",
    "unexplained": "unexplained_amount <> 0",
    "credit_note": "kind = 'credit_note'",
    "stand_alone_credit": "kind = 'credit'",
    "return": "kind = 'return'",
    "surplus_or_payment_for_no_bill": "kind = 'payment'",
}


@dataclass(frozen=True)
class Restated:
    """Customers whose open amount a release changed, by cause; in currency."""

    cause: str
    customers: int
    open_before: Decimal
    open_after: Decimal


def pending(connection: Connection) -> list[str]:
    """Why the next release restates; nothing where it does not."""
    return [because for (because,) in connection.execute("select because from ops.restatement order by 1")]


def take(connection: Connection) -> str | None:
    """Why the release that is being recorded restates, if it does; the one after it does not."""
    reasons = pending(connection)
    connection.execute("delete from ops.restatement")
    connection.execute("delete from ops.cut_off_before")
    return "; ".join(reasons) or None


def restated_by(release: int, settings: Settings) -> tuple[str, list[Restated]]:
    """Why a release restates, and what it changed by cause.

    Raises:
        GridCreditError: there is no such release, or it does not restate.
    """
    with connect(settings) as connection:
        require_release(connection, release)
        row = connection.execute(
            "select restated_because from lineage.releases where release = %s", [release]
        ).fetchone()
        because = row and row[0]
        if not because:
            raise GridCreditError(f"release {release} restates nothing: `gridcredit release diff` compares any two")
        ranked = sql.SQL(" ").join(
            sql.SQL("when bool_or({}) then {}").format(sql.SQL(condition), sql.Literal(cause))
            for cause, condition in CAUSES.items()
        )
        query = sql.SQL(
            # Ratings say what was owed before the first release with accounts, and not of who is not rated.
            "with accounts as (select customer_id, open_amount from published.customer_account_history "
            "where valid_from_release < {release} and (valid_to_release is null or valid_to_release >= {release})), "
            "ratings as (select customer_id, open_amount from published.customer_rating_history "
            "where valid_from_release < {release} and (valid_to_release is null or valid_to_release >= {release})), "
            "before as (select customer_id, coalesce(accounts.open_amount, ratings.open_amount) as open_amount "
            "from accounts full join ratings using (customer_id)), "
            "after as (select customer_id, open_amount from published.customer_account_as_of({release})), "
            "causes as (select customer_id, case {ranked} else 'other' end as cause "
            "from published.account_movement_as_of({release}) group by customer_id) "
            "select coalesce(cause, 'other'), count(*), sum(coalesce(before.open_amount, 0)), "
            "sum(coalesce(after.open_amount, 0)) "
            "from after full join before using (customer_id) left join causes using (customer_id) "
            "where coalesce(after.open_amount, 0) <> coalesce(before.open_amount, 0) group by 1 order by 2 desc, 1"
        ).format(release=sql.Literal(release), ranked=ranked)
        rows = connection.execute(query).fetchall()
    return because, [Restated(*row) for row in rows]
