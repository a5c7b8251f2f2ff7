{% test key_is_enforced(model, columns) %}

{#- A unique index holds the key while rows are written, and lets through rows without one. -#}
{{ missing_unique_index(model, columns) }}

union all

select 'no {{ columns | join(" or ") }}' as key_without_index
from {{ model }}
where
    {{ columns | join(' is null\n    or ') }} is null

{% endtest %}
