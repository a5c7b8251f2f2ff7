"""Quarantined rows go out as a file that a person repairs, and come back as a load of their own."""

from __future__ import annotations

import csv
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import structlog

from gridcredit.errors import FileRefusedError, GridCreditError
from gridcredit.files.csv_line import to_fields
from gridcredit.files.private import open_private
from gridcredit.files.spreadsheet import read_table, write_table
from gridcredit.ingestion.loader import LoadResult, load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.ingestion.mapping.rules import FileRule, Mapping
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import connect

log = structlog.get_logger(__name__)

# They stand before the file's own columns, so that a row with too many or too few fields can be reported as well.
LINE, REASON = "_line", "_reason"


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


def export_quarantined(file_id: int, out: Path, settings: Settings | None = None) -> int:
    """Write the rows of a load that are still in quarantine to a UTF-8 CSV file with the file's own header, for a
    spreadsheet.

    Each row begins with the line it came from and what is wrong with it. Returns the number of rows.

    Raises:
        GridCreditError: there is no such load, or none of its rows waits in quarantine.
    """
    settings = settings or get_settings()
    _, rule, header = _load_of(file_id, settings)
    with connect(settings) as connection:
        rows = connection.execute(
            "select line_no, string_agg(coalesce(column_name || ' ', '') || reason, '; ' order by extract), "
            "min(row_text) from quarantine.rows where file_id = %s and resubmitted_in is null "
            "group by line_no order by line_no",
            [file_id],
        ).fetchall()
    if not rows:
        raise GridCreditError(f"load {file_id} has no row in quarantine that was not sent again")
    return write_table(
        out,
        [LINE, REASON, *header],
        ([line, reason, *to_fields(text, rule.delimiter)] for line, reason, text in rows),
    )


def resubmit(path: Path, file_id: int, settings: Settings | None = None) -> LoadResult:
    """Load repaired rows by the mapping of the load they came from; what is still bad is quarantined again.

    Safe to repeat. A row left out of the file stays in quarantine as it is.

    Raises:
        GridCreditError: there is no such load, or the file names a line that is not in its quarantine.
        FileRefusedError: the file is not one that `export_quarantined` wrote.
    """
    settings = settings or get_settings()
    mapping, rule, header = _load_of(file_id, settings)
    rows = _rows(path)
    lines = [int(row[rows[0].index(LINE)]) for row in rows[1:]]
    with connect(settings) as connection:
        known = connection.execute("select line_no from quarantine.rows where file_id = %s", [file_id]).fetchall()
    strange = sorted(set(lines) - {line for (line,) in known})
    if strange:
        raise GridCreditError(f"{path.name}: line {strange[0]} of load {file_id} is not in quarantine")
    with tempfile.TemporaryDirectory() as folder:
        # Without the apostrophes that were put before formulas.
        plain = Path(folder) / path.name
        with open_private(plain, newline="") as file:
            csv.writer(file).writerows(rows)
        shutil.copystat(path, plain)
        result = load_file(plain, mapping, settings, _as_exported(rule, header))
    with connect(settings) as connection:
        connection.execute(
            "update quarantine.rows set resubmitted_in = %s "
            "where file_id = %s and line_no = any(%s) and resubmitted_in is null",
            [result.file_id, file_id, lines],
        )
    log.info("quarantine_resubmitted", load=file_id, file_id=result.file_id, rows=len(lines))
    return result


def _load_of(file_id: int, settings: Settings) -> tuple[Mapping, FileRule, list[str]]:
    """A load's mapping, its rule, and its header."""
    with connect(settings) as connection:
        row = connection.execute(
            "select mapping, file_name, header from lineage.files where file_id = %s", [file_id]
        ).fetchone()
    if row is None or row[2] is None:
        raise GridCreditError(f"there is no load {file_id}: `gridcredit load list` shows what there is")
    mapping = load_mappings(settings.mappings_dir).get(row[0])
    rule = mapping.rule_for(row[1]) if mapping else None
    if mapping is None or rule is None:
        raise GridCreditError(f"mapping {row[0]!r}, by which load {file_id} was read, no longer knows {row[1]!r}")
    return mapping, rule, row[2]


def _as_exported(rule: FileRule, header: list[str]) -> FileRule:
    """The rule for the same columns in a file that `export_quarantined` wrote."""
    return rule.model_copy(
        update={
            "format": "csv",
            "encoding": "utf-8",
            "delimiter": ",",
            "iso_dates": rule.iso_dates or rule.format != "csv",
            "manifest": None,
            "trailer": None,
            "ignore": [*rule.ignore, LINE, REASON],
            "multiline": header,
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
