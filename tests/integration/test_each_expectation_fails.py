"""Each expectation holds on right data, and is seen to fail on data that is wrong for it alone.

Ready-made expectations are made wrong by their own arguments: a value just beyond a bound, one of no set, one that is
missing, a pair out of order, one row more than `mostly` lets pass. Of queries tests/cases/expectations says what is
wrong.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.quality.context import GATES
from gridcredit.settings import PROJECT_DIR

from tests.support.checked_tables import CheckedTables
from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory
from tests.support.wrong_data import Case, cases_by_hand, ready_made_cases

BY_HAND = "unexpected_rows_expectation"
# What an expectation asks for, and a column that is never null has already: these can fail only where a table was made
# without. Keys of raw are `not null` in the table, and the loader has put rows without one into quarantine; other
# columns that an extract requires have the loader alone before them.
NEVER_NULL = {("candidate", "customer_rating", "customer_id"), ("candidate", "investigation_due", "due_on")}
NEVER_NULL |= {("raw", extract.name, key) for extract in EXTRACTS.values() for key in extract.keys}
# What the model itself computes so: these notice a fault of the model, and no data.
COMPUTED_SO = {
    ("bill_verification", "the difference is what the amounts say"): "computed_amount is amount less difference",
    ("credit_limit", "head-room is what the limit leaves"): "headroom is credit_limit less exposure",
    ("customer_attribute", "a text may name somebody, and a release cannot forget it"): "texts are left out",
    ("late_charge_by_month", "the account of late charges adds up"): "opening_amount is computed from the other four",
}


@dataclass(frozen=True)
class Expectation:
    """One of a suite, by its place in it."""

    gate: str
    table: str
    place: int
    kind: str
    kwargs: dict[str, Any]
    severity: str
    description: str

    def __str__(self) -> str:
        return f"{self.gate}.{self.table}.{self.place}.{self.kwargs.get('column', self.kind)}"


def _read() -> list[Expectation]:
    return [
        Expectation(gate, path.stem, place, one["type"], one["kwargs"], one["severity"], one.get("description", ""))
        for gate in GATES
        for path in sorted((PROJECT_DIR / "expectations" / "suites" / gate).glob("*.json"))
        for place, one in enumerate(json.loads(path.read_text(encoding="utf-8"))["expectations"])
    ]


EXPECTATIONS = _read()
WRITTEN: dict[str, dict[tuple[str, str], list[Case]]] = {
    gate: cases_by_hand(PROJECT_DIR / "tests" / "cases" / "expectations" / f"{gate}.yml") for gate in GATES
}


@pytest.fixture(scope="module")
def checked(new_warehouse: WarehouseFactory, rich: Prepared) -> CheckedTables:
    return CheckedTables(new_warehouse(rich))


def cases_of(one: Expectation, checked: CheckedTables, *, clean: bool) -> list[Case]:
    if one.kind == BY_HAND:
        cases = WRITTEN[one.gate].get((one.table, one.description))
    else:
        cases = ready_made_cases(
            one.kind, one.kwargs, lambda column: checked.unit(one.gate, one.table, column), clean=clean
        )
    where = f"tests/cases/expectations/{one.gate}.yml" if one.kind == BY_HAND else "tests/support/wrong_data.py"
    assert cases, f"{one}: nothing makes it fail: say in {where} what is wrong ({one.description or one.kind})"
    assert any(case.wrong for case in cases), f"{one}: {where} has nothing that is wrong for it"
    return cases


@pytest.mark.parametrize("one", EXPECTATIONS, ids=str)
def test_it_holds_on_right_data_and_fails_on_wrong(one: Expectation, checked: CheckedTables) -> None:
    assert checked.known(one.gate, one.table)[one.place] == one.kind
    holds_as_built = checked.holds(one.gate, one.table, one.place)
    # What warns may find something in simulated data; what stops a run did not stop this one.
    assert holds_as_built or one.severity == "warning"
    for case in cases_of(one, checked, clean=not holds_as_built):
        with checked.undone():
            if not holds_as_built:
                put_right(one, checked)
            for statement in case.right:
                checked.execute(one.gate, one.table, statement)
            assert checked.holds(one.gate, one.table, one.place), f"{one} fails on what is right: {case.right}"
            for statement in case.wrong:
                with checked.undone():
                    assert checked.execute(one.gate, one.table, statement), f"{one}: changes nothing: {statement}"
                    assert not checked.holds(one.gate, one.table, one.place), f"{one} lets pass: {statement}"


def put_right(one: Expectation, checked: CheckedTables) -> None:
    """Take out the raw rows that a query found, until it finds none: of two with one key it names one."""
    if one.gate != "raw" or one.kind != BY_HAND:
        return
    query = one.kwargs["unexpected_rows_query"].replace("{batch}", "(select * from {batch}) as subselect")
    while checked.execute(one.gate, one.table, f"delete from {{batch}} where (_file_id, _line_no) in ({query})"):
        pass


def test_what_is_written_belongs_to_an_expectation() -> None:
    """And to one alone; so does what a model computes so already."""
    queries = Counter((one.gate, one.table, one.description) for one in EXPECTATIONS if one.kind == BY_HAND)
    assert {(gate, *key) for gate, cases in WRITTEN.items() for key in cases} == queries.keys()
    assert set(queries.values()) == {1}
    assert COMPUTED_SO.keys() <= WRITTEN["candidate"].keys()


def test_which_nulls_a_table_refuses_before_an_expectation_does(checked: CheckedTables) -> None:
    asked = {
        (one.gate, one.table, one.kwargs["column"])
        for one in EXPECTATIONS
        if one.kind == "expect_column_values_to_not_be_null"
    }
    refused = {
        (gate, table, column)
        for gate, table, column in asked
        if column in checked.never_null[checked.places[gate, table]]
    }
    assert refused == NEVER_NULL & asked
    assert len(asked - refused) > 5
