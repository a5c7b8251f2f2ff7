"""Everything that the credit report shows, read from the current release and the archive in one snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
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
CONTACTS_SHOWN = 6
SOURCES = (
    "customer",
    "party",
    "bill",
    "payment",
    "service_order",
    "inspection",
    "external_risk",
    "investigation",
    "collection_action",
)
# Before these nobody is advised on how to use more, or better.
STEPS_BEFORE_ADVICE = ("final_notice", "cut_off", "legal", "claim")


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
    size_basis: Row | None
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
    contacts: list[Row]
    is_cut_off: bool
    sources: list[Row] = field(default_factory=list)

    @property
    def next_step(self) -> str | None:
        """The step of recovery that is next, also where something holds it."""
        return self.debt["next_step"] if self.debt else None

    @property
    def usage_advice_is_held(self) -> bool:
        """Whether advice on use would contradict what is next: nobody is asked for a larger contract and cut off."""
        return self.is_cut_off or self.next_step in STEPS_BEFORE_ADVICE

    @property
    def advice_shown(self) -> list[Row]:
        """Advice on safety always; advice on use where nothing harder is next."""
        return [one for one in self.advice if one["kind"] == "safety" or not self.usage_advice_is_held]

    def days_missed(self, deadline: date | None) -> int:
        """How many days ago a deadline was missed; 0 where it was not."""
        day: date = self.release["as_of_date"]
        return max((day - deadline).days, 0) if deadline else 0


@contextmanager
def snapshot(settings: Settings) -> Iterator[Connection]:
    """A connection that sees one release, whatever is published meanwhile."""
    with connect(settings) as connection:
        connection.rollback()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        yield connection


def current_release(connection: Connection) -> Row:
    """The release in force.

    Raises:
        GridCreditError: nothing has been published yet.
    """
    releases = _rows(
        connection,
        "select releases.*, runs.code_version from lineage.releases join lineage.runs using (run_id) "
        "order by release desc limit 1",
    )
    if not releases:
        raise GridCreditError("nothing has been published yet: run `make demo` or deliver files")
    return releases[0]


def rated_customers(connection: Connection, grade: str | None) -> list[str]:
    """The customers of a grade, or all that the release rates.

    Raises:
        GridCreditError: nobody has the grade.
    """
    found = _rows(
        connection,
        "select customer_id from published.customer_rating where %(grade)s::text is null or grade = %(grade)s order by "
        "1",
        grade=grade,
    )
    if not found:
        raise GridCreditError(f"nobody has grade {grade!r} in the release in force")
    return [row["customer_id"] for row in found]


def collect(connection: Connection, release: Row, customer_id: str) -> Report:
    """Read a customer's report.

    Raises:
        GridCreditError: the release does not rate the customer.
    """
    ratings = _of(connection, "customer_rating", customer_id)
    if not ratings:
        raise GridCreditError(f"release {release['release']} does not rate customer {customer_id!r}")
    rating, as_of = ratings[0], release["as_of_date"]
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
        release=release,
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
        size_basis=size_basis(connection, rating),
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
        months=_months(connection, customer_id, release["release"], as_of),
        parties=archive.parties(connection, customer_id),
        contacts=_contacts(connection, customer_id, release["release"], as_of),
        is_cut_off=any(one["is_cut_off"] for one in _of(connection, "supply_cut_off", customer_id)),
        sources=_sources(connection, customer_id),
    )


def size_basis(connection: Connection, rating: Row) -> Row | None:
    """Of which day and how many customers the bills are that a size of bill is by; None where there are no tenths."""
    found = _rows(
        connection,
        "select basis_date, customers from published.bill_size_tenth "
        "where rated_month = date_trunc('month', %(day)s) and segment = %(segment)s limit 1",
        day=rating["as_of_date"],
        segment=rating["segment"],
    )
    return found[0] if found else None


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


def _contacts(connection: Connection, customer_id: str, release: int, as_of_date: date) -> list[Row]:
    """What was done about the customer's debts, the newest first; promises with what became of them."""
    outcomes = {one["action_id"]: one["outcome"] for one in _of(connection, "promise_result", customer_id)}
    records = records_of_customer(connection, "collection_action", customer_id, release, as_of_date)
    newest = sorted((one.values for one in records), key=lambda one: (one["acted_on"], one["action_id"]), reverse=True)
    # What was not delivered is not there.
    absent: Row = dict.fromkeys(("bill_id", "amount", "promise_date", "officer_id"))
    return [absent | one | {"outcome": outcomes.get(one["action_id"])} for one in newest[:CONTACTS_SHOWN]]


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
