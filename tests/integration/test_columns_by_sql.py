"""What a model's columns rest on is read once for each wording of its SQL."""

from __future__ import annotations

import pytest
from gridcredit.lineage import columns
from gridcredit.lineage.columns import Catalog, Model, record_columns
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect

from tests.support.waiting import rows

MODEL = "model.gridcredit.m"
TABLES: Catalog = {"ledger": {"bill": {"bill_id": "text", "issued_on": "date"}}}
QUERY = 'select bill_id from "db"."ledger"."bill" where issued_on < \'{day}\' -- a supplier\'s bills{more}'


def test_the_same_sql_is_read_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    upstream_of = columns.upstream_of

    def counted(model: Model, known: object) -> object:
        read.append(model.sql)
        return upstream_of(model, known)

    monkeypatch.setattr(columns, "upstream_of", counted)

    def is_read(fingerprint: str, query: str, tables: Catalog = TABLES) -> bool:
        before = len(read)
        record_columns(fingerprint, [Model(MODEL, "credit", "m", query)], settings, lambda: tables)
        return len(read) > before

    first = QUERY.format(day="2026-05-31", more="")
    assert is_read("first", first)
    assert not is_read("first", first)
    # Of another day and policy, in another database.
    assert not is_read("second", QUERY.format(day="2026-06-30", more="").replace('"db"', '"other"'))
    # The quote in the comment hides nothing.
    assert is_read("third", QUERY.format(day="2026-05-31", more="\nand issued_on > '2026-01-01'"))
    wider = {"ledger": {"bill": TABLES["ledger"]["bill"] | {"amount": "numeric"}}}
    assert is_read("fourth", first, wider)
    recorded = rows(
        settings,
        "select fingerprint, column_name, upstream_column, is_direct from lineage.columns where table_name = 'm' order "
        "by 1",
    )
    # What one warehouse learnt of models serves the next test: this model is no project's.
    with connect(settings) as connection:
        connection.execute("delete from lineage.column_upstream where unique_id = %s", [MODEL])
        connection.execute("delete from lineage.model_sql where unique_id = %s", [MODEL])
    assert recorded == [(name, "bill_id", "bill_id", True) for name in ("first", "fourth", "second", "third")]
