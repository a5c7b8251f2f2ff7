"""The queries of the page Operations ask what the warehouse has, and find what they say."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from gridcredit.settings import PROJECT_DIR
from gridcredit.warehouse.connection import connect

from tests.support.prepared import Prepared
from tests.support.waiting import rows
from tests.support.warehouses import WarehouseFactory

PAGE = (PROJECT_DIR / "docs" / "operations.md").read_text(encoding="utf-8")
# By the words in bold before each query.
QUERIES = {
    re.findall(r"^\*\*([^*]+)\.\*\*", before, re.MULTILINE)[-1]: after.split("```")[0]
    for before, after in pairwise(PAGE.split("```sql\n"))
}


def test_queries_find_nothing_after_a_good_night(new_warehouse: WarehouseFactory, small: Prepared) -> None:
    settings = new_warehouse(small)
    assert len(QUERIES) == PAGE.count("```sql") == 10
    found = {what: rows(settings, query.encode()) for what, query in QUERIES.items()}
    assert len(found.pop("The disk fills")) == 1
    assert {what: one for what, one in found.items() if one} == {}


@pytest.mark.parametrize(
    ("what", "trouble"),
    [
        (
            "No run has ended well for 26 hours",
            "update lineage.runs set finished_at = finished_at - interval '27 hours'",
        ),
        (
            "A task failed, or a night was late",
            "insert into ops.task_failures (dag_id, run_id, task_id, map_index, try_number, error) values ('d', 'r', "
            "'deadline', -1, 1, 'e')",
        ),
        ("A run was killed", "insert into lineage.runs (run_id, code_version, status) values ('k', 'v', 'killed')"),
        ("A file was refused", "insert into ops.refused_files (mapping, file_name, reason) values ('m', 'f', 'r')"),
        (
            "A gate blocks a run",
            "with run as (insert into lineage.runs (run_id, code_version, status) values ('b', 'v', 'failed') "
            "returning run_id) insert into lineage.gate_results (run_id, gate, suite, expectation, severity, success) "
            "select run_id, 'raw', 'raw.bill', 'e', 'critical', false from run",
        ),
    ],
)
def test_a_query_finds_its_trouble(new_warehouse: WarehouseFactory, small: Prepared, what: str, trouble: str) -> None:
    with connect(new_warehouse(small)) as connection:
        connection.execute(trouble.encode())
        assert len(connection.execute(QUERIES[what].encode()).fetchall()) == 1
        connection.rollback()
