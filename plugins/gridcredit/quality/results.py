"""The results of a gate: what each check found, stored as rows, and whether a person let a blocked run through."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from gridcredit.errors import GridCreditError
from gridcredit.lineage.decisions import named_decision, record_decision
from gridcredit.lineage.run import Run
from gridcredit.quality.failed_rows import named_rows
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import Connection, connect

Gate = Literal["raw", "candidate"]


@dataclass(frozen=True)
class Check:
    """The result of one expectation; `unexpected_keys` lists the first rows that failed."""

    table: str
    suite: str
    expectation: str
    column: str | None
    severity: str
    success: bool
    unexpected_count: int | None
    element_count: int | None
    detail: str | None
    unexpected_keys: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_critical_failure(self) -> bool:
        """Whether it stops a run."""
        return not self.success and self.severity == "critical"

    @property
    def as_found(self) -> tuple[str, str, str | None, str | None]:
        """What distinguishes it from the other checks of its gate."""
        return self.suite, self.expectation, self.column, self.detail


@dataclass(frozen=True)
class Approval:
    """What a person decided about a blocked run."""

    approver: str
    is_approved: bool
    reason: str
    decided_at: datetime


@dataclass(frozen=True)
class FailedCheck:
    """A critical check that failed, by what was found: a decision lets through no other, and no other rows."""

    gate: str
    suite: str
    expectation: str
    column: str | None
    detail: str | None
    rows: list[str]
    # Of all rows that failed, of which `rows` are the first; decisions before this was stored lack it.
    count: int | None = field(default=None, compare=False)
    # The rows that were checked: more come where a file does.
    of: int | None = field(default=None, compare=False)

    @property
    def keys(self) -> list[dict[str, Any]]:
        """The keys of the first rows that failed."""
        return [json.loads(row) for row in self.rows]

    @property
    def named_rows(self) -> str:
        """The first rows that failed, in words."""
        return named_rows(self.keys, self.count, self.of)

    @property
    def as_found(self) -> tuple[str, str, str | None, str | None]:
        """As of a `Check`."""
        return self.suite, self.expectation, self.column, self.detail

    def __str__(self) -> str:
        found = self.named_rows
        where = f" on {self.column}" if self.column else ""
        return f"{self.suite} {self.expectation}{where}: {self.detail}{f', {found}' if found else ''}"


def record_checks(run: Run, gate: Gate, checks: list[Check], seconds: dict[str, float]) -> None:
    """Store the results of a run's gate, in place of those of an earlier try, and what each table cost."""
    with connect(run.settings) as connection, connection.cursor() as cursor:
        cursor.execute("delete from lineage.gate_results where run_id = %s and gate = %s", [run.id, gate])
        cursor.executemany(
            "insert into lineage.gate_results (run_id, gate, table_name, suite, expectation, column_name, severity, "
            "success, unexpected_count, element_count, detail, unexpected_keys) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (run.id, gate, check.table, check.suite, check.expectation, check.column, check.severity)
                + (check.success, check.unexpected_count, check.element_count, check.detail)
                + (Jsonb(check.unexpected_keys) if check.unexpected_keys else None,)
                for check in checks
            ],
        )
        cursor.executemany(
            "insert into ops.gate_timings (run_id, gate, table_name, seconds) values (%s, %s, %s, %s)",
            [(run.id, gate, table, spent) for table, spent in seconds.items()],
        )


def blocking_checks(run_id: str, settings: Settings | None = None) -> list[FailedCheck]:
    """The critical checks that a run failed, and that nobody has let through as they failed."""
    with connect(settings) as connection:
        return unapproved_checks(connection, run_id)


def unapproved_checks(connection: Connection, run_id: str) -> list[FailedCheck]:
    """The critical checks that a run failed, without those that a decision about the same rows lets through."""
    failed = connection.execute(
        "select gate, suite, expectation, column_name, detail, unexpected_keys, unexpected_count, "
        "element_count from lineage.gate_results where run_id = %s and severity = 'critical' and not success "
        "order by 1, 2, 3, 4, 5",
        [run_id],
    ).fetchall()
    approved = connection.execute(
        "select jsonb_array_elements(checks) from lineage.approvals where run_id = %s and is_approved", [run_id]
    ).fetchall()
    let_through = [FailedCheck(**check) for (check,) in approved]
    found = [
        FailedCheck(gate, suite, expectation, column, detail, _in_order(keys or []), count, of)
        for gate, suite, expectation, column, detail, keys, count, of in failed
    ]
    return [check for check in found if check not in let_through]


def _in_order(keys: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(key, sort_keys=True) for key in keys)


def describe_block(run_id: str, settings: Settings | None = None) -> str | None:
    """What blocks a run, as Markdown for whoever decides; None where nothing does, or a later release stands."""
    checks = blocking_checks(run_id, settings)
    if not checks or _is_overtaken(run_id, settings):
        return None
    lines = [
        f"Run `{run_id}` is not published: {len(checks)} critical check(s) failed.",
        "",
        "| check | found | rows |",
        "|---|---|---|",
    ]
    lines += [
        f"| {check.suite} {check.expectation} {check.column or ''} | {check.detail} | {check.named_rows} |"
        for check in checks
    ]
    lines += [
        "",
        "Approve: it is published although these failed, with your name and reason; what fails otherwise stops it "
        "again. Reject: the last release stands. Wrong rows stay in raw until their load is taken back: `gridcredit "
        "load list`, `gridcredit load revert ID --reason TEXT`, then deliver the corrected file.",
    ]
    return "\n".join(lines)


def _is_overtaken(run_id: str, settings: Settings | None) -> bool:
    with connect(settings) as connection:
        later = connection.execute(
            "select 1 from lineage.releases join lineage.runs as blocked on blocked.run_id = %s "
            "where published_at > blocked.started_at limit 1",
            [run_id],
        ).fetchone()
    return later is not None


def approval_of(run_id: str, settings: Settings | None = None) -> Approval | None:
    """What was decided last about a run, if anything."""
    with connect(settings) as connection:
        row = connection.execute(
            "select approver, is_approved, reason, decided_at from lineage.approvals where run_id = %s "
            "order by approval_id desc limit 1",
            [run_id],
        ).fetchone()
    return Approval(*row) if row else None


def approvers_of(connection: Connection, run_id: str) -> tuple[str | None, str | None]:
    """Who let a run through, and why: of several decisions all, in their order."""
    row = connection.execute(
        "select string_agg(approver, '; ' order by approval_id), string_agg(reason, '; ' order by approval_id) "
        "from lineage.approvals where run_id = %s and is_approved",
        [run_id],
    ).fetchone()
    return row or (None, None)


def let_through(run_id: str, approver: str, reason: str, settings: Settings) -> list[FailedCheck]:
    """Let a run that a gate blocked go on, by a named person's word; returns what it lets through.

    Raises:
        GridCreditError: no gate blocked the run, a later release stands, or the decision lacks a name or a reason.
    """
    shown = blocking_checks(run_id, settings)
    decided = approval_of(run_id, settings)
    if _is_overtaken(run_id, settings) or not (shown or (decided and decided.is_approved)):
        raise GridCreditError(
            f"no gate blocks run {run_id!r}, or a later release stands: `gridcredit status` names a run that is blocked"
        )
    return record_approval(run_id, approver, reason, is_approved=True, settings=settings)


def record_approval(
    run_id: str, approver: str, reason: str, *, is_approved: bool, settings: Settings | None = None
) -> list[FailedCheck]:
    """Record what a named person decided about what blocks a run, and return it; a second decision about the same is
    refused.

    Raises:
        GridCreditError: without a name or a reason, or where another decision stands.
    """
    settings = settings or get_settings()
    what = "release a blocked run" if is_approved else "refuse a blocked run"
    approver, reason = named_decision(what, approver, reason, settings)
    with connect(settings) as connection:
        # One decision at a time.
        connection.execute("select from lineage.runs where run_id = %s for no key update", [run_id])
        stands, shown = approval_of(run_id, settings), unapproved_checks(connection, run_id)
        if stands and (not stands.is_approved or not shown):
            if (stands.approver, stands.is_approved, stands.reason) != (approver, is_approved, reason):
                raise GridCreditError(f"about run {run_id!r} it was decided already: {stands}")
            return []
        connection.execute(
            "insert into lineage.approvals (run_id, approver, is_approved, reason, checks) values (%s, %s, %s, %s, %s)",
            [run_id, approver, is_approved, reason, Jsonb([asdict(check) for check in shown])],
        )
        record_decision(connection, what, run_id, approver, reason, settings)
    return shown
