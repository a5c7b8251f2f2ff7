"""What the page Credit shows, asked of the warehouse and of Airflow's own database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

from airflow.models.dag import DagModel
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from psycopg.rows import dict_row
from sqlalchemy import select
from sqlalchemy.orm import Session

from gridcredit.errors import GridCreditError
from gridcredit.ingestion.landing import waiting_files
from gridcredit.ingestion.quarantine import COUNT_WAITING
from gridcredit.operations.airflow_api import NIGHTLY_DAG
from gridcredit.reporting.policy.receipts import read_receipts
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect

Row = dict[str, Any]
DAYS = 7
ROWS_SHOWN = 50

QUERIES: dict[str, LiteralString] = {
    "releases": "select release, run_id, as_of_date, published_at, rows_opened, rows_closed, chain_hash, approver, "
    "reason "
    "from lineage.releases order by release desc limit 5",
    "loads": "select file_id, file_name, loaded_at, undone_at, string_agg(extract, ', ' order by extract) as extracts, "
    "sum(rows_accepted) as accepted, sum(rows_quarantined) as quarantined from lineage.files join lineage.loads using "
    "(file_id) where loaded_at > now() - make_interval(days => %(days)s) group by file_id order by file_id desc limit "
    "%(rows)s",
    "refused": "select file_name, mapping, reason, refused_at from ops.refused_files "
    "where refused_at > now() - make_interval(days => %(days)s) order by refused_at desc limit %(rows)s",
    "runs": "select run_id, as_of_date, status, started_at, finished_at from lineage.runs order by started_at desc "
    "limit 5",
    "gates": "select gate, count(*) as checks, count(*) filter (where not success and severity = 'critical') as "
    "critical, "
    "count(*) filter (where not success and severity <> 'critical') as warnings from lineage.gate_results "
    "where run_id = %(run)s group by gate order by gate desc",
    "failed": "select gate, suite, expectation, column_name, severity, unexpected_count, detail from "
    "lineage.gate_results "
    "where run_id = %(run)s and not success order by severity, gate desc, suite limit %(rows)s",
    "proposals": "select proposal_id, policy_version, effective_from from policy.proposals where is_approved is null "
    "order by proposal_id",
    "quarantine": COUNT_WAITING,
}
WARNINGS: LiteralString = (
    "select level, count(*) as warnings, count(distinct customer_id) as customers from published.customer_warning "
    "group by level, level_rank order by level_rank"
)


@dataclass
class Overview:
    """The rows of each query by its name, and what is known of Airflow."""

    rows: dict[str, list[Row]]
    warnings: list[Row] = field(default_factory=list)
    waiting_files: dict[str, int] = field(default_factory=dict)
    without_policy: str | None = None
    next_run: datetime | None = None
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)

    @property
    def release(self) -> Row | None:
        """The release in force."""
        return self.rows["releases"][0] if self.rows["releases"] else None


def overview(session: Session, settings: Settings) -> Overview:
    """Everything on the page; the warehouse is read in one snapshot."""
    with connect(settings) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        last = connection.execute(
            "select run_id from lineage.gate_results order by recorded_at desc limit 1"
        ).fetchone() or (None,)
        values = {"days": DAYS, "rows": ROWS_SHOWN, "run": last[0]}
        found = Overview({name: rows_of(connection, query, values) for name, query in QUERIES.items()})
        if found.release:
            found.warnings = rows_of(connection, WARNINGS, {})
    found.waiting_files = waiting_files(settings)
    found.without_policy = _without_policy(settings)
    found.next_run = session.scalar(
        select(DagModel.next_dagrun_create_after).where(DagModel.dag_id == NIGHTLY_DAG, DagModel.is_paused.is_(False))
    )
    found.asked = [
        (dag, run, task, subject)
        for dag, run, task, subject in session.execute(
            select(TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, HITLDetail.subject)
            .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
            .where(HITLDetail.responded_at.is_(None))
            .order_by(TaskInstance.dag_id, TaskInstance.run_id)
        )
    ]
    return found


def _without_policy(settings: Settings) -> str | None:
    """Which departments have not received the policy in force; None where all have, or nothing is published."""
    try:
        receipts = read_receipts(None, settings)
    except GridCreditError:
        return None
    return f"{', '.join(receipts.missing)}: {receipts.version}" if receipts.missing else None


def gate_results(run_id: str, settings: Settings) -> list[Row]:
    """Every check of a run's gates, those that failed first."""
    with connect(settings) as connection:
        return rows_of(
            connection,
            "select gate, suite, expectation, column_name as column, severity, success, unexpected_count as "
            "unexpected, element_count as of, detail from lineage.gate_results where run_id = %(run)s "
            "order by success, severity, gate desc, suite, expectation",
            {"run": run_id},
        )


def load_results(file_id: int, settings: Settings) -> tuple[Row | None, list[Row], list[Row]]:
    """A load: its file, its extracts, and by reason what waits in quarantine, without the values."""
    values = {"file": file_id}
    with connect(settings) as connection:
        files = rows_of(connection, "select * from lineage.files where file_id = %(file)s", values)
        extracts = rows_of(
            connection,
            "select extract, rows_read, rows_accepted, rows_quarantined, rows_filtered, rows_repeated from "
            "lineage.loads where file_id = %(file)s order by extract",
            values,
        )
        quarantined = rows_of(
            connection,
            "select extract, column_name as column, reason, count(*) as rows, "
            "string_agg(line_no::text, ', ' order by line_no) filter (where place <= 20) as lines, "
            "count(*) filter (where resubmitted_in is not null) as sent_again from ("
            "select *, row_number() over (partition by extract, column_name, reason order by line_no) as place "
            "from quarantine.rows where file_id = %(file)s) as found "
            "group by extract, column_name, reason order by rows desc, extract",
            values,
        )
    return (files[0] if files else None), extracts, quarantined


def rows_of(connection: Connection, query: LiteralString, values: dict[str, Any]) -> list[Row]:
    """What a query returns, by column name."""
    return connection.cursor(row_factory=dict_row).execute(query, values).fetchall()
