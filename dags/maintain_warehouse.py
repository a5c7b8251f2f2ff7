"""Raw, quarantine and kept files are held to policies/retention.yml, and many small loads become one partition."""

from airflow.sdk import DAG
from gridcredit.orchestration.defaults import DEFAULT_ARGS, START_DATE
from gridcredit.orchestration.operators import MergeLoadsOperator, PurgeOperator, RetireLoadsOperator

with DAG(
    "maintain_warehouse",
    description="Retire, merge and purge by the retention policy",
    doc_md=__doc__,
    schedule="30 3 * * 0",
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["maintenance"],
):
    retire_loads = RetireLoadsOperator(task_id="retire_loads", doc_md="Takes loads out of raw whose time is up.")
    merge_loads = MergeLoadsOperator(task_id="merge_loads", doc_md="Puts many small loads into one partition.")
    purge = PurgeOperator(task_id="purge", doc_md="Deletes quarantined rows and kept files whose time is up.")
    retire_loads >> merge_loads >> purge
