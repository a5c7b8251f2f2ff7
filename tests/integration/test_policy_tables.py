"""The columns of policies are described as the warehouse stores them: order of tables, keys, types, empty cells."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from gridcredit.errors import PolicyError
from gridcredit.policies.folder import read_folder
from gridcredit.policies.rows import refuse_rounded
from gridcredit.policies.tables import POLICY_TABLES
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

from tests.support import shipped
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


@pytest.mark.parametrize(
    ("file", "old", "new", "column"),
    [
        ("policy.yml", "write_off_days: 361", "write_off_days: 361\nleast_default_rate: 0.0005004", "rate"),
        ("grades.csv", "", "", "min_score"),
        ("loss_scenarios.csv", "", "scenario,probability,default_factor\na,0.33333,1\nb,0.66667,1\n", "probability"),
    ],
)
def test_no_number_of_a_policy_is_rounded(
    settings: Settings, tmp_path: Path, file: str, old: str, new: str, column: str
) -> None:
    folder = tmp_path / "policy"
    shutil.copytree(settings.policies_dir / "default" / shipped.NUMBER, folder)
    path = folder / file
    if column == "min_score":
        path.write_text(re.sub(r"(?m)^(\w+,\d+,\d+)$", r"\1.005", path.read_text(), count=1))
    else:
        path.write_text(path.read_text().replace(old, new) if old else new)
    policy = read_folder(folder)
    with connect(settings) as connection:
        refuse_rounded(connection, read_folder(settings.policies_dir / "default" / shipped.NUMBER))
        with pytest.raises(PolicyError, match=rf"{file}: \w*{column} is .* would round"):
            refuse_rounded(connection, policy)
