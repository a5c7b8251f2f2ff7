"""What the dashboard shows, as read from the current release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg.rows import dict_row

from gridcredit.errors import GridCreditError
from gridcredit.evaluation.soundness import missing_for_sound_results
from gridcredit.pages.texts import Language
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect

Row = dict[str, Any]

QUERIES: dict[str, LiteralString] = {
    "months": (
        "select as_of_date, sum(billed_amount) as billed, sum(collected_amount) as collected, "
        "sum(receivable_amount) as receivable, sum(overdue_amount) as overdue, sum(unallocated_amount) as unallocated, "
        # A running month has hardly been billed: its DSO would bend the trend.
        "case when not bool_or(is_running_month) then round(sum(receivable_amount) / nullif(sum(billed_amount), 0) "
        "* extract(day from as_of_date), 1) end as dso, bool_or(is_running_month) as is_running "
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
    "places": (
        "select org_unit, segment, sum(receivable_amount) as receivable, sum(overdue_amount) as overdue, "
        "sum(billed_amount) as billed, sum(collected_amount) as collected from published.receivable_by_month "
        "where as_of_date = (select max(as_of_date) from published.receivable_by_month) "
        "group by org_unit, segment having sum(receivable_amount) <> 0 or sum(billed_amount) <> 0 order by org_unit, "
        "segment"
    ),
    # All red ones, and of each other level those that are due first.
    "warning_list": (
        "select * from (select warning.*, rating.grade, count(*) over (partition by level) as of_level, "
        "row_number() over (partition by level order by deadline, money_at_risk desc nulls last, warning.customer_id) "
        "as place from published.customer_warning as warning left join published.customer_rating as rating using "
        "(customer_id)) as ranked where level = 'red' or place <= 200 order by level_rank, deadline, customer_id"
    ),
    "debtors": (
        "select debtor.customer_id, debtor_rank, debtor.open_amount, share, rating.grade, rating.segment, "
        "rating.org_unit, work.days_overdue, work.next_step, work.earliest_on, work.held_by, work.step_days_late "
        "from published.largest_debtor as debtor left join published.customer_rating as rating using (customer_id) "
        "left join published.work_list as work using (customer_id) order by debtor_rank"
    ),
    "officers": (
        "select officer_id, sum(overdue_amount) as overdue, sum(recovered_30) as recovered_30, "
        "round(sum(recovered_30) / nullif(sum(overdue_amount), 0), 4) as rate_30, max(target_30) as target_30, "
        "round(sum(recovered_90) / nullif(sum(overdue_amount), 0), 4) as rate_90, max(target_90) as target_90, "
        "sum(promises_due) as promises_due, sum(promises_kept) as promises_kept "
        "from published.officer_result where recovered_rate_90 is not null group by officer_id order by rate_90"
    ),
    "losses": (
        "select sum(open_amount) as open_amount, sum(expected_loss) as expected_loss from "
        "published.expected_credit_loss"
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
        "and run_id = (select run_id from lineage.releases order by release desc limit 1) order by severity, suite "
        "limit 20"
    ),
    "loads": (
        "select extract, count(*) as loads, sum(rows_accepted) as accepted, sum(rows_quarantined) as quarantined "
        "from lineage.loads group by extract order by extract"
    ),
}

# Of a release what is set against the release before: figures of the last day, as that release showed them.
COMPARED: LiteralString = (
    "with months as (select * from published.receivable_by_month_as_of(%(release)s)) "
    "select (select sum(receivable_amount) from months where as_of_date = %(day)s) as receivable, "
    "(select sum(overdue_amount) from months where as_of_date = %(day)s) as overdue, "
    "(select sum(expected_loss) from published.expected_credit_loss_as_of(%(release)s)) as expected_loss, "
    "account.*, level.* from (select sum(greatest(credit_balance, 0)) as credit_balance, sum(written_off_amount) as "
    "written_off, sum(recovered_amount) as recovered from published.customer_account_as_of(%(release)s)) as account, "
    "(select count(*) filter (where level = 'red') as red, count(*) filter (where level = 'orange') as orange, "
    "count(*) filter (where level = 'yellow') as yellow, count(*) filter (where level = 'blue') as blue "
    "from published.customer_warning_as_of(%(release)s)) as level"
)
# What a customer's page shows, by customer.
OF_CUSTOMERS: dict[str, LiteralString] = {
    "rating": "select * from published.customer_rating where customer_id = any(%s)",
    "limit": "select * from published.credit_limit where customer_id = any(%s)",
    "account": "select * from published.customer_account where customer_id = any(%s)",
    "debt": "select * from published.work_list where customer_id = any(%s)",
    # What is missing has points too where the policy gives some for that.
    "costs": (
        "select * from (select *, row_number() over (partition by customer_id order by points - weight, indicator) as "
        "place from published.rating_indicator where points < weight and customer_id = any(%s)) as "
        "costs where place <= 3 order by customer_id, place"
    ),
    "warnings": "select * from published.customer_warning where customer_id = any(%s) order by level_rank, deadline, "
    "rule",
}


@dataclass(frozen=True)
class Dashboard:
    """The release, by name the rows of each query, and what is missing for sound results.

    `now` and `before` are the figures of this release and of the one before; the latter none in a first release.
    `customers` are those that the lists name, each with the rows of what its page shows.
    """

    release: Row
    release_before: Row | None
    rows: dict[str, list[Row]]
    now: Row
    before: Row | None
    customers: dict[str, dict[str, list[Row]]]
    missing: list[str]


def collect(settings: Settings, language: Language) -> Dashboard:
    """Read everything in one snapshot, so that no other release comes in between."""
    with connect(settings) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        releases = _rows(connection, "select * from published.release order by release desc limit 2")
        if not releases:
            raise GridCreditError("nothing has been published yet: run a build first")
        release, earlier = releases[0], next(iter(releases[1:]), None)
        rows = {name: _rows(connection, query) for name, query in QUERIES.items()}
        named = sorted({row["customer_id"] for name in ("debtors", "warning_list") for row in rows[name]})
        return Dashboard(
            release=release,
            release_before=earlier,
            rows=rows,
            now=_compared(connection, release),
            before=_compared(connection, earlier) if earlier else None,
            customers=_customers(connection, named),
            missing=missing_for_sound_results(connection, settings, language),
        )


def _compared(connection: Connection, release: Row) -> Row:
    values = {"release": release["release"], "day": release["as_of_date"]}
    return _rows(connection, COMPARED, values)[0]


def _customers(connection: Connection, named: list[str]) -> dict[str, dict[str, list[Row]]]:
    found: dict[str, dict[str, list[Row]]] = {customer: {name: [] for name in OF_CUSTOMERS} for customer in named}
    for name, query in OF_CUSTOMERS.items():
        for row in _rows(connection, query, [named]):
            found[row["customer_id"]][name].append(row)
    return found


def _rows(
    connection: Connection, query: LiteralString, values: Sequence[Any] | dict[str, Any] | None = None
) -> list[Row]:
    return connection.cursor(row_factory=dict_row).execute(query, values).fetchall()
