"""A release is drawn as a page that opens from disk, and what it changed is mailed to those who want it."""

from airflow.sdk import DAG
from gridcredit.orchestration.assets import RELEASE
from gridcredit.orchestration.defaults import DEFAULT_ARGS
from gridcredit.orchestration.operators import DrawDashboardOperator, SendDigestOperator

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
    draw_dashboard = DrawDashboardOperator(
        task_id="draw_dashboard", doc_md="One HTML page in var/dashboards, by number of the release."
    )
    send_digest = SendDigestOperator(
        task_id="send_digest", doc_md="Mails what changed to GRIDCREDIT_DIGEST_RECIPIENTS; skipped where none are set."
    )
    draw_dashboard >> send_digest
