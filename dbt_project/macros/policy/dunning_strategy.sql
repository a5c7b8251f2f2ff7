{% macro dunning_strategy() -%}
    {#- The strategy by which a customer's debts are pursued, by a `hundredth` of the customers. -#}
    {%- set versions = {} -%}
    {%- for version, strategies in policy_table('dunning_strategies', 'strategy') | groupby('policy_version') -%}
        {%- set cases = [] -%}
        {%- set upto = namespace(share=0) -%}
        {%- for row in strategies -%}
            {%- set upto.share = upto.share + (row.share_pct | int) -%}
            {%- do cases.append('when hundredth < ' ~ upto.share ~ " then '" ~ row.strategy ~ "'") -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case ' ~ cases | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}
