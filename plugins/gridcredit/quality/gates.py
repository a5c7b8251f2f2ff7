"""The two gates: reviewed suites run against a run's raw rows, and against the tables that are to be published.

A critical failure stops the run, unless a named person let it through; a warning is recorded and shown. Results become
rows in lineage and data docs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import structlog
from psycopg import sql

from gridcredit.errors import GateFailedError
from gridcredit.lineage.run import Run
from gridcredit.quality.context import Suite, place_of, read_suites
from gridcredit.quality.events import send_gate
from gridcredit.quality.failed_rows import named_rows, way_out
from gridcredit.quality.results import Check, FailedCheck, Gate, approval_of, blocking_checks, record_checks
from gridcredit.settings import Settings
from gridcredit.transformation.memory import infrequent_garbage_collection
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.locks import exclusive

log = structlog.get_logger(__name__)

# Besides the extracts: how a run's files compare with those before.
DELIVERY = "delivery"


def run_gate(gate: Gate, run: Run) -> list[Check]:
    """Run every suite of a gate that has rows to check, and record each result.

    Raises:
        GateFailedError: a critical check failed, and nobody let the run through; names the first.
    """
    settings, started = run.settings, datetime.now(UTC)
    suites = read_suites(gate, settings)
    # One run at a time: the views of raw rows are one run's.
    with exclusive("gate", settings), infrequent_garbage_collection():
        tables = _tables_to_check(gate, run, suites)
        checks = _run_checks(gate, run, suites, tables)
    send_gate(run, gate, checks, tables, started)
    failed = [check for check in checks if not check.success]
    blocking = (
        [check for check in blocking_checks(run.id, settings) if check.gate == gate]
        if any(check.is_critical_failure for check in failed)
        else []
    )
    stopping = {check.as_found for check in blocking}
    let_through = 0
    for check in failed:
        if check.is_critical_failure and check.as_found not in stopping:
            # Whoever let it through has seen it.
            let_through += 1
            continue
        rows = named_rows(check.unexpected_keys, check.unexpected_count, check.element_count)
        log.warning(
            "check_failed", gate=gate, suite=check.suite, severity=check.severity, detail=check.detail, rows=rows
        )
    if blocking:
        _stop(gate, run, blocking)
    if let_through:
        decided = approval_of(run.id, settings)
        log.warning("let_through", gate=gate, run_id=run.id, checks=let_through, approver=decided and decided.approver)
    log.info("gate_passed", gate=gate, run_id=run.id, checks=len(checks), warnings=len(failed) - let_through)
    return checks


def _run_checks(
    gate: Gate, run: Run, suites: Mapping[str, Suite], tables: Mapping[str, tuple[str, str]]
) -> list[Check]:
    if not tables:
        # What an earlier try of the run found no longer counts.
        record_checks(run, gate, [], {})
        return []
    from gridcredit.quality.validation import run_checkpoint

    return run_checkpoint(gate, run, suites, tables)


def _stop(gate: Gate, run: Run, blocking: list[FailedCheck]) -> None:
    decided = approval_of(run.id, run.settings)
    shown_in = data_docs_index(run.settings) if run.settings.gate_pages else "lineage.gate_results"
    others = f" that {decided.approver} has not decided about" if decided and decided.is_approved else ""
    keys = [key for check in blocking for key in check.keys]
    raise GateFailedError(
        f"gate {gate}: {len(blocking)} critical check(s) failed{others}, first {blocking[0]}; nothing is published, "
        f"the last release stands; see {shown_in}. {way_out(run.id, keys)}"
    )


def _tables_to_check(gate: Gate, run: Run, suites: Mapping[str, Suite]) -> dict[str, tuple[str, str]]:
    """Where each table's suite reads (schema, name): a view of the run's own raw rows, or a whole table.

    A view, since of a query Great Expectations would fetch every row to learn the names of its columns.
    """
    if gate == "candidate":
        return {table: place_of(gate, table, suite) for table, suite in suites.items()}
    found: dict[str, tuple[str, str]] = {}
    with connect(run.settings) as connection:
        loads: dict[str, list[int]] = {}
        for extract, file_id in connection.execute(
            "select extract, file_id from lineage.loads join lineage.run_files using (file_id) "
            "join lineage.files using (file_id) where run_id = %s and undone_at is null order by file_id",
            [run.id],
        ):
            loads.setdefault(extract, []).append(file_id)
        queries: dict[str, sql.Composed] = {
            DELIVERY: sql.SQL("select * from lineage.deliveries_by_run where run_id = {}").format(sql.Literal(run.id))
        }
        for extract, files in loads.items():
            queries[extract] = sql.SQL("select * from {} where _file_id = any({}) and _deleted is not true").format(
                sql.Identifier("raw", extract), sql.Literal(files)
            )
        for table in suites.keys() & queries.keys():
            found[table] = place_of(gate, table, suites[table])
            view = sql.Identifier(*found[table])
            connection.execute(sql.SQL("drop view if exists {}").format(view))
            connection.execute(sql.SQL("create view {} as {}").format(view, queries[table]))
    return dict(sorted(found.items()))


def data_docs_index(settings: Settings) -> Path:
    """Where a person opens the results."""
    return settings.data_docs_dir / "index.html"
