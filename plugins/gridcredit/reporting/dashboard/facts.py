"""What the dashboard shows, as read from the current release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg.rows import dict_row

from gridcredit.errors import GridCreditError
from gridcredit.evaluation.soundness import missing_for_sound_results
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect

Row = dict[str, Any]

QUERIES: dict[str, LiteralString] = {
    "months": (
        "select as_of_date, sum(billed_amount) as billed, sum(collected_amount) as collected, "
        "sum(receivable_amount) as receivable, sum(overdue_amount) as overdue, sum(unallocated_amount) as unallocated, "
        # A running month has hardly been billed: its DSO would bend the trend.
        "case when not bool_or(is_running_month) then round(sum(receivable_amount) / nullif(sum(billed_amount), 0) "
        "* extract(day from as_of_date), 1) end as dso "
        "from published.receivable_by_month group by as_of_date order by as_of_date"
    ),
    "accounts": (
        "select sum(greatest(credit_balance, 0)) as credit_balance, sum(written_off_amount) as written_off, "
        "sum(recovered_amount) as recovered, sum(unexplained_amount) as unexplained from published.customer_account"
    ),
    "ageing": (
        "select ageing_bucket, bucket_rank, sum(open_amount) as amount from published.receivable_by_age "
        "where as_of_date = (select max(as_of_date) from published.release) "
        "group by ageing_bucket, bucket_rank order by bucket_rank"
    ),
    "grades": (
        "select coalesce(grade_rank, 99) as grade_rank, grade, count(*) as customers "
        "from published.customer_rating group by grade_rank, grade order by 1"
    ),
    "migration": (
        "select coalesce(before.grade_rank, 99) as rank_before, previous_grade as grade_before, "
        "coalesce(rating.grade_rank, 99) as rank_now, rating.grade as grade_now, count(*) as customers "
        "from published.customer_rating as rating "
        "left join policy.grades as before "
        "on (before.policy_version, before.grade) = (rating.policy_version, rating.previous_grade) "
        "where previous_grade is not null group by 1, 2, 3, 4"
    ),
    "warnings": (
        "select level, org_unit, count(*) as warnings from published.customer_warning group by level, org_unit "
        "order by org_unit"
    ),
    "warning_months": (
        "select date_trunc('month', happened_on)::date as month, "
        "case when event = 'cleared' then 'cleared' else 'opened' end as event, count(*) as warnings "
        "from published.warning_event where event in ('opened', 'reopened', 'cleared') group by 1, 2 order by 1"
    ),
    "watched": (
        "select figure, member, as_of_date, value, note.officer, note.note from evaluation.rating_figure "
        "left join evaluation.breach_note as note using (watched_on) where scorer = 'champion' and status = 'breach' "
        "and watched_on = (select max(watched_on) from evaluation.rating_figure) order by figure, member"
    ),
    "debtors": (
        "select debtor.customer_id, debtor_rank, debtor.open_amount, share, rating.grade, rating.segment, rating.org_unit, "
        "work.days_overdue, work.next_step, work.earliest_on, work.held_by "
        "from published.largest_debtor as debtor left join published.customer_rating as rating using (customer_id) "
        "left join published.work_list as work using (customer_id) order by debtor_rank limit 15"
    ),
    "officers": (
        "select officer_id, sum(overdue_amount) as overdue, sum(recovered_30) as recovered_30, "
        "round(sum(recovered_30) / nullif(sum(overdue_amount), 0), 4) as rate_30, max(target_30) as target_30, "
        "round(sum(recovered_90) / nullif(sum(overdue_amount), 0), 4) as rate_90, max(target_90) as target_90, "
        "sum(promises_due) as promises_due, sum(promises_kept) as promises_kept "
        "from published.officer_result where recovered_rate_90 is not null group by officer_id order by rate_90"
    ),
    "losses": (
        "select sum(open_amount) as open_amount, sum(expected_loss) as expected_loss from published.expected_credit_loss"
    ),
    "forecasts": (
        "select as_of_date, months, forecast_amount, naive_amount, collected_amount from published.cash_forecast "
        "order by as_of_date, months"
    ),
    "strategies": "select * from published.strategy_result order by days_recovered, is_champion desc, strategy",
    "checks": (
        "select gate, severity, count(*) as checks, count(*) filter (where not success) as failed "
        "from lineage.gate_results where run_id = (select run_id from lineage.releases order by release desc limit 1) "
        "group by gate, severity order by gate, severity"
    ),
    "failed_checks": (
        "select suite, expectation, severity, detail from lineage.gate_results where not success "
        "and run_id = (select run_id from lineage.releases order by release desc limit 1) order by severity, suite limit 20"
    ),
    "loads": (
        "select extract, count(*) as loads, sum(rows_accepted) as accepted, sum(rows_quarantined) as quarantined "
        "from lineage.loads group by extract order by extract"
    ),
}


@dataclass(frozen=True)
class Dashboard:
    """The release, by name the rows of each query, and what is missing for sound results."""

    release: Row
    rows: dict[str, list[Row]]
    missing: list[str]


def collect(settings: Settings) -> Dashboard:
    """Read everything in one snapshot, so that no other release comes in between."""
    with connect(settings) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        release = _rows(connection, "select * from published.release order by release desc limit 1")
        if not release:
            raise GridCreditError("nothing has been published yet: run a build first")
        rows = {name: _rows(connection, query) for name, query in QUERIES.items()}
        return Dashboard(release[0], rows, missing_for_sound_results(connection, settings))


def _rows(connection: Connection, query: LiteralString) -> list[Row]:
    return connection.cursor(row_factory=dict_row).execute(query).fetchall()
