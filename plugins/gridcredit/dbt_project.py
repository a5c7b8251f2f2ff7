"""What the dbt project says of itself: the layers it builds, and the features it computes."""

from __future__ import annotations

from typing import Any

import yaml

from gridcredit.settings import Settings


def features(settings: Settings) -> dict[str, str]:
    """The features that policies may speak of, each with its dimension."""
    found: dict[str, str] = _project(settings)["vars"]["features"]
    return found


def layers(settings: Settings) -> list[str]:
    """The schemas of the layers, from staging to candidate."""
    models: dict[str, Any] = _project(settings)["models"]["gridcredit"]
    return [folder["+schema"] for folder in models.values() if isinstance(folder, dict) and "+schema" in folder]


def _project(settings: Settings) -> dict[str, Any]:
    project: dict[str, Any] = yaml.safe_load((settings.dbt_dir / "dbt_project.yml").read_text(encoding="utf-8"))
    return project
