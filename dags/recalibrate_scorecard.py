"""Each quarter a scorecard is fitted to the supplier's history; it counts only once a named person has approved it."""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, Param
from gridcredit.orchestration.defaults import DEFAULT_ARGS
from gridcredit.orchestration.evaluation_operators import DecideOnProposalOperator
from gridcredit.orchestration.tasks import compare_policy, fit_scorecard

with DAG(
    "recalibrate_scorecard",
    description="Fit a scorecard, show what it would change, and ask a person",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 6 5 1,4,7,10 *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    params={
        "version": Param(
            None,
            type=["null", "string"],
            pattern=r"^[\w.-]+$",
            description="The new policy's version, of letters, digits, _, . and -; empty: fitted-<day>",
        ),
        "effective_from": Param(
            None,
            type=["null", "string"],
            format="date",
            description="When it is to count; empty: a month after the run",
        ),
        "even_if_worse": Param(
            default=False, type="boolean", description="Propose it though it ranks worse than the policy in force"
        ),
    },
    tags=["credit"],
):
    proposal = fit_scorecard(
        version="{{ params.version or 'fitted-' ~ (dag_run.run_after | ds) }}",
        effective_from="{{ params.effective_from or macros.ds_add(dag_run.run_after | ds, 30) }}",
    )
    decide = DecideOnProposalOperator(
        task_id="decide",
        doc_md="Waits for Approve or Reject under Browse, Required Actions; after 30 days nobody is asked any more.",
        proposal=proposal,
        response_timeout=timedelta(days=30),
        execution_timeout=None,
        params={
            "reason": Param(None, type=["null", "string"], minLength=5, description="Why; it stays with the policy")
        },
    )
    compare_policy(proposal) >> decide
