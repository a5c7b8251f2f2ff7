{% macro dunning_holds() -%}
    {#- The holds of all versions of the policy in use. -#}
    {{ return(policy_table('dunning_holds', 'held_by')) }}
{%- endmacro %}

{% macro dunning_hold() -%}
    {#- The first of a policy's holds that a debtor meets by his features, each a column `feature_...`, and by `step_by_rank`. -#}
    {%- set versions = {} -%}
    {%- for version, holds in dunning_holds() | groupby('policy_version') -%}
        {%- set cases = [] -%}
        {%- for row in holds -%}
            {%- set of_step = "step_by_rank = '" ~ row.step ~ "' and " if row.step else '' -%}
            {%- do cases.append('when ' ~ of_step ~ 'feature_' ~ row.feature ~ ' ' ~ row.comparator ~ ' ' ~ row.threshold ~ " then '" ~ row.held_by ~ "'") -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case ' ~ cases | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}
