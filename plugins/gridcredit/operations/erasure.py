"""Erases the persons behind a customer on request: their names and numbers go, figures, keys and the chain of
releases stay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import structlog
from psycopg import sql

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import GridCreditError
from gridcredit.ingestion.erased_rows import redact_quarantine, rule_of
from gridcredit.ingestion.mapping.read import read_mappings
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.ingestion.redaction import FREE_TEXT, Named, Outcome, redact_file
from gridcredit.ingestion.stored_names import stored_name
from gridcredit.lake.copies import drop_lake
from gridcredit.lineage.decisions import record_decision
from gridcredit.persons.pseudonyms import ERASED, Pseudonyms
from gridcredit.settings import Settings
from gridcredit.transformation.engine import remove_left
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.load_hashes import record_erasure, sums_of_customer
from gridcredit.warehouse.locks import exclusive
from gridcredit.warehouse.published_tables import table_columns

log = structlog.get_logger(__name__)

PERSONAL = [extract for extract in EXTRACTS.values() if extract.personal_columns]
# Texts in which a refusal may have quoted a line of the file.
QUOTING = (("refused_files", "refusal_id", "reason"), ("task_failures", "failure_id", "error"))


@dataclass
class Erasure:
    """What was erased: rows of raw and of quarantine, stored files redacted, those removed whole, and those not
    searched.
    """

    raw_rows: int = 0
    quarantined: int = 0
    redacted: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    not_searched: list[str] = field(default_factory=list)

    def note(self, path: Path, outcome: Outcome) -> None:
        """Note what became of a stored file."""
        by_outcome = {"redacted": self.redacted, "removed": self.removed, "not searched": self.not_searched}
        if outcome in by_outcome:
            by_outcome[outcome].append(path.name)


def erase_customer(customer_id: str, approver: str, reason: str, settings: Settings) -> Erasure:
    """Erase the persons behind a customer from raw, quarantine, accepted and refused files. Safe to repeat.

    Names become `erased <hash>`, the same for the same name, so that what is counted by name stays as it was;
    numbers go.

    Raises:
        GridCreditError: nothing that is stored is about the customer.
        MappingError: the mapping of files that were loaded is faulty.
    """
    done = Erasure()
    known = read_mappings(settings.mappings_dir)
    mappings = known.sound
    with exclusive("build", settings), connect(settings) as connection:
        for (name,) in connection.execute(
            "select mapping from lineage.files union select mapping from ops.refused_files"
        ).fetchall():
            # What was read by a mapping that is faulty now could not be searched by it.
            known.find(name)
        pseudonyms = Pseudonyms(settings.secret("personal_numbers"), frozenset([customer_id]))
        is_known = _is_loaded(connection, customer_id)
        before = sums_of_customer(connection, customer_id)
        named = Named(frozenset([customer_id]), frozenset(_erase_raw(connection, customer_id, pseudonyms, done)))
        lines = redact_quarantine(connection, named, mappings)
        done.quarantined = sum(map(len, lines.values()))
        for table, key, column in QUOTING:
            _erase_quotes(connection, table, key, column, named)
        _redact_files(connection, named, lines, mappings, done, settings)
        if not (is_known or done.quarantined or done.redacted or done.removed):
            raise GridCreditError(f"nothing has been loaded of customer {customer_id!r}")
        remove_left(settings)
        done.not_searched += [f"the lake at {place}" for place in drop_lake(connection, settings) if place]
        record_decision(connection, "erase a customer", customer_id, approver, reason, settings)
        (erasure_id,) = connection.execute(
            "insert into lineage.erasures (customer_id, approver, reason, raw_rows, quarantined, files_redacted, "
            "files_removed, files_not_searched) values (%s, %s, %s, %s, %s, %s, %s, %s) returning erasure_id",
            [customer_id, approver, reason, done.raw_rows, done.quarantined]
            + [done.redacted, done.removed, done.not_searched],
        ).fetchone() or (0,)
        record_erasure(connection, before, sums_of_customer(connection, customer_id), erasure_id)
    log.info("customer_erased", customer_id=customer_id, raw_rows=done.raw_rows, files=len(done.redacted))
    return done


def _is_loaded(connection: Connection, customer_id: str) -> bool:
    queries = (
        sql.SQL("select 1 from {} where customer_id = %s limit 1").format(sql.Identifier("raw", extract.name))
        for extract in PERSONAL
    )
    return any(connection.execute(query, [customer_id]).fetchone() for query in queries)


def _erase_raw(connection: Connection, customer_id: str, pseudonyms: Pseudonyms, done: Erasure) -> set[str]:
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
                stored = pseudonyms.stored(kind, value, customer_id)
                names |= {value} if kind == "name" else set()
                for table in holders:
                    update = sql.SQL("update {} set {name} = %s where customer_id = %s and {name} = %s")
                    rows = connection.execute(update.format(table, name=name), [stored, customer_id, value]).rowcount
                    done.raw_rows += rows if table is raw else 0
    # What no column of the contract reads may name anybody.
    texts = [(extract.name, "_extra") for extract in EXTRACTS.values() if extract.column("customer_id")]
    for extract_name, column in [*texts, *FREE_TEXT.items()]:
        connection.execute(
            sql.SQL("update {} set {name} = null where customer_id = %s and {name} is not null").format(
                sql.Identifier("raw", extract_name), name=sql.Identifier(column)
            ),
            [customer_id],
        )
    _erase_attributes(connection, customer_id)
    return names


def _erase_attributes(connection: Connection, customer_id: str) -> None:
    """Attributes that are texts may name somebody; the others are figures, and stay."""
    for schema, table in (
        ("raw", "customer_attribute"),
        ("staging", "stg_customer_attribute"),
        ("archive", "attribute_value"),
    ):
        if table_columns(connection, schema, table):
            connection.execute(
                sql.SQL(
                    "update {} set value = null where customer_id = %s and value is not null "
                    "and name in (select name from policy.attributes where type = 'text')"
                ).format(sql.Identifier(schema, table)),
                [customer_id],
            )


def _erase_quotes(connection: Connection, table: str, key: str, column: str, named: Named) -> None:
    parts = {"table": sql.Identifier("ops", table), "key": sql.Identifier(key), "column": sql.Identifier(column)}
    quoting = [
        number
        for number, text in connection.execute(sql.SQL("select {key}, {column} from {table}").format(**parts))
        if named.in_text(text)
    ]
    connection.execute(
        sql.SQL("update {table} set {column} = %s where {key} = any(%s)").format(**parts), [ERASED, quoting]
    )


def _redact_files(
    connection: Connection,
    named: Named,
    lines: dict[int, list[int]],
    mappings: dict[str, Mapping],
    done: Erasure,
    settings: Settings,
) -> None:
    """Search every file that is stored; of those accepted also the lines whose rows were erased in quarantine."""
    accepted = connection.execute("select file_id, mapping, file_name from lineage.files")
    refused = connection.execute("select refusal_id, mapping, file_name from ops.refused_files")
    for folder, delivered, is_refused in (
        (settings.accepted_dir, accepted, False),
        (settings.refused_dir, refused, True),
    ):
        known = {stored_name(number, name): (number, mapping, name) for number, mapping, name in delivered}
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.is_symlink():
                continue
            # A manifest, or the note beside a refused file, is no table.
            number, mapping, name = known.get(path.name, (0, "", path.name))
            done.note(
                path,
                redact_file(
                    path,
                    rule_of(mappings, mapping, name),
                    name,
                    named,
                    settings.read_limits,
                    by_name=is_refused,
                    lines=[] if is_refused else lines.get(number, []),
                ),
            )
