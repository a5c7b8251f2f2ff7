"""The dashboards in Superset's words: where each chart stands, and which charts each filter reaches; and the whole
bundle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from gridcredit.contract.bi.charts import Chart, chart_file
from gridcredit.contract.bi.datasets import VERSION, Dataset, datasets, identity
from gridcredit.errors import GridCreditError
from gridcredit.files.strict_yaml import load_yaml
from gridcredit.settings import Settings

NOTE = "Written from {} by `gridcredit contract`; do not edit."
# Where the values come from that a filter offers: the smallest table that has them all.
VALUES_FROM = {
    "region": "star.dim_org",
    "org_unit": "star.dim_org",
    "segment": "published.receivable_by_grade",
    "grade": "published.receivable_by_grade",
    "extract": "star.fact_load",
}
LABELS = {"org_unit": "Business unit"}
# A filter that narrows what another offers.
WITHIN = {"org_unit": "region"}
HEIGHTS = {"number": 20, "list": 60, "table": 60}
# A warning has the colour of its level.
COLOURS = {"red": "#c0392b", "orange": "#e67e22", "yellow": "#f1c40f", "blue": "#2e86c1"}
USUAL_HEIGHT = 44


class Dashboard(BaseModel):
    """One dashboard as bi/dashboards.yml has it."""

    model_config = ConfigDict(extra="forbid")

    title: str
    text: str
    filters: list[str]
    rows: list[list[Chart]]

    @property
    def charts(self) -> list[Chart]:
        return [chart for row in self.rows for chart in row]


def read_dashboards(settings: Settings) -> dict[str, Dashboard]:
    """The dashboards by name."""
    text = (settings.project_dir / "bi" / "dashboards.yml").read_text(encoding="utf-8")
    return {name: Dashboard.model_validate(one) for name, one in load_yaml(text).items()}


def bundle_files(settings: Settings) -> dict[Path, str]:
    """Each file of the bundle that is derived, and what it must hold.

    Raises:
        GridCreditError: a chart asks for a column or a metric that is not there.
    """
    folder = settings.project_dir / "bi"
    known = datasets(settings)
    files = {}
    for name, dataset in known.items():
        source = "dbt_project/models/candidate/" if dataset.schema == "published" else "contract/star.yml"
        files[folder / "datasets" / "warehouse" / f"{name}.yaml"] = _yaml(dataset.file, source)
    for name, dashboard in read_dashboards(settings).items():
        for chart in dashboard.charts:
            if chart.of not in known:
                raise GridCreditError(f"bi/dashboards.yml: {chart.title}: there is no dataset {chart.of}")
            chart.require(known[chart.of])
            slug = chart_name(name, chart)
            content = chart_file(chart, slug, known[chart.of])
            files[folder / "charts" / f"{slug}.yaml"] = _yaml(content, "bi/dashboards.yml")
        files[folder / "dashboards" / f"{name}.yaml"] = _yaml(
            _dashboard_file(name, dashboard, known), "bi/dashboards.yml"
        )
    return files


def chart_name(dashboard: str, chart: Chart) -> str:
    """The name of a chart's file, from which its identity follows."""
    words = "".join(letter if letter.isalnum() else " " for letter in chart.title.lower()).split()
    return f"{dashboard}_{'_'.join(words)}"


def _dashboard_file(name: str, dashboard: Dashboard, known: dict[str, Dataset]) -> dict[str, Any]:
    # Numbers of charts within the file; Superset gives them its own when it imports.
    numbers = {chart_name(name, chart): number for number, chart in enumerate(dashboard.charts, start=1)}
    return {
        "dashboard_title": dashboard.title,
        "description": dashboard.text,
        "slug": name,
        "uuid": identity("dashboard", name),
        "position": _position(name, dashboard, numbers),
        "metadata": {
            "native_filter_configuration": [
                _filter(column, name, dashboard, known, numbers) for column in dashboard.filters
            ],
            "cross_filters_enabled": True,
            "global_chart_configuration": {"scope": {"rootPath": ["ROOT_ID"], "excluded": []}},
            "chart_configuration": {},
            "color_scheme": "supersetColors",
            "label_colors": COLOURS,
            "refresh_frequency": 0,
        },
        "published": True,
        "is_managed_externally": True,
        "version": VERSION,
    }


def _position(name: str, dashboard: Dashboard, numbers: dict[str, int]) -> dict[str, Any]:
    rows = [f"ROW-{number}" for number in range(1, len(dashboard.rows) + 1)]
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": rows, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard.title}},
    }
    for row, charts in zip(rows, dashboard.rows, strict=True):
        names = [chart_name(name, chart) for chart in charts]
        height = max(HEIGHTS.get(chart.kind, USUAL_HEIGHT) for chart in charts)
        position[row] = {
            "type": "ROW",
            "id": row,
            "children": [f"CHART-{one}" for one in names],
            "parents": ["ROOT_ID", "GRID_ID"],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for chart, slug in zip(charts, names, strict=True):
            position[f"CHART-{slug}"] = {
                "type": "CHART",
                "id": f"CHART-{slug}",
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", row],
                "meta": {
                    "chartId": numbers[slug],
                    "uuid": identity("chart", slug),
                    "sliceName": chart.title,
                    "width": chart.width,
                    "height": height,
                },
            }
    return position


def _filter(
    column: str, name: str, dashboard: Dashboard, known: dict[str, Dataset], numbers: dict[str, int]
) -> dict[str, Any]:
    """A filter of the dashboard; charts whose dataset has not the column stay as they are."""
    beyond = [chart_name(name, chart) for chart in dashboard.charts if column not in known[chart.of].columns]
    return {
        "id": f"NATIVE_FILTER-{name}-{column}",
        "name": LABELS.get(column, column.capitalize()),
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "targets": [{"datasetUuid": known[VALUES_FROM[column]].uuid, "column": {"name": column}}],
        "controlValues": {"multiSelect": True, "enableEmptyFilter": False, "searchAllOptions": True},
        "defaultDataMask": {"extraFormData": {}, "filterState": {}},
        "cascadeParentIds": [f"NATIVE_FILTER-{name}-{WITHIN[column]}"] if column in WITHIN else [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": [numbers[slug] for slug in beyond]},
    }


def _yaml(content: dict[str, Any], source: str) -> str:
    text = yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False, width=110, allow_unicode=True)
    return f"# {NOTE.format(source)}\n{text}"
