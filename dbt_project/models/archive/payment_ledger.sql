{{ config(materialized='view') }}

{{ payment_ledger() }}
