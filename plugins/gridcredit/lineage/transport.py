"""Where OpenLineage events go: to a file, to rows of the warehouse, and to a collector where the settings name one."""

from __future__ import annotations

import fcntl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attr
import psycopg
import structlog
from openlineage.client.event_v2 import RunEvent
from openlineage.client.serde import Serde
from openlineage.client.transport.transport import Config, Transport

from gridcredit.settings import Settings
from gridcredit.warehouse.connection import warehouse_url

log = structlog.get_logger(__name__)

JOB_NAMESPACE = "gridcredit"


@attr.define
class RecordConfig(Config):
    """Where events are recorded: the folder of files, and the warehouse.

    With the warehouse's URL rows are buffered until the client is closed, and written together; without one each is
    written as it comes, to the warehouse of the process's settings.
    """

    folder: str
    url: str | None = None

    @classmethod
    def from_dict(cls, params: dict[str, Any]) -> RecordConfig:
        """Read the client's configuration."""
        return cls(params["folder"], params.get("url"))


class RecordTransport(Transport):
    """Writes each event as a line of a month's file, to which many processes append, and as a row of lineage.events."""

    kind = "gridcredit_record"
    config_class = RecordConfig

    def __init__(self, config: RecordConfig) -> None:
        self.config = config
        self._rows: list[tuple[object, ...]] = []

    def emit(self, event: Any) -> None:  # noqa: ANN401 - the client's union of events
        """Write one line, and one row."""
        # The client's own JSON: it knows what to make of Airflow's objects.
        text = Serde.to_json(event)
        folder = Path(self.config.folder)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"events_{datetime.now(UTC):%Y-%m}.ndjson").open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(text + "\n")
        is_run = isinstance(event, RunEvent)
        kind = event.eventType.value if is_run and event.eventType else None
        self._rows.append((event.eventTime, kind, event.job.name, event.run.runId if is_run else None, text))
        if self.config.url is None:
            self._write_rows()

    def close(self, timeout: float = -1) -> bool:  # noqa: ARG002
        """Write what is buffered; what cannot be written is logged, and fails nothing that was done, as when it is sent
        at once.
        """
        try:
            self._write_rows()
        except psycopg.Error:
            log.exception("events_not_recorded")
            return False
        return True

    def _write_rows(self) -> None:
        # A connection for each time: Airflow's provider sends from forks, which must not share their parent's.
        rows, self._rows = self._rows, []
        if rows:
            with psycopg.connect(self.config.url or warehouse_url()) as connection, connection.cursor() as cursor:
                cursor.executemany(
                    "insert into lineage.events (event_time, event_type, job_name, run_id, event) "
                    "values (%s, %s, %s, %s, %s::jsonb)",
                    rows,
                )


def transport_config(settings: Settings, url: str | None = None) -> dict[str, Any]:
    """The client's configuration, for our own events (with the warehouse's URL) and for those that Airflow's provider
    sends.
    """
    transports: dict[str, dict[str, Any]] = {
        "record": {
            "type": f"{__name__}.RecordTransport",
            "folder": str(events_folder(settings)),
            "url": url,
        },
    }
    if settings.lineage_url:
        transports["collector"] = {"type": "http", "url": settings.lineage_url}
        if settings.lineage_api_key:
            key = settings.lineage_api_key.get_secret_value()
            transports["collector"]["auth"] = {"type": "api_key", "apiKey": key}
    return {"type": "composite", "transports": transports, "continue_on_failure": True}


def events_folder(settings: Settings) -> Path:
    """Where events are stored: a file a month, one JSON object a line."""
    return settings.home / "lineage"
