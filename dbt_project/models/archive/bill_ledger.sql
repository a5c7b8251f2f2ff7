{{ config(materialized='view', keys_of='changed_customer') }}

{{ bill_ledger() }}
