{% macro interval_of_share(share, cases, sign) -%}
    {#-
        The lower ('-') or upper ('+') end of the 95 % interval of a share of so many cases, by Wilson (1927): it stays
        within 0 and 1, and holds for few cases too. Null where there are none.
    -#}
    case
        when {{ cases }} > 0
            then cast(
                least(
                    greatest(
                        {{ rounded(
                            '(' ~ share ~ ' + 1.9208 / ' ~ cases ~ ' ' ~ sign ~ ' 1.96 * sqrt(greatest(' ~ share ~ ' * (1 - ' ~ share ~ '), 0) / '
                            ~ cases ~ ' + 0.9604 / (' ~ cases ~ ' * ' ~ cases ~ '))) / (1 + 3.8416 / ' ~ cases ~ ')',
                            4
                        ) }}, 0
                    ), 1
                ) as numeric(6, 4)
            )
    end
{%- endmacro %}

{% macro effective_cases(amount) -%}
    {#- How many amounts of one size say as much of a share as those of a group: (sum)^2 / sum of squares (Kish). -#}
    {{ return(ratio(product('sum(' ~ amount ~ ')', 'sum(' ~ amount ~ ')'), 'sum(' ~ product(amount, amount) ~ ')')) }}
{%- endmacro %}
