"""The data contracts, by the standard's own schema, and what a change of them asks for."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from gridcredit.contract.described import Column, Table, published_tables
from gridcredit.contract.odcs import odcs, require_new_version
from gridcredit.errors import GridCreditError
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.published_tables import TABLES

FILES = sorted((PROJECT_DIR / "docs" / "contracts").iterdir())
# Of the Open Data Contract Standard (github.com/bitol-io/open-data-contract-standard), under the Apache License 2.0.
SCHEMA = PROJECT_DIR / "tests" / "assets" / "odcs" / "3.1.0.schema.json"
OWNER = {"name": "Somebody", "email": "somebody@supplier.example"}


def test_every_published_table_has_one_contract() -> None:
    assert [path.name for path in FILES] == sorted(f"{table}.odcs.yaml" for table in TABLES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.partition(".")[0])
def test_contracts_follow_the_standard(path: Path) -> None:
    contract = yaml.safe_load(path.read_text())
    jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text())).validate(contract)
    assert contract["team"]["members"][0]["role"] == "owner"


def test_the_standard_refuses_what_is_wrong() -> None:
    contract: dict[str, Any] = yaml.safe_load(FILES[0].read_text())
    contract["schema"][0]["properties"][0]["logicalType"] = "varchar"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text())).validate(contract)


@pytest.mark.parametrize(
    ("change", "due"),
    [
        ({"physicalType": "bigint"}, "2.0.0"),
        ({"name": "another"}, "2.0.0"),
        (None, "1.1.0"),
    ],
)
def test_a_change_asks_for_a_version(change: dict[str, str] | None, due: str) -> None:
    before = odcs(published_tables(Settings())[0], OWNER)
    now = copy.deepcopy(before)
    properties = now["schema"][0]["properties"]
    if change:
        properties[3] |= change
    else:
        properties.append({"name": "one_more", "physicalType": "text"})
    with pytest.raises(GridCreditError, match=due):
        require_new_version(before, now)
    require_new_version(before, now | {"version": due})
    require_new_version(before, before)


def test_what_is_deprecated_says_so() -> None:
    column = Column("old", "text", "what it was", deprecated="use new; goes with 0.3")
    contract = odcs(Table("one", "What.", ("old",), (column,), meta={"deprecated": "use two"}), OWNER)
    assert contract["status"] == "deprecated"
    wanted = {"property": "deprecated", "value": "use new; goes with 0.3"}
    assert contract["schema"][0]["properties"][0]["customProperties"] == [wanted]
