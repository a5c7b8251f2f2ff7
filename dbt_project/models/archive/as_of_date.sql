with

requested as (

    {%- for day in var('as_of_dates') %}
    select cast('{{ day }}' as date) as as_of_date
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}

),

policies as (

    select
        *,
        lead(effective_from) over (order by effective_from) as replaced_from
    from {{ source('policy', 'policies') }}
    where policy_name = '{{ var("policy_name") }}'

),

dated as (

    select
        requested.as_of_date,
        policies.policy_version,
        policies.new_customer_months,
        cast({{ dbt.date_trunc('month', 'requested.as_of_date') }} as date) as month_start,
        cast({{ dbt.dateadd('month', -12, 'requested.as_of_date') }} as date) as year_before,
        cast({{ dbt.dateadd('day', -1, dbt.date_trunc('month', 'requested.as_of_date')) }} as date)
            as previous_month_end,
        requested.as_of_date = max(requested.as_of_date) over () as is_latest
    from requested
    inner join policies
        on
            requested.as_of_date >= policies.effective_from
            and (policies.replaced_from is null or requested.as_of_date < policies.replaced_from)

)

select * from dated
