"""Follows a file, a line of it, or a bill down: which published rows rest on it."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, LiteralString

from psycopg import sql

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import GridCreditError
from gridcredit.lineage.graph import Node, Trace
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.published_tables import TABLES, published_columns

# Of a table so many rows are named; all are counted.
ROWS_NAMED = 50


def touched_by_file(file_id: int, line_no: int | None = None, settings: Settings | None = None) -> Trace:
    """The published rows that the release which first covered a file opened for the file's customers.

    With a line, those of that line's customer alone.

    Raises:
        GridCreditError: there is no such file or line, or no release covers it yet.
    """
    with connect(settings) as connection:
        connection.read_only = True
        file = _file(connection, file_id)
        extracts = [
            name
            for (name,) in connection.execute(
                "select extract from lineage.loads where file_id = %s and rows_accepted > 0 order by 1", [file_id]
            )
        ]
        trace = Trace(f"file #{file_id}{f', line {line_no}' if line_no else ''}")
        found = trace.add(file)
        if line_no:
            extracts = _add_line(trace, connection, found, extracts, file_id, line_no)
        customers = _customers_of(connection, extracts, file_id, line_no)
        release = _release_of_file(connection, file_id)
        trace.add(Node("release", str(release)), under=found)
        _add_rows(trace, connection, found, extracts, customers, release)
    return trace


def touched_by_bill(bill_id: str, settings: Settings | None = None) -> Trace:
    """The deliveries of a bill, and the published rows of its customer that rest on it in the current release.

    Of deliveries in quarantine the line and the reason; nothing published rests on them.

    Raises:
        GridCreditError: no bill of that number has been loaded, nor is one in quarantine.
    """
    with connect(settings) as connection:
        connection.read_only = True
        trace = Trace(f"bill {bill_id}")
        customers: list[str] = []
        issued: list[date] = []
        found = Node("record", f"bill {bill_id}")
        for file_id, line_no, customer, amount, issued_on in connection.execute(
            "select _file_id, _line_no, customer_id, amount, issued_on from raw.bill where bill_id = %s order by 1, 2",
            [bill_id],
        ).fetchall():
            customers.append(customer)
            issued.append(issued_on)
            facts = {"customer_id": customer, "amount": amount, "issued_on": issued_on, "line": line_no}
            found = trace.add(Node("record", f"bill {bill_id} in #{file_id}", facts))
            trace.add(_file(connection, file_id), under=found)
        is_quarantined = _add_quarantined(trace, connection, bill_id)
        if not customers and not is_quarantined:
            raise GridCreditError(f"no bill {bill_id!r} has been loaded, and none lies in quarantine")
        if customers:
            _add_rows(trace, connection, found, ["bill"], customers, None, bill_id, min(issued))
    return trace


def _add_quarantined(trace: Trace, connection: Connection, bill_id: str) -> bool:
    """The quarantined lines that hold a bill's number; returns whether there are any."""
    # A row that could not be read is text alone: the number stands in it between other characters than its own.
    found = connection.execute(
        "select file_id, line_no, concat_ws(' ', column_name, reason), resubmitted_in from quarantine.rows "
        "where extract = 'bill' and strpos(row_text, %(bill)s) > 0 and row_text ~ %(alone)s order by 1, 2",
        {"bill": bill_id, "alone": rf"(^|[^[:alnum:]_.-]){re.escape(bill_id)}($|[^[:alnum:]_.-])"},
    ).fetchall()
    for file_id, line_no, reason, sent_in in found:
        facts = {"line": line_no, "in quarantine": reason, "sent again in load": sent_in}
        row = trace.add(Node("record", f"bill {bill_id} in #{file_id}, line {line_no}", facts))
        trace.add(_file(connection, file_id), under=row)
    return bool(found)


def number_of_file(name: str, settings: Settings | None = None) -> int:
    """The number of a file that is named by its number or its name.

    Raises:
        GridCreditError: no file has this name, or several have.
    """
    if name.isdecimal():
        return int(name)
    with connect(settings) as connection:
        found = connection.execute(
            "select file_id from lineage.files where file_name = %s order by file_id desc", [name]
        ).fetchall()
    if len(found) != 1:
        numbers = ", ".join(str(number) for (number,) in found)
        says = f"files {numbers} have the name {name!r}: say which" if found else f"no file has the name {name!r}"
        raise GridCreditError(f"{says}; `gridcredit load list` shows those there are")
    return int(found[0][0])


def _file(connection: Connection, file_id: int) -> Node:
    row = connection.execute(
        "select file_name, mapping, sha256, loaded_at, undone_at from lineage.files where file_id = %s", [file_id]
    ).fetchone()
    if row is None:
        raise GridCreditError(f"there is no file {file_id}; `gridcredit load list` shows those there are")
    return Node("file", f"#{file_id}", dict(zip(("name", "mapping", "sha256", "loaded", "reverted"), row, strict=True)))


def _release_of_file(connection: Connection, file_id: int) -> int:
    row = connection.execute(
        "select release from lineage.run_files join lineage.releases using (run_id) where file_id = %s "
        "order by release limit 1",
        [file_id],
    ).fetchone()
    if row is None:
        raise GridCreditError(f"no release covers file {file_id} yet, or the file changed nothing")
    return int(row[0])


def _add_line(
    trace: Trace, connection: Connection, file: Node, extracts: list[str], file_id: int, line_no: int
) -> list[str]:
    """The records that a line became, or why it became none; returns their extracts."""
    found = []
    for name in extracts:
        extract = EXTRACTS[name]
        query = sql.SQL("select {} from {} where _file_id = %s and _line_no = %s").format(
            sql.SQL(", ").join(map(sql.Identifier, extract.keys)), sql.Identifier("raw", name)
        )
        row = connection.execute(query, [file_id, line_no]).fetchone()
        if row:
            key = {
                one: value for one, value in zip(extract.keys, row, strict=True) if one not in extract.personal_columns
            }
            trace.add(Node("record", f"{name} line {line_no}", key), under=file)
            found.append(name)
    if not found:
        reason = connection.execute(
            "select reason || coalesce('; it came again in load ' || resubmitted_in, '') from quarantine.rows "
            "where file_id = %s and line_no = %s",
            [file_id, line_no],
        ).fetchone()
        raise GridCreditError(
            f"line {line_no} of file {file_id} is in quarantine: {reason[0]}"
            if reason
            else f"no record came from line {line_no} of file {file_id}"
        )
    return found


# Whose rows a file holds, by what its rows have.
CUSTOMERS_OF_FILE: dict[str, LiteralString] = {
    "customer_id": "select distinct customer_id from {raw} where _file_id = %(file)s",
    "meter_id": "select distinct customer_id from {raw} join raw.meter using (meter_id) where {raw}._file_id = "
    "%(file)s",
    "action_id": "select distinct customer_id from {raw} join raw.collection_action using (action_id) "
    "where {raw}._file_id = %(file)s",
    "tariff_code": "select distinct customer_id from {raw} join raw.customer using (tariff_code) "
    "where {raw}._file_id = %(file)s",
    # Of nobody.
    "policy_version": "select null::text from {raw} where _file_id = %(file)s and false",
}


def _customers_of(connection: Connection, extracts: list[str], file_id: int, line_no: int | None) -> list[str]:
    customers: set[str] = set()
    for name in extracts:
        query = CUSTOMERS_OF_FILE[EXTRACTS[name].found_by]
        if line_no:
            query += " and {raw}._line_no = %(line)s"
        rows = connection.execute(
            sql.SQL(query).format(raw=sql.Identifier("raw", name)), {"file": file_id, "line": line_no}
        )
        customers |= {customer for (customer,) in rows}
    return sorted(customers)


def _tables_on(connection: Connection, extracts: list[str]) -> list[str]:
    """The published tables that rest on extracts, by the columns of the newest release's models."""
    rows = connection.execute(
        "with recursive edges as ("
        "select distinct schema_name, table_name, upstream_schema, upstream_table from lineage.columns where "
        "fingerprint = (select fingerprint from lineage.runs join lineage.releases using (run_id) where fingerprint is "
        "not null order by release desc limit 1)), "
        "reached as (select 'raw' as schema_name, unnest(%s::text[]) as table_name "
        "union select edges.schema_name, edges.table_name from edges join reached "
        "on (upstream_schema, upstream_table) = (reached.schema_name, reached.table_name)) "
        "select table_name from reached where schema_name = 'candidate'",
        [extracts],
    ).fetchall()
    return [table for table in TABLES if (table,) in rows]


def _add_rows(
    trace: Trace,
    connection: Connection,
    under: Node,
    extracts: list[str],
    customers: list[str],
    release: int | None,
    bill_id: str | None = None,
    issued_on: date | None = None,
) -> None:
    """Of each table the rows opened by a release (or current, without one) that belong to the customers, or to
    nobody; of a bill none of an earlier day, which knows nothing of it.
    """
    for table in _tables_on(connection, extracts):
        key = TABLES[table].key
        conditions = [
            sql.SQL("valid_from_release = %(release)s" if release else "valid_to_release is null"),
        ]
        is_of_customers = "customer_id" in published_columns(connection, table)
        if is_of_customers:
            conditions.append(sql.SQL("customer_id = any(%(customers)s)"))
        if bill_id and "bill_id" in key:
            conditions.append(sql.SQL("bill_id = %(bill)s"))
        if issued_on and "as_of_date" in key:
            conditions.append(sql.SQL("as_of_date >= %(issued_on)s"))
        query = sql.SQL("select count(*) over (), {} from {} where {} order by {} limit %(named)s").format(
            columns := sql.SQL(", ").join(map(sql.Identifier, key)),
            sql.Identifier("published", f"{table}_history"),
            sql.SQL(" and ").join(conditions),
            columns,
        )
        values: dict[str, Any] = {"release": release, "customers": customers, "named": ROWS_NAMED}
        values |= {"bill": bill_id, "issued_on": issued_on}
        rows = connection.execute(query, values).fetchall()
        if not rows:
            continue
        kind = {"rows": rows[0][0]} if is_of_customers else {"rows": rows[0][0], "of": "all customers together"}
        trace.add(under, under=trace.add(Node("row", table, kind)))
        if is_of_customers and len(customers) == 1:
            for _, *found in rows:
                name = " ".join(f"{column}={value}" for column, value in zip(key, found, strict=True))
                trace.add(under, under=trace.add(Node("row", f"{table} {name}")))
