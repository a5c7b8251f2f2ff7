"""Contracts of the published tables in the Open Data Contract Standard (bitol.io), for whoever builds on them.

A contract promises columns, types and key. What it promises changes with a new version, which the model's .yml gives
(`config: {meta: {version: 1.1.0}}`): a column more is a minor one, one less or another type a major one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gridcredit.contract.described import Column, Table, published_tables
from gridcredit.errors import GridCreditError
from gridcredit.files.strict_yaml import load_yaml
from gridcredit.settings import Settings

NOTE = "Written from dbt_project/models/candidate/ by `gridcredit contract`; do not edit."
STANDARD = "v3.1.0"
FIRST_VERSION = "1.0.0"
LOGICAL_TYPES = {"text": "string", "date": "date", "boolean": "boolean", "integer": "integer", "bigint": "integer"}
# Columns that each view has besides those of its model, unless the model has one of the name.
OF_RELEASE = (
    Column("release", "bigint", "number of the release in force"),
    Column("as_of_date", "date", "the day that the release is of"),
)


def contract_files(settings: Settings) -> dict[Path, str]:
    """The file of each published table's contract, and what it must hold.

    Raises:
        GridCreditError: a table promises something else than the file that is there, and no new version.
    """
    folder = settings.project_dir / "docs" / "contracts"
    owners = _owners(settings)
    files = {}
    for table in published_tables(settings):
        path = folder / f"{table.name}.odcs.yaml"
        contract = odcs(table, owners[table.group])
        if path.exists():
            require_new_version(load_yaml(path.read_text(encoding="utf-8")), contract)
        files[path] = f"# {NOTE}\n" + yaml.safe_dump(contract, sort_keys=False, width=110, allow_unicode=True)
    return files


def odcs(table: Table, owner: Mapping[str, str]) -> dict[str, Any]:
    """The contract of a published table."""
    names = {column.name for column in table.columns}
    columns = [*table.columns, *(column for column in OF_RELEASE if column.name not in names)]
    relationships = [_relationship(table, key.columns, key.table, key.to_columns) for key in table.foreign_keys]
    schema: dict[str, Any] = {
        "name": table.name,
        "physicalName": table.name,
        "physicalType": "view",
        "logicalType": "object",
        "description": table.text,
        "dataGranularityDescription": f"a row for each {', '.join(table.key)}",
        "properties": [_property(column, table.key) for column in columns],
        "quality": [
            {
                "name": "key_is_unique",
                "type": "library",
                "metric": "duplicateValues",
                "arguments": {"properties": list(table.key)},
                "mustBe": 0,
            }
        ],
    }
    return {
        "apiVersion": STANDARD,
        "kind": "DataContract",
        "id": f"gridcredit.published.{table.name}",
        "name": table.name,
        "version": table.meta.get("version", FIRST_VERSION),
        "status": "deprecated" if "deprecated" in table.meta else "active",
        "domain": table.group,
        "dataProduct": "GridCredit",
        "description": {
            "purpose": table.text,
            "usage": f"What is in force: published.{table.name}. As release N showed it: "
            f"published.{table.name}_as_of(N).",
            "limitations": "Amounts are in the currency of the warehouse. A reader sees the customers of his org "
            "units.",
        },
        "servers": [
            {
                "server": "warehouse",
                "type": "postgres",
                "host": "127.0.0.1",
                "port": 15432,
                "database": "warehouse",
                "schema": "published",
            }
        ],
        "team": {"name": owner["name"], "members": [{"username": owner["email"], "role": "owner"}]},
        "schema": [schema | ({"relationships": relationships} if relationships else {})],
        "slaProperties": [{"property": "frequency", "value": 1, "unit": "d"}],
    } | (_custom(deprecated=table.meta["deprecated"]) if "deprecated" in table.meta else {})


def require_new_version(before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse a contract that promises something else than the one before under the same version.

    Raises:
        GridCreditError: says what changed, and which version is due.
    """
    old, new = _promised(before), _promised(now)
    if old == new or before["version"] != now["version"]:
        return
    broken = [name for name in old if old[name] != new.get(name)]
    major, minor, _ = map(int, now["version"].split("."))
    due = f"{major + 1}.0.0" if broken else f"{major}.{minor + 1}.0"
    changed = ", ".join(broken or sorted(set(new) - set(old)))
    raise GridCreditError(
        f"published.{now['name']}: {changed} changed, and the contract is still version {now['version']}: "
        f"set `config: {{meta: {{version: {due}}}}}` of the model in candidate.yml"
    )


def _promised(contract: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """By column its type, and its place in the key."""
    return {
        one["name"]: (one["physicalType"], one.get("primaryKeyPosition")) for one in contract["schema"][0]["properties"]
    }


def _property(column: Column, key: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": column.name,
        "logicalType": LOGICAL_TYPES.get(column.type, "number"),
        "physicalType": column.type,
        "description": column.text,
    }
    if column.name in key:
        found |= {"primaryKey": True, "primaryKeyPosition": key.index(column.name) + 1}
    if column.is_required or column.name in key:
        found |= {"required": True}
    return found | (_custom(deprecated=column.deprecated) if column.deprecated else {})


def _relationship(table: Table, columns: tuple[str, ...], target: str, to: tuple[str, ...]) -> dict[str, Any]:
    ends = [f"{table.name}.{name}" for name in columns], [f"{target}.{name}" for name in to]
    one, other = ends if len(columns) > 1 else (ends[0][0], ends[1][0])
    return {"type": "foreignKey", "from": one, "to": other}


def _custom(**properties: str) -> dict[str, Any]:
    return {"customProperties": [{"property": name, "value": value} for name, value in properties.items()]}


def _owners(settings: Settings) -> dict[str, dict[str, str]]:
    """By group who is responsible for its tables."""
    text = (settings.dbt_dir / "models" / "candidate" / "candidate.yml").read_text(encoding="utf-8")
    groups = load_yaml(text)["groups"]
    return {group["name"]: group["owner"] for group in groups}
