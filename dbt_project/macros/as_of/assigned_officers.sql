{% macro assigned_officers() -%}
    {#-
        Who is assigned to each customer of the imports `scope` and `assignments` on its day. Where several are, which a
        supplier should not let happen, the last one by number.
    -#}
    select
        scope.customer_id,
        max(assignments.officer_id) as officer_id
    from scope
    inner join assignments
        on
            scope.customer_id = assignments.customer_id
            and scope.as_of_date >= assignments.valid_from
            and (assignments.valid_to is null or scope.as_of_date <= assignments.valid_to)
    group by scope.customer_id
{%- endmacro %}
