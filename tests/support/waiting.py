"""Waiting for a state, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect


def wait_for(what: Callable[[], bool], why: str = "nothing happened in time") -> None:
    """Return once it is so; how fast a machine is decides no test, so the limit is long beside what it takes."""
    deadline = time.monotonic() + 480
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.1)


def rows(settings: Settings, query: Any, *values: Any) -> list[tuple[Any, ...]]:
    """What a query of a warehouse returns."""
    with connect(settings) as connection:
        return connection.execute(query, values or None).fetchall()


def number(settings: Settings, query: Any) -> int:
    """The one number that a query of a warehouse returns; 0 where there is none."""
    found = rows(settings, query)
    return int(found[0][0] or 0) if found else 0
