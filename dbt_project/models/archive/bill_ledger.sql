{{ config(materialized='view') }}

{{ bill_ledger() }}
