"""Everything that the credit report tells, read from the current release and the archive in one snapshot."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, LiteralString

from psycopg import IsolationLevel, sql
from psycopg.rows import dict_row

from gridcredit.errors import GridCreditError
from gridcredit.lineage.records import records_of_customer
from gridcredit.persons import archive
from gridcredit.persons.pseudonyms import mask_name
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect

Row = dict[str, Any]
MONTHS_SHOWN = 24
MOVEMENTS_SHOWN = 8
SOURCES = ("customer", "party", "bill", "payment", "service_order", "inspection", "external_risk", "investigation")


@dataclass(frozen=True)
class Month:
    """What was billed and paid in a month, reversals in the month they happened, in currency."""

    month: date
    billed: Decimal
    paid: Decimal


@dataclass
class Report:
    """A customer in a release: rows of the published tables by column name, and what the archive adds."""

    customer_id: str
    name: str
    release: Row
    policy: Row
    contract: Row
    rating: Row
    veto_reason: Row | None
    indicators: list[Row]
    credit_limit: Row
    customer_class: Row | None
    advice: list[Row]
    investigation: Row | None
    warnings: list[Row]
    history: list[Row]
    account: Row | None
    debt: Row | None
    open_bills: list[Row]
    movements: list[Row]
    months: list[Month]
    parties: list[archive.Party]
    sources: list[Row] = field(default_factory=list)


def collect(customer_id: str, settings: Settings) -> Report:
    """Read a customer's report.

    Raises:
        GridCreditError: nothing has been published yet, or the release does not rate the customer.
    """
    with connect(settings) as connection:
        connection.rollback()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        releases = _rows(
            connection,
            "select releases.*, runs.code_version from lineage.releases join lineage.runs using (run_id) "
            "order by release desc limit 1",
        )
        if not releases:
            raise GridCreditError("nothing has been published yet: run `make demo` or deliver files")
        ratings = _of(connection, "customer_rating", customer_id)
        if not ratings:
            raise GridCreditError(f"release {releases[0]['release']} does not rate customer {customer_id!r}")
        rating, as_of = ratings[0], releases[0]["as_of_date"]
        versions = archive.contract_versions(connection, customer_id)
        names = _rows(
            connection,
            "select name from raw.customer where customer_id = %(customer)s order by _file_id desc, _line_no desc limit 1",
            customer=customer_id,
        )
        (policy,) = _rows(
            connection,
            "select * from policy.policies where policy_version = %(version)s",
            version=rating["policy_version"],
        )
        return Report(
            customer_id=customer_id,
            name=mask_name(names[0]["name"]) if names else "",
            release=releases[0],
            policy=policy,
            contract=_contract(versions),
            rating=rating,
            veto_reason=next(
                iter(
                    _rows(
                        connection,
                        "select * from policy.reasons where policy_version = %(version)s and reason_code = %(code)s",
                        version=rating["policy_version"],
                        code=rating["veto_reason_code"],
                    )
                ),
                None,
            ),
            indicators=_of(connection, "rating_indicator", customer_id, "dimension, weight desc, indicator"),
            credit_limit=_of(connection, "credit_limit", customer_id)[0],
            customer_class=next(iter(_of(connection, "customer_class", customer_id)), None),
            advice=_of(connection, "customer_advice", customer_id, "money_at_stake desc nulls last, advice"),
            investigation=next(iter(_of(connection, "investigation_due", customer_id)), None),
            warnings=_of(connection, "customer_warning", customer_id, "is_leading desc, deadline, rule"),
            history=_of(connection, "rating_month_end", customer_id, "as_of_date"),
            account=next(iter(_of(connection, "customer_account", customer_id)), None),
            debt=next(iter(_of(connection, "work_list", customer_id)), None),
            open_bills=_of(connection, "customer_open_bill", customer_id, "due_on, bill_id"),
            movements=_of(connection, "account_movement", customer_id, "moved_on, movement_id")[-MOVEMENTS_SHOWN:],
            months=_months(connection, customer_id, releases[0]["release"], as_of),
            parties=archive.parties(connection, customer_id),
            sources=_sources(connection, customer_id),
        )


def _rows(connection: Connection, query: LiteralString, **values: object) -> list[Row]:
    return connection.cursor(row_factory=dict_row).execute(query, values).fetchall()


def _of(connection: Connection, table: str, customer_id: str, order: LiteralString = "1") -> list[Row]:
    query = sql.SQL("select * from published.{} where customer_id = %s order by {}").format(
        sql.Identifier(table), sql.SQL(order)
    )
    return connection.cursor(row_factory=dict_row).execute(query, [customer_id]).fetchall()


def _contract(versions: list[archive.ContractVersion]) -> Row:
    # What was never delivered is not known.
    contract: Row = dict.fromkeys(archive.CONTRACT)
    for version in versions:
        contract |= {name: after for name, (_, after) in version.changes.items()}
    return contract


def _months(connection: Connection, customer_id: str, release: int, as_of_date: date) -> list[Month]:
    billed: dict[date, Decimal] = defaultdict(Decimal)
    paid: dict[date, Decimal] = defaultdict(Decimal)
    for amounts, extract, dated_by in ((billed, "bill", "issued_on"), (paid, "payment", "paid_on")):
        for record in records_of_customer(connection, extract, customer_id, release, as_of_date):
            amounts[record.values[dated_by].replace(day=1)] += record.values["amount"]
    last = 12 * as_of_date.year + as_of_date.month - 1
    numbers = range(last - MONTHS_SHOWN + 1, last + 1)
    months = [date(number // 12, number % 12 + 1, 1) for number in numbers]
    return [Month(month, billed[month], paid[month]) for month in months]


def _sources(connection: Connection, customer_id: str) -> list[Row]:
    """The files that the customer's facts came from, and how many rows of each."""
    found: list[Row] = []
    for extract in SOURCES:
        query = sql.SQL(
            "select {name} as extract, file_name, sha256, loaded_at, count(*) as rows from raw.{table} "
            "join lineage.files on file_id = _file_id where customer_id = %s "
            "group by file_name, sha256, loaded_at order by loaded_at"
        ).format(name=sql.Literal(extract), table=sql.Identifier(extract))
        found += connection.cursor(row_factory=dict_row).execute(query, [customer_id]).fetchall()
    return found
