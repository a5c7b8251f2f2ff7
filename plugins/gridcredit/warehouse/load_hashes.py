"""Hashes of loads: what a load brought into raw as one number, so that rows that were changed since are found.

The sum over a load's rows of each row's hash: it depends on no order, so merged loads retain it, and an erasure
changes it by the rows that it changed. A row's hash is hashed once more, since Postgres adds up the hashes of its
columns: without that, values that two rows exchanged would not be seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from psycopg import sql

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.shapes import Extract
from gridcredit.errors import GridCreditError
from gridcredit.warehouse.connection import Connection

# By extract and file.
Sums = dict[tuple[str, int], Decimal]


@dataclass(frozen=True)
class LoadHash:
    """What was recorded of one extract of a load that is in raw."""

    extract: str
    file_id: int
    file_name: str
    columns: tuple[str, ...]
    rows: int
    total: Decimal


@dataclass(frozen=True)
class HashedRows:
    """The rows of one extract of a load: how many, the sum of their hashes, and the latest business date among them,
    today at most; None where they have none.
    """

    extract: str
    file_id: int
    columns: tuple[str, ...]
    rows: int
    total: Decimal
    newest_fact_on: date | None


@dataclass(frozen=True)
class ChangedLoad:
    """A load whose rows in raw are not those that were loaded."""

    recorded: LoadHash
    rows_found: int

    def __str__(self) -> str:
        load, found = self.recorded, self.rows_found
        differs = (
            f"{found:,} rows in place of {load.rows:,}" if found != load.rows else f"{found:,} rows with other values"
        )
        return f"load {load.file_id} ({load.file_name}): raw.{load.extract} holds {differs}"


def hashed_rows(connection: Connection, extract: Extract, file_id: int, table: sql.Identifier) -> HashedRows:
    """A load's rows, read once from a table that holds them."""
    columns = _hashed_columns(extract)
    query = sql.SQL(
        "select count(*), coalesce(sum({}), 0), max({day}) filter (where {day} <= current_date)::date "
        "from {} where _file_id = %s"
    ).format(_row_hash(columns), table, day=sql.Identifier(extract.dated_by))
    rows, total, newest_fact_on = connection.execute(query, [file_id]).fetchone() or (0, Decimal(0), None)
    return HashedRows(extract.name, file_id, columns, rows, total, newest_fact_on)


def record_load_hash(connection: Connection, hashed: HashedRows, because: Literal["loaded", "hashed later"]) -> None:
    """Store the hash of a load's rows."""
    connection.execute(
        "insert into lineage.load_hashes (file_id, extract, columns, rows, row_hash_sum, because) "
        "values (%s, %s, %s, %s, %s, %s)",
        [hashed.file_id, hashed.extract, list(hashed.columns), hashed.rows, hashed.total, because],
    )


def changed_loads(connection: Connection, file_ids: Collection[int] | None = None) -> list[ChangedLoad]:
    """The loads in raw, of the files given or all, whose rows are not those that were loaded; hashes each row again."""
    changed = []
    for (extract, columns), loads in _by_columns(_recorded(connection, file_ids)).items():
        query = sql.SQL("select _file_id, count(*), sum({}) from {} where _file_id = any(%s) group by _file_id").format(
            _row_hash(columns), sql.Identifier("raw", extract)
        )
        found = {
            file_id: (rows, total)
            for file_id, rows, total in connection.execute(query, [[load.file_id for load in loads]])
        }
        for load in loads:
            rows, total = found.get(load.file_id, (0, Decimal(0)))
            if (rows, total) != (load.rows, load.total):
                changed.append(ChangedLoad(load, rows))
    return sorted(changed, key=lambda one: (one.recorded.file_id, one.recorded.extract))


def require_as_loaded(connection: Connection, file_ids: Collection[int] | None = None) -> None:
    """Refuse to build on loads whose rows were changed since.

    Raises:
        GridCreditError: names the first load, and says what to do.
    """
    if changed := changed_loads(connection, file_ids):
        first = changed[0]
        others = f", and {len(changed) - 1} others" if len(changed) > 1 else ""
        raise GridCreditError(
            f"{first}{others}: somebody changed them after they were loaded. Find out who and why; then `gridcredit "
            f"load revert {first.recorded.file_id} --reason TEXT`, and deliver the file again. `gridcredit release "
            "verify N --deep` names all"
        )


def rows_of_no_load(connection: Connection) -> list[str]:
    """Rows of raw that belong to no load that is in force: to none at all, to a reverted or to a retired one."""
    found = []
    for extract in EXTRACTS:
        query = sql.SQL(
            "select _file_id, count(*) from {} where _file_id <> all(array(select file_id from lineage.loads "
            "join lineage.files using (file_id) where extract = %s and undone_at is null and retired_at is null)) "
            "group by _file_id order by _file_id"
        ).format(sql.Identifier("raw", extract))
        found += [
            f"load {file_id}: raw.{extract} holds {rows:,} rows of it, and no such load is in force"
            for file_id, rows in connection.execute(query, [extract])
        ]
    return found


def unhashed_loads(connection: Connection) -> list[tuple[int, str]]:
    """Files and extracts in raw that have no hash: they were loaded by an earlier version."""
    return connection.execute(
        "select file_id, extract from lineage.loads join lineage.files using (file_id) "
        "left join lineage.load_hashes using (file_id, extract) "
        "where undone_at is null and retired_at is null and hash_id is null order by 1, 2"
    ).fetchall()


def sums_of_customer(connection: Connection, customer_id: str) -> Sums:
    """Of each load the sum of the hashes of one customer's rows."""
    sums: Sums = {}
    for (extract, columns), loads in _by_columns(_recorded(connection, None)).items():
        if EXTRACTS[extract].column("customer_id"):
            query = sql.SQL(
                "select _file_id, sum({}) from {} where customer_id = %s and _file_id = any(%s) group by _file_id"
            ).format(_row_hash(columns), sql.Identifier("raw", extract))
            ids = [load.file_id for load in loads]
            sums |= {(extract, file_id): total for file_id, total in connection.execute(query, [customer_id, ids])}
    return sums


def record_erasure(connection: Connection, before: Sums, after: Sums, erasure_id: int) -> None:
    """Store the hashes that follow from what an erasure changed: what somebody else had changed is found as before."""
    for load in _recorded(connection, None):
        key = (load.extract, load.file_id)
        if moved := after.get(key, Decimal(0)) - before.get(key, Decimal(0)):
            connection.execute(
                "insert into lineage.load_hashes (file_id, extract, columns, rows, row_hash_sum, because, erasure_id) "
                "values (%s, %s, %s, %s, %s, 'erased', %s)",
                [load.file_id, load.extract, list(load.columns), load.rows, load.total + moved, erasure_id],
            )


def _hashed_columns(extract: Extract) -> tuple[str, ...]:
    # Numbers of persons are stored salted, other in each installation; no figure rests on them.
    columns = [column.name for column in extract.columns if column.personal != "number"]
    return (*columns, "_line_no", "_deleted", "_extra")


def _row_hash(columns: Collection[str]) -> sql.Composed:
    return sql.SQL("hashtextextended(hash_record_extended(row({}), 0)::text, 0)").format(
        sql.SQL(", ").join(map(sql.Identifier, columns))
    )


def _recorded(connection: Connection, file_ids: Collection[int] | None) -> list[LoadHash]:
    """The newest hash of each load that is in raw."""
    rows = connection.execute(
        "select distinct on (extract, file_id) extract, file_id, file_name, columns, rows, row_hash_sum "
        "from lineage.load_hashes join lineage.loads using (file_id, extract) join lineage.files using (file_id) "
        "where undone_at is null and retired_at is null and (%(files)s::bigint[] is null or file_id = any(%(files)s)) "
        "order by extract, file_id, hash_id desc",
        {"files": None if file_ids is None else list(file_ids)},
    ).fetchall()
    return [
        LoadHash(extract, file_id, name, tuple(columns), count, total)
        for extract, file_id, name, columns, count, total in rows
    ]


def _by_columns(loads: list[LoadHash]) -> Mapping[tuple[str, tuple[str, ...]], list[LoadHash]]:
    """Loads that one query can hash: of one extract and the same columns."""
    groups: dict[tuple[str, tuple[str, ...]], list[LoadHash]] = defaultdict(list)
    for load in loads:
        groups[load.extract, load.columns].append(load)
    return groups
