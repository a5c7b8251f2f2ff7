{% macro bill_size(policy_version, segment, mean_monthly_bill, bounds) -%}
    {#-
        The percentile of the segment that a mean monthly bill reaches: by the policy's own table where it has one, else by
        the supplier's bills. Fewer than twenty customers of a segment give no tenths.
    -#}
    case
        {%- for version, sizes in policy_table('bill_sizes', 'segment, percentile desc') | groupby('policy_version') %}
        when {{ policy_version }} = '{{ version }}'
            then case {{ segment }}
                {%- for name, ranges in sizes | groupby('segment') %}
                when '{{ name }}'
                    then case
                        {%- for row in ranges %}
                        when {{ mean_monthly_bill }} >= {{ row.mean_monthly_bill }} then {{ row.percentile }}
                        {%- endfor %}
                    end
                {%- endfor %}
            end
        {%- endfor %}
        when {{ bounds }}.customers >= {{ fewest_for_tenths() }}
            then case
                {%- for percentile in range(90, 0, -10) %}
                when {{ mean_monthly_bill }} >= {{ bounds }}.from_{{ percentile }} then {{ percentile }}
                {%- endfor %}
                else 0
            end
    end
{%- endmacro %}

{% macro fewest_for_tenths() -%}
    {#- So many customers with bills a segment needs. -#}
    20
{%- endmacro %}

{% macro bill_size_dates() -%}
    {#- Of each day the day whose bounds it uses: the month-end before; of a day that has none before it, the first there is by then. -#}
    select
        days.as_of_date,
        coalesce(
            max(case when basis_dates.basis_date <= days.previous_month_end then basis_dates.basis_date end),
            min(case when basis_dates.basis_date <= days.as_of_date then basis_dates.basis_date end)
        ) as basis_date
    from {{ ref('evaluation_date') }} as days
    cross join (select distinct basis_date from {{ ref('bill_size_bound') }}) as basis_dates
    group by days.as_of_date
{%- endmacro %}
