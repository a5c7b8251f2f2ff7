"""Loads are compared with what was loaded; raw, quarantine and stored files are purged by policies/retention.yml,
and many small loads become one partition.
"""

from airflow.sdk import DAG
from gridcredit.orchestration.defaults import DEFAULT_ARGS, START_DATE
from gridcredit.orchestration.tasks import check_loads, merge_loads, purge, retire_loads

with DAG(
    "maintain_warehouse",
    description="Check loads; retire, merge and purge by the retention policy",
    doc_md=__doc__,
    schedule="30 3 * * 0",
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["maintenance"],
):
    check_loads()
    retire_loads() >> merge_loads() >> purge()
