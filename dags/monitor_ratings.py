"""Each month ratings are measured against what became of the customers; a figure beyond its bound is a task for
people.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param
from gridcredit.orchestration.defaults import DEFAULT_ARGS
from gridcredit.orchestration.evaluation_operators import NoteBreachesOperator
from gridcredit.orchestration.tasks import watch_ratings

with DAG(
    "monitor_ratings",
    description="Measure the ratings, and open a task where a bound is broken",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 5 3 * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["credit"],
):
    NoteBreachesOperator(
        task_id="note_breaches",
        doc_md="Waits under Browse, Required Actions until somebody says what is to be done; skipped where all is "
        "well.",
        watched_on=watch_ratings(),
        response_timeout=timedelta(days=25),
        execution_timeout=None,
        params={"note": Param(None, type=["null", "string"], minLength=5, description="What is to be done")},
    )
