"""The features that the dbt project computes, as dbt_project.yml defines them."""

from __future__ import annotations

from typing import Any

import yaml

from gridcredit.settings import Settings


def features(settings: Settings) -> dict[str, str]:
    """The features that policies may speak of, each with its dimension."""
    return {name: definition["dimension"] for name, definition in definitions(settings).items()}


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
    project: dict[str, Any] = yaml.safe_load((settings.dbt_dir / "dbt_project.yml").read_text(encoding="utf-8"))
    return project
