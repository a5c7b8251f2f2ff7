"""A chart of bi/dashboards.yml in Superset's words: how it is drawn (`params`), and what it asks for
(`query_context`).
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from gridcredit.contract.bi.datasets import FORMATS, VERSION, Dataset, identity, is_money, is_time
from gridcredit.errors import GridCreditError

NUMBER, MONEY = ",.0f", ",.2f"
MONTH = "P1M"
ROW_LIMIT = 1000
KINDS = {
    "number": "big_number_total",
    "line": "echarts_timeseries_line",
    "bar": "echarts_timeseries_bar",
    "pie": "pie",
    "list": "table",
    "table": "table",
}


class OwnMetric(BaseModel):
    """An aggregate that only one chart needs."""

    model_config = ConfigDict(extra="forbid")

    label: str
    sql: str

    @property
    def adhoc(self) -> dict[str, Any]:
        """As Superset writes it."""
        return {"expressionType": "SQL", "sqlExpression": self.sql, "label": self.label, "hasCustomLabel": True}


class Chart(BaseModel):
    """One chart as bi/dashboards.yml has it."""

    model_config = ConfigDict(extra="forbid")

    title: str
    kind: Literal["number", "line", "bar", "pie", "list", "table"]
    of: str
    width: int
    metrics: list[str | OwnMetric] = []
    x: str | None = None
    series: str | None = None
    by: list[str] = []
    columns: list[str] = []
    where: str | None = None
    order: str | None = None

    def require(self, dataset: Dataset) -> None:
        """Refuse a chart of columns or metrics that its dataset has not.

        Raises:
            GridCreditError: names them.
        """
        named = [*self.by, *self.columns, *filter(None, (self.x, self.series))]
        if self.kind == "list" and self.order:
            named.append(self.order)
        missing = [name for name in named if name not in dataset.columns]
        known = {metric.name for metric in dataset.metrics} | {"rows"}
        missing += [one for one in self.metrics if isinstance(one, str) and one not in known]
        if missing:
            raise GridCreditError(f"bi/dashboards.yml: {self.title}: {dataset.name} has no {', '.join(missing)}")


def chart_file(chart: Chart, slug: str, dataset: Dataset) -> dict[str, Any]:
    """What the file of a chart holds."""
    params = _params(chart, dataset)
    context = {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [_query(chart, dataset)],
        "result_format": "json",
        "result_type": "full",
    }
    return {
        "slice_name": chart.title,
        "viz_type": KINDS[chart.kind],
        "params": params,
        "query_context": json.dumps(context),
        "uuid": identity("chart", slug),
        "dataset_uuid": dataset.uuid,
        "is_managed_externally": True,
        "version": VERSION,
    }


def _params(chart: Chart, dataset: Dataset) -> dict[str, Any]:
    found: dict[str, Any] = {"viz_type": KINDS[chart.kind], "adhoc_filters": [], "row_limit": ROW_LIMIT}
    if chart.where:
        found["adhoc_filters"] = [{"expressionType": "SQL", "clause": "WHERE", "sqlExpression": chart.where}]
    metrics = _metrics(chart)
    number = _format(chart, dataset)
    if chart.kind == "number":
        return found | {"metric": metrics[0], "y_axis_format": number, "header_font_size": 0.4}
    if chart.kind == "pie":
        return found | {
            "groupby": [chart.x], "metric": metrics[0], "number_format": number,
            "sort_by_metric": True, "show_legend": True, "label_type": "key_percent",
        }  # fmt: skip
    if chart.kind == "list":
        return found | {
            "query_mode": "raw", "all_columns": chart.columns,
            "order_by_cols": [json.dumps([chart.order, _ascending(chart)])],
            "page_length": 10, "include_search": True, "table_timestamp_format": "%Y-%m-%d", "show_cell_bars": False,
            "column_config": {
                name: {"d3NumberFormat": MONEY} for name in chart.columns if is_money(dataset.columns[name])
            },
        }  # fmt: skip
    if chart.kind == "table":
        return found | {
            "query_mode": "aggregate", "groupby": chart.by, "metrics": metrics,
            "timeseries_limit_metric": _order(chart),
            "order_desc": True, "page_length": 10, "show_cell_bars": False,
            "column_config": {
                one.label: {"d3NumberFormat": NUMBER} for one in chart.metrics if isinstance(one, OwnMetric)
            },
        }  # fmt: skip
    found |= {
        "x_axis": chart.x, "metrics": metrics, "groupby": [chart.series] if chart.series else [],
        "y_axis_format": number, "show_legend": True, "legendOrientation": "top", "legendType": "scroll",
        "rich_tooltip": True,
    }  # fmt: skip
    if chart.series:
        found["stack"] = "Stack"
    if _over_time(chart, dataset):
        return found | {"time_grain_sqla": MONTH, "x_axis_time_format": "%Y-%m"}
    if chart.order:
        return found | {"timeseries_limit_metric": _order(chart), "x_axis_sort": "order", "x_axis_sort_asc": True}
    # Names are long: they stand beside their bars.
    return found | {"orientation": "horizontal", "x_axis_sort_series": "sum", "x_axis_sort_series_ascending": True}


def _query(chart: Chart, dataset: Dataset) -> dict[str, Any]:
    """The query behind the chart: what `GET /api/v1/chart/<id>/data/` answers, also for reports and alerts."""
    columns: list[Any] = [*chart.by, *chart.columns]
    if chart.x:
        axis = {"label": chart.x, "sqlExpression": chart.x, "expressionType": "SQL", "columnType": "BASE_AXIS"}
        columns = [axis | {"timeGrain": MONTH} if _over_time(chart, dataset) else chart.x]
    if chart.series:
        columns.append(chart.series)
    query: dict[str, Any] = {
        "columns": columns,
        "filters": [],
        "extras": {"where": f"({chart.where})"} if chart.where else {},
        "row_limit": ROW_LIMIT,
        "orderby": [],
    }
    if chart.kind == "list":
        return query | {"orderby": [[chart.order, _ascending(chart)]]}
    metrics = _metrics(chart)
    if chart.order:
        query["orderby"] = [[_order(chart), chart.kind != "table"]]
        metrics += [_order(chart)] if chart.x else []
    return query | {"metrics": metrics}


def _metrics(chart: Chart) -> list[Any]:
    return [one if isinstance(one, str) else one.adhoc for one in chart.metrics]


def _order(chart: Chart) -> dict[str, Any] | None:
    return OwnMetric(label="order", sql=chart.order).adhoc if chart.order else None


def _ascending(chart: Chart) -> bool:
    """A short list counts up, others begin with what is largest or newest."""
    return chart.order in ("months", "debtor_rank")


def _over_time(chart: Chart, dataset: Dataset) -> bool:
    return chart.x is not None and is_time(dataset.columns[chart.x])


def _format(chart: Chart, dataset: Dataset) -> str:
    units = {metric.name: metric.unit for metric in dataset.metrics}
    first = chart.metrics[0] if chart.metrics else None
    return FORMATS[units[first]] if isinstance(first, str) and first in units else NUMBER
