"""A release is drawn as a page that opens from disk, and what it changed is mailed to those who want it."""

from airflow.sdk import DAG
from gridcredit.orchestration.assets import RELEASE
from gridcredit.orchestration.defaults import DEFAULT_ARGS
from gridcredit.orchestration.tasks import draw_dashboard, send_digest

with DAG(
    "report_release",
    description="Draw the dashboard of each release, mail what it changed",
    doc_md=__doc__,
    schedule=RELEASE,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["credit"],
):
    draw_dashboard() >> send_digest()
