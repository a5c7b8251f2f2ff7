"""Releases: recorded with the hashes of their tables, listed, compared, proven unchanged, and rolled back to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import structlog
from psycopg import sql

from gridcredit.errors import GridCreditError
from gridcredit.lineage.decisions import record_decision
from gridcredit.lineage.seal import lineage_hash
from gridcredit.policies.rows import changed_policies
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.load_hashes import changed_loads, rows_of_no_load, unhashed_loads
from gridcredit.warehouse.locks import exclusive
from gridcredit.warehouse.published_tables import (
    TABLES,
    Change,
    change_rows,
    published_columns,
    require_release,
    row_hash,
)

log = structlog.get_logger(__name__)

RELEASE_CHANNEL = "gridcredit_release"


@dataclass(frozen=True)
class Listed:
    """A release as it is listed."""

    release: int
    as_of_date: date
    published_at: datetime
    rows_opened: int
    rows_closed: int
    chain_hash: str
    rolled_back_to: int | None


@dataclass(frozen=True)
class TableDifference:
    """How a table differs between two releases, in keys."""

    table: str
    only_before: int
    only_after: int
    changed: int


@dataclass(frozen=True)
class Fault:
    """What `verify` found: a table whose rows are not those published, or a release that does not follow from the
    one before.
    """

    release: int
    what: str


def list_releases(settings: Settings) -> list[Listed]:
    """All releases, the newest first."""
    with connect(settings) as connection:
        rows = connection.execute(
            "select release, as_of_date, published_at, rows_opened, rows_closed, chain_hash, rolled_back_to "
            "from lineage.releases order by release desc"
        ).fetchall()
    return [Listed(*row) for row in rows]


def diff_releases(before: int, after: int, settings: Settings) -> list[TableDifference]:
    """By table how many keys only one of two releases shows, and how many both show differently."""
    with connect(settings) as connection:
        for release in (before, after):
            require_release(connection, release)
        found = []
        for table, published in TABLES.items():
            key = sql.SQL(", ").join(map(sql.Identifier, published.key))
            rows = sql.SQL("select {key}, {hash} as content from {history} as history where {shown}")
            parts = {
                "key": key,
                "hash": _hash(connection, table),
                "history": _history(table),
            }
            query = sql.SQL(
                "select count(*) filter (where later.content is null), count(*) filter (where earlier.content is "
                "null), count(*) filter (where later.content <> earlier.content) from ({}) as earlier "
                "full join ({}) as later using ({})"
            ).format(rows.format(**parts, shown=_shown(before)), rows.format(**parts, shown=_shown(after)), key)
            (gone, new, changed) = connection.execute(query).fetchone() or (0, 0, 0)
            found.append(TableDifference(table, gone, new, changed))
    return found


def verify_release(release: int, settings: Settings, *, anchor: str | None = None) -> list[Fault]:
    """Recompute what the release published, and each link of the chain up to it; returns what does not hold.

    An `anchor` is a chain hash that was stored elsewhere: a release up to this one must have it.
    """
    faults = []
    with connect(settings) as connection:
        require_release(connection, release)
        for table, rows, total in _contents(connection, release):
            found = connection.execute(
                sql.SQL("select count(*), coalesce(sum({}), 0) from {} as history where {}").format(
                    _hash(connection, table), _history(table), _shown(release)
                )
            ).fetchone()
            if found != (rows, total):
                faults.append(Fault(release, f"published.{table} does not hold the rows that were published"))
        chain, links = "", set()
        for number, run_id, as_of_date, sealed, stored in connection.execute(
            "select release, run_id, as_of_date, lineage_hash, chain_hash from lineage.releases where release <= %s "
            "order by release",
            [release],
        ).fetchall():
            chain = chain_hash(chain, number, run_id, as_of_date, _contents(connection, number), sealed)
            if chain != stored:
                faults.append(Fault(number, "its record does not follow from the release before and its tables"))
                chain = stored
            links.add(stored)
            if number == release:
                faults += [
                    Fault(number, f"{what} is not what was loaded") for what in changed_policies(connection, run_id)
                ]
            if sealed and lineage_hash(connection, run_id) != sealed:
                faults.append(Fault(number, "what lineage states of its run is not what was recorded"))
        if anchor is not None and anchor not in links:
            faults.append(
                Fault(release, f"no release up to this one has the chain hash {anchor}: the chain was written again")
            )
    return faults


def verify_loads(settings: Settings) -> tuple[list[str], list[str]]:
    """Hash the rows of all loads in raw again; returns what is not as it was loaded, and what cannot be known.

    What was reverted or retired has no rows, and what an erasure changed is recorded with it.
    """
    with connect(settings) as connection:
        faults = [str(one) for one in changed_loads(connection)] + rows_of_no_load(connection)
        unknown = [
            f"load {file_id}: {extract} was loaded before loads were hashed; `gridcredit maintain` hashes it as it is "
            "now"
            for file_id, extract in unhashed_loads(connection)
        ]
    return faults, unknown


def roll_back(release: int, approver: str, reason: str, settings: Settings) -> int:
    """Publish once more what a release showed, as a new release; returns its number.

    Nothing is removed from the history. The next build computes everything and publishes what the facts say then.
    """
    with exclusive("build", settings), connect(settings) as connection:
        as_of_date = require_release(connection, release)
        (last,) = connection.execute("select max(release) from lineage.releases").fetchone() or (0,)
        if release == last:
            raise GridCreditError(f"release {release} is the current one")
        # A run that has built, and not published yet, builds again on what stands then.
        connection.execute("truncate ops.built, ops.built_layer")
        number = last + 1
        changes = {}
        for table in TABLES:
            names = published_columns(connection, table)
            parts: dict[str, sql.Composable] = {
                "history": _history(table),
                "columns": sql.SQL(", ").join(map(sql.Identifier, names)),
                "old": sql.Literal(release),
                "new": sql.Literal(number),
            }
            closed = change_rows(
                connection,
                sql.SQL(
                    "update {history} as history set valid_to_release = {new} "
                    "where valid_to_release is null and valid_from_release > {old}"
                ).format(**parts),
                names,
            )
            opened = change_rows(
                connection,
                sql.SQL(
                    "insert into {history} as history ({columns}, valid_from_release) select {columns}, {new} from "
                    "{history} where valid_from_release <= {old} and valid_to_release > {old}"
                ).format(**parts),
                names,
            )
            changes[table] = Change(*opened, *closed)
        run_id = f"rollback to {release} as release {number}"
        record_decision(connection, "roll back", run_id, approver, reason, settings)
        connection.execute(
            "insert into lineage.runs (run_id, as_of_date, code_version, policy_name, status, finished_at) "
            "select %s, as_of_date, code_version, policy_name, 'rolled back', clock_timestamp() from lineage.runs "
            "where run_id = (select run_id from lineage.releases where release = %s)",
            [run_id, release],
        )
        record_release(
            connection, number, run_id, as_of_date, changes, rolled_back_to=release, approver=approver, reason=reason
        )
    log.info("rolled_back", release=number, rolled_back_to=release, approver=approver)
    return int(number)


def record_release(
    connection: Connection,
    number: int,
    run_id: str,
    as_of_date: date,
    changes: dict[str, Change],
    *,
    rolled_back_to: int | None = None,
    approver: str | None = None,
    reason: str | None = None,
    restated_because: str | None = None,
) -> None:
    """Record a release with the content of each table and its link to the one before; listeners hear of it."""
    before = {table: (rows, total) for table, rows, total in _contents(connection, number - 1)}
    contents = []
    for table, change in changes.items():
        rows, total = before.get(table, (0, Decimal(0)))
        contents.append((table, rows + change.opened - change.closed, total + change.opened_hash - change.closed_hash))
    (chain,) = connection.execute(
        "select chain_hash from lineage.releases where release = %s", [number - 1]
    ).fetchone() or ("",)
    sealed = lineage_hash(connection, run_id)
    link = chain_hash(chain or "", number, run_id, as_of_date, contents, sealed)
    connection.execute(
        "insert into lineage.releases (release, run_id, as_of_date, rows_opened, rows_closed, chain_hash, "
        "lineage_hash, rolled_back_to, approver, reason, restated_because) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, "
        "%s, %s)",
        [
            *(number, run_id, as_of_date),
            sum(change.opened for change in changes.values()),
            sum(change.closed for change in changes.values()),
            *(link, sealed, rolled_back_to, approver, reason, restated_because),
        ],
    )
    connection.cursor().executemany(
        "insert into lineage.release_tables (release, table_name, rows, row_hash_sum) values (%s, %s, %s, %s)",
        [(number, *content) for content in contents],
    )
    # Heard by whoever listens once the release can be read.
    connection.execute("select pg_notify(%s, %s)", [RELEASE_CHANNEL, str(number)])


def chain_hash(
    before: str,
    release: int,
    run_id: str,
    as_of_date: date,
    contents: Iterable[tuple[str, int, Decimal]],
    sealed: str | None,
) -> str:
    """The hash of a release's record, its tables' contents and its run's lineage, and of the release before."""
    lines = [before, str(release), run_id, as_of_date.isoformat()]
    lines += [f"{table} {rows} {total}" for table, rows, total in sorted(contents)]
    lines += [sealed] if sealed else []
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _contents(connection: Connection, release: int) -> list[tuple[str, int, Decimal]]:
    """Of each table that a release shows the rows and the sum of their hashes, as recorded."""
    return connection.execute(
        "select table_name, rows, row_hash_sum from lineage.release_tables where release = %s order by table_name",
        [release],
    ).fetchall()


def _history(table: str) -> sql.Identifier:
    return sql.Identifier("published", f"{table}_history")


def _shown(release: int) -> sql.Composed:
    return sql.SQL("valid_from_release <= {0} and (valid_to_release is null or valid_to_release > {0})").format(
        sql.Literal(release)
    )


def _hash(connection: Connection, table: str) -> sql.Composed:
    return row_hash(published_columns(connection, table), "history")
