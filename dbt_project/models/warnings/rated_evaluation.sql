-- The evaluations of the stored year whose findings last: of those who had a rating, month-ends and the days that facts
-- name.
-- No CTE: through a view that has one Postgres reads all rows, whatever is asked of it.
{{ config(materialized='view', keys_of='warning_scope') }}

select
    ratings.customer_id,
    ratings.as_of_date
from {{ ref('rating') }} as ratings
left join {{ ref('evaluation_day') }} as evaluation_days
    on
        ratings.customer_id = evaluation_days.customer_id
        and ratings.as_of_date = evaluation_days.as_of_date
where
    ratings.as_of_date >= cast('{{ warned_from() }}' as date)
    and (
        evaluation_days.customer_id is not null
        or not {{ is_running_month('ratings.as_of_date') }}
    )
