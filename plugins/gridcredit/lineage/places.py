"""Where a reader of a page finds the trace of a row."""

from __future__ import annotations

import shlex
from urllib.parse import urlencode

from gridcredit.settings import Settings


def trace_link(table: str, key: dict[str, str], settings: Settings) -> tuple[str | None, str]:
    """The address of a row's trace on Airflow's page, none where that is not known; and the command that shows it."""
    parts = [f"{name}={value}" for name, value in key.items()]
    command = f"gridcredit trace row {table} {' '.join(map(shlex.quote, parts))}"
    if settings.airflow_url is None:
        return None, command
    query = urlencode({"table": table, "key": " ".join(parts)})
    return f"{settings.airflow_url.rstrip('/')}/credit/trace?{query}", command
