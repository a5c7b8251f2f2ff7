"""A customer's archive: who stood behind it on any day, what its contract said, and when each was learnt.

Read from the deliveries themselves, so that a correction hides nothing: of each fact the newest delivery that had come
in by a moment counts, and every delivery stays to be shown. Names and numbers of persons are masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from gridcredit.contract.customers import CUSTOMER
from gridcredit.persons.pseudonyms import mask_name, mask_number
from gridcredit.warehouse.connection import Connection

# What a contract says of a customer, besides its name and keys.
CONTRACT = [column.name for column in CUSTOMER.columns if column.name not in ("customer_id", "name", "updated_at")]


# Of each fact of a customer the newest delivery that had come in by a moment, a tombstone included.
NEWEST = sql.SQL("""
with newest as (
    select distinct on ({key}) facts.*, files.loaded_at, files.file_name
    from raw.{extract} as facts
    inner join lineage.files as files on facts._file_id = files.file_id
    where customer_id = %(customer)s and files.loaded_at <= %(known_by)s
    order by {key}, _file_id desc, _line_no desc
)
""")
PARTIES = NEWEST.format(extract=sql.Identifier("party"), key=sql.SQL("role, party_name, valid_from")) + sql.SQL("""
select * from newest
where
    _deleted is not true
    and (%(on)s::date is null or (valid_from <= %(on)s and (valid_to is null or valid_to >= %(on)s)))
order by role, valid_from, party_name
""")
SERVICE_ORDERS = NEWEST.format(extract=sql.Identifier("service_order"), key=sql.Identifier("order_id")) + sql.SQL("""
select * from newest where _deleted is not true order by requested_on, order_id
""")


@dataclass(frozen=True)
class Source:
    """Where a fact came from, and when it was learnt."""

    learnt_at: datetime
    file_name: str
    line_no: int

    def __str__(self) -> str:
        return f"{self.learnt_at:%Y-%m-%d %H:%M} {self.file_name}:{self.line_no}"


@dataclass(frozen=True)
class Party:
    """A person or firm behind a customer, masked; `share_pct` in %, days inclusive."""

    role: str
    name: str
    id_number: str | None
    share_pct: Decimal | None
    valid_from: date
    valid_to: date | None
    source: Source


@dataclass(frozen=True)
class ContractVersion:
    """What a delivery of the customer's row changed, by column; the first lists everything."""

    updated_at: datetime
    changes: dict[str, tuple[object, object]]
    source: Source


@dataclass(frozen=True)
class ServiceOrder:
    """A change of the contract that was asked for."""

    kind: str
    requested_on: date
    completed_on: date | None
    source: Source


@dataclass(frozen=True)
class MeterVersion:
    """Whose use a meter measured, as one delivery said; another customer in the next one is a transfer."""

    meter_id: str
    customer_id: str
    installed_on: date
    removed_on: date | None
    source: Source


def parties(
    connection: Connection, customer_id: str, *, on: date | None = None, known_by: datetime | None = None
) -> list[Party]:
    """Who stands behind a customer: on a day, or ever; as was known by a moment, or is now."""
    rows = connection.cursor(row_factory=dict_row).execute(
        PARTIES,
        {"customer": customer_id, "on": on, "known_by": known_by or datetime.now(UTC)},
    )
    return [
        Party(
            role=row["role"],
            name=mask_name(row["party_name"]),
            id_number=mask_number(row["id_number"]),
            share_pct=row["share_pct"],
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
            source=_source(row),
        )
        for row in rows
    ]


def contract_versions(
    connection: Connection, customer_id: str, *, known_by: datetime | None = None
) -> list[ContractVersion]:
    """Every delivery that changed what the contract says, the oldest first."""
    rows = connection.cursor(row_factory=dict_row).execute(
        """
        select customer.*, files.loaded_at, files.file_name
        from raw.customer as customer
        inner join lineage.files as files on customer._file_id = files.file_id
        where customer_id = %(customer)s and files.loaded_at <= %(known_by)s
        order by _file_id, _line_no
        """,
        {"customer": customer_id, "known_by": known_by or datetime.now(UTC)},
    )
    versions: list[ContractVersion] = []
    before: dict[str, object] = {}
    for row in rows:
        now = {name: row[name] for name in CONTRACT}
        changes = {name: (before.get(name), value) for name, value in now.items() if before.get(name) != value}
        if changes:
            versions.append(ContractVersion(row["updated_at"], changes, _source(row)))
        before = now
    return versions


def service_orders(connection: Connection, customer_id: str, *, known_by: datetime | None = None) -> list[ServiceOrder]:
    """The changes of the contract that were asked for, the oldest first."""
    rows = connection.cursor(row_factory=dict_row).execute(
        SERVICE_ORDERS,
        {"customer": customer_id, "known_by": known_by or datetime.now(UTC)},
    )
    return [ServiceOrder(row["kind"], row["requested_on"], row["completed_on"], _source(row)) for row in rows]


def meters(connection: Connection, customer_id: str, *, known_by: datetime | None = None) -> list[MeterVersion]:
    """What each delivery said of the meters that ever were the customer's, also of those that passed to another."""
    rows = connection.cursor(row_factory=dict_row).execute(
        """
        select meter.*, files.loaded_at, files.file_name
        from raw.meter as meter
        inner join lineage.files as files on meter._file_id = files.file_id
        where
            files.loaded_at <= %(known_by)s
            and meter_id in (select meter_id from raw.meter where customer_id = %(customer)s)
        order by meter_id, _file_id, _line_no
        """,
        {"customer": customer_id, "known_by": known_by or datetime.now(UTC)},
    )
    return [
        MeterVersion(row["meter_id"], row["customer_id"], row["installed_on"], row["removed_on"], _source(row))
        for row in rows
    ]


def _source(row: dict[str, Any]) -> Source:
    return Source(row["loaded_at"], row["file_name"], row["_line_no"])
