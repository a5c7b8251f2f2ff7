-- A star for BI tools: dimensions and facts, each fact with the keys of its dimensions. docs/bi.md has queries.
-- What each means is in contract/star.yml, from which comments and docs are made.
-- With the reader's own rights, so that row policies hold here too; the dimensions of the policy have no rows of customers.
drop schema if exists star cascade;
create schema star;

create view star.dim_customer with (security_invoker = true) as
select
    account.customer_id,
    coalesce(rating.segment, 'unknown') as segment,
    coalesce(rating.region, 'unknown') as region,
    coalesce(rating.org_unit, 'unknown') as org_unit,
    coalesce(rating.grade, 'NR') as grade,
    class.customer_class,
    class.service_tier
from published.customer_account_history as account
left join published.customer_rating_history as rating
    on rating.customer_id = account.customer_id and rating.valid_to_release is null
left join published.customer_class_history as class
    on class.customer_id = account.customer_id and class.valid_to_release is null
where account.valid_to_release is null;

-- Days are nobody's own. The first ones are found by an index, whoever asks.
create index if not exists account_movement_history_day on published.account_movement_history (moved_on);
create index if not exists late_charge_history_due on published.late_charge_history (due_on);
create view star.dim_date as
select
    day::date as date_day,
    extract(year from day)::integer as year,
    extract(quarter from day)::integer as quarter,
    extract(month from day)::integer as month,
    to_char(day, 'YYYY-MM') as year_month,
    date_trunc('month', day)::date as month_start,
    (date_trunc('month', day) + interval '1 month - 1 day')::date as month_end,
    extract(isodow from day)::integer as iso_weekday
from
    (
        select
            least(
                min(as_of_date) - interval '3 years',
                (select min(moved_on) from published.account_movement_history),
                (select min(due_on) from published.late_charge_history)
            ) as first_day,
            max(as_of_date) + interval '1 year' as last_day
        from published.release
    ) as span
cross join lateral generate_series(date_trunc('year', first_day), last_day, interval '1 day') as day;

create view star.dim_org with (security_invoker = true) as
select
    org_unit,
    region
from star.dim_customer
union
select
    org_unit,
    region
from published.receivable_by_month_history
where valid_to_release is null;

create view star.dim_policy as
select
    policy_version,
    policy_name,
    effective_from,
    approver,
    sha256,
    description
from policy.policies;

create view star.dim_grade as
select
    policy_version,
    grade,
    grade_rank,
    min_score
from policy.grades
union all
select
    policy_version,
    'NR' as grade,
    null as grade_rank,
    null as min_score
from policy.policies;

create view star.fact_rating with (security_invoker = true) as
select
    as_of_date as date_day,
    customer_id,
    policy_version,
    grade,
    score
from published.rating_month_end_history
where valid_to_release is null;

create view star.fact_exposure with (security_invoker = true) as
select
    customer_id,
    policy_version,
    grade,
    credit_limit,
    exposure,
    headroom,
    open_amount,
    unbilled_amount,
    deposit_amount,
    guarantee_amount
from published.credit_limit_history
where valid_to_release is null;

create view star.fact_receivable with (security_invoker = true) as
select
    as_of_date as date_day,
    region,
    org_unit,
    segment,
    opening_balance,
    billed_amount,
    collected_amount,
    written_off_amount,
    closing_balance,
    receivable_amount,
    overdue_amount,
    unallocated_amount,
    billed_gross_amount,
    collected_gross_amount,
    refunded_amount,
    recovered_amount,
    is_running_month,
    days_3_months,
    billed_3_months,
    days_12_months,
    billed_12_months,
    month_bills_amount,
    current_collected_amount,
    arrears_amount,
    arrears_collected_amount,
    not_due_amount,
    not_due_collected_amount,
    month_bills_collected_0,
    month_bills_collected_30,
    month_bills_collected_60,
    month_bills_collected_90,
    month_bills_collected_180
from published.receivable_by_month_history
where valid_to_release is null;

create view star.fact_account with (security_invoker = true) as
select
    as_of_date as date_day,
    customer_id,
    open_amount,
    not_due_amount,
    overdue_amount,
    disputed_amount,
    credit_balance,
    written_off_amount,
    recovered_amount,
    unexplained_amount
from published.customer_account_month_end_history
where valid_to_release is null
union all
select
    as_of_date as date_day,
    customer_id,
    open_amount,
    not_due_amount,
    overdue_amount,
    disputed_amount,
    credit_balance,
    written_off_amount,
    recovered_amount,
    unexplained_amount
from published.customer_account_history
cross join (select as_of_date from published.release order by release desc limit 1) as current_release
where valid_to_release is null;

create view star.fact_account_movement with (security_invoker = true) as
select
    moved_on as date_day,
    customer_id,
    movement_id,
    kind,
    amount,
    balance,
    bill_id,
    payer_id
from published.account_movement_history
where valid_to_release is null;

create view star.fact_ageing with (security_invoker = true) as
select
    as_of_date as date_day,
    region,
    org_unit,
    segment,
    ageing_bucket,
    bucket_rank,
    open_amount,
    open_bills,
    customers
from published.receivable_by_age_history
where valid_to_release is null;

create view star.fact_warning with (security_invoker = true) as
select
    happened_on as date_day,
    customer_id,
    rule,
    opened_on,
    event,
    level,
    officer_id
from published.warning_event_history
where valid_to_release is null;

create view star.fact_late_bill with (security_invoker = true) as
select
    due_on as date_day,
    customer_id,
    bill_id,
    overdue_amount,
    open_amount,
    late_charge,
    charged_through,
    case
        when days_charged = 0 and (daily_charge = 0 or charged_through >= as_of_date) then 0
        else greatest(round(accrued_charge + daily_charge * greatest(as_of_date - charged_through, 0), 2), least_charge)
    end as charge_to_date,
    settled_on
from published.late_charge_history
cross join (select as_of_date from published.release order by release desc limit 1) as current_release
where valid_to_release is null;

create view star.fact_recovery with (security_invoker = true) as
select
    overdue_month as date_day,
    officer_id,
    overdue_amount,
    recovered_30,
    recovered_60,
    recovered_90,
    promises_due,
    promises_kept
from published.officer_result_history
where valid_to_release is null;

-- What came in, what was checked and what was set aside, by release: nobody's rows, so everybody who reads the star sees all.
create view star.dim_release as
select
    release,
    release = max(release) over () as is_in_force,
    as_of_date,
    published_at,
    rows_opened,
    rows_closed,
    chain_hash,
    rolled_back_to,
    approver,
    reason,
    restated_because
from published.release;

create view star.fact_load as
select
    files.file_id,
    loads.extract,
    first_release.release,
    files.mapping,
    files.file_name,
    files.loaded_at,
    files.undone_at is not null as is_reverted,
    loads.rows_read,
    loads.rows_accepted,
    loads.rows_quarantined,
    loads.rows_filtered,
    loads.rows_repeated
from lineage.loads
inner join lineage.files using (file_id)
left join (
    select
        run_files.file_id,
        min(releases.release) as release
    from lineage.run_files
    inner join lineage.releases using (run_id)
    group by run_files.file_id
) as first_release using (file_id);

create view star.fact_quarantine as
select
    file_id,
    extract,
    coalesce(column_name, '') as column_name,
    reason,
    count(*) as rows_quarantined,
    count(*) filter (where resubmitted_in is null and undone_at is null) as rows_waiting
from quarantine.rows
inner join lineage.files using (file_id)
group by file_id, extract, coalesce(column_name, ''), reason;

create view star.fact_check as
select
    releases.release,
    releases.is_in_force,
    results.gate,
    results.table_name,
    results.expectation,
    coalesce(results.column_name, '') as column_name,
    results.severity,
    count(*) as checks,
    count(*) filter (where not results.success) as checks_failed,
    coalesce(sum(results.unexpected_count) filter (where not results.success), 0)::bigint as rows_failing
from (
    select
        release,
        run_id,
        release = max(release) over () as is_in_force
    from lineage.releases
) as releases
inner join lineage.gate_results as results using (run_id)
group by
    releases.release,
    releases.is_in_force,
    results.gate,
    results.table_name,
    results.expectation,
    coalesce(results.column_name, ''),
    results.severity;

-- The day of the release in force: `as_of_date = star.release_day()` is what stands now.
create function star.release_day() returns date
language sql stable
return (select as_of_date from published.release order by release desc limit 1);
comment on function star.release_day is 'The day that the release in force is of.';

-- What stands at the ends of months is not added up over them: of the rows given, those of the last day count.
create type star.amount_of_day as (day date, amount numeric);
create function star.add_at_end(so_far star.amount_of_day, day date, amount numeric) returns star.amount_of_day
language sql immutable
return case
    when day < (so_far).day then so_far
    when day = (so_far).day
        then row(day, coalesce((so_far).amount + amount, (so_far).amount, amount))::star.amount_of_day
    else row(day, amount)::star.amount_of_day
end;
create function star.amount_at_end(so_far star.amount_of_day) returns numeric
language sql immutable
return (so_far).amount;
create aggregate star.sum_at_end(date, numeric) (
    sfunc = star.add_at_end,
    stype = star.amount_of_day,
    finalfunc = star.amount_at_end
);
comment on aggregate star.sum_at_end(date, numeric) is
'Sum of the amounts of the last day among the rows: for balances, which are not added up over days.';

-- Each ratio once, over any sum of receivables: what BI tools show, they take from here.
create function star.dso(receivable numeric, billed numeric, days integer) returns numeric
language sql immutable
return round(receivable / nullif(billed, 0) * days, 2);
comment on function star.dso is 'Days sales outstanding: receivables / billed x days.';

create function star.collection_rate(collected numeric, billed numeric) returns numeric
language sql immutable
return round(collected / nullif(billed, 0), 4);
comment on function star.collection_rate is 'Collected / billed of a period.';

create function star.cei(opening numeric, billed numeric, closing numeric, closing_overdue numeric) returns numeric
language sql immutable
return round(100 * (opening + billed - closing) / nullif(opening + billed - (closing - closing_overdue), 0), 2);
comment on function star.cei is
'Collection effectiveness index, in %: (opening + billed - closing) / (opening + billed - closing not overdue).';

grant usage on schema star to bi_reader;
grant select on all tables in schema star to bi_reader;
