"""Waits for files to land, without holding a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent


def _ready() -> list[str]:
    from gridcredit.ingestion.landing import ready_files

    return [str(path) for path in ready_files()]


class LandingTrigger(BaseTrigger):
    """Fires with the list of files as soon as the landing folder holds complete ones."""

    def __init__(self, poll_seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it untyped
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes this trigger again."""
        return (f"{type(self).__module__}.{type(self).__qualname__}", {"poll_seconds": self.poll_seconds})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Check, wait, check again."""
        while not (files := await asyncio.to_thread(_ready)):
            await asyncio.sleep(self.poll_seconds)
        yield TriggerEvent(files)  # type: ignore[no-untyped-call]  # Airflow leaves it untyped


class LandingSensor(BaseSensorOperator):
    """Returns the complete files of the landing folder, oldest first; defers until there are some."""

    def execute(self, context: Any) -> list[str]:  # noqa: ANN401, ARG002 - Airflow's signature
        """Return at once what is there, or wait in the triggerer."""
        from gridcredit.settings import get_settings

        if files := _ready():
            return files
        return self.defer(
            trigger=LandingTrigger(get_settings().landing_poll_seconds),
            method_name="files_landed",
            timeout=timedelta(seconds=self.timeout),
        )

    def files_landed(self, context: Any, event: list[str]) -> list[str]:  # noqa: ANN401, ARG002
        """Take over what the trigger saw."""
        return event
