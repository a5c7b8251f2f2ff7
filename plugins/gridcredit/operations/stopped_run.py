"""The run that made no release although the last release is older: what stopped it, and what a person does about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Literal

from gridcredit.quality.failed_rows import correct_and_run, to_publish, way_out
from gridcredit.quality.results import unapproved_checks
from gridcredit.warehouse.connection import Connection


@dataclass(frozen=True)
class StoppedRun:
    """A run that a gate blocked, that a person then refused, or that failed otherwise; `checks` are those that
    failed, `to_publish` is the command that publishes it anyway.
    """

    run: str
    as_of_date: date
    started_at: datetime
    why: Literal["blocked", "refused", "failed"]
    checks: list[str]
    to_publish: str | None
    what_to_do: str


def stopped_run(connection: Connection) -> StoppedRun | None:
    """The newest run that ended without a release, where none ended well since it began; a killed one is no such."""
    row = connection.execute(
        "select run_id, as_of_date, started_at, (select is_approved from lineage.approvals "
        "where approvals.run_id = stopped.run_id order by approval_id desc limit 1) "
        "from lineage.runs as stopped where status = 'failed' "
        "and not exists (select from lineage.runs as later where later.status in ('published', 'unchanged') "
        "and later.finished_at > stopped.started_at) "
        "and not exists (select from lineage.releases where published_at > stopped.started_at) "
        "order by started_at desc limit 1"
    ).fetchone()
    if row is None:
        return None
    run_id, as_of_date, started_at, is_approved = row
    made = partial(StoppedRun, run_id, as_of_date, started_at)
    blocking = unapproved_checks(connection, run_id)
    checks = [str(check) for check in blocking]
    keys = [key for check in blocking for key in check.keys]
    if not checks:
        return made("failed", [], None, "its output, or Airflow's log, says why: `gridcredit run` tries again")
    if is_approved is False:
        return made("refused", checks, None, f"A person refused to publish it. {correct_and_run(keys)}")
    return made("blocked", checks, to_publish(run_id), way_out(run_id, keys))


def in_one_line(run: StoppedRun) -> str:
    """For a person: the run, what stopped it, and what to do."""
    which = f"{run.run}, as of {run.as_of_date}"
    if run.why == "failed":
        return f"{which}, made no release: {run.what_to_do}"
    return f"{which}, by {len(run.checks)} critical check(s): {'; '.join(run.checks)}. {run.what_to_do}"
