{{ config(indexes=[{'columns': ['as_of_date'], 'unique': true}]) }}

with

requested as (

    {%- for day in var('as_of_dates') %}
    select cast('{{ day }}' as date) as as_of_date
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}

),

dated as (

    {{ dated('requested') }}

)

select * from dated
