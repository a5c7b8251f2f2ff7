"""The results of a gate: what each check found, stored as rows, and whether a person let a blocked run through."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from gridcredit.errors import GridCreditError
from gridcredit.lineage.decisions import record_decision
from gridcredit.lineage.run import Run
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import connect

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


@dataclass(frozen=True)
class Approval:
    """What a person decided about a blocked run."""

    approver: str
    is_approved: bool
    reason: str
    decided_at: datetime


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


def blocking_checks(run_id: str, settings: Settings | None = None) -> list[tuple[str, str, str | None, str | None]]:
    """The critical checks that a run failed: suite, expectation, column and what was found."""
    with connect(settings) as connection:
        return connection.execute(
            "select suite, expectation, column_name, detail from lineage.gate_results "
            "where run_id = %s and severity = 'critical' and not success order by 1, 2, 3",
            [run_id],
        ).fetchall()


def describe_block(run_id: str, settings: Settings | None = None) -> str | None:
    """What blocks a run, as Markdown for whoever decides; None where nothing does, or a later release stands."""
    with connect(settings) as connection:
        later = connection.execute(
            "select release from lineage.releases join lineage.runs as blocked on blocked.run_id = %s "
            "where published_at > blocked.started_at order by release desc limit 1",
            [run_id],
        ).fetchone()
    checks = blocking_checks(run_id, settings)
    if later or not checks:
        return None
    lines = [
        f"Run `{run_id}` is not published: {len(checks)} critical check(s) failed.",
        "",
        "| check | found |",
        "|---|---|",
    ]
    lines += [f"| {suite} {expectation} {column or ''} | {detail} |" for suite, expectation, column, detail in checks]
    lines += ["", "Approve: it is published anyway, with your name and reason. Reject: the last release stands."]
    return "\n".join(lines)


def approval_of(run_id: str, settings: Settings | None = None) -> Approval | None:
    """What was decided about a run, if anything."""
    with connect(settings) as connection:
        row = connection.execute(
            "select approver, is_approved, reason, decided_at from lineage.approvals where run_id = %s", [run_id]
        ).fetchone()
    return Approval(*row) if row else None


def let_through(run_id: str, approver: str, reason: str, settings: Settings) -> None:
    """Let a run that a gate blocked go on, by a named person's word.

    Raises:
        GridCreditError: no gate blocked the run, a later release stands, or the decision lacks a name or a reason.
    """
    if describe_block(run_id, settings) is None:
        raise GridCreditError(
            f"no gate blocks run {run_id!r}, or a later release stands; `gridcredit status` names the last failure"
        )
    record_approval(run_id, approver, reason, is_approved=True, settings=settings)


def record_approval(
    run_id: str, approver: str, reason: str, *, is_approved: bool, settings: Settings | None = None
) -> None:
    """Record what a named person decided about a blocked run; it stands, and a second decision is refused.

    Raises:
        GridCreditError: without a name or a reason, or where another decision stands.
    """
    settings = settings or get_settings()
    approver, reason = approver.strip(), reason.strip()
    what = "release a blocked run" if is_approved else "refuse a blocked run"
    with connect(settings) as connection:
        is_first = connection.execute(
            "insert into lineage.approvals (run_id, approver, is_approved, reason) values (%s, %s, %s, %s) "
            "on conflict (run_id) do nothing returning run_id",
            [run_id, approver, is_approved, reason],
        ).fetchone()
        if is_first:
            record_decision(connection, what, run_id, approver, reason, settings)
    stands = approval_of(run_id, settings)
    if stands is None or (stands.approver, stands.is_approved, stands.reason) != (approver, is_approved, reason):
        raise GridCreditError(f"about run {run_id!r} it was decided already: {stands}")
