"""What is done when a task ends: a failure is recorded where operators of the pipeline look, and dbt's locks are released."""

from __future__ import annotations

import gc
import sys
from typing import Any


def release_dbt(context: Any) -> None:  # noqa: ANN401, ARG001 - Airflow's context
    """Free the locks of dbt's adapters: Airflow ends a task's process at once, and Python would report them as leaked."""
    factory = sys.modules.get("dbt.adapters.factory")
    if factory:
        factory.reset_adapters()
        gc.collect()


def record_failure(context: Any) -> None:  # noqa: ANN401 - Airflow's context
    """Record the failed task in ops.task_failures and close the build it belonged to."""
    release_dbt(context)
    from gridcredit.operations.runs import finish_run
    from gridcredit.warehouse.connection import connect

    task = context["ti"]
    with connect() as connection:
        connection.execute(
            "insert into ops.task_failures (dag_id, run_id, task_id, map_index, try_number, error) "
            "values (%s, %s, %s, %s, %s, %s)",
            [task.dag_id, task.run_id, task.task_id, task.map_index, task.try_number]
            + [" ".join(str(context.get("exception") or "unknown").split())[:2000]],
        )
    if task.dag_id == "build_ratings":
        finish_run(task.run_id, "failed")
