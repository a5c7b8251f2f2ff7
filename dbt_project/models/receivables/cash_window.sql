-- What came in altogether within one to four months up to each month-end; a window with a gap is none.
{{ config(indexes=[{'columns': ['month_end', 'months'], 'unique': true}]) }}

with

months as (

    select * from {{ ref('cash_month') }}

),

windows as (
    {% for months in (1, 2, 3, 4) %}
    select
        ends.month_end,
        {{ months }} as months,
        max({{ month_end_after('ends.month_end', -months) }}) as opened_on,
        {{ money('sum(months.collected_amount)') }} as collected_amount
    from months as ends
    inner join months
        on
            ends.month_end >= months.month_end
            and {{ month_end_after('ends.month_end', -months) }} < months.month_end
    group by ends.month_end
    having count(*) = {{ months }}
    {% if not loop.last %}
    union all
    {% endif %}
    {%- endfor %}
)

select * from windows
