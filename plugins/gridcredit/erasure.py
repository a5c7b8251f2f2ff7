"""Erases the persons behind a customer on request: their names and numbers go, figures, keys and the chain of releases stay."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from psycopg import sql

from gridcredit.errors import GridCreditError
from gridcredit.extracts.contract import EXTRACTS
from gridcredit.extracts.csv_line import to_fields, to_line
from gridcredit.extracts.invisible import clean_name
from gridcredit.extracts.mapping import FileRule, load_mappings
from gridcredit.privacy import ERASED, Pseudonyms
from gridcredit.published_tables import table_columns
from gridcredit.settings import Settings
from gridcredit.warehouse import Connection, connect, exclusive

log = structlog.get_logger(__name__)

# Free text that people write, in which names may stand; no figure reads it.
FREE_TEXT = (("investigation", "finding"), ("warning_acknowledgement", "note"))
PERSONAL = [extract for extract in EXTRACTS.values() if extract.personal_columns]


@dataclass
class Erasure:
    """What was erased: rows of raw and of quarantine, archived files redacted, and those that had to be removed whole."""

    raw_rows: int = 0
    quarantined: int = 0
    redacted: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def erased_customers(connection: Connection) -> frozenset[str]:
    """The customers whose persons were erased: what comes in of them later is kept without names."""
    return frozenset(customer for (customer,) in connection.execute("select customer_id from lineage.erasures"))


def erase_customer(customer_id: str, approver: str, reason: str, settings: Settings) -> Erasure:
    """Erase the persons behind a customer from raw, quarantine and the archived files. Safe to repeat.

    Names become `erased <hash>`, the same for the same name, so that what is counted by name stays as it was; numbers go.

    Raises:
        GridCreditError: no such customer has been loaded.
    """
    done = Erasure()
    with exclusive("build", settings), connect(settings) as connection:
        lines = _lines_of(connection, customer_id)
        if not lines:
            raise GridCreditError(f"nothing has been loaded of customer {customer_id!r}")
        pseudonyms = Pseudonyms(settings.secret("personal_numbers"), frozenset([customer_id]))
        names = _erase_raw(connection, customer_id, pseudonyms, done)
        for file_id, line_no in connection.execute(
            "update quarantine.rows set row_text = %s, value = null where row_text <> %s "
            "and (row_text ~ %s or row_text like any(%s)) returning file_id, line_no",
            [ERASED, ERASED, rf"\m{re.escape(customer_id)}\M", [f"%{name}%" for name in names]],
        ):
            done.quarantined += 1
            lines.setdefault(file_id, []).append(line_no)
        for file_id, numbers in lines.items():
            _redact_archived(connection, file_id, numbers, done, settings)
        connection.execute(
            "insert into lineage.erasures (customer_id, approver, reason, raw_rows, quarantined, files_redacted, files_removed) "
            "values (%s, %s, %s, %s, %s, %s, %s)",
            [customer_id, approver, reason, done.raw_rows, done.quarantined, done.redacted, done.removed],
        )
    log.info("customer_erased", customer_id=customer_id, raw_rows=done.raw_rows, files=len(done.redacted))
    return done


def _lines_of(connection: Connection, customer_id: str) -> dict[int, list[int]]:
    """By file the lines that name a person behind the customer."""
    found: dict[int, list[int]] = {}
    for extract in PERSONAL:
        query = sql.SQL("select _file_id, _line_no from {} where customer_id = %s order by 1, 2").format(
            sql.Identifier("raw", extract.name)
        )
        for file_id, line_no in connection.execute(query, [customer_id]):
            found.setdefault(file_id, []).append(line_no)
    return found


def _erase_raw(connection: Connection, customer_id: str, pseudonyms: Pseudonyms, done: Erasure) -> list[str]:
    """Replace what raw and staging hold; returns the names that were there."""
    names: set[str] = set()
    for extract in PERSONAL:
        for column, kind in extract.personal_columns.items():
            raw, name = sql.Identifier("raw", extract.name), sql.Identifier(column)
            staged = f"stg_{extract.name}"
            holders = [raw]
            if column in table_columns(connection, "staging", staged):
                holders.append(sql.Identifier("staging", staged))
            values = connection.execute(
                sql.SQL("select distinct {name} from {raw} where customer_id = %s and {name} is not null").format(
                    name=name, raw=raw
                ),
                [customer_id],
            ).fetchall()
            for (value,) in values:
                if kind == "name" and value.startswith(f"{ERASED} "):
                    continue
                kept = pseudonyms.kept(kind, value, customer_id)
                names |= {value} if kind == "name" else set()
                for table in holders:
                    update = sql.SQL("update {} set {name} = %s where customer_id = %s and {name} = %s")
                    rows = connection.execute(update.format(table, name=name), [kept, customer_id, value]).rowcount
                    done.raw_rows += rows if table is raw else 0
        connection.execute(
            sql.SQL("update {} set _extra = null where customer_id = %s and _extra is not null").format(
                sql.Identifier("raw", extract.name)
            ),
            [customer_id],
        )
    for extract_name, column in FREE_TEXT:
        connection.execute(
            sql.SQL("update {} set {name} = null where customer_id = %s and {name} is not null").format(
                sql.Identifier("raw", extract_name), name=sql.Identifier(column)
            ),
            [customer_id],
        )
    return sorted(names)


def _redact_archived(connection: Connection, file_id: int, lines: list[int], done: Erasure, settings: Settings) -> None:
    """Blank the personal fields of the lines in the archived file; one that is no CSV, or not read that way, is removed."""
    row = connection.execute("select mapping, file_name from lineage.files where file_id = %s", [file_id]).fetchone()
    if row is None:
        return
    mapping = load_mappings(settings.mappings_dir).get(row[0])
    rule = mapping.rule_for(row[1]) if mapping else None
    for path in (settings.archive_dir / row[0]).glob(f"*/{file_id}_*"):
        content = _redacted(path, rule, set(lines)) if rule and rule.format == "csv" else None
        if content is None:
            path.unlink()
            done.removed.append(path.name)
        else:
            partial = path.with_name(f".{path.name}.partial")
            partial.write_bytes(content)
            partial.replace(path)
            done.redacted.append(path.name)


def _redacted(path: Path, rule: FileRule, lines: set[int]) -> bytes | None:
    """The file's content without the personal fields of the lines; None where a line is not one record."""
    packed = path.read_bytes()
    is_gzip = packed.startswith(b"\x1f\x8b")
    text = (gzip.decompress(packed) if is_gzip else packed).decode(rule.encoding)
    rows = text.split("\n")
    header = [clean_name(name) for name in to_fields(rows[rule.header_row - 1].rstrip("\r"), rule.delimiter)]
    personal = {
        source
        for name, part in rule.parts()
        for column in EXTRACTS[name].personal_columns
        for source in part.rule_of(column).sources()
    }
    places = [place for place, name in enumerate(header) if name in personal]
    for number in lines:
        line = rows[number - 1] if number <= len(rows) else ""
        fields = to_fields(line.rstrip("\r"), rule.delimiter)
        if len(fields) != len(header):
            return None
        for place in places:
            fields[place] = ERASED
        rows[number - 1] = to_line(fields, rule.delimiter) + ("\r" if line.endswith("\r") else "")
    content = "\n".join(rows).encode(rule.encoding)
    return gzip.compress(content, mtime=0) if is_gzip else content
