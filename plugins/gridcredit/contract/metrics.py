"""The metrics that the dbt project defines: how they are read, and how the docs list them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gridcredit.files.strict_yaml import load_yaml
from gridcredit.settings import Settings

BEGIN = "<!-- Metrics: written from dbt_project/models/metrics.yml by `gridcredit contract`; do not edit. -->"
END = "<!-- End of the metrics. -->"


@dataclass(frozen=True)
class Semantics:
    """models/metrics.yml: the metrics by name, and by measure the semantic model that has it."""

    metrics: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]

    def model_of(self, metric: dict[str, Any]) -> dict[str, Any]:
        """The semantic model with the measure that a metric rests on first."""
        while metric["type"] != "simple":
            metric = self.metrics[inputs(metric)[0]["name"]]
        return self.models[metric["type_params"]["measure"]]


def read_semantics(settings: Settings) -> Semantics:
    """The metrics and semantic models as dbt defines them."""
    defined = load_yaml((settings.dbt_dir / "models" / "metrics.yml").read_text(encoding="utf-8"))
    models = {measure["name"]: model for model in defined["semantic_models"] for measure in model["measures"]}
    return Semantics({metric["name"]: metric for metric in defined["metrics"]}, models)


def inputs(metric: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics that one is made of, each with its name, filter and offset."""
    asked = metric["type_params"]
    found = [*asked.get("metrics", []), *(asked[part] for part in ("numerator", "denominator") if part in asked)]
    return [{"name": one} if isinstance(one, str) else one for one in found]


def table_of(model: dict[str, Any]) -> str:
    """The table behind a semantic model."""
    return str(model["model"]).removeprefix("ref('").removesuffix("')")


def metrics_markdown(settings: Settings) -> str:
    """A table of the metrics: what each is, by what it may be asked, and the models behind it."""
    semantics = read_semantics(settings)
    metrics = semantics.metrics
    parts = {part["name"] for metric in metrics.values() for part in inputs(metric)}
    lines = ["| metric | unit | what it is | by | from |", "| --- | --- | --- | --- | --- |"]
    # Amounts that ratios are made of come after them.
    for metric in sorted(metrics.values(), key=lambda one: one["name"] in parts):
        model = semantics.model_of(metric)
        dimensions = ", ".join(one["name"] for one in model["dimensions"] if one["type"] != "time")
        text = metric["description"].replace("|", "\\|")
        lines.append(
            f"| `{metric['name']}` | {metric['config']['meta']['unit']} | {text} | {dimensions} | {table_of(model)} |"
        )
    return "\n".join(lines)


def with_metrics(page: str, settings: Settings) -> str:
    """A page of the docs with the list of metrics between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{metrics_markdown(settings)}\n\n{END}{after}"
