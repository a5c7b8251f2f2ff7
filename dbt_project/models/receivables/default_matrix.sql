-- The provision matrix: of an amount in a bucket, by the past year's rolls, the share that comes to default unpaid. IFRS 9, simplified
-- approach.
{{ config(indexes=[{'columns': ['segment', 'ageing_bucket'], 'unique': true}]) }}

{%- set buckets = policy_table('ageing_buckets', 'bucket_rank') | selectattr('policy_version', 'equalto', policy_in_force()) | list %}
with

dates as (

    select * from {{ ref('as_of_date') }}
    where is_latest

),

rolls as (

    select rolls.*
    from {{ ref('roll_month') }} as rolls
    inner join dates
        on rolls.as_of_date > dates.year_before

),

ageing as (

    select ageing.*
    from {{ ref('receivable_ageing') }} as ageing
    inner join dates
        on ageing.as_of_date = dates.as_of_date

),

months as (

    select months.*
    from {{ ref('receivable_month') }} as months
    inner join dates
        on
            months.as_of_date > dates.year_before
            and months.as_of_date < dates.as_of_date

),

ageing_before as (

    select ageing.*
    from {{ ref('receivable_ageing') }} as ageing
    inner join dates
        on
            ageing.as_of_date > dates.year_before
            and ageing.as_of_date < dates.as_of_date
    where ageing.bucket_rank = 2

),

billed as (

    select
        segment,
        sum(billed_amount) as amount
    from months
    group by segment

),

overdue as (

    select
        segment,
        sum(open_amount) as amount
    from ageing_before
    group by segment

),

bucket_ranks as (
    {% for bucket in buckets %}
    select
        '{{ bucket.ageing_bucket }}' as ageing_bucket,
        {{ bucket.bucket_rank }} as bucket_rank,
        {{ bucket.from_days if bucket.from_days is not none else 0 }} as from_days
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
    {%- if not buckets %}
    select
        'none' as ageing_bucket,
        1 as bucket_rank,
        0 as from_days
    {% endif %}
),

-- A segment in which nothing ever came to a bucket is taken like all of them together.
rolls_and_pool as (

    select
        segment,
        from_bucket,
        to_bucket,
        amount
    from rolls

    union all

    select
        'all' as segment,
        from_bucket,
        to_bucket,
        amount
    from rolls

),

-- The share of a bucket's amounts that is in a later bucket a month after, or in the same one, the last or too wide to leave.
monthly as (

    select
        rolls.segment,
        from_ranks.bucket_rank,
        sum(case when rolls.to_bucket <> 'paid' then rolls.amount else 0 end) / nullif(sum(rolls.amount), 0) as unpaid_rate,
        sum(case when to_ranks.bucket_rank > from_ranks.bucket_rank then rolls.amount else 0 end)
        / nullif(sum(rolls.amount), 0) as roll_rate
    from rolls_and_pool as rolls
    inner join bucket_ranks as from_ranks
        on rolls.from_bucket = from_ranks.ageing_bucket
    left join bucket_ranks as to_ranks
        on rolls.to_bucket = to_ranks.ageing_bucket
    group by rolls.segment, from_ranks.bucket_rank

),

-- Of what stays for some months in a bucket the share that leaves it unpaid: roll / (roll + paid), since what stays is asked again.
leaving as (

    select
        segment,
        bucket_rank,
        roll_rate / nullif(roll_rate + (1 - unpaid_rate), 0) as unpaid_share
    from monthly
    where bucket_rank > 1

    union all

    -- What is not due yet: how much of what was billed stood overdue at the month's end.
    select
        billed.segment,
        1 as bucket_rank,
        -- Unknown where more was credited than billed.
        case when billed.amount > 0 then least(coalesce(overdue.amount, 0) / billed.amount, 1) end as unpaid_share
    from billed
    left join overdue
        on billed.segment = overdue.segment

),

segments as (

    select distinct segment from ageing

),

matrix as (

    select
        segments.segment,
        bucket_ranks.ageing_bucket,
        bucket_ranks.bucket_rank,
        bucket_ranks.from_days,
        dates.policy_version,
        coalesce(leaving.unpaid_share, pooled.unpaid_share, 1) as unpaid_share
    from segments
    cross join bucket_ranks
    cross join dates
    left join leaving
        on
            segments.segment = leaving.segment
            and bucket_ranks.bucket_rank = leaving.bucket_rank
    left join leaving as pooled
        on
            pooled.segment = 'all'
            and bucket_ranks.bucket_rank = pooled.bucket_rank

),

-- Of a bucket that begins later than default does all is in default.
default_rank as (

    select min(bucket_rank) as bucket_rank
    from bucket_ranks
    where from_days > {{ default_days() }}

),

-- From a bucket to default: one bucket after the other.
rolled as (

    select
        matrix.segment,
        matrix.ageing_bucket,
        matrix.bucket_rank,
        matrix.policy_version,
        coalesce(exp(sum(ln(nullif(later.unpaid_share, 0)))), 1)
        * case when min(later.unpaid_share) = 0 then 0 else 1 end as default_rate
    from matrix
    cross join default_rank
    left join matrix as later
        on
            matrix.segment = later.segment
            and matrix.bucket_rank <= later.bucket_rank
            and default_rank.bucket_rank > later.bucket_rank
    group by matrix.segment, matrix.ageing_bucket, matrix.bucket_rank, matrix.policy_version

),

rounded as (

    select
        segment,
        ageing_bucket,
        bucket_rank,
        policy_version,
        cast(round(cast(default_rate as numeric), 6) as numeric(9, 6)) as default_rate
    from rolled

)

select * from rounded
