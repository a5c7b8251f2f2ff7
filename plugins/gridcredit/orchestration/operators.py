"""Thin operators: each names one stage of the pipeline and calls it. Heavy imports wait until a task runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from gridcredit.errors import GridCreditError, NotReadyError
from gridcredit.orchestration.assets import LOADED_EXTRACTS, RAW_EXTRACTS, RELEASE
from gridcredit.orchestration.connection import warehouse_settings
from gridcredit.orchestration.forms import name_and_text, who_may_answer
from gridcredit.orchestration.links import ChangesLink, DashboardLink, GateLink, QuarantineLink


class LoadFileOperator(BaseOperator):
    """Loads one landed file into raw; returns its extracts with their rows, unless a build covers them already."""

    template_fields: Sequence[str] = ("path",)
    operator_extra_links = (QuarantineLink(),)

    def __init__(self, *, path: str, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self.path = path

    def execute(self, context: Any) -> dict[str, int]:  # noqa: ANN401, ARG002
        """Load the file; a refused file fails at once, since trying again would not help."""
        from gridcredit.ingestion.landing import take_in
        from gridcredit.operations.runs import unanswered_extracts
        from gridcredit.operations.trouble import in_one_line

        try:
            with in_one_line():
                settings = warehouse_settings()
                return unanswered_extracts(take_in(Path(self.path), settings), settings)
        except NotReadyError:
            raise
        except GridCreditError as error:
            raise AirflowFailException(str(error)) from None


class AnnounceExtractsOperator(BaseOperator):
    """Notifies the DAGs that wait which extracts have new rows; skipped where none has."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(outlets=[LOADED_EXTRACTS], **kwargs)

    def execute(self, context: Any) -> list[str]:  # noqa: ANN401
        """Emit one asset event per extract loaded by any of the run's files, with the rows that they brought."""
        # One mapped task gives what it returned as it is, several give a list.
        loaded = context["ti"].xcom_pull(task_ids="load_file", default=None) or []
        rows: Counter[str] = Counter()
        for one in [loaded] if isinstance(loaded, dict) else loaded:
            rows.update(one or {})
        if not rows:
            raise AirflowSkipException("no file brought anything new")
        for name in sorted(rows):
            context["outlet_events"][LOADED_EXTRACTS].add(RAW_EXTRACTS[name], extra={"rows": rows[name]})
        return sorted(rows)


class _BuildStage(BaseOperator):
    """A stage of a build; it is known in lineage by the id of the DAG run that began it."""

    template_fields: Sequence[str] = ("build_run_id",)

    def __init__(self, *, build_run_id: str = "{{ run_id }}", **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self.build_run_id = build_run_id

    def execute(self, context: Any) -> None:  # noqa: ANN401
        """Run the stage; what a person must correct fails at once, anything else may be tried again."""
        from gridcredit.lineage.emitter import part_of
        from gridcredit.operations.trouble import in_one_line

        try:
            with in_one_line(), part_of(_openlineage_parent(context["ti"])):
                self.run_stage(self.build_run_id, context)
        except NotReadyError:
            raise
        except GridCreditError as error:
            raise AirflowFailException(str(error)) from None

    def run_stage(self, run_id: str, context: Any) -> None:  # noqa: ANN401
        raise NotImplementedError


class CheckRawOperator(_BuildStage):
    """Gate 1: registers the build and checks the raw rows it is the first to cover."""

    operator_extra_links = (GateLink(),)

    def run_stage(self, run_id: str, context: Any) -> None:  # noqa: ANN401
        """Check raw; as of the day asked for, else that of a scheduled run or a backfill."""
        from gridcredit.operations.pipeline import check_raw

        asked = context["params"].get("as_of_date")
        run = context["dag_run"]
        if asked:
            day = date.fromisoformat(asked)
        elif run.run_type in ("scheduled", "backfill"):
            day = run.logical_date.date()
        else:
            day = None
        check_raw(run_id, day, warehouse_settings())


class BuildModelsOperator(_BuildStage):
    """Builds every dbt layer up to the candidate tables."""

    def run_stage(self, run_id: str, context: Any) -> None:  # noqa: ANN401, ARG002
        """Build the models."""
        from gridcredit.operations.pipeline import build_models

        build_models(run_id, warehouse_settings())


class BuildLayerOperator(_BuildStage):
    """Builds one of dbt's layers; retried by itself."""

    def __init__(self, *, layer: str, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self.layer = layer

    def run_stage(self, run_id: str, context: Any) -> None:  # noqa: ANN401, ARG002
        """Build the layer."""
        from gridcredit.operations.pipeline import build_layer

        build_layer(run_id, self.layer, warehouse_settings())


class CheckCandidateOperator(_BuildStage):
    """Gate 2: checks the tables that are to be published."""

    operator_extra_links = (GateLink(),)

    def run_stage(self, run_id: str, context: Any) -> None:  # noqa: ANN401, ARG002
        """Check the candidate."""
        from gridcredit.operations.pipeline import check_candidate

        check_candidate(run_id, warehouse_settings())


class PublishOperator(_BuildStage):
    """Publishes the candidate tables as a release."""

    operator_extra_links = (DashboardLink(), ChangesLink())

    def run_stage(self, run_id: str, context: Any) -> None:  # noqa: ANN401
        """Publish; the event of the release says which it is, how many rows it changed, and its hash."""
        from gridcredit.operations.pipeline import publish_release

        release = publish_release(run_id, warehouse_settings())
        context["outlet_events"][RELEASE].extra = {
            "release": release.number,
            "rows_opened": release.rows_opened,
            "rows_closed": release.rows_closed,
            "hash": release.chain_hash,
        }


class AskApproverOperator(TriggerDagRunOperator):
    """Starts the DAG that asks whether to release a run that a gate blocked; skipped where something else failed."""

    template_fields: Sequence[str] = (*TriggerDagRunOperator.template_fields, "build_run_id")

    def __init__(self, *, build_run_id: str = "{{ run_id }}", **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(trigger_dag_id="release_blocked_run", conf={"blocked_run_id": build_run_id}, **kwargs)
        self.build_run_id = build_run_id

    def execute(self, context: Any) -> None:  # noqa: ANN401
        """Start it."""
        from gridcredit.quality.results import blocking_checks

        if not blocking_checks(self.build_run_id, warehouse_settings()):
            raise AirflowSkipException("no gate blocks the run")
        super().execute(context)


class DecideOnBlockedRunOperator(ApprovalOperator):
    """Shows a person what blocks a run, and waits without a slot for a named decision with its reason; both are
    stored.
    """

    template_fields: Sequence[str] = (*ApprovalOperator.template_fields, "build_run_id")

    def __init__(self, *, build_run_id: str, **kwargs: Any) -> None:  # noqa: ANN401
        self.build_run_id = build_run_id
        super().__init__(subject="A gate blocks a release", **kwargs)

    def execute(self, context: Any) -> Any:  # noqa: ANN401
        """Ask; skipped where nothing blocks the run."""
        from gridcredit.quality.results import approval_of, blocking_checks, describe_block

        settings = warehouse_settings()
        if decided := approval_of(self.build_run_id, settings):
            # What failed otherwise since then was not decided about.
            if decided.is_approved and not blocking_checks(self.build_run_id, settings):
                return None
            if not decided.is_approved:
                raise AirflowSkipException(f"{decided.approver} refused it: {decided.reason}")
        self.body = describe_block(self.build_run_id, settings)
        if self.body is None:
            raise AirflowSkipException(f"nothing blocks run {self.build_run_id}")
        self.assigned_users = who_may_answer(settings)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:  # noqa: ANN401
        """Record the decision; a refusal skips what follows."""
        from gridcredit.quality.results import record_approval

        decided = super().execute_complete(context, event)
        record_approval(
            self.build_run_id,
            *name_and_text(decided, "reason"),
            is_approved=decided["chosen_options"] == [self.APPROVE],
            settings=warehouse_settings(),
        )
        return decided


def _openlineage_parent(task: Any) -> Any:  # noqa: ANN401
    """The task's run as Airflow's provider names it."""
    from airflow.providers.openlineage.plugins.macros import lineage_job_name, lineage_run_id

    from gridcredit.lineage.emitter import Parent

    return Parent(lineage_run_id(task), lineage_job_name(task))
