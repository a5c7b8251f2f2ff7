"""What is done when a task ends or a release is late: recorded where operators of the pipeline look; dbt's locks are
released.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

from gridcredit.orchestration.connection import warehouse_settings


def release_dbt(context: Any) -> None:  # noqa: ANN401, ARG001 - Airflow's context
    """Free the locks of dbt's adapters: Airflow ends a task's process at once, and Python would report them as
    leaked.
    """
    factory = sys.modules.get("dbt.adapters.factory")
    if factory:
        factory.reset_adapters()
        gc.collect()


def record_failure(context: Any) -> None:  # noqa: ANN401 - Airflow's context
    """Record the failed task in ops.task_failures and close the build it belonged to."""
    release_dbt(context)
    from gridcredit.operations.runs import finish_run

    task = context["ti"]
    error = " ".join(str(context.get("exception") or "unknown").split())[:2000]
    _record(task.dag_id, task.run_id, task.task_id, task.map_index, task.try_number, error)
    if task.dag_id == "build_ratings":
        finish_run(task.run_id, "failed", warehouse_settings())


async def release_is_late(context: Any, hours: float) -> None:  # noqa: ANN401 - Airflow's context
    """Record that a run has published nothing so many hours after it was queued; Airflow's triggerer calls it."""
    run = context["dag_run"]
    error = (
        f"no release {hours:g} hours after the run was queued: it still runs, waits, or failed; see its page in Airflow"
    )
    await asyncio.to_thread(_record, run["dag_id"], run["dag_run_id"], "deadline", -1, 0, error)


def _record(dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int, error: str) -> None:
    from gridcredit.warehouse.connection import connect

    with connect(warehouse_settings()) as connection:
        connection.execute(
            "insert into ops.task_failures (dag_id, run_id, task_id, map_index, try_number, error) "
            "values (%s, %s, %s, %s, %s, %s)",
            [dag_id, run_id, task_id, map_index, try_number, error],
        )
