"""Where OpenLineage events go: to a file, to rows of the warehouse, and to a collector where the settings name one."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import attr
import psycopg
from openlineage.client.event_v2 import RunEvent
from openlineage.client.serde import Serde
from openlineage.client.transport.file import FileTransport
from openlineage.client.transport.transport import Config, Transport
from psycopg.types.json import Jsonb

from gridcredit.settings import Settings
from gridcredit.warehouse import Connection, warehouse_url

JOB_NAMESPACE = "gridcredit"


class SharedFileTransport(FileTransport):
    """Appends to a file that many processes append to: one line at a time."""

    kind = "gridcredit_file"

    def emit(self, event: Any) -> None:  # noqa: ANN401 - the client's union of events
        """Write one line."""
        with Path(f"{self.config.log_file_path}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            super().emit(event)


@attr.define
class WarehouseConfig(Config):
    """The warehouse's URL; without one it is that of the process's settings."""

    url: str | None = None

    @classmethod
    def from_dict(cls, params: dict[str, Any]) -> WarehouseConfig:
        """Read the client's configuration."""
        return cls(params.get("url"))


class WarehouseTransport(Transport):
    """Writes each event as a row of lineage.events."""

    kind = "gridcredit_warehouse"
    config_class = WarehouseConfig

    def __init__(self, config: WarehouseConfig) -> None:
        self.config = config
        self._connection: Connection | None = None
        self._process = 0

    def emit(self, event: Any) -> None:  # noqa: ANN401 - the client's union of events
        """Write one row."""
        is_run = isinstance(event, RunEvent)
        self._connected().execute(
            "insert into lineage.events (event_time, event_type, job_name, run_id, event) values (%s, %s, %s, %s, %s)",
            [
                event.eventTime,
                event.eventType.value if is_run and event.eventType else None,
                event.job.name,
                event.run.runId if is_run else None,
                # The client's own JSON: it knows what to make of Airflow's objects.
                Jsonb(json.loads(Serde.to_json(event))),
            ],
        )

    def close(self, timeout: float = -1) -> bool:  # noqa: ARG002
        """Let the connection go."""
        if self._connection and self._process == os.getpid():
            self._connection.close()
        self._connection = None
        return True

    def _connected(self) -> Connection:
        # Airflow's provider sends from forks, which must not share their parent's connection.
        if self._connection is None or self._process != os.getpid():
            url = self.config.url or warehouse_url()
            self._connection, self._process = psycopg.connect(url, autocommit=True), os.getpid()
        return self._connection


def transport_config(settings: Settings, url: str | None = None) -> dict[str, Any]:
    """The client's configuration, for our own events (with the warehouse's URL) and for those that Airflow's provider sends."""
    path = events_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    transports: dict[str, dict[str, Any]] = {
        "file": {"type": f"{__name__}.SharedFileTransport", "log_file_path": str(path), "append": True},
        "warehouse": {"type": f"{__name__}.WarehouseTransport", "url": url},
    }
    if settings.lineage_url:
        transports["collector"] = {"type": "http", "url": settings.lineage_url}
        if settings.lineage_api_key:
            key = settings.lineage_api_key.get_secret_value()
            transports["collector"]["auth"] = {"type": "api_key", "apiKey": key}
    return {"type": "composite", "transports": transports, "continue_on_failure": True}


def events_file(settings: Settings) -> Path:
    """Where events are kept, one JSON object a line."""
    return settings.home / "lineage" / "events.ndjson"
