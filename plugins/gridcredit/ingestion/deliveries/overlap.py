"""What a load shares with the earlier ones of its mapping, and what it lacks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from psycopg import sql

from gridcredit.contract.shapes import Extract
from gridcredit.errors import FileRefusedError
from gridcredit.ingestion.mapping.rules import FileRule, made_keys
from gridcredit.warehouse.connection import Connection
from gridcredit.warehouse.raw_tables import partition, same_key

_DIGITS = re.compile("[0-9]+")


@dataclass(frozen=True)
class Earlier:
    """A standing load of the same mapping: its number, the name of its file, and the columns that it had."""

    file_id: int
    file_name: str
    header: list[str]

    def is_of_series(self, file_name: str) -> bool:
        """Whether a name differs by digits alone, as those of one export do."""
        return _DIGITS.sub("", self.file_name) == _DIGITS.sub("", file_name)


def earlier_loads(connection: Connection, mapping: str, extract: str, file_id: int) -> list[Earlier]:
    """The standing loads of a mapping that brought rows of an extract, newest first; without repairs, which are parts
    of others.
    """
    found = connection.execute(
        "select file_id, file_name, coalesce(header, '{}') from lineage.loads inner join lineage.files using (file_id) "
        "where mapping = %s and extract = %s and undone_at is null and retired_at is null and file_id <> %s "
        "and file_id not in (select resubmitted_in from quarantine.rows where resubmitted_in is not null) "
        "order by file_id desc",
        [mapping, extract, file_id],
    )
    return [Earlier(*row) for row in found]


def overlap_notes(
    connection: Connection,
    mapping: str,
    rule: FileRule,
    extract: Extract,
    file_id: int,
    file_name: str,
) -> list[str]:
    """What a person should check of a load beside the earlier ones.

    Raises:
        FileRefusedError: its rows have no key of their own, and some would replace others or count twice.
    """
    earlier = earlier_loads(connection, mapping, extract.name, file_id)
    before = next((load for load in earlier if load.is_of_series(file_name)), None)
    notes = _columns_gone(connection, extract, rule, file_id, before) if before else []
    made = made_keys(extract, rule.extracts[extract.name])
    if made and rule.delivery == "cumulative" and before:
        _refuse_rows_that_are_missing(connection, extract, file_id, file_name, before)
    elif made and rule.delivery == "delta":
        _refuse_same_name(extract, file_name, earlier)
    elif made and rule.delivery is None and earlier:
        notes += _rows_alike(connection, extract, made, file_id, file_name, earlier)
    return notes


def _columns_gone(connection: Connection, extract: Extract, rule: FileRule, file_id: int, before: Earlier) -> list[str]:
    (header,) = connection.execute("select header from lineage.files where file_id = %s", [file_id]).fetchone() or ([],)
    gone = sorted((set(before.header) - set(header)) & rule.sources())
    if not gone:
        return []
    return [
        f"{extract.name}: has no column {', '.join(gone)}, which load {before.file_id} had: what is delivered again "
        "loses its values"
    ]


def _refuse_rows_that_are_missing(
    connection: Connection, extract: Extract, file_id: int, file_name: str, before: Earlier
) -> None:
    """A cumulative file holds again what the one before it held of its days; else rows count twice."""
    missing, line = connection.execute(
        sql.SQL(
            "select count(*), min(_line_no) from {raw} as held where _file_id = %s "
            "and {day} >= (select min({day}) from {new}) "
            "and not exists (select from {new} as rows where {same_key})"
        ).format(
            raw=sql.Identifier("raw", extract.name),
            new=partition(extract.name, file_id),
            day=sql.Identifier(extract.dated_by),
            same_key=same_key(extract, "rows", "held"),
        ),
        [before.file_id],
    ).fetchone() or (0, 0)
    if missing:
        raise FileRefusedError(
            f"{file_name}: lacks {missing} {extract.name} rows of load {before.file_id}, though it covers their days "
            f"(the first: line {line} of {before.file_name}): corrected or written otherwise, they would count twice. "
            f"If it replaces that load, `gridcredit load revert {before.file_id} --reason TEXT`, and deliver it again"
        )


def _refuse_same_name(extract: Extract, file_name: str, earlier: list[Earlier]) -> None:
    before = next((load for load in earlier if load.file_name == file_name), None)
    if before is not None:
        raise FileRefusedError(
            f"{file_name}: load {before.file_id} had this name, and {extract.name} has keys of file and line: its rows "
            "would be replaced; deliver each file under a name of its own"
        )


def _rows_alike(
    connection: Connection, extract: Extract, made: set[str], file_id: int, file_name: str, earlier: list[Earlier]
) -> list[str]:
    """What a load shares with earlier ones, where the mapping does not say how files follow each other."""
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in extract.columns if column.name not in made)
    alike, loads = connection.execute(
        sql.SQL(
            "with held as (select row({columns})::text as content, max(_file_id) as file_id from {raw} "
            "where _file_id = any(%s) and {day} >= (select min({day}) from {new}) group by 1) "
            "select count(*), array_agg(distinct held.file_id order by held.file_id) "
            "from (select row({columns})::text as content from {new}) as rows inner join held using (content)"
        ).format(
            columns=columns,
            raw=sql.Identifier("raw", extract.name),
            new=partition(extract.name, file_id),
            day=sql.Identifier(extract.dated_by),
        ),
        [[load.file_id for load in earlier]],
    ).fetchone() or (0, [])
    findings = []
    if alike:
        named = f"load {loads[0]}" if len(loads) == 1 else f"loads {', '.join(map(str, loads))}"
        findings.append(f"{alike} rows are alike in all columns to rows of {named}")
    if same_name := next((load for load in earlier if load.file_name == file_name), None):
        findings.append(
            f"load {same_name.file_id} had the same file name, so that rows of the same lines replace its rows"
        )
    return [f"{extract.name}: {one}: say `delivery: cumulative` or `delta` in the mapping" for one in findings]
