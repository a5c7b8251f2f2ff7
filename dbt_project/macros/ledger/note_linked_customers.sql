{% macro note_linked_customers() -%}
    {#-
        Adds to the changed customers those whose accounts depend on theirs: who pays for whom, and whose
        credits, returns, write-offs and disputes name whose bills or payments; before and after the change. A
        chain of reversals is followed to its end, from fact to fact: who is linked by one bill does not bring in all
        others for whom he pays. What stood before has no ref, since these models read what is noted here.
    -#}
    {%- if is_incremental() %}
    {%- set movement = this.incorporate(path={'identifier': 'movement'}) %}
    {%- set bill_step = this.incorporate(path={'identifier': 'bill_step'}) %}
    {%- set bill_return = this.incorporate(path={'identifier': 'bill_return'}) %}
    insert into {{ source('ops', 'changed_customer') }} (customer_id, changed_from, extract)
    with recursive

    changed as (

        select
            customer_id,
            min(changed_from) as changed_from
        from {{ source('ops', 'changed_customer') }}
        group by customer_id

    ),

    -- Each fact of a chain with the one that it names, now and before this build.
    one_way_references as (
        {%- for name in ('bill', 'payment') %}

        select
            '{{ name }}' as extract,
            facts.{{ name }}_id as fact_id,
            facts.customer_id,
            parents.{{ name }}_id as linked_fact_id,
            parents.customer_id as linked_id
        from {{ ref('stg_' ~ name) }} as facts
        inner join {{ ref('stg_' ~ name) }} as parents
            on facts.reverses_{{ name }}_id = parents.{{ name }}_id

        union
        {%- endfor %}

        select
            extract,
            fact_id,
            customer_id,
            root_id as linked_fact_id,
            root_customer_id as linked_id
        from {{ this }}
        where root_id is not null

        union

        select
            facts.extract,
            facts.fact_id,
            facts.customer_id,
            parents.fact_id as linked_fact_id,
            parents.customer_id as linked_id
        from {{ this }} as facts
        inner join {{ this }} as parents
            on
                facts.extract = parents.extract
                and facts.parent_id = parents.fact_id

    ),

    fact_links as (

        select
            extract,
            fact_id,
            customer_id,
            linked_fact_id,
            linked_id
        from one_way_references

        union

        select
            extract,
            linked_fact_id as fact_id,
            linked_id as customer_id,
            fact_id as linked_fact_id,
            customer_id as linked_id
        from one_way_references

    ),

    -- The facts of chains with any fact of a changed customer.
    chain_facts as (

        select
            fact_links.extract,
            fact_links.fact_id,
            fact_links.customer_id,
            changed.changed_from
        from changed
        inner join fact_links
            on changed.customer_id = fact_links.customer_id

        union

        select
            fact_links.extract,
            fact_links.linked_fact_id as fact_id,
            fact_links.linked_id as customer_id,
            chain_facts.changed_from
        from chain_facts
        inner join fact_links
            on
                chain_facts.extract = fact_links.extract
                and chain_facts.fact_id = fact_links.fact_id

    ),

    -- Bills that may be another's, by whose facts they are named.
    named_bills as (
        {%- for naming in ('stg_payment', 'stg_collection_action', 'stg_dispute') %}

        select
            facts.bill_id,
            changed.changed_from
        from changed
        inner join {{ ref(naming) }} as facts
            on changed.customer_id = facts.customer_id
        where facts.bill_id is not null

        union
        {%- endfor %}

        select
            facts.bill_id,
            chain_facts.changed_from
        from chain_facts
        inner join {{ ref('stg_payment') }} as facts
            on
                chain_facts.fact_id = facts.payment_id
                and chain_facts.extract = 'payment'
        where facts.bill_id is not null

        union

        select
            returns.bill_id,
            changed.changed_from
        from changed
        inner join {{ bill_return }} as returns
            on changed.customer_id = returns.account_id

    ),

    -- Bills that others' facts may name.
    changed_bills as (

        select
            bills.bill_id,
            changed.changed_from
        from changed
        inner join {{ ref('stg_bill') }} as bills
            on changed.customer_id = bills.customer_id

        union

        select
            steps.bill_id,
            changed.changed_from
        from changed
        inner join {{ bill_step }} as steps
            on changed.customer_id = steps.customer_id

        union

        select
            fact_id as bill_id,
            changed_from
        from chain_facts
        where extract = 'bill'

    ),

    -- What comes back of a bill that never came is taken from whoever paid it.
    unbilled_returns as (

        select distinct returns.bill_id
        from {{ ref('stg_payment') }} as returns
        left join {{ ref('stg_bill') }} as bills
            on
                returns.bill_id = bills.bill_id
                and not bills.is_deleted
                and bills.amount > 0
                and bills.reverses_bill_id is null
        where
            not returns.is_deleted
            and returns.amount < 0
            and returns.reverses_payment_id is null
            and returns.bill_id is not null
            and bills.bill_id is null

    ),

    unbilled_payers as (

        select distinct
            payments.bill_id,
            payments.customer_id
        from {{ ref('stg_payment') }} as payments
        inner join unbilled_returns
            on payments.bill_id = unbilled_returns.bill_id

    ),

    reached as (

        select * from changed

        union

        select
            customer_id,
            changed_from
        from chain_facts

        union

        select
            bills.customer_id,
            named_bills.changed_from
        from named_bills
        inner join {{ ref('stg_bill') }} as bills
            on named_bills.bill_id = bills.bill_id

        union

        select
            payers.customer_id,
            named_bills.changed_from
        from named_bills
        inner join unbilled_payers as payers
            on named_bills.bill_id = payers.bill_id

        union
        {%- for naming in ('stg_payment', 'stg_collection_action', 'stg_dispute') %}

        select
            facts.customer_id,
            changed_bills.changed_from
        from changed_bills
        inner join {{ ref(naming) }} as facts
            on changed_bills.bill_id = facts.bill_id

        union
        {%- endfor %}

        -- As it was before this build.
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

    -- Whoever's facts are followed again needs all of their chains, and all that is taken back of one bill.
    customer_links as (

        select
            customer_id,
            linked_id
        from fact_links
        where customer_id <> linked_id

        union

        select
            payers.customer_id,
            others.customer_id as linked_id
        from unbilled_payers as payers
        inner join unbilled_payers as others
            on payers.bill_id = others.bill_id
        where payers.customer_id <> others.customer_id

    ),

    followed as (

        select
            customer_id,
            changed_from
        from reached

        union

        select
            customer_links.linked_id as customer_id,
            followed.changed_from
        from followed
        inner join customer_links
            on followed.customer_id = customer_links.customer_id

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
