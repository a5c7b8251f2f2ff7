{% macro instalment_outcome(day) -%}
    {#-
        What became of one of the `instalments` of a plan of `promises` by a day. What was paid for it is kept, also
        where the plan was completed before its day; else an ended plan asks for no more.
    -#}
    case
        when promises.ended_by = 'plan_completed' and promises.ended_on <= {{ day }} and instalments.is_paid then 'kept'
        when promises.ended_on <= least(instalments.due_on, {{ day }}) then 'ended'
        when instalments.due_on >= {{ day }} then 'open'
        when instalments.is_paid then 'kept'
        else 'broken'
    end
{%- endmacro %}
