{% macro ageing_bucket(days_overdue) -%}
    {#- The ageing bucket of a number of days overdue, 0 where it is not. -#}
    {%- set versions = {} -%}
    {%- for version, buckets in policy_table('ageing_buckets', 'bucket_rank') | groupby('policy_version') -%}
        {%- set cases = [] -%}
        {%- for bucket in buckets -%}
            {%- do cases.append(('when ' ~ days_overdue ~ ' <= ' ~ bucket.to_days if bucket.to_days is not none else 'else')
                ~ (" then '" if bucket.to_days is not none else " '") ~ bucket.ageing_bucket ~ "'") -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case ' ~ cases | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}
