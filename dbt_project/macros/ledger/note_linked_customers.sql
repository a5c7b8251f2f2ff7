{% macro note_linked_customers() -%}
    {#-
        Adds to the changed customers those whose accounts depend on theirs: who pays for whom, and whose
        credits, returns, write-offs and disputes name whose bills or payments; before and after the change. A
        chain of reversals is followed to its end.
    -#}
    {%- if is_incremental() %}
    insert into {{ source('ops', 'changed_customer') }} (customer_id, changed_from, extract)
    with recursive

    changed as (

        select
            customer_id,
            min(changed_from) as changed_from
        from {{ source('ops', 'changed_customer') }}
        group by customer_id

    ),

    -- Facts that name another customer's bill or payment, from both ends.
    linked as (
        {%- for naming in ('stg_payment', 'stg_collection_action', 'stg_dispute') %}

        select
            bills.customer_id,
            changed.changed_from
        from changed
        inner join {{ ref(naming) }} as facts
            on changed.customer_id = facts.customer_id
        inner join {{ ref('stg_bill') }} as bills
            on facts.bill_id = bills.bill_id
        where facts.customer_id <> bills.customer_id

        union

        select
            facts.customer_id,
            changed.changed_from
        from changed
        inner join {{ ref('stg_bill') }} as bills
            on changed.customer_id = bills.customer_id
        inner join {{ ref(naming) }} as facts
            on bills.bill_id = facts.bill_id
        where facts.customer_id <> bills.customer_id

        union
        {%- endfor %}

        -- What comes back of a bill is taken from whoever paid it.
        select
            others.customer_id,
            changed.changed_from
        from changed
        inner join {{ ref('stg_payment') }} as facts
            on changed.customer_id = facts.customer_id
        inner join {{ ref('stg_payment') }} as others
            on facts.bill_id = others.bill_id
        where facts.customer_id <> others.customer_id

        union

        -- As it was before this build; no ref, since these models read what is noted here.
        {%- set movement = this.incorporate(path={'identifier': 'movement'}) %}

        select
            movements.account_id as customer_id,
            changed.changed_from
        from changed
        inner join {{ movement }} as movements
            on changed.customer_id = movements.customer_id
        where movements.account_id <> movements.customer_id

        union

        select
            movements.customer_id,
            changed.changed_from
        from changed
        inner join {{ movement }} as movements
            on changed.customer_id = movements.account_id
        where movements.account_id <> movements.customer_id

    ),

    one_way_links as (
        {%- for name in ('bill', 'payment') %}

        select
            facts.customer_id,
            parents.customer_id as linked_id
        from {{ ref('stg_' ~ name) }} as facts
        inner join {{ ref('stg_' ~ name) }} as parents
            on facts.reverses_{{ name }}_id = parents.{{ name }}_id
        where facts.customer_id <> parents.customer_id

        union
        {%- endfor %}

        select
            customer_id,
            root_customer_id as linked_id
        from {{ this }}
        where customer_id <> root_customer_id

    ),

    reversal_links as (

        select
            customer_id,
            linked_id
        from one_way_links

        union

        select
            linked_id as customer_id,
            customer_id as linked_id
        from one_way_links

    ),

    reached as (

        select * from changed

        union

        select * from linked

    ),

    followed as (

        select
            customer_id,
            changed_from
        from reached

        union

        select
            reversal_links.linked_id as customer_id,
            followed.changed_from
        from followed
        inner join reversal_links
            on followed.customer_id = reversal_links.customer_id

    ),

    -- What names something that comes later, or never, may count from its own day on or from the later one.
    waiting as (
        {%- for name, dated_by in (('bill', 'issued_on'), ('payment', 'paid_on')) %}

        select
            facts.customer_id,
            facts.{{ dated_by }} as dated_on
        from {{ ref('stg_' ~ name) }} as facts
        left join {{ ref('stg_' ~ name) }} as parents
            on
                facts.reverses_{{ name }}_id = parents.{{ name }}_id
                and not parents.is_deleted
        where
            facts.reverses_{{ name }}_id is not null
            and (parents.{{ name }}_id is null or parents.{{ dated_by }} > facts.{{ dated_by }})

        union
        {%- endfor %}

        select
            payers.customer_id,
            facts.paid_on as dated_on
        from {{ ref('stg_payment') }} as facts
        inner join {{ ref('stg_payment') }} as payers
            on facts.bill_id = payers.bill_id
        left join {{ ref('stg_bill') }} as bills
            on
                facts.bill_id = bills.bill_id
                and not bills.is_deleted
        where
            facts.amount < 0
            and facts.reverses_payment_id is null
            and (bills.bill_id is null or bills.issued_on > facts.paid_on)

    ),

    reaching_back as (

        select
            customer_id,
            changed_from
        from followed

        union

        select
            waiting.customer_id,
            waiting.dated_on as changed_from
        from waiting
        where waiting.customer_id in (select followed.customer_id from followed)

    )

    select
        customer_id,
        min(changed_from) as changed_from,
        'linked' as extract
    from reaching_back
    where customer_id is not null
    group by customer_id
    -- Whoever is noted from as early a day on is noted already.
    having min(changed_from) < coalesce((select changed.changed_from from changed where changed.customer_id = reaching_back.customer_id), {{ end_of_time() }});

    {{ analyze_relation(source('ops', 'changed_customer')) }}
    {%- endif %}
{%- endmacro %}
