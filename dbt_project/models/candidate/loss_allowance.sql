{{ config(indexes=[{'columns': ['as_of_date', 'region', 'org_unit', 'segment'], 'unique': true}]) }}

with

dates as (

    select * from {{ ref('allowance_date') }}

),

movements as (

    select * from {{ ref('loss_movement') }}

),

unbilled as (

    select * from {{ ref('unbilled_loss') }}

),

unbilled_before as (

    select
        dates.as_of_date,
        unbilled.region,
        unbilled.org_unit,
        unbilled.segment,
        unbilled.unbilled_loss
    from unbilled
    inner join dates
        on unbilled.as_of_date = dates.previous_month_end

),

places as (

    select
        as_of_date,
        region,
        org_unit,
        segment
    from movements

    union

    select
        as_of_date,
        region,
        org_unit,
        segment
    from unbilled

    union

    select
        as_of_date,
        region,
        org_unit,
        segment
    from unbilled_before

),

-- What rests on less than a year would be another figure as soon as the oldest month is no longer covered: it is not
-- published, but for the last day.
allowances as (

    select
        places.*,
        dates.policy_version,
        {{ is_running_month('places.as_of_date') }} as is_running_month,
        before.has_whole_year and not before.is_latest as has_opening,
        coalesce(movements.open_amount, 0) as open_amount,
        coalesce(movements.net_amount, 0) as net_amount,
        coalesce(unbilled.unbilled_amount, 0) as unbilled_amount,
        coalesce(movements.opening_loss, 0) + coalesce(unbilled_before.unbilled_loss, 0) as opening_loss,
        coalesce(movements.new_loss, 0) as new_loss,
        coalesce(movements.paid_loss, 0) as paid_loss,
        coalesce(movements.written_off_loss, 0) as written_off_loss,
        coalesce(movements.aged_loss, 0) as aged_loss,
        coalesce(movements.rates_loss, 0) as rates_loss,
        coalesce(movements.closing_loss, 0) as billed_loss,
        coalesce(unbilled.unbilled_loss, 0) as unbilled_loss,
        coalesce(unbilled.unbilled_loss, 0) - coalesce(unbilled_before.unbilled_loss, 0) as unbilled_change
    from places
    inner join dates
        on places.as_of_date = dates.as_of_date
    left join dates as before
        on dates.previous_month_end = before.as_of_date
    left join movements
        on
            places.as_of_date = movements.as_of_date
            and places.region = movements.region
            and places.org_unit = movements.org_unit
            and places.segment = movements.segment
    left join unbilled
        on
            places.as_of_date = unbilled.as_of_date
            and places.region = unbilled.region
            and places.org_unit = unbilled.org_unit
            and places.segment = unbilled.segment
    left join unbilled_before
        on
            places.as_of_date = unbilled_before.as_of_date
            and places.region = unbilled_before.region
            and places.org_unit = unbilled_before.org_unit
            and places.segment = unbilled_before.segment
    where
        dates.has_whole_year
        or dates.is_latest

),

as_contracted as (

    select
        cast(as_of_date as date) as as_of_date,
        cast(region as {{ dbt.type_string() }}) as region,
        cast(org_unit as {{ dbt.type_string() }}) as org_unit,
        cast(segment as {{ dbt.type_string() }}) as segment,
        cast(is_running_month as boolean) as is_running_month,
        cast(open_amount as numeric(18, 2)) as open_amount,
        cast(net_amount as numeric(18, 2)) as net_amount,
        cast(unbilled_amount as numeric(18, 2)) as unbilled_amount,
        cast(case when has_opening then opening_loss end as numeric(18, 2)) as opening_loss,
        cast(case when has_opening then new_loss end as numeric(18, 2)) as new_loss,
        cast(case when has_opening then paid_loss end as numeric(18, 2)) as paid_loss,
        cast(case when has_opening then written_off_loss end as numeric(18, 2)) as written_off_loss,
        cast(case when has_opening then aged_loss end as numeric(18, 2)) as aged_loss,
        cast(case when has_opening then rates_loss end as numeric(18, 2)) as rates_loss,
        cast(case when has_opening then unbilled_change end as numeric(18, 2)) as unbilled_change,
        cast(billed_loss as numeric(18, 2)) as billed_loss,
        cast(unbilled_loss as numeric(18, 2)) as unbilled_loss,
        cast(billed_loss + unbilled_loss as numeric(18, 2)) as closing_loss,
        cast(policy_version as {{ dbt.type_string() }}) as policy_version
    from allowances

)

select * from as_contracted
