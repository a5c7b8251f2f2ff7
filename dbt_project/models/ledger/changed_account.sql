-- Whose accounts changed facts concern in an incremental build, and from which day on: the customers of the facts, and
-- those whose bills or payments these name. All are noted before: depends_on: {{ ref('reversal') }}
{{ config(materialized='view') }}

select
    customer_id,
    min(changed_from) as changed_from
from {{ source('ops', 'changed_customer') }}
group by customer_id
