"""Files that land become rows of raw; whoever waits for an extract is notified."""

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TriggerRule
from gridcredit.orchestration.defaults import DEFAULT_ARGS, START_DATE
from gridcredit.orchestration.landing import LandingSensor
from gridcredit.orchestration.operators import AnnounceExtractsOperator, LoadFileOperator

with DAG(
    "ingest_extracts",
    description="Load landed files into raw",
    doc_md=__doc__,
    schedule="@continuous",
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULT_ARGS,
    tags=["ingest"],
):
    wait_for_files = LandingSensor(
        task_id="wait_for_files",
        doc_md="Waits in the triggerer until the landing folder holds complete files.",
        timeout=timedelta(days=1).total_seconds(),
        execution_timeout=None,
        soft_fail=True,
    )
    load_file = LoadFileOperator.partial(
        task_id="load_file",
        doc_md="Loads one file in one transaction; a refused file fails and stays where it was.",
        map_index_template="{{ task.path.rsplit('/', 1)[-1] }}",
    ).expand(path=wait_for_files.output)
    announce_extracts = AnnounceExtractsOperator(
        task_id="announce_extracts",
        doc_md="Emits the assets of the extracts that got new rows, also where some file was refused.",
        trigger_rule=TriggerRule.ALL_DONE,
    )
    all_files_accepted = EmptyOperator(
        task_id="all_files_accepted", doc_md="Fails the run, for people to see, where a file was refused."
    )
    load_file >> [announce_extracts, all_files_accepted]
