"""The features that the dbt project computes, as dbt_project.yml defines them."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from gridcredit.contract.attributes import attribute_features
from gridcredit.files.strict_yaml import load_yaml
from gridcredit.settings import Settings

FEATURE_NOTE = "Written from vars.features of dbt_project/dbt_project.yml by `gridcredit contract`; do not edit."

# The tables of a policy whose rows name features, and in which column.
NAMED_IN = {
    **dict.fromkeys(("indicators", "bins"), "indicator"),
    **dict.fromkeys(("warning_conditions", "review_rules", "vetoes", "advice_rules", "dunning_holds"), "feature"),
}


def features(settings: Settings) -> dict[str, str]:
    """The features that policies may give points for, each with its dimension: also attributes that are not
    protected.
    """
    attributes = {one.name: "attribute" for one in attribute_features(settings) if not one.is_protected}
    return {name: definition["dimension"] for name, definition in definitions(settings).items()} | attributes


def protected_features(settings: Settings) -> list[str]:
    """The features that say to people what to do, and enter no score: protected attributes."""
    return [one.name for one in attribute_features(settings) if one.is_protected]


def definitions(settings: Settings) -> dict[str, dict[str, Any]]:
    """The features as dbt_project.yml defines them, each with a text of what it is."""
    variables = _project(settings)["vars"]
    measures: dict[str, dict[str, Any]] = variables["payment_measures"]
    found: dict[str, dict[str, Any]] = variables["features"]
    return {name: one | {"text": one.get("text") or _measured(one, measures)} for name, one in found.items()}


def _measured(feature: dict[str, Any], measures: dict[str, dict[str, Any]]) -> str:
    text: str = measures[feature["measure"]]["text"]
    if feature.get("recent"):
        return text.format("12 months") + "; an old bill weighs half after each half-life of the policy"
    return text.format("1 month" if feature["months"] == 1 else f"{feature['months']} months")


def _project(settings: Settings) -> dict[str, Any]:
    return _parsed((settings.dbt_dir / "dbt_project.yml").read_text(encoding="utf-8"))


@cache
def _parsed(text: str) -> dict[str, Any]:
    """For reading alone."""
    project: dict[str, Any] = load_yaml(text)
    return project


def feature_library_yaml(settings: Settings) -> str:
    """The model of the published features: a column each."""
    columns: list[dict[str, object]] = [
        {
            "name": "customer_id",
            "description": "the supplier's customer number",
            "data_type": "text",
            "constraints": [{"type": "not_null"}],
        },
        {"name": "segment", "description": "what the electricity is used for", "data_type": "text"},
        {"name": "region", "description": "region of supply", "data_type": "text"},
        {"name": "org_unit", "description": "business unit responsible for the customer", "data_type": "text"},
    ]
    for name, definition in definitions(settings).items():
        columns.append({"name": name, "description": definition["text"], "data_type": "numeric(18, 4)"})
    model = {
        "name": "feature_library",
        "description": "All features of every customer, also those that the policy gives no points for; for analysts. "
        "Grain and key: customer_id.",
        "config": {
            "group": "credit",
            # A feature more is a version more of the data contract.
            "meta": {
                "version": f"1.{len(definitions(settings))}.0",
                "scope": {"model": "customer_scope", "by": ["customer_id"]},
            },
        },
        "constraints": [
            {
                "type": "foreign_key",
                "columns": ["customer_id"],
                "expression": "published.customer_rating (customer_id)",
            }
        ],
        "data_tests": [{"key_is_enforced": {"arguments": {"columns": ["customer_id"]}}}],
        "columns": columns,
    }
    return f"# {FEATURE_NOTE}\n" + yaml.safe_dump({"version": 2, "models": [model]}, sort_keys=False, width=110)
