"""New rows of raw, and the passing of days, become a release: checked, rated, checked again, published in one
transaction.
"""

from datetime import timedelta

from airflow.sdk import DAG, AssetAny, AssetOrTimeSchedule, CronTriggerTimetable, Param, TriggerRule
from gridcredit.orchestration.assets import RAW_EXTRACTS, RELEASE
from gridcredit.orchestration.defaults import DEFAULT_ARGS, RELEASE_DEADLINE
from gridcredit.orchestration.operators import (
    AskApproverOperator,
    BuildLayerOperator,
    CheckCandidateOperator,
    CheckRawOperator,
    PublishOperator,
)

with DAG(
    "build_ratings",
    description="Rate all customers and publish a release",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        # Debts age also where nothing was delivered. A new DAG waits for its first night: that takes no start date.
        timetable=CronTriggerTimetable("0 2 * * *", timezone="UTC", run_immediately=timedelta(0)),
        assets=AssetAny(*RAW_EXTRACTS.values()),
    ),
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    deadline=RELEASE_DEADLINE,
    params={
        "as_of_date": Param(
            None,
            type=["null", "string"],
            format="date",
            description="Date to rate as of; empty: the day of a scheduled run or a backfill, "
            "else the last day of bills and payments, or that was rated",
        )
    },
    tags=["credit"],
):
    check_raw = CheckRawOperator(task_id="check_raw", doc_md="Gate 1, on rows no release covers yet.")
    build_ledger, build_credit, build_collections, build_candidate = (
        BuildLayerOperator(task_id=f"build_{layer}", layer=layer, doc_md=f"dbt: {text}")
        for layer, text in {
            "ledger": "what is owed, who the customer is, what was measured.",
            "credit": "features, scores, ratings, limits.",
            "collections": "warnings, collections, receivables.",
            "candidate": "the tables that are to be published.",
        }.items()
    )
    check_candidate = CheckCandidateOperator(task_id="check_candidate", doc_md="Gate 2, on the candidate tables.")
    publish = PublishOperator(
        task_id="publish",
        doc_md="One transaction: readers see the old release or the new.",
        outlets=[RELEASE],
    )
    ask_approver = AskApproverOperator(
        task_id="ask_approver",
        doc_md="Where a gate blocks the run: starts release_blocked_run, in which a person decides.",
        trigger_rule=TriggerRule.ONE_FAILED,
    )
    check_raw >> build_ledger >> build_credit >> build_collections >> build_candidate >> check_candidate >> publish
    [check_raw, check_candidate] >> ask_approver
