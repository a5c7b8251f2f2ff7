"""Buttons on a task's page that lead to what it made: a release, the results of a gate, the quarantine of a load.

A worker works a link out when its task ends, whether well or not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlencode, urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

# Where the pages are on Airflow's API server.
PREFIX = "/credit"


def page(path: str, **parameters: object) -> str:
    """The address of one of our pages, as a browser that is at Airflow's asks for it."""
    root = urlsplit(conf.get("api", "base_url", fallback="/")).path.rstrip("/")
    return f"{root}{PREFIX}{path}{'?' + urlencode(parameters) if parameters else ''}"


def _first(query: LiteralString, value: str) -> int | None:
    from gridcredit.orchestration.connection import warehouse_settings
    from gridcredit.warehouse.connection import connect

    with connect(warehouse_settings()) as connection:
        row = connection.execute(query, [value]).fetchone()
    return int(row[0]) if row else None


class _ReleaseLink(BaseOperatorLink):
    """To a page of the release that the task's run made; none where it made none."""

    path = ""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ANN401, ARG002 - Airflow's
        """The link."""
        number = _first("select release from lineage.releases where run_id = %s", operator.build_run_id)
        return page(f"/releases/{number}{self.path}") if number else ""


class DashboardLink(_ReleaseLink):
    """To the release's dashboard."""

    name = "Dashboard"


class ChangesLink(_ReleaseLink):
    """To what the release changed against the one before."""

    name = "Changes"
    path = "/changes"


class GateLink(BaseOperatorLink):
    """To what the gates of the run found."""

    name = "Gate results"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ANN401, ARG002
        """The link."""
        return page("/gates", run_id=operator.build_run_id)


class QuarantineLink(BaseOperatorLink):
    """To the load of the task's file and what of it waits in quarantine; of a refused file, to the list that says
    why.
    """

    name = "Quarantine"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ANN401, ARG002
        """The link."""
        number = _first(
            "select file_id from lineage.deliveries where file_name = %s order by delivery_id desc limit 1",
            Path(operator.path).name,
        )
        return page(f"/loads/{number}" if number else "/")
