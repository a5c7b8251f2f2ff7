{% macro forecast_errors(forecasts, rival) -%}
    {#-
        As of each date how far each method has been off in the windows that had closed within the year before,
        beside another method in the same windows: not every method has a forecast in all of them.
    -#}
    select
        dates.as_of_date,
        past.months,
        past.method,
        cast(count(*) as integer) as windows,
        sum(abs(past.amount - past.collected_amount)) as error,
        sum(abs(rival.amount - past.collected_amount)) as rival_error,
        sum({{ product('(past.amount - past.collected_amount)', '(past.amount - past.collected_amount)') }}) as squared_error,
        sum({{ product('(rival.amount - past.collected_amount)', '(rival.amount - past.collected_amount)') }}) as rival_squared_error,
        sum(past.collected_amount) as collected_amount
    from {{ ref('as_of_date') }} as dates
    inner join {{ forecasts }} as past
        on
            {{ months_after('past.closed_on', last_closed_month_end('dates')) }}
            between 0 and {{ var('cash_forecast').windows - 1 }}
    inner join {{ forecasts }} as rival
        on
            past.as_of_date = rival.as_of_date
            and past.months = rival.months
            and rival.method = '{{ rival }}'
    group by dates.as_of_date, past.months, past.method
{%- endmacro %}
