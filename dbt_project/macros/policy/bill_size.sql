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
        when {{ bounds }}.customers >= 20
            then case
                {%- for percentile in range(90, 0, -10) %}
                when {{ mean_monthly_bill }} >= {{ bounds }}.from_{{ percentile }} then {{ percentile }}
                {%- endfor %}
                else 0
            end
    end
{%- endmacro %}
