"""Superset's datasets: each published table and each table of the star, with the texts of its columns and its
metrics.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gridcredit.contract.bi.metrics import Metric, metrics_by_table
from gridcredit.contract.described import Column, Table, published_tables, star_tables
from gridcredit.contract.odcs import OF_RELEASE
from gridcredit.settings import Settings

# The same name has the same identity wherever the bundle is imported, so that a later one replaces it.
NAMESPACE = uuid.UUID("6f2d7c1e-8f3a-4d53-9a51-0c6f6a1d1f52")
VERSION = "1.0.0"
FORMATS = {"currency": ",.0f", "share": ".1%", "percent": ".1f", "days": ".1f", "count": ",d"}
ROWS = Metric("rows", "Rows", "How many rows.", "count", "count(*)")


def identity(kind: str, name: str) -> str:
    """The UUID of a part of the bundle."""
    return str(uuid.uuid5(NAMESPACE, f"{kind}/{name}"))


@dataclass(frozen=True)
class Dataset:
    """A table as Superset reads it."""

    schema: str
    table: Table
    metrics: tuple[Metric, ...]

    @property
    def name(self) -> str:
        return f"{self.schema}.{self.table.name}"

    @property
    def uuid(self) -> str:
        return identity("dataset", self.name)

    @cached_property
    def columns(self) -> dict[str, Column]:
        """By name; a published view has the release's columns too."""
        own = {column.name: column for column in self.table.columns}
        return own | {one.name: one for one in OF_RELEASE if self.schema == "published" and one.name not in own}

    @property
    def file(self) -> dict[str, Any]:
        """What its file holds."""
        days = [column.name for column in self.columns.values() if is_time(column)]
        return {
            "table_name": self.table.name,
            "schema": self.schema,
            "description": self.table.description,
            "main_dttm_col": days[0] if days else None,
            "filter_select_enabled": True,
            "uuid": self.uuid,
            "database_uuid": identity("database", "warehouse"),
            "is_managed_externally": True,
            "metrics": [_metric(metric) for metric in (ROWS, *self.metrics)],
            "columns": [self._column(column) for column in self.columns.values()],
            "version": VERSION,
        }

    def _column(self, column: Column) -> dict[str, Any]:
        return {
            "column_name": column.name,
            "verbose_name": column.name.replace("_", " ").capitalize(),
            "description": self.table.column_comment(column),
            "type": column.type.upper(),
            "is_dttm": is_time(column),
            "groupby": True,
            "filterable": True,
            "is_active": True,
        }


def datasets(settings: Settings) -> dict[str, Dataset]:
    """All datasets by name, as `published.customer_rating`."""
    published = published_tables(settings)
    metrics = metrics_by_table({table.name for table in published}, settings)
    found = [Dataset("published", table, tuple(metrics.get(table.name, ()))) for table in published]
    found += [Dataset("star", table, ()) for table in star_tables(published)]
    return {dataset.name: dataset for dataset in found}


def is_time(column: Column) -> bool:
    """Whether its values are days or moments."""
    return column.type.startswith(("date", "timestamp"))


def is_money(column: Column) -> bool:
    """Whether its values are amounts: they alone have two decimals and eighteen digits."""
    return column.type.replace(" ", "") == "numeric(18,2)"


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "metric_name": metric.name,
        "verbose_name": metric.label,
        "description": metric.text,
        "expression": metric.sql,
        "d3format": FORMATS[metric.unit],
    }
