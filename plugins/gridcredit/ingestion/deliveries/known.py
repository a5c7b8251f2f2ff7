"""Whether a file's content was loaded before, and what to do where it was read otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.shapes import Extract
from gridcredit.errors import FileRefusedError
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.warehouse.connection import Connection
from gridcredit.warehouse.raw_tables import same_key


@dataclass(frozen=True)
class Known:
    """The load that holds a content, and whether it was read by this version of the mapping."""

    file_id: int
    is_by_this: bool

    def notes(self, connection: Connection) -> list[str]:
        """What a person should check, where the content comes again."""
        by_another = (
            f"load {self.file_id} holds it by another version of the mapping, and nothing was read: "
            f"{_way(self.file_id)}"
        )
        return [*_replaced_since(connection, self.file_id), *([] if self.is_by_this else [by_another])]


def known_load(connection: Connection, path: Path, mapping: Mapping, sha256: str) -> Known | None:
    """The load that holds the same content by this mapping.

    Raises:
        FileRefusedError: another mapping read rows of it, which would be there twice.
    """
    loads = connection.execute(
        "select file_id, mapping, sum(rows_read), bool_and(mapping_sha256 = %s) "
        "from lineage.files join lineage.loads using (file_id) "
        "where sha256 = %s and undone_at is null group by file_id, mapping order by file_id",
        [mapping.sha256, sha256],
    ).fetchall()
    for file_id, name, _, is_by_this in loads:
        if name == mapping.mapping:
            return Known(file_id, is_by_this)
    for file_id, name, rows, _ in loads:
        if rows:
            raise FileRefusedError(f"{path.name}: load {file_id} holds it by mapping {name!r}: {_way(file_id)}")
    return None


def _replaced_since(connection: Connection, file_id: int) -> list[str]:
    """A note where later loads hold rows of a load otherwise: its content does not count again by coming again."""
    notes = []
    for (name,) in connection.execute(
        "select extract from lineage.loads where file_id = %s and retired_at is null order by 1", [file_id]
    ).fetchall():
        extract = EXTRACTS[name]
        query = sql.SQL(
            "select count(distinct held._line_no), array_agg(distinct later._file_id order by later._file_id) "
            "from {raw} as held inner join {raw} as later on {same_key} and later._file_id > held._file_id "
            "where held._file_id = %s and ({later}) is distinct from ({held})"
        ).format(
            raw=sql.Identifier("raw", name),
            same_key=same_key(extract, "held", "later"),
            held=_columns(extract, "held"),
            later=_columns(extract, "later"),
        )
        rows, loads = connection.execute(query, [file_id]).fetchone() or (0, None)
        if rows:
            notes.append(
                f"load {file_id} holds it, and nothing was read, though {rows} of its {name} rows are held otherwise "
                f"by load {', '.join(map(str, loads))}, which counts: revert that if this content is to count again"
            )
    return notes


def _columns(extract: Extract, alias: str) -> sql.Composed:
    return sql.SQL(", ").join(
        [sql.Identifier(alias, column.name) for column in extract.columns] + [sql.Identifier(alias, "_deleted")]
    )


def _way(file_id: int) -> str:
    return f"if that was wrong, `gridcredit load revert {file_id} --reason TEXT`, and deliver it again"
