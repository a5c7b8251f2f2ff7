"""The columns of policies are described as the warehouse stores them: order of tables, keys, types, empty cells."""

from __future__ import annotations

from gridcredit.policies.tables import POLICY_TABLES
from gridcredit.settings import Settings

from tests.support.waiting import rows

COLUMNS = """
    select columns.table_name, columns.column_name, is_nullable = 'NO', data_type, key.column_name is not null
    from information_schema.columns
    left join (
        select table_name, column_name from information_schema.key_column_usage
        inner join information_schema.table_constraints using (table_schema, table_name, constraint_name)
        where table_schema = 'policy' and constraint_type = 'PRIMARY KEY'
    ) as key using (table_name, column_name)
    where columns.table_schema = 'policy' and columns.column_name <> 'policy_version'
"""
TYPES = {"integer": "integer", "number": "numeric", "money": "numeric", "date": "date"}


def test_columns_of_policies_are_those_of_the_warehouse(settings: Settings) -> None:
    stored = {
        (table, column): tuple(rest) for table, column, *rest in rows(settings, COLUMNS) if table in POLICY_TABLES
    }
    described = {
        (name, column.name): (column.required, TYPES.get(column.kind, "text"), column.key)
        for name, table in POLICY_TABLES.items()
        for column in (*table.columns, *table.optional_columns)
    }
    assert described == stored
