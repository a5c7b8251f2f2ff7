"""The environment of a process of its own that works on a test's warehouse."""

from __future__ import annotations

import os

from gridcredit.settings import Settings
from gridcredit.warehouse.connection import warehouse_url


def environment_of(settings: Settings) -> dict[str, str]:
    """This process's, and where the warehouse and its home are."""
    return os.environ | {
        "GRIDCREDIT_HOME": str(settings.home),
        "GRIDCREDIT_WAREHOUSE_URL": warehouse_url(settings),
        "GRIDCREDIT_HISTORY_MONTHS": str(settings.history_months),
    }
