"""Raw records behind figures: of each fact the delivery that a release used, with file and line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import dict_row

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.shapes import Extract
from gridcredit.persons.pseudonyms import mask_name, mask_number
from gridcredit.warehouse.connection import Connection

MASKS = {"name": mask_name, "number": mask_number}

# A release rests on the files that runs finished up to its own had covered.
FILES_OF_RELEASE = sql.SQL(
    "select run_files.file_id from lineage.run_files join lineage.runs using (run_id) "
    "where runs.status in ('published', 'unchanged') and runs.started_at <= ("
    "select started_at from lineage.releases join lineage.runs using (run_id) where release = %(release)s)"
)


@dataclass(frozen=True)
class Record:
    """A row of raw: its extract, its key, what it says, and where it came from."""

    extract: str
    key: str
    values: dict[str, Any]
    file_id: int
    file_name: str
    line_no: int

    @property
    def source(self) -> str:
        """File and line."""
        return f"{self.file_name}:{self.line_no}"


def records_of_customer(
    connection: Connection, extract_name: str, customer_id: str, release: int, as_of_date: date
) -> list[Record]:
    """What an extract says of a customer up to a date, as a release knew it; names and id numbers are masked.

    Of meter readings those of the customer's meters, of instalments those of the customer's plans, of tariffs those of
    the customer's contract.
    """
    extract = EXTRACTS[extract_name]
    key = sql.SQL(", ").join(map(sql.Identifier, extract.keys))
    query = sql.SQL(
        "with newest as (select distinct on ({key}) * from {raw} where {of_customer} and _file_id in ({files}) "
        "order by {key}, _file_id desc, _line_no desc) "
        "select newest.*, file_name from newest join lineage.files on file_id = _file_id "
        "where _deleted is not true and ({dated_by} <= %(as_of)s or %(known_early)s) order by {dated_by}, {key}"
    ).format(
        key=key,
        raw=sql.Identifier("raw", extract.name),
        of_customer=sql.SQL(OF_CUSTOMER[extract.found_by]),
        files=FILES_OF_RELEASE,
        dated_by=sql.Identifier(extract.dated_by),
    )
    values = {"customer": customer_id, "release": release, "as_of": as_of_date, "known_early": extract.known_early}
    with connection.cursor(row_factory=dict_row) as cursor:
        return [_record(extract, row) for row in cursor.execute(query, values)]


# How the rows of a customer are found, by what his rows have.
OF_CUSTOMER: dict[str, LiteralString] = {
    "customer_id": "customer_id = %(customer)s",
    "meter_id": "meter_id in (select meter_id from raw.meter where customer_id = %(customer)s)",
    "action_id": "action_id in (select action_id from raw.collection_action "
    "where customer_id = %(customer)s and acted_on <= %(as_of)s)",
    "tariff_code": "tariff_code in (select tariff_code from raw.customer where customer_id = %(customer)s)",
    "policy_version": "false",
}


def _record(extract: Extract, row: dict[str, Any]) -> Record:
    values = {
        column.name: MASKS[column.personal](row[column.name]) if column.personal else row[column.name]
        for column in extract.columns
        if row[column.name] is not None
    }
    key = " ".join(str(values[name]) for name in extract.keys)
    return Record(extract.name, key, values, row["_file_id"], row["file_name"], row["_line_no"])
