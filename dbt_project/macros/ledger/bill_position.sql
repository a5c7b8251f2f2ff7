{#-
    How a bill stands on a day, of these columns: amount, credited_amount, named_paid (by payments that name it), written_off_gross (by
    all write-offs to the day), paid_before (of named_paid what came by the last write-off; all of it where there is none) and
    allocated_then (the unallocated credit that paid the bill at that time).
-#}

{% macro standing_amount(bill) -%}
    ({{ bill }}.amount - {{ bill }}.credited_amount)
{%- endmacro %}

{% macro written_off_part(bill) -%}
    {#-
        What is written off at least: what was paid when it was written off is not, however much is credited later,
        as long as it is paid still. That is what the bill claims of the account's credit: see `written_off_now`.
    -#}
    least({{ bill }}.written_off_gross, greatest({{ standing_amount(bill) }} - {{ bill }}.paid_before - {{ bill }}.allocated_then, 0))
{%- endmacro %}

{% macro written_off_now(bill) -%}
    {#-
        What is written off, once `allocated_amount` is known: where the credit that paid the bill then has gone elsewhere,
        the bill is open again, and credit notes take from that first.
    -#}
    least(
        {{ bill }}.written_off_gross,
        greatest(
            {{ standing_amount(bill) }} - {{ bill }}.paid_before
            - least(
                {{ bill }}.allocated_then,
                {{ bill }}.named_paid - {{ bill }}.paid_before + {{ bill }}.allocated_amount
            ),
            0
        )
    )
{%- endmacro %}

{% macro paid_by_name(bill) -%}
    {#- What payments that name the bill pay of what is owed: never what was written off. -#}
    least({{ bill }}.named_paid, {{ standing_amount(bill) }} - {{ written_off_part(bill) }})
{%- endmacro %}

{% macro recovered_part(bill) -%}
    {#- Of what came after the write-off, what is more than the bill had open, up to what was written off. -#}
    least(
        greatest({{ bill }}.named_paid - greatest({{ bill }}.paid_before, {{ standing_amount(bill) }} - {{ written_off_part(bill) }}), 0),
        {{ written_off_part(bill) }}
    )
{%- endmacro %}

{% macro excess_part(bill) -%}
    {#- What the bill does not use of its payments and credit notes: credit of its account. -#}
    {{ bill }}.credited_beyond + {{ bill }}.named_paid - {{ paid_by_name(bill) }} - {{ recovered_part(bill) }}
{%- endmacro %}

{% macro undisputed_part(amount, bill) -%}
    {#- What of an amount that is owed of a bill is not contested: what is paid is paid of that first. -#}
    greatest({{ amount }} - {{ bill }}.contested_amount, 0)
{%- endmacro %}

{% macro allocated_part(bills, accounts) -%}
    {#-
        What the account's credit pays of a bill's need, in turn: first what nobody contests, then what is
        contested, of each the oldest due first. `accounts` are the columns that make up an account at one time.
    -#}
    {%- set account = bills ~ '.' ~ accounts | join(', ' ~ bills ~ '.') %}
    {%- set undisputed = undisputed_part(bills ~ '.need', bills) %}
    {%- set contested = 'least(' ~ bills ~ '.need, ' ~ bills ~ '.contested_amount)' %}
    {%- set credit = bills ~ '.credit' %}
    {%- set credit_left = credit ~ ' - sum(' ~ undisputed ~ ') over (partition by ' ~ account ~ ')' %}
    {{ paid_in_turn(bills, account, undisputed, credit) }}
    + {{ paid_in_turn(bills, account, contested, credit_left) }}
{%- endmacro %}

{% macro paid_in_turn(bills, account, need, credit) -%}
    {#- What so much credit of an account pays of each bill's need, the oldest due first. -#}
    least(
        {{ need }},
        greatest(
            {{ credit }} + {{ need }} - sum({{ need }}) over (
                partition by {{ account }}
                order by {{ bills }}.due_on, {{ bills }}.issued_on, {{ bills }}.bill_id
                rows between unbounded preceding and current row
            ),
            0
        )
    )
{%- endmacro %}
