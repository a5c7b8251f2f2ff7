"""What all our DAGs have in common."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from gridcredit.orchestration.callbacks import record_failure, release_dbt, release_is_late

START_DATE = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "credit",
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=2),
    "on_success_callback": release_dbt,
    "on_failure_callback": record_failure,
}

# The night's run is queued at 02:00: a release that is not there by 07:00 is reported.
RELEASE_HOURS = 5
RELEASE_DEADLINE = DeadlineAlert(
    reference=DeadlineReference.DAGRUN_QUEUED_AT,
    interval=timedelta(hours=RELEASE_HOURS),
    callback=AsyncCallback(release_is_late, kwargs={"hours": RELEASE_HOURS}),
)
