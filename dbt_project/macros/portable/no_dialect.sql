{% macro no_dialect(macro_name) -%}
    {#- What an engine has no dialect of is refused: another engine's would give other figures, and nothing would fail. -#}
    {{ exceptions.raise_compiler_error(
        macro_name ~ ' has no dialect for ' ~ adapter.type() ~ ': write ' ~ adapter.type() ~ '__' ~ macro_name ~ ' in macros/portable'
    ) }}
{%- endmacro %}
