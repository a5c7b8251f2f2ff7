"""The Airflow plugin: a menu entry "Credit", whose pages Airflow's API server serves.

Airflow finds it by the entry point `airflow.plugins` (pyproject.toml), and loads it in each of its processes: so
nothing heavy is imported before a process asks for the pages.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from gridcredit.orchestration.links import PREFIX, page


class CreditPlugin(AirflowPlugin):
    """The pages, and where the menu leads."""

    name = "gridcredit"

    @cached_property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]  # made where it is asked for: in the API server
        """The application behind the pages."""
        from gridcredit.orchestration.credit_page.app import make_app

        return [{"app": make_app(), "url_prefix": PREFIX, "name": "Credit"}]

    @cached_property
    def external_views(self) -> list[Any]:  # type: ignore[override]
        """The menu entry."""
        return [
            {"name": "Credit", "href": page("/"), "destination": "nav", "url_route": "credit", "nav_top_level": True}
        ]
