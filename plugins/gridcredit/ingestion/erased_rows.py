"""Takes what is said of erased persons out of quarantined rows, and of files that come in later."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from pathlib import Path

import structlog

from gridcredit.files.csv_line import to_fields
from gridcredit.ingestion.mapping.rules import FileRule, Mapping
from gridcredit.ingestion.redaction import Named, batch_of, redact_file
from gridcredit.persons.erased import erased_customers
from gridcredit.persons.pseudonyms import ERASED
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect

log = structlog.get_logger(__name__)


def redact_quarantine(
    connection: Connection, named: Named, mappings: dict[str, Mapping], file_id: int | None = None
) -> dict[int, list[int]]:
    """Erase the quarantined rows that are about customers, of one file or of all; returns their lines by file."""
    erased: dict[int, list[int]] = defaultdict(list)
    with connection.cursor(name="quarantined") as cursor:
        cursor.execute(
            "select file_id, extract, mapping, file_name, header, line_no, row_text from quarantine.rows "
            "join lineage.files using (file_id) where row_text <> %s and (%s::bigint is null or file_id = %s) "
            "order by file_id, extract, line_no",
            [ERASED, file_id, file_id],
        )
        for (file, extract, mapping, file_name, header), group in groupby(cursor, key=lambda row: row[:5]):
            rule = rule_of(mappings, mapping, file_name)
            delimiter = rule.delimiter if rule else ","
            rows = [(line, to_fields(text, delimiter), text) for *_, line, text in group]
            found = named.lines(batch_of(list(header) if header else None, rows), rule, file_name, by_name=True)
            connection.execute(
                "update quarantine.rows set row_text = %s, value = null "
                "where file_id = %s and extract = %s and line_no = any(%s)",
                [ERASED, file, extract, found],
            )
            erased[file] += found
    return {file: sorted(set(found)) for file, found in erased.items() if found}


def redact_later_file(path: Path, rule: FileRule | None, file_name: str, settings: Settings) -> None:
    """Blank in a file that comes in now what it says of customers who were erased before."""
    with connect(settings) as connection:
        erased = erased_customers(connection)
    if erased and path.is_file() and not path.is_symlink():
        outcome = redact_file(path, rule, file_name, Named(erased), settings.read_limits, by_name=False)
        if outcome != "nothing":
            log.warning("later_file", file=path.name, outcome=outcome)


def rule_of(mappings: dict[str, Mapping], mapping: str, file_name: str) -> FileRule | None:
    """The rule by which a delivered file was read, as the mappings are now."""
    return mappings[mapping].rule_for(file_name) if mapping in mappings else None
