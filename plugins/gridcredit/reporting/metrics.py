"""The metrics for tools that read dbt's semantic manifest (MetricFlow and what builds on it)."""

from __future__ import annotations

import json

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings
from gridcredit.transformation.runner import invoke_dbt

# What builds write, and where readers find the same columns: a candidate table holds what a night changed, no more.
READ_AS = {"candidate": "published"}
TIME_SPINE = {"schema_name": "star", "alias": "dim_date"}


def semantic_manifest(settings: Settings) -> str:
    """dbt's semantic manifest, over what readers see: the views of `published`, and the days of `star.dim_date`.

    Raises:
        GridCreditError: the metrics are wrong; dbt says how.
    """
    if not invoke_dbt(["--quiet", "parse"], settings).success:
        raise GridCreditError("dbt could not read the metrics; see its messages above")
    manifest = json.loads((settings.home / "dbt" / "target" / "semantic_manifest.json").read_text(encoding="utf-8"))
    for model in manifest["semantic_models"]:
        relation = model["node_relation"]
        _name(relation, READ_AS.get(relation["schema_name"], relation["schema_name"]), relation["alias"])
    for spine in manifest["project_configuration"]["time_spines"]:
        _name(spine["node_relation"], TIME_SPINE["schema_name"], TIME_SPINE["alias"])
    return json.dumps(manifest, indent=1)


def _name(relation: dict[str, str], schema: str, alias: str) -> None:
    relation |= {
        "schema_name": schema,
        "alias": alias,
        "relation_name": f'"{relation["database"]}"."{schema}"."{alias}"',
    }
