"""The metrics that the dbt project defines, as the docs list them."""

from __future__ import annotations

from typing import Any

from gridcredit.files.strict_yaml import load_yaml
from gridcredit.settings import Settings

BEGIN = "<!-- Metrics: written from dbt_project/models/metrics.yml by `gridcredit contract`; do not edit. -->"
END = "<!-- End of the metrics. -->"


def metrics_markdown(settings: Settings) -> str:
    """A table of the metrics: what each is, by what it may be asked, and the models behind it."""
    defined = load_yaml((settings.dbt_dir / "models" / "metrics.yml").read_text(encoding="utf-8"))
    models = {measure["name"]: model for model in defined["semantic_models"] for measure in model["measures"]}
    metrics = {metric["name"]: metric for metric in defined["metrics"]}
    parts = {part for metric in metrics.values() for part in _inputs(metric)}
    lines = ["| metric | unit | what it is | by | from |", "| --- | --- | --- | --- | --- |"]
    # Amounts that ratios are made of come after them.
    for metric in sorted(metrics.values(), key=lambda one: one["name"] in parts):
        model = models[_measure(metric, metrics)]
        dimensions = ", ".join(one["name"] for one in model["dimensions"] if one["type"] != "time")
        source = model["model"].removeprefix("ref('").removesuffix("')")
        text = metric["description"].replace("|", "\\|")
        lines.append(f"| `{metric['name']}` | {metric['config']['meta']['unit']} | {text} | {dimensions} | {source} |")
    return "\n".join(lines)


def with_metrics(page: str, settings: Settings) -> str:
    """A page of the docs with the list of metrics between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{metrics_markdown(settings)}\n\n{END}{after}"


def _inputs(metric: dict[str, Any]) -> list[str]:
    """The metrics that one is made of."""
    found = metric["type_params"]
    inputs = [*found.get("metrics", []), *(found[name] for name in ("numerator", "denominator") if name in found)]
    return [one if isinstance(one, str) else one["name"] for one in inputs]


def _measure(metric: dict[str, Any], metrics: dict[str, dict[str, Any]]) -> str:
    """The measure that a metric rests on first."""
    while metric["type"] != "simple":
        metric = metrics[_inputs(metric)[0]]
    return str(metric["type_params"]["measure"])
