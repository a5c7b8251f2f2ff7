"""Quarantined rows go out as a file that a person repairs, and come back as a load of their own."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import structlog

from gridcredit.errors import FileRefusedError, GridCreditError
from gridcredit.files.csv_line import to_fields
from gridcredit.files.private import open_private
from gridcredit.files.spreadsheet import read_table, write_table
from gridcredit.ingestion.deliveries.repair import LINE, Repair
from gridcredit.ingestion.loader import LoadResult, is_loaded, load_file
from gridcredit.ingestion.mapping.read import read_mappings
from gridcredit.ingestion.mapping.rules import FileRule, Mapping
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import Connection, connect

log = structlog.get_logger(__name__)

# They stand before the file's own columns, so that a row with too many or too few fields can be reported as well.
REASON = "_reason"
# What a repair's rows begin with: the load that they are of makes files of different loads differ.
LOAD = "_load"


@dataclass(frozen=True)
class Waiting:
    """The rows of one load that wait in quarantine for one reason, and the first of them."""

    file_id: int
    file_name: str
    extract: str
    reason: str
    rows: int
    line_no: int
    example: str


# The rows that `list_quarantined` counts, of all loads together.
COUNT_WAITING: LiteralString = (
    "select count(*) as waiting from quarantine.rows join lineage.files using (file_id) "
    "where resubmitted_in is null and undone_at is null"
)


def list_quarantined(settings: Settings | None = None, file_id: int | None = None) -> list[Waiting]:
    """What waits in quarantine and was not sent again, newest loads first; of one load, or of all."""
    with connect(settings or get_settings()) as connection:
        rows = connection.execute(
            "select file_id, file_name, extract, coalesce(column_name || ' ', '') || reason, count(*), min(line_no), "
            "(array_agg(coalesce(value, row_text) order by line_no))[1] "
            "from quarantine.rows join lineage.files using (file_id) "
            "where resubmitted_in is null and undone_at is null and (%(load)s::bigint is null or file_id = %(load)s) "
            "group by file_id, file_name, extract, 4 order by file_id desc, extract, 5 desc, 4",
            {"load": file_id},
        )
        return [Waiting(*row) for row in rows]


def count_waiting(connection: Connection) -> int:
    """How many rows wait."""
    (waiting,) = connection.execute(COUNT_WAITING).fetchone() or (0,)
    return int(waiting)


@dataclass(frozen=True)
class Quarantined:
    """A line of a load that is or was in quarantine for an extract; `line` is that of the file it was delivered in.

    Of a repaired row that is still bad that is another than `own_line`, the line of the repair.
    """

    own_line: int
    line: int
    extract: str
    reason: str
    fields: list[str]
    sent_in: int | None


def export_quarantined(file_id: int, out: Path, settings: Settings | None = None) -> int:
    """Write the rows of a load that are still in quarantine to a UTF-8 CSV file with the file's own header, for a
    spreadsheet.

    Each row begins with the line it came from and what is wrong with it. Returns the number of rows.

    Raises:
        GridCreditError: there is no such load, or none of its rows waits in quarantine.
    """
    settings = settings or get_settings()
    _, rule, header = _load_of(file_id, settings)
    lines: dict[int, list[Quarantined]] = {}
    with connect(settings) as connection:
        for row in _quarantined(connection, file_id, rule, header):
            if row.sent_in is None:
                lines.setdefault(row.line, []).append(row)
    if not lines:
        raise GridCreditError(f"load {file_id} has no row in quarantine that was not sent again")
    return write_table(
        out,
        [LINE, REASON, *_own(header)],
        ([line, "; ".join(row.reason for row in rows), *rows[0].fields] for line, rows in sorted(lines.items())),
    )


def resubmit(path: Path, file_id: int, settings: Settings | None = None) -> LoadResult:
    """Load repaired rows by the mapping of the load they came from, as rows of it; what is still bad is quarantined
    again.

    Safe to repeat. A row left out of the file stays in quarantine as it is.

    Raises:
        GridCreditError: there is no such load, or the file names a line that is not in its quarantine, or that came
            again in another file.
        FileRefusedError: the file is not one that `export_quarantined` wrote.
    """
    settings = settings or get_settings()
    mapping, rule, header = _load_of(file_id, settings)
    rows = _rows(path)
    lines = {int(row[rows[0].index(LINE)]) for row in rows[1:]}
    with connect(settings) as connection:
        known = _quarantined(connection, file_id, rule, header)
        origin = _origin(connection, file_id)
    if strange := sorted(lines - {row.line for row in known}):
        raise GridCreditError(f"{path.name}: line {strange[0]} of load {file_id} is not in quarantine")
    sent = [row for row in known if row.line in lines]
    waiting: dict[str, set[int]] = {}
    for row in sent:
        waiting.setdefault(row.extract, set()).add(row.line)
    repair = Repair(*origin, {extract: frozenset(own) for extract, own in waiting.items()})
    with tempfile.TemporaryDirectory() as folder:
        # Without the apostrophes that were put before formulas.
        plain = Path(folder) / path.name
        with open_private(plain, newline="") as file:
            csv.writer(file).writerows([[LOAD, *rows[0]], *([str(file_id), *row] for row in rows[1:])])
        shutil.copystat(path, plain)
        _refuse_sent_before(plain, file_id, sent, mapping, settings)
        result = load_file(plain, mapping, settings, _as_exported(rule, header, waiting), repair)
    with connect(settings) as connection:
        connection.execute(
            "update quarantine.rows set resubmitted_in = %s "
            "where file_id = %s and line_no = any(%s) and resubmitted_in is null",
            [result.file_id, file_id, [row.own_line for row in sent]],
        )
    log.info("quarantine_resubmitted", load=file_id, file_id=result.file_id, rows=len(lines))
    return result


def _refuse_sent_before(
    plain: Path, file_id: int, sent: list[Quarantined], mapping: Mapping, settings: Settings
) -> None:
    """Refuse lines that came again before, unless the file is the very one in which they did."""
    before = next((row for row in sent if row.sent_in is not None), None)
    if before is None:
        return
    with connect(settings) as connection:
        if not is_loaded(plain, mapping, connection):
            raise GridCreditError(
                f"{plain.name}: line {before.line} of load {file_id} came again in load {before.sent_in}: if that was "
                f"wrong, `gridcredit load revert {before.sent_in} --reason TEXT`, and send it again"
            )


def _quarantined(connection: Connection, file_id: int, rule: FileRule, header: list[str]) -> list[Quarantined]:
    """What is or was in a load's quarantine."""
    found = connection.execute(
        "select line_no, extract, coalesce(column_name || ' ', '') || reason, row_text, resubmitted_in "
        "from quarantine.rows where file_id = %s order by line_no, extract",
        [file_id],
    ).fetchall()
    rows = []
    for own_line, extract, reason, text, sent_in in found:
        fields = to_fields(text, "," if LINE in header else rule.delimiter)
        line = int(fields[header.index(LINE)]) if LINE in header else own_line
        rows.append(Quarantined(own_line, line, extract, reason, fields[len(header) - len(_own(header)) :], sent_in))
    return rows


def _own(header: list[str]) -> list[str]:
    """The columns of the file that was delivered."""
    return [name for name in header if name not in (LOAD, LINE, REASON)]


def _origin(connection: Connection, file_id: int) -> tuple[int, str]:
    """The load that delivered a load's rows first, and the name of its file: the load itself, or what it repairs."""
    return connection.execute(
        "with recursive origins as (select %(load)s::bigint as file_id union "
        "select rows.file_id from quarantine.rows inner join origins on rows.resubmitted_in = origins.file_id) "
        "select file_id, file_name from lineage.files where file_id = (select min(file_id) from origins)",
        {"load": file_id},
    ).fetchone() or (file_id, "")


def _load_of(file_id: int, settings: Settings) -> tuple[Mapping, FileRule, list[str]]:
    """A load's mapping, its rule, and its header."""
    with connect(settings) as connection:
        row = connection.execute(
            "select mapping, header, undone_at from lineage.files where file_id = %s", [file_id]
        ).fetchone()
        _, name = _origin(connection, file_id)
    if row is None or row[1] is None:
        raise GridCreditError(f"there is no load {file_id}: `gridcredit load list` shows what there is")
    mapping_name, header, undone_at = row
    if undone_at is not None:
        raise GridCreditError(f"load {file_id} was reverted: repair its file, and deliver it again")
    mapping = read_mappings(settings.mappings_dir).find(mapping_name)
    rule = mapping.rule_for(name) if mapping else None
    if mapping is None or rule is None:
        raise GridCreditError(f"mapping {mapping_name!r}, by which load {file_id} was read, no longer knows {name!r}")
    return mapping, rule, header


def _as_exported(rule: FileRule, header: list[str], extracts: Collection[str]) -> FileRule:
    """The rule for the same columns in a file that `export_quarantined` wrote, for those of its extracts that wait."""
    return rule.model_copy(
        update={
            "extracts": {name: part for name, part in rule.extracts.items() if name in extracts},
            "format": "csv",
            "header_row": 1,
            "sheet": None,
            "encoding": "utf-8",
            "delimiter": ",",
            "iso_dates": rule.iso_dates or rule.format != "csv",
            "manifest": None,
            "trailer": None,
            "ignore": [*rule.ignore, LOAD, LINE, REASON],
            "multiline": _own(header),
            "bad_row_limit": 1.0,
        }
    )


def _rows(path: Path) -> list[list[str]]:
    """The header and the rows, each with the number of its line."""
    try:
        rows = [row for row in read_table(path.read_text(encoding="utf-8-sig")) if row]
        place = rows[0].index(LINE)
        for row in rows[1:]:
            int(row[place])
    except (OSError, UnicodeDecodeError) as error:
        raise FileRefusedError(f"{path.name}: cannot be read as UTF-8: {error}") from error
    except (IndexError, ValueError, csv.Error) as error:
        raise FileRefusedError(
            f"{path.name}: has no column {LINE!r} with the line of each row: export it again"
        ) from error
    return rows
