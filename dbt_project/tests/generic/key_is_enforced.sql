{% test key_is_enforced(model, columns) %}

{#- A unique index holds the key while rows are written: it has only to be there. -#}
{{ missing_unique_index(model, columns) }}

{% endtest %}
