{#-
    The scorecard of each policy version as SQL expressions, written from the policy tables when the models are compiled:
    one pass over the customers, whatever the policy says.
-#}

{% macro indicator_value(indicator, not_for) -%}
    {#- An indicator of a customer, null for the segments that it leaves out. -#}
    {%- if not_for -%}
    case when segment not in ('{{ not_for.split('|') | join("', '") }}') then {{ indicator }} end
    {%- else -%}
    {{ indicator }}
    {%- endif -%}
{%- endmacro %}

{% macro is_missing(row) -%}
    {#- Whether an indicator with points of its own for it is missing where it applies. -#}
    {{ indicator_value(row.indicator, none) }} is null
    {%- if row.not_for %} and segment not in ('{{ row.not_for.split('|') | join("', '") }}'){% endif -%}
{%- endmacro %}

{% macro of_bin(value, ranges, column) -%}
    {#- The branches of a case that finds the bin of a value by its upper bound, and gives a column of it. -#}
    {%- for range in ranges -%}
        when {{ value }}{{ ' < ' ~ range.upper_bound if range.upper_bound is not none else ' is not null' }} then {{ range[column] }}
        {%- if not loop.last %} {% endif -%}
    {%- endfor -%}
{%- endmacro %}

{% macro total_points() -%}
    {#- Points of all indicators that are available, and of those whose absence has points of its own. -#}
    {%- set versions = {} -%}
    {%- set weighed = {} -%}
    {%- for row in policy_table('indicators', 'indicator') -%}
        {%- do weighed.update({(row.policy_version, row.indicator): row}) -%}
    {%- endfor -%}
    {%- for version, bins in policy_table('bins', 'indicator, bin') | groupby('policy_version') -%}
        {%- set terms = [] -%}
        {%- for indicator, ranges in bins | groupby('indicator') if indicator in features() -%}
            {%- set row = weighed[(version, indicator)] -%}
            {%- set value = '(' ~ indicator_value(indicator, row.not_for) ~ ')' -%}
            {%- set missing = '' -%}
            {%- if row.missing_points is not none -%}
                {%- set missing = ' when ' ~ is_missing(row) ~ ' then ' ~ row.missing_points -%}
            {%- endif -%}
            {%- do terms.append('case ' ~ of_bin(value, ranges, 'points') ~ missing ~ ' else 0 end') -%}
        {%- endfor -%}
        {%- do versions.update({version: terms | join(' + ') or '0'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

{% macro available_weight() -%}
    {#-
        Weight of all indicators that are available: those that are not share theirs among the rest, unless their absence
        has points of its own. Where none is available it is 0: nobody is scored by what is missing alone.
    -#}
    {%- set binned = policy_table('bins', 'indicator') | map(attribute='indicator') | unique | list -%}
    {%- set versions = {} -%}
    {%- for version, indicators in policy_table('indicators', 'indicator') | groupby('policy_version') -%}
        {%- set terms, values, missing = [], [], [] -%}
        {%- for row in indicators if row.indicator in features() and row.indicator in binned -%}
            {%- set value = '(' ~ indicator_value(row.indicator, row.not_for) ~ ')' -%}
            {%- do values.append(value) -%}
            {%- set counts = value ~ ' is not null' -%}
            {%- if row.missing_points is not none -%}
                {%- do missing.append(row.indicator) -%}
                {%- set counts = counts ~ ' or ' ~ is_missing(row) -%}
            {%- endif -%}
            {%- do terms.append('case when ' ~ counts ~ ' then ' ~ row.weight ~ ' else 0 end') -%}
        {%- endfor -%}
        {%- set total = terms | join(' + ') or '0' -%}
        {%- if missing -%}
            {%- set is_anything_known = 'coalesce(' ~ values | join(', ') ~ ') is not null' -%}
            {%- set total = 'case when ' ~ is_anything_known ~ ' then ' ~ total ~ ' else 0 end' -%}
        {%- endif -%}
        {%- do versions.update({version: total}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

{% macro has_required_weights() -%}
    {#-
        Whether enough is known for a grade: as many bills due as the policy asks for, and of each dimension that it names
        the share of its weight.
    -#}
    {%- set indicators = policy_table('indicators', 'indicator') -%}
    {%- set versions = {} -%}
    {%- for row in policy_table('policies', 'effective_from') if row.least_bills_due -%}
        {%- do versions.update({row.policy_version: ['coalesce(bills_due_12m, 0) >= ' ~ row.least_bills_due]}) -%}
    {%- endfor -%}
    {%- for version, required in policy_table('required_weights', 'dimension') | groupby('policy_version') -%}
        {%- set conditions = versions.get(version, []) -%}
        {%- for one in required -%}
            {%- set available, applicable = [], [] -%}
            {%- for row in indicators if row.policy_version == version and one.dimension in ('all', row.dimension) -%}
                {%- do available.append('case when (' ~ indicator_value(row.indicator, row.not_for) ~ ') is not null then ' ~ row.weight ~ ' else 0 end') -%}
                {%- do applicable.append(
                    "case when segment in ('" ~ row.not_for.split('|') | join("', '") ~ "') then 0 else " ~ row.weight ~ ' end'
                    if row.not_for else row.weight
                ) -%}
            {%- endfor -%}
            {%- do conditions.append('(' ~ available | join(' + ') ~ ') >= ' ~ one.min_share ~ ' * (' ~ applicable | join(' + ') ~ ')') -%}
        {%- endfor -%}
        {%- do versions.update({version: conditions}) -%}
    {%- endfor -%}
    {%- for version, conditions in versions.items() -%}
        {%- do versions.update({version: '(' ~ conditions | join(' and ') ~ ')'}) -%}
    {%- endfor -%}
    {{ 'coalesce(' ~ by_version(versions) ~ ', true)' if versions else 'true' }}
{%- endmacro %}

{% macro indicator_bin() -%}
    {#- The bin that an `indicator_value` of an `indicator` falls in: a lookup of bounds, where a join would compare with all. -#}
    {%- set versions = {} -%}
    {%- for version, bins in policy_table('bins', 'indicator, bin') | groupby('policy_version') -%}
        {%- set indicators = [] -%}
        {%- for indicator, ranges in bins | groupby('indicator') -%}
            {%- do indicators.append("when '" ~ indicator ~ "' then (case " ~ of_bin('indicator_value', ranges, 'bin') ~ ' end)') -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case indicator ' ~ indicators | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

{% macro grade_rank_by_score() -%}
    {%- set versions = {} -%}
    {%- for version, grades in policy_table('grades', 'grade_rank') | groupby('policy_version') -%}
        {%- set cases = [] -%}
        {%- for grade in grades -%}
            {%- do cases.append('when score >= ' ~ grade.min_score ~ ' then ' ~ grade.grade_rank) -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case ' ~ cases | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

{% macro grade_name(rank) -%}
    {%- set versions = {} -%}
    {%- for version, grades in policy_table('grades', 'grade_rank') | groupby('policy_version') -%}
        {%- set cases = [] -%}
        {%- for grade in grades -%}
            {%- do cases.append('when ' ~ grade.grade_rank ~ " then '" ~ grade.grade ~ "'") -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case ' ~ rank ~ ' ' ~ cases | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

{% macro default_days() -%}
    {#- A customer with a debt older than so many days is in default. -#}
    {{ return(var('evaluation').default_days_overdue) }}
{%- endmacro %}

{% macro worst_grade_rank() -%}
    {#- The rank of a version's last grade. -#}
    {%- set versions = {} -%}
    {%- for (version, grade), rank in grade_ranks().items() -%}
        {%- do versions.update({version: [rank, versions.get(version, rank)] | max}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

{% macro default_grade_rank() -%}
    {#- The rank of the best grade that a customer in default may have: the policy's grade for default, or its worst. -#}
    {%- set ranks = grade_ranks() -%}
    {%- set versions = {} -%}
    {%- for row in policy_table('policies', 'effective_from') -%}
        {%- set own = [] -%}
        {%- for (version, grade), rank in ranks.items() if version == row.policy_version -%}{%- do own.append(rank) -%}{%- endfor -%}
        {%- if own -%}
            {%- do versions.update({row.policy_version: ranks.get((row.policy_version, row.default_grade), own | max)}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

{% macro grade_ranks() -%}
    {#- By policy version and grade its rank. -#}
    {%- set ranks = {} -%}
    {%- for grade in policy_table('grades', 'grade_rank') -%}
        {%- do ranks.update({(grade.policy_version, grade.grade): grade.grade_rank}) -%}
    {%- endfor -%}
    {{ return(ranks) }}
{%- endmacro %}

{% macro grade_rank_of(grade) -%}
    {#- The rank of a named grade, null where the policy knows no such grade. -#}
    {%- set versions = {} -%}
    {%- for version, grades in policy_table('grades', 'grade_rank') | groupby('policy_version') -%}
        {%- set cases = [] -%}
        {%- for row in grades -%}
            {%- do cases.append("when '" ~ row.grade ~ "' then " ~ row.grade_rank) -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case ' ~ grade ~ ' ' ~ cases | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

{% macro new_customer_grade_rank() -%}
    {#- The rank that a new customer counts as, null where the policy does not rate him. -#}
    {%- set ranks = grade_ranks() -%}
    {%- set versions = {} -%}
    {%- for row in policy_table('policies', 'effective_from') if (row.policy_version, row.new_customer_grade) in ranks -%}
        {%- do versions.update({row.policy_version: ranks[(row.policy_version, row.new_customer_grade)]}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}

{% macro has_transitions() -%}
    {{ return(policy_table('transitions', 'grade_before') | length > 0) }}
{%- endmacro %}

{% macro grade_after(column) -%}
    {#- The best rank that may follow `grade_before`, or the reason of it; null where every grade may. -#}
    {%- set ranks = grade_ranks() -%}
    {%- set versions = {} -%}
    {%- for version, transitions in policy_table('transitions', 'grade_before') | groupby('policy_version') -%}
        {%- set cases = [] -%}
        {%- for row in transitions -%}
            {%- set value = ranks[(version, row.best_grade)] if column == 'best_grade_rank' else "'" ~ row[column] ~ "'" -%}
            {%- do cases.append("when '" ~ row.grade_before ~ "' then " ~ value) -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case grade_before ' ~ cases | join(' ') ~ ' end)'}) -%}
    {%- endfor -%}
    {{ by_version(versions) if versions else ('cast(null as integer)' if column == 'best_grade_rank' else 'cast(null as ' ~ dbt.type_string() ~ ')') }}
{%- endmacro %}

{% macro hardest_veto(column) -%}
    {#- Of the vetoes that apply the hardest decides, of equally hard ones the first by name; `column` of that veto. -#}
    {%- set ranks = grade_ranks() -%}
    {%- set versions = {} -%}
    {%- for version, vetoes in policy_table('vetoes', 'veto') | groupby('policy_version') -%}
        {%- set cases = [] -%}
        {%- for veto in vetoes -%}
            {%- do veto.update({'best_grade_rank': ranks[(version, veto.best_grade)]}) -%}
        {%- endfor -%}
        {%- for veto in vetoes | sort(attribute='best_grade_rank', reverse=true) if veto.feature in features() -%}
            {%- set value = veto[column] if column == 'best_grade_rank' else "'" ~ veto[column] ~ "'" -%}
            {%- do cases.append(
                'when ' ~ veto.feature ~ ' ' ~ veto.comparator ~ ' ' ~ veto.threshold ~ ' then ' ~ value
            ) -%}
        {%- endfor -%}
        {%- do versions.update({version: '(case ' ~ cases | join(' ') ~ ' end)' if cases else 'null'}) -%}
    {%- endfor -%}
    {{ by_version(versions) }}
{%- endmacro %}
