{% macro dunning_holds() -%}
    {#- The holds of all versions of the policy in use. -#}
    {{ return(policy_table('dunning_holds', 'held_by')) }}
{%- endmacro %}

{% macro dunning_hold() -%}
    {#- The first of a policy's holds that a debtor meets by `feature_...` columns and by `step_by_rank`. -#}
    {%- set versions = {} -%}
    {%- for version, holds in dunning_holds() | groupby('policy_version') -%}
        {%- set cases = [] -%}
        {%- for row in holds -%}
            {%- set of_step = "step_by_rank = '" ~ row.step ~ "' and " if row.step else '' -%}
            {%- set is_met = 'feature_' ~ row.feature ~ ' ' ~ row.comparator ~ ' ' ~ row.threshold -%}
            {%- do cases.append('when ' ~ of_step ~ is_met ~ " then '" ~ row.held_by ~ "'") -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case ' ~ cases | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}
