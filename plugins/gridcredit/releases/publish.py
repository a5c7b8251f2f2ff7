"""Publishes a run's candidate tables as a release: one transaction, so readers see the old or the new, never a mix."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import LiteralString

import structlog
from psycopg import sql

from gridcredit.errors import GridCreditError
from gridcredit.lineage.events import send_release
from gridcredit.lineage.run import Run
from gridcredit.policies.rows import changed_policies
from gridcredit.quality.results import approvers_of, unapproved_checks
from gridcredit.releases import restatement
from gridcredit.releases.release import record_release
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.locks import changing_what_is_read
from gridcredit.warehouse.published_tables import TABLES, replace_rows, require_published
from gridcredit.warehouse.reading.preparation import prepare_readers

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Release:
    """What a publish made: the number of the release that stands and its hash, and how much changed."""

    number: int
    is_new: bool
    rows_opened: int
    rows_closed: int
    chain_hash: str


def publish(run: Run) -> Release:
    """Publish the run's candidate tables; without a change the last release stands. Safe to repeat.

    The caller holds the lock of builds.
    """
    run_id, settings, began = run.id, run.settings, datetime.now(UTC)
    prepare_readers(settings)
    with connect(settings) as connection, changing_what_is_read(connection, settings):
        done = connection.execute(
            "select release, rows_opened, rows_closed, chain_hash from lineage.releases where run_id = %s", [run_id]
        ).fetchone()
        if done:
            return Release(done[0], False, *done[1:])
        _require_gates(connection, run_id)
        _require_policies(connection, run_id)
        last = connection.execute(
            "select release, as_of_date from lineage.releases order by release desc limit 1"
        ).fetchone()
        (because,) = connection.execute(
            "select built_because from lineage.runs where run_id = %s", [run_id]
        ).fetchone() or (None,)
        number = (last[0] if last else 0) + 1
        dropped = _dropped_dates(connection, run_id)
        changes = {}
        for table, published in TABLES.items():
            require_published(connection, table)
            # A full refresh covers every row, also those of customers that are no longer known.
            replaced = replace(published, scope=None) if because else published
            changes[table] = replace_rows(connection, table, replaced, dropped, number)
        opened = sum(change.opened for change in changes.values())
        closed = sum(change.closed for change in changes.values())
        # What followed from these facts is published, or was as it is.
        for notes in ("changed_customer", "changed_usage"):
            connection.execute(sql.SQL("delete from ops.{}").format(sql.Identifier(notes)))
        is_new = bool(opened or closed or last is None or last[1] != run.as_of_date)
        if is_new:
            _store_bill_sizes(connection, number)
            approver, reason = approvers_of(connection, run_id)
            record_release(
                *(connection, number, run_id, run.as_of_date, changes),
                approver=approver,
                reason=reason,
                restated_because=restatement.take(connection),
            )
        else:
            number = last[0] if last else 0
        connection.execute(
            "update lineage.runs set status = %s, finished_at = clock_timestamp() where run_id = %s",
            ["published" if is_new else "unchanged", run_id],
        )
        (chain,) = connection.execute(
            "select chain_hash from lineage.releases where release = %s", [number]
        ).fetchone() or ("",)
    send_release(run, number, {table: change.opened for table, change in changes.items()}, began)
    log.info("published", run_id=run_id, release=number, new=is_new, rows_opened=opened, rows_closed=closed)
    return Release(number, is_new, opened, closed, chain)


def _store_bill_sizes(connection: Connection, release: int) -> None:
    """Store the bounds of bill sizes that the release used: later ones use the same
    (models/features/bill_size_bound.sql).
    """
    connection.execute(
        "insert into ops.bill_size_bounds (basis_date, segment, percentile, mean_monthly_bill, customers, release) "
        "select basis_date, segment, cast(substr(bound.key, 6) as integer), cast(bound.value as numeric), customers, "
        "%s from features.bill_size_bound as sizes, jsonb_each_text(to_jsonb(sizes)) as bound "
        "where starts_with(bound.key, 'from_') on conflict do nothing",
        [release],
    )


def _require_gates(connection: Connection, run_id: str) -> None:
    (passed,) = connection.execute(
        "select count(*) from lineage.gate_results where run_id = %s and gate = 'candidate'", [run_id]
    ).fetchone() or (0,)
    if not passed or unapproved_checks(connection, run_id):
        raise GridCreditError(f"run {run_id!r} has not passed its gates: nothing is published, the last release stands")


# Versions that count from the run's day on or before it, and on no released day yet, which its build did not have.
NOT_BUILT_BY: LiteralString = """
with known as (
    select policy_name, policy_version, effective_from, loaded_at from policy.policies
    union all
    select policy_name, policy_version, effective_from, null from policy.proposals
    where is_approved and withdrawn_at is null
)
select policy_version, effective_from
from known inner join lineage.runs using (policy_name)
where
    run_id = %s and effective_from <= as_of_date
    and effective_from > all (
        select releases.as_of_date from lineage.releases inner join lineage.runs as released using (run_id)
        where released.policy_name = known.policy_name
    )
group by policy_version, effective_from, build_began_at
having min(loaded_at) is null or min(loaded_at) > build_began_at
order by effective_from desc limit 1
"""


BUILD_AGAIN = (
    "run `gridcredit run` again, or in Airflow clear the task `build_ledger` of this run of `build_ratings`, with all "
    "tasks after it"
)


def _require_policies(connection: Connection, run_id: str) -> None:
    """What was approved, changed or withdrawn since the build began, which compared it too, is not published."""
    # Until the release is there nothing is approved or withdrawn any more. In the order in which a withdrawal locks.
    connection.execute("lock table policy.policies, policy.proposals in share mode")
    if approved := connection.execute(NOT_BUILT_BY, [run_id]).fetchone():
        raise GridCreditError(
            f"{approved[0]} takes effect on {approved[1]} and was approved or shipped since the build began, so this "
            f"run does not rate by it: {BUILD_AGAIN}, or take back what was approved by `gridcredit policy withdraw`"
        )
    if withdrawn := connection.execute(
        "select policy_version from (select policy_version from candidate.customer_rating "
        "union all select policy_version from candidate.rating_month_end) as rated "
        "where policy_version not in (select policy_version from policy.policies) limit 1"
    ).fetchone():
        raise GridCreditError(f"{withdrawn[0]} was withdrawn since the build began: {BUILD_AGAIN}")
    if changed := changed_policies(connection, run_id):
        raise GridCreditError(
            f"{', '.join(changed)}: not what was loaded, somebody changed it since the build began: nothing is "
            "published. Find out who and why, put it back by `gridcredit policy restore`, and run a full refresh"
        )


def _dropped_dates(connection: Connection, run_id: str) -> list[date]:
    """The dates that the last release covered and this run does not."""
    row = connection.execute(
        "select array(select unnest(before.as_of_dates) except select unnest(runs.as_of_dates)) "
        "from lineage.runs cross join lateral ("
        "select as_of_dates from lineage.runs as earlier where status in ('published', 'unchanged') "
        "and earlier.run_id <> runs.run_id order by finished_at desc limit 1) as before where runs.run_id = %s",
        [run_id],
    ).fetchone()
    return row[0] if row else []
