"""Sends OpenLineage events: a START and a COMPLETE or FAIL for whatever was done, as part of the task that did it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState, set_producer
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    JobFacet,
    RunFacet,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
    tags_run,
)
from openlineage.client.uuid import generate_new_uuid

from gridcredit.lineage.transport import JOB_NAMESPACE, transport_config
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import warehouse_url

PRODUCER = "urn:gridcredit"


@dataclass(frozen=True)
class Parent:
    """The run that others are part of: an Airflow task's, else a build's."""

    run_id: str
    job_name: str


_parent: ContextVar[Parent | None] = ContextVar("parent", default=None)


@contextmanager
def part_of(parent: Parent) -> Iterator[None]:
    """What is sent inside is part of the parent's run."""
    token = _parent.set(parent)
    try:
        yield
    finally:
        _parent.reset(token)


@dataclass(frozen=True)
class Done:
    """Something that was done, and how it ended; `integration` and `kind` as OpenLineage names types of jobs."""

    job: str
    integration: str
    kind: str
    began: datetime
    ended: datetime
    error: str | None = None
    inputs: Sequence[InputDataset] = ()
    outputs: Sequence[OutputDataset] = ()
    job_facets: Mapping[str, JobFacet] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class Emitter:
    """Sends what was done to wherever events go; a context, which closes the way there."""

    def __init__(self, settings: Settings, tags: Mapping[str, str], parent: Parent | None = None) -> None:
        set_producer(PRODUCER)
        self._tags = tags
        self._parent = _parent.get() or parent
        self.namespace, self._database = _server_and_database(settings)
        self._client = OpenLineageClient(config={"transport": transport_config(settings, warehouse_url(settings))})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def emit(self, done: Done) -> None:
        """Send the two events."""
        run_facets: dict[str, RunFacet] = {
            "tags": tags_run.TagsRunFacet(
                [
                    tags_run.TagsRunFacetFields(key, value, "GRIDCREDIT")
                    for key, value in (dict(self._tags) | dict(done.tags)).items()
                ]
            ),
        }
        if self._parent:
            run_facets["parent"] = parent_run.ParentRunFacet(
                run=parent_run.Run(self._parent.run_id), job=parent_run.Job(JOB_NAMESPACE, self._parent.job_name)
            )
        job_type = job_type_job.JobTypeJobFacet(processingType="BATCH", integration=done.integration, jobType=done.kind)
        run_uuid = str(generate_new_uuid(done.began))
        self._client.emit(
            RunEvent(
                eventTime=done.began.isoformat(),
                eventType=RunState.START,
                run=Run(run_uuid, facets=dict(run_facets)),
                job=Job(JOB_NAMESPACE, done.job, facets={"jobType": job_type}),
            )
        )
        if done.error:
            message = " ".join(done.error.split())[:500]
            run_facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(message, "sql")
        self._client.emit(
            RunEvent(
                eventTime=done.ended.isoformat(),
                eventType=RunState.FAIL if done.error else RunState.COMPLETE,
                run=Run(run_uuid, facets=run_facets),
                job=Job(JOB_NAMESPACE, done.job, facets={"jobType": job_type, **done.job_facets}),
                inputs=list(done.inputs),
                outputs=list(done.outputs),
            )
        )

    def dataset_name(self, schema: str, table: str) -> str:
        """A table's name by OpenLineage's naming rules for Postgres: database.schema.table."""
        return f"{self._database}.{schema}.{table}"

    def table_read(
        self,
        schema: str,
        table: str,
        columns: Mapping[str, str],
        input_facets: Mapping[str, InputDatasetFacet] | None = None,
    ) -> InputDataset:
        """A table that was read, with its columns and their types."""
        facets: dict[str, DatasetFacet] = {"schema": schema_facet(columns)}
        name = self.dataset_name(schema, table)
        return InputDataset(self.namespace, name, facets=facets, inputFacets=dict(input_facets or {}))

    def table_written(
        self,
        schema: str,
        table: str,
        columns: Mapping[str, str],
        rows: int | None,
        facets: Mapping[str, DatasetFacet] | None = None,
    ) -> OutputDataset:
        """A table that was written, with its columns and their types, and how many rows it was given."""
        statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows)
        return OutputDataset(
            self.namespace,
            self.dataset_name(schema, table),
            facets={"schema": schema_facet(columns), **(facets or {})},
            outputFacets={"outputStatistics": statistics},
        )


def schema_facet(columns: Mapping[str, str]) -> schema_dataset.SchemaDatasetFacet:
    """Columns and their types."""
    return schema_dataset.SchemaDatasetFacet(
        [schema_dataset.SchemaDatasetFacetFields(name, kind) for name, kind in columns.items()]
    )


def _server_and_database(settings: Settings) -> tuple[str, str]:
    """The namespace of the warehouse's tables by OpenLineage's naming rules, and the database that their names begin
    with.
    """
    url = urlsplit(warehouse_url(settings))
    return f"postgres://{url.hostname}:{url.port or 5432}", unquote(url.path.lstrip("/"))
