"""A run that a gate blocked is released if a named person says so and why; else the last release stands."""

from datetime import timedelta

from airflow.sdk import DAG, Param, TriggerRule
from gridcredit.orchestration.assets import RELEASE
from gridcredit.orchestration.defaults import DEFAULT_ARGS
from gridcredit.orchestration.operators import (
    AskApproverOperator,
    BuildModelsOperator,
    CheckCandidateOperator,
    DecideOnBlockedRunOperator,
    PublishOperator,
)

BLOCKED_RUN = "{{ params.blocked_run_id }}"

with DAG(
    "release_blocked_run",
    description="Ask a person whether to publish what a gate blocked",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    default_args=DEFAULT_ARGS,
    params={"blocked_run_id": Param("", type="string", description="The run of build_ratings that was blocked")},
    tags=["credit"],
):
    decide = DecideOnBlockedRunOperator(
        task_id="decide",
        doc_md="Waits for Approve or Reject under Browse, Required Actions; after three days nobody is asked any more.",
        build_run_id=BLOCKED_RUN,
        response_timeout=timedelta(days=3),
        execution_timeout=None,
        params={
            "reason": Param(None, type=["null", "string"], minLength=5, description="Why; it stays with the release")
        },
    )
    build_models = BuildModelsOperator(
        task_id="build_models",
        doc_md="All layers once more: other runs may have replaced the tables.",
        build_run_id=BLOCKED_RUN,
    )
    check_candidate = CheckCandidateOperator(
        task_id="check_candidate", doc_md="Gate 2 once more; what fails is recorded.", build_run_id=BLOCKED_RUN
    )
    publish = PublishOperator(
        task_id="publish", doc_md="With the approver's name and reason.", build_run_id=BLOCKED_RUN, outlets=[RELEASE]
    )
    ask_again = AskApproverOperator(
        task_id="ask_again",
        doc_md="Where the run fails otherwise than was decided about: asks once more.",
        build_run_id=BLOCKED_RUN,
        trigger_rule=TriggerRule.ONE_FAILED,
    )
    decide >> build_models >> check_candidate >> publish
    check_candidate >> ask_again
