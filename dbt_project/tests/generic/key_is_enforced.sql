{% test key_is_enforced(model, columns) %}

{#- The table holds its key while rows are written: a unique index, of columns that are never null. -#}
{{ missing_key(model, columns) }}

{% endtest %}
