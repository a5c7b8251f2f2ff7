"""The data contracts of published tables, checked against a warehouse by datacontract-cli."""

from __future__ import annotations

import json
import subprocess
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import warehouse_url
from gridcredit.warehouse.published_tables import TABLES

from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory

pytestmark = pytest.mark.bi

CONTRACTS = PROJECT_DIR / "docs" / "contracts"


def contracts() -> dict[str, Any]:
    return {name: yaml.safe_load((CONTRACTS / f"{name}.odcs.yaml").read_text()) for name in TABLES}


def check(contract: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """What datacontract-cli finds: how many checks passed, and those that did not."""
    url = urlsplit(warehouse_url(settings))
    contract["servers"][0] |= {"host": url.hostname, "port": url.port, "database": url.path.lstrip("/")}
    done = subprocess.run(
        [PROJECT_DIR / ".venv-bi" / "bin" / "python", PROJECT_DIR / "tests" / "support" / "contract_check.py"],
        input=yaml.safe_dump(contract),
        env={
            "DATACONTRACT_POSTGRES_USERNAME": unquote(url.username or ""),
            "DATACONTRACT_POSTGRES_PASSWORD": unquote(url.password or ""),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def settings(new_warehouse: WarehouseFactory, rich: Prepared) -> Settings:
    return new_warehouse(rich)


def test_what_is_published_fulfils_the_contracts(settings: Settings) -> None:
    """All in one contract, so that foreign keys are followed too: columns, types, keys, and what may not be missing."""
    every = contracts()
    contract = every["customer_rating"]
    contract["schema"] = [schema for one in every.values() for schema in one["schema"]]
    found = check(contract, settings)
    assert found["failed"] == []
    # A column is present, and of its type.
    assert found["passed"] > 2 * sum(len(schema["properties"]) for schema in contract["schema"])


def test_a_broken_promise_is_found(settings: Settings) -> None:
    contract = contracts()["customer_rating"]
    properties = contract["schema"][0]["properties"]
    properties[0]["physicalType"] = "integer"
    properties.append({"name": "gone", "logicalType": "string", "physicalType": "text"})
    named = json.dumps(check(contract, settings)["failed"])
    assert "gone" in named
    assert "customer_id" in named
