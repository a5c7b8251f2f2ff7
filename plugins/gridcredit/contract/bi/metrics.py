"""The metrics of dbt's semantic models as SQL over one published table, for tools that know no semantic model."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from gridcredit.contract.metrics import inputs, read_semantics, table_of
from gridcredit.settings import Settings

FUNCTIONS = {"sum": "sum", "max": "max", "average": "avg", "count": "count"}
DIMENSION = re.compile(r"\{\{ Dimension\('\w+?__(\w+)'\) \}\}")


@dataclass(frozen=True)
class Metric:
    """A metric of a table: an aggregate over any of its rows."""

    name: str
    label: str
    text: str
    unit: str
    sql: str


def metrics_by_table(tables: Collection[str], settings: Settings) -> dict[str, list[Metric]]:
    """The metrics of each of the tables.

    Left out are those that also need other rows than those asked for (CEI: the month before), which no aggregate can
    see.
    """
    semantics = read_semantics(settings)
    found: dict[str, list[Metric]] = defaultdict(list)
    for name, metric in semantics.metrics.items():
        model = semantics.model_of(metric)
        table = table_of(model)
        if table in tables and not _looks_back(metric):
            sql = _sql(metric, None, semantics.metrics, model)
            unit = metric["config"]["meta"]["unit"]
            found[table].append(Metric(name, metric["label"], metric["description"], unit, sql))
    return found


def _looks_back(metric: dict[str, Any]) -> bool:
    return any("offset_window" in one for one in inputs(metric))


def _sql(
    metric: dict[str, Any], condition: str | None, metrics: dict[str, dict[str, Any]], model: dict[str, Any]
) -> str:
    if metric["type"] == "simple":
        return _measure_sql(metric["type_params"]["measure"], condition, model)
    parts = {
        one.get("alias", one["name"]): _sql(metrics[one["name"]], one.get("filter", condition), metrics, model)
        for one in inputs(metric)
    }
    if metric["type"] == "ratio":
        above, below = parts.values()
        return f"({above})::numeric / nullif({below}, 0)"
    names = "|".join(sorted(parts, key=len, reverse=True))
    return re.sub(rf"\b({names})\b", lambda found: parts[found[1]], metric["type_params"]["expr"])


def _measure_sql(name: str, condition: str | None, model: dict[str, Any]) -> str:
    measure = next(one for one in model["measures"] if one["name"] == name)
    expressions = {one["name"]: one.get("expr", one["name"]) for one in model["dimensions"]}
    value = measure.get("expr", name)
    if "non_additive_dimension" in measure:
        # Balances: of the days asked for, the last.
        sql = f"star.sum_at_end({expressions[measure['non_additive_dimension']['name']]}, {value})"
    else:
        sql = f"{FUNCTIONS[measure['agg']]}({value})"
    if condition:
        where = DIMENSION.sub(lambda found: str(expressions[found[1]]), condition)
        sql += f" filter (where {where})"
    return sql
