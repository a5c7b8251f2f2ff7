"""A release is drawn as a page that opens from disk: receivables, warnings, debts, officers, data quality."""

from airflow.sdk import DAG
from gridcredit.orchestration.assets import RELEASE
from gridcredit.orchestration.defaults import DEFAULT_ARGS
from gridcredit.orchestration.operators import DrawDashboardOperator

with DAG(
    "report_release",
    description="Draw the dashboard of each release",
    doc_md=__doc__,
    schedule=RELEASE,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["credit"],
):
    DrawDashboardOperator(task_id="draw_dashboard", doc_md="One HTML page in var/dashboards, by number of the release.")
