"""Loads one delivered file into raw and quarantine, in one transaction: all of it or nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast

import structlog
from psycopg import sql
from psycopg.types.json import Jsonb

from gridcredit.contract.attributes import read_attributes, typed_extract
from gridcredit.contract.customers import CUSTOMER_ATTRIBUTE
from gridcredit.contract.extracts import DATING_EXTRACTS, EXTRACTS
from gridcredit.errors import FileRefusedError, GridCreditError
from gridcredit.files.content_hash import sha256_of
from gridcredit.ingestion.column_changes import Drift, check_header
from gridcredit.ingestion.deliveries.known import known_load
from gridcredit.ingestion.deliveries.overlap import overlap_notes
from gridcredit.ingestion.deliveries.repair import Repair, rows_alike, take_out_accepted, take_out_superseded
from gridcredit.ingestion.erased_rows import redact_quarantine
from gridcredit.ingestion.extract_load import Counts, ExtractLoad
from gridcredit.ingestion.manifest import Promise, read_promise
from gridcredit.ingestion.mapping.rules import ExtractRule, FileRule, Mapping
from gridcredit.ingestion.open_copy import OpenCopy
from gridcredit.ingestion.readers.reader import read_batches, read_header
from gridcredit.ingestion.readiness import check_space
from gridcredit.ingestion.redaction import Named
from gridcredit.lake.load_file import load_files
from gridcredit.lineage.load_events import Loaded, send_load
from gridcredit.persons.erased import erased_customers
from gridcredit.persons.pseudonyms import Pseudonyms
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse import raw_tables
from gridcredit.warehouse.attributes import store_attributes
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.currency import in_its_currency, store_currency
from gridcredit.warehouse.load_hashes import hashed_rows, record_load_hash
from gridcredit.warehouse.raw_tables import (
    analyze_partition,
    attach_partition,
    create_partition,
    partition,
    wait_briefly,
)

log = structlog.get_logger(__name__)
Item = TypeVar("Item")


@dataclass(frozen=True)
class LoadResult:
    """The outcome of a load; a repeat (the same content again) changed nothing."""

    file_id: int
    is_repeat: bool
    counts: dict[str, Counts] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class FileToLoad:
    """A file, and all that says how it is loaded; `repair` says of which load its rows are, where they come out of
    quarantine.
    """

    path: Path
    sha256: str
    header: list[str]
    mapping: Mapping
    rule: FileRule
    drift: Drift
    promise: Promise
    repair: Repair | None


def require_currency(mapping: Mapping, path: Path, settings: Settings) -> None:
    """Refuse a file whose mapping names another currency than the warehouse's, which the settings have."""
    if mapping.currency not in (None, settings.currency):
        raise FileRefusedError(
            f"{path.name}: mapping {mapping.mapping!r} is in {mapping.currency}, this warehouse in "
            f"{settings.currency}: load it into a warehouse of its own, or, where nothing is loaded yet, set "
            f"GRIDCREDIT_CURRENCY={mapping.currency}"
        )


def load_file(
    path: Path,
    mapping: Mapping,
    settings: Settings | None = None,
    rule: FileRule | None = None,
    repair: Repair | None = None,
) -> LoadResult:
    """Load a file by its mapping; by the rule given, else by the one that its name calls for. `repair` says of which
    load its rows are, where they come out of quarantine.

    Raises:
        FileRefusedError: the file is refused whole; nothing of it is loaded.
        GridCreditError: the environment names another currency than the warehouse's; or not all rows that were accepted
            came to the warehouse.
        NotReadyError: there is no space for it; nothing was done.
    """
    settings = settings or get_settings()
    rule = rule or mapping.rule_for(path.name)
    if rule is None:
        patterns = ", ".join(known.pattern for known in mapping.files)
        raise FileRefusedError(f"{path.name}: mapping {mapping.mapping!r} has no rule for it; it knows {patterns}")
    with connect(settings) as connection:
        settings = in_its_currency(settings, connection)
        # Committed at once: other loads do not wait for this one.
        store_currency(connection, settings)
    require_currency(mapping, path, settings)
    began = datetime.now(UTC)
    header = read_header(path, rule)
    drift = check_header(path, rule, header)
    check_space(path, settings)
    file = FileToLoad(path, sha256_of(path), header, mapping, rule, drift, read_promise(path, rule), repair)
    file.promise.check_content(path, file.sha256)
    with connect(settings) as connection:
        known = known_load(connection, path, mapping, file.sha256)
        file_id = None if known else _register(connection, file)
        if file_id is None:
            # Where it was not known, another process has loaded it just now.
            held = known or known_load(connection, path, mapping, file.sha256)
            notes = held.notes(connection) if held else []
            result = LoadResult(held.file_id if held else 0, is_repeat=True, notes=notes)
        else:
            result = _load_rows(connection, file, file_id, settings)
        connection.execute(
            "insert into lineage.deliveries (file_id, file_name, is_repeat) values (%s, %s, %s)",
            [result.file_id, path.name, result.is_repeat],
        )
    if not result.is_repeat:
        loaded = {
            name: Loaded(counts.accepted, counts.lines, counts.lines_used, counts.lines_quarantined)
            for name, counts in result.counts.items()
        }
        send_load(path, result.file_id, file.sha256, header, loaded, (began, datetime.now(UTC)), settings)
    log.info("file_loaded", file=path.name, file_id=result.file_id, repeat=result.is_repeat, counts=result.counts)
    for note in result.notes:
        log.warning("to_be_checked", file=path.name, note=note)
    return result


def _register(connection: Connection, file: FileToLoad) -> int | None:
    """Record a new file; None where another process that loaded the same content has just committed."""
    stat = file.path.stat()
    row = connection.execute(
        "insert into lineage.files (mapping, file_name, sha256, byte_size, modified_at, unused_columns, header) "
        "values (%s, %s, %s, %s, %s, %s, %s) "
        "on conflict (mapping, sha256) where undone_at is null do nothing returning file_id",
        [file.mapping.mapping, file.path.name, file.sha256, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC)]
        + [file.drift.unused, file.header],
    ).fetchone()
    return row[0] if row else None


def _load_rows(connection: Connection, file: FileToLoad, file_id: int, settings: Settings) -> LoadResult:
    started = time.monotonic()
    wait_briefly(connection, raw_tables.LOAD_LOCK_TIMEOUT)
    pseudonyms = Pseudonyms(settings.secret("personal_numbers"), erased_customers(connection))
    # Of a repair rows may leave raw again before it is done: a build copies it into the lake.
    extracts = {name: typed_extract(name, settings) for name in file.rule.extracts}
    with load_files(connection, [] if file.repair else extracts.values(), file_id, settings) as lake:
        loads = {
            name: ExtractLoad(
                extracts[name],
                part,
                file.rule,
                file_id,
                file.drift.unused,
                pseudonyms,
                lake.get(name),
                file.repair,
            )
            for name, part in file.rule.extracts.items()
        }
        _copy_rows(connection, file, file_id, loads, settings)
        if pseudonyms.erased_customers:
            named = Named(pseudonyms.erased_customers)
            redact_quarantine(connection, named, {file.mapping.mapping: file.mapping}, file_id)
        for load in loads.values():
            _refuse_too_few(file, load)
            load.noticed = _compared_with_earlier(connection, file, load)
            _record(connection, file, load, time.monotonic() - started)
        for lake_file in lake.values():
            lake_file.finish(connection, "loaded")
    # Last, since other loads of the extract wait for it until this one is committed.
    for name in sorted(loads):
        connection.execute(attach_partition(EXTRACTS[name], partition(name, file_id), [file_id]))
    counts = {name: load.counts for name, load in loads.items()}
    return LoadResult(
        file_id, False, counts, [*file.drift.notes, *(note for load in loads.values() for note in load.notes)]
    )


def _copy_rows(
    connection: Connection, file: FileToLoad, file_id: int, loads: dict[str, ExtractLoad], settings: Settings
) -> None:
    """Read the file, and write its rows to partitions of their own, to quarantine and to the lake."""
    if CUSTOMER_ATTRIBUTE.name in loads:
        store_attributes(connection, read_attributes(settings))
    for load in loads.values():
        table = partition(load.extract.name, file_id)
        connection.execute(create_partition(load.extract, table, [file_id]))
        connection.execute(sql.SQL("alter table {} alter _file_id set default {}").format(table, sql.Literal(file_id)))
    seen = None
    if file.repair and file.rule.delivery == "cumulative":
        parts = [(load.extract, file.rule.extracts[name]) for name, load in loads.items()]
        seen = rows_alike(connection, file.repair, parts)
    # Three things happen at once: one batch is read, the one before it converted, the one before that copied.
    batches = read_batches(file.path, file.rule, settings.read_limits, seen)
    batches = one_ahead(file.repair.batches(batches) if file.repair else batches)
    prepared = one_ahead([load.prepare(batch, file.path.name) for load in loads.values()] for batch in batches)
    with OpenCopy(connection) as copy:
        for converted in prepared:
            for load, part in zip(loads.values(), converted, strict=True):
                load.write(copy, part)
        for load in loads.values():
            load.write_quarantined(copy)
    for name in loads:
        connection.execute(analyze_partition(partition(name, file_id)))


def _refuse_too_few(file: FileToLoad, load: ExtractLoad) -> None:
    """Refuse a file that has fewer sound rows than it must have."""
    counts, name = load.counts, file.path.name
    file.promise.check_rows(file.path, counts.lines)
    considered = counts.accepted + counts.quarantined
    if counts.read == 0 and load.extract.fresh_days is not None:
        raise FileRefusedError(f"{name}: is empty: it has a header and no rows")
    if counts.quarantined > file.rule.bad_row_limit * considered:
        raise FileRefusedError(
            f"{name}: {counts.quarantined} of {considered} {load.extract.name} rows are bad, over the limit of "
            f"{file.rule.bad_row_limit:.1%}; the first: {'; '.join([load.first_fault, *load.notes])}"
        )


def _compared_with_earlier(connection: Connection, file: FileToLoad, load: ExtractLoad) -> list[str]:
    """Hold a load's rows against the earlier loads; returns what a person should check."""
    if file.repair is None:
        return overlap_notes(connection, file.mapping.mapping, file.rule, load.extract, load.file_id, file.path.name)
    return take_out_of_repair(connection, file.repair, load, file.rule.extracts[load.extract.name])


def _record(connection: Connection, file: FileToLoad, load: ExtractLoad, seconds: float) -> None:
    """Record what became of the file in one extract, and the hash of its rows."""
    counts, name, file_id = load.counts, load.extract.name, load.file_id
    rows = hashed_rows(connection, load.extract, file_id, partition(name, file_id))
    if rows.rows != counts.accepted:
        raise GridCreditError(
            f"{file.path.name}: {counts.accepted} {name} rows were accepted, and {rows.rows} came to the warehouse: "
            "nothing was loaded. This is a fault of GridCredit's: report it with the file's layout"
        )
    connection.execute(
        "insert into lineage.loads (file_id, extract, mapping_sha256, rows_read, rows_accepted, "
        "rows_quarantined, rows_filtered, rows_repeated, lines_read, lines_used, lines_quarantined, set_aside, "
        "seconds, missing_columns, notes, newest_fact_on) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [file_id, name, file.mapping.sha256, counts.read, counts.accepted, counts.quarantined, counts.filtered]
        + [counts.repeated, counts.lines, counts.lines_used, counts.lines_quarantined, Jsonb(counts.set_aside)]
        + [seconds, file.drift.missing[name], [*file.drift.notes, *load.notes]]
        + [rows.newest_fact_on if name in DATING_EXTRACTS else None],
    )
    record_load_hash(connection, rows, "loaded")


def take_out_of_repair(connection: Connection, repair: Repair, load: ExtractLoad, part: ExtractRule) -> list[str]:
    """Take out of repaired rows those that are in raw already, and those that a later load replaces; what is left is
    counted, and the rest said.
    """
    extract, held = load.extract, 0
    if len(part.parts()) > 1:
        held = take_out_accepted(connection, repair, extract, part, load.file_id, load.source_lines)
    superseded = take_out_superseded(connection, repair, extract, load.file_id)
    load.counts.accepted -= held + superseded
    load.counts.filtered += held + superseded
    load.counts.set_aside += Counter({"was accepted before": held, "a later load holds its key": superseded})
    if not superseded:
        return []
    return [
        f"{extract.name}: {superseded} repaired rows were not taken: loads after {repair.file_id} hold their keys, "
        "and what is delivered later counts"
    ]


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, the next one being made, in a thread, while one is in use."""
    iterator = iter(items)
    end = object()
    with ThreadPoolExecutor(1) as ahead:
        pending = ahead.submit(next, iterator, end)
        while (item := pending.result()) is not end:
            pending = ahead.submit(next, iterator, end)
            yield cast(Item, item)


def is_loaded(path: Path, mapping: Mapping, connection: Connection) -> bool:
    """Whether the same content has been loaded by the mapping, and was not reverted."""
    return known_load(connection, path, mapping, sha256_of(path)) is not None
