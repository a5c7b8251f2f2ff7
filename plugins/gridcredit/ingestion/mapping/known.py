"""Whether a file's content was loaded before, and what to do where it was read otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gridcredit.errors import FileRefusedError
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.warehouse.connection import Connection


@dataclass(frozen=True)
class Known:
    """The load that holds a content, and what a person should check."""

    file_id: int
    notes: list[str]


def known_load(connection: Connection, path: Path, mapping: Mapping, sha256: str) -> Known | None:
    """The load that holds the same content by this mapping; a note says where it read it by another version.

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
            way = f"load {file_id} holds it by another version of the mapping, and nothing was read: {_way(file_id)}"
            return Known(file_id, [] if is_by_this else [way])
    for file_id, name, rows, _ in loads:
        if rows:
            raise FileRefusedError(f"{path.name}: load {file_id} holds it by mapping {name!r}: {_way(file_id)}")
    return None


def _way(file_id: int) -> str:
    return f"if that was wrong, `gridcredit load revert {file_id} --reason TEXT`, and deliver it again"
