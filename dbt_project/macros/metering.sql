{% macro dial(reading) -%}
    {#- The figure at which a register that shows this many digits starts again at zero. -#}
    cast(power(10.0, {{ dbt.length('cast(floor(' ~ reading ~ ') as ' ~ dbt.type_string() ~ ')') }}) as numeric(18, 0))
{%- endmacro %}

{% macro readings_to_measure() -%}
    {#-
        The readings of all meters; in an incremental run those of the customers in scope, from the last reading before
        the first month that is measured again.
    -#}
    select {{ reading_columns() }}
    {%- if is_incremental() %}
    from {{ ref('usage_scope') }} as scope
    inner join meters
        on scope.customer_id = meters.customer_id
    cross join lateral (
        {%- for register in ('total', 'peak', 'flat', 'valley', 'reactive', 'demand') %}
        select
            '{{ register }}' as register,
            max(earlier.read_on) as last_read_on
        from {{ ref('stg_meter_reading') }} as earlier
        where
            earlier.meter_id = meters.meter_id
            and earlier.register = '{{ register }}'
            and earlier.read_on < scope.measured_from
            and earlier.quality <> 'missing'
            and not earlier.is_deleted
        {%- if not loop.last %}
        union all
        {%- endif %}
        {%- endfor %}
    ) as before_scope
    inner join {{ ref('stg_meter_reading') }} as readings
        on
            meters.meter_id = readings.meter_id
            and before_scope.register = readings.register
            and readings.read_on >= coalesce(before_scope.last_read_on, cast('0001-01-01' as date))
    where not readings.is_deleted
    {%- else %}
    {{- readings_joined() }}
    {%- endif %}
{%- endmacro %}

{% macro readings_of_meters() -%}
    {#- The readings of the meters that a model has in its `meters`. -#}
    select {{ reading_columns() }}
    {{- readings_joined() }}
{%- endmacro %}

{% macro reading_columns() %}
        meters.customer_id,
        meters.multiplier,
        readings.meter_id,
        readings.register,
        readings.reading,
        readings.quality,
        readings.event,
        readings.read_on
{%- endmacro %}

{% macro readings_joined() %}
    from meters
    inner join {{ ref('stg_meter_reading') }} as readings
        on meters.meter_id = readings.meter_id
    where not readings.is_deleted
{%- endmacro %}

{% macro measured_readings() -%}
    {#- The CTEs that pair each of the `readings` with the one before, and say what was used between them: `measured`. -#}
    {#- A figure that is missing measures nothing; the next one shows what was used since the last that is there. -#}
pairs as (

    select
        customer_id,
        meter_id,
        register,
        quality,
        event,
        multiplier,
        reading,
        read_on,
        lag(reading) over register_readings as reading_before,
        lag(read_on) over register_readings as read_before_on
    from readings
    where quality <> 'missing'
    window register_readings as (
        partition by meter_id, register
        order by read_on
    )

),

{#- A register that starts again at zero has fallen by most of its dial; one that fell by less ran backwards and measured nothing. #}
fallen as (

    select
        *,
        case when register <> 'demand' and reading < reading_before then {{ dial('reading_before') }} end as dial
    from pairs

),

measured as (

    select
        customer_id,
        meter_id,
        register,
        quality,
        event,
        read_on,
        read_before_on,
        read_before_on is not null and register not in ('reactive', 'demand') as is_energy,
        {{ days_after('read_before_on', 'read_on') }} as days,
        2 * (reading_before - reading) > dial as has_rolled_over,
        2 * (reading_before - reading) <= dial as has_run_backwards,
        case
            when register = 'demand' then {{ product('reading', 'multiplier') }}
            when reading >= reading_before then {{ product('(reading - reading_before)', 'multiplier') }}
            when 2 * (reading_before - reading) > dial then {{ product('(reading - reading_before + dial)', 'multiplier') }}
        end as amount,
        cast({{ dbt.date_trunc('month', 'read_on') }} as date) as usage_month
    from fallen

)
{%- endmacro %}

{% macro prices_until_replaced() -%}
    {#- Each price of a tariff's register, until the day on which another takes effect. -#}
    select
        *,
        lead(valid_from) over of_register as replaced_from,
        lag(valid_from) over of_register is not null as is_a_change
    from {{ ref('stg_tariff') }}
    where not is_deleted
    window of_register as (
        partition by tariff_code, register
        order by valid_from
    )
{%- endmacro %}

{% macro charge(price, quantity) -%}
    {#- A quantity at its price: nothing where it has none, unknown where it was not measured. -#}
    case when {{ price }} is null then 0 else {{ product(price, quantity) }} end
{%- endmacro %}

{% macro power_factor(energy, reactive) -%}
    {#- Energy over apparent energy. -#}
    {{ return(ratio(energy, hypotenuse(energy, reactive))) }}
{%- endmacro %}

{% macro apparent(active, factor) -%}
    {#- What is measured in kW or kWh, in kVA or kVAh: over the power factor, or as it is where that is not known. -#}
    {{ return('coalesce(' ~ ratio(active, factor) ~ ', ' ~ active ~ ')') }}
{%- endmacro %}

{% macro beside_past(months, earlier) -%}
    {#- Joins each of a relation's months with those of the customer's twelve months before it that were measured;
        `past_from` is the first of these. -#}
    inner join {{ earlier }} as earlier
        on
            {{ months }}.customer_id = earlier.customer_id
            and earlier.usage_month < {{ months }}.usage_month
            and earlier.usage_month >= {{ months }}.past_from
            and earlier.days_measured > 0
{%- endmacro %}
