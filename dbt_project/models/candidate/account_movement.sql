-- The statement of account: each movement up to the last day with the balance after it, and the file and line it came
-- from. Of the accounts that this run computes.
-- The rows that this run replaces in what is published: those of the customers whom a fact concerns.
{{ config(indexes=[{'columns': ['movement_id'], 'unique': true}]) }}

with

scope as (

    select * from {{ ref('moved_scope') }}
    where is_known

),

movements as (

    select * from {{ ref('movement') }}

),

write_offs as (

    select * from {{ ref('write_off') }}
    where amount > 0

),

write_off_changes as (

    select * from {{ ref('write_off_change') }}

),

bill_sources as (

    select * from {{ ref('stg_bill') }}

),

payment_sources as (

    select * from {{ ref('stg_payment') }}

),

action_sources as (

    select * from {{ ref('stg_collection_action') }}

),

files as (

    select * from {{ source('lineage', 'files') }}

),

-- What changed of what is written off besides what write-offs took that day: credit notes lower it.
lowered_parts as (

    select
        bill_id,
        customer_id,
        moved_on,
        written_off
    from write_off_changes

    union all

    select
        bill_id,
        customer_id,
        valid_from as moved_on,
        -amount as written_off
    from write_offs

),

lowered as (

    select
        bill_id,
        customer_id,
        moved_on,
        sum(written_off) as written_off
    from lowered_parts
    group by
        bill_id,
        customer_id,
        moved_on

),

-- What a write-off took, and what credit notes took from it later or payments brought in for it.
write_off_moves as (

    select
        'collection_action ' || action_id || ' ' || bill_id as movement_id,
        'collection_action' as extract,
        action_id as fact_id,
        customer_id,
        bill_id,
        'write_off' as kind,
        valid_from as moved_on,
        -amount as amount
    from write_offs

    union all

    select
        'write_off ' || bill_id || ' ' || cast(moved_on as {{ dbt.type_string() }}) as movement_id,
        'bill' as extract,
        bill_id as fact_id,
        customer_id,
        bill_id,
        'write_off' as kind,
        moved_on,
        -written_off as amount
    from lowered

    union all

    select
        'recovered ' || bill_id || ' ' || cast(moved_on as {{ dbt.type_string() }}) as movement_id,
        'bill' as extract,
        bill_id as fact_id,
        customer_id,
        bill_id,
        'recovered' as kind,
        moved_on,
        recovered as amount
    from write_off_changes

),

moves as (

    select
        movement_id,
        extract,
        fact_id,
        account_id as customer_id,
        bill_id,
        case when kind = 'credit' and bill_id is not null then 'credit_note' else kind end as kind,
        moved_on,
        case when kind in ('credit', 'payment') then -amount else amount end as amount,
        unexplained_amount
    from movements

    union all

    select
        movement_id,
        extract,
        fact_id,
        customer_id,
        bill_id,
        kind,
        moved_on,
        amount,
        0 as unexplained_amount
    from write_off_moves
    where amount <> 0

),

entries as (

    select
        moves.*,
        sum(moves.amount) over (
            partition by moves.customer_id
            order by moves.moved_on, moves.movement_id
            rows between unbounded preceding and current row
        ) as balance
    from scope
    inner join moves
        on
            scope.customer_id = moves.customer_id
            and scope.as_of_date >= moves.moved_on

),

traced as (

    select
        entries.movement_id,
        entries.customer_id,
        entries.moved_on,
        entries.kind,
        {{ money('entries.amount') }} as amount,
        {{ money('entries.balance') }} as balance,
        entries.bill_id,
        case
            when entries.extract = 'payment' and payment_sources.customer_id <> entries.customer_id
                then payment_sources.customer_id
        end as payer_id,
        {{ money('entries.unexplained_amount') }} as unexplained_amount,
        entries.extract,
        entries.fact_id,
        files.file_name,
        coalesce(bill_sources._line_no, payment_sources._line_no, action_sources._line_no) as line_no
    from entries
    left join bill_sources
        on
            entries.extract = 'bill'
            and entries.fact_id = bill_sources.bill_id
    left join payment_sources
        on
            entries.extract = 'payment'
            and entries.fact_id = payment_sources.payment_id
    left join action_sources
        on
            entries.extract = 'collection_action'
            and entries.fact_id = action_sources.action_id
    left join files
        on coalesce(bill_sources._file_id, payment_sources._file_id, action_sources._file_id) = files.file_id

),

as_contracted as (

    select
        cast(movement_id as {{ dbt.type_string() }}) as movement_id,
        cast(customer_id as {{ dbt.type_string() }}) as customer_id,
        cast(moved_on as date) as moved_on,
        cast(kind as {{ dbt.type_string() }}) as kind,
        cast(amount as numeric(18, 2)) as amount,
        cast(balance as numeric(18, 2)) as balance,
        cast(bill_id as {{ dbt.type_string() }}) as bill_id,
        cast(payer_id as {{ dbt.type_string() }}) as payer_id,
        cast(unexplained_amount as numeric(18, 2)) as unexplained_amount,
        cast(extract as {{ dbt.type_string() }}) as extract,
        cast(fact_id as {{ dbt.type_string() }}) as fact_id,
        cast(file_name as {{ dbt.type_string() }}) as file_name,
        cast(line_no as bigint) as line_no
    from traced

)

select * from as_contracted
