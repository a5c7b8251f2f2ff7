"""OpenLineage events of dbt's models and of the gates; those of Airflow's tasks are sent by Airflow's provider."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    set_producer,
)
from openlineage.client.facet_v2 import (
    DatasetFacet,
    InputDatasetFacet,
    JobFacet,
    RunFacet,
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_input_dataset,
    documentation_dataset,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
    source_code_job,
    sql_job,
    tags_run,
)
from openlineage.client.uuid import generate_new_uuid

from gridcredit.gate_results import Check
from gridcredit.lineage.columns import Catalog, catalog
from gridcredit.lineage.transport import JOB_NAMESPACE, transport_config
from gridcredit.settings import Settings
from gridcredit.warehouse import WAREHOUSE, code_version, connect, warehouse_url

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


def dataset_namespace(settings: Settings) -> str:
    """As OpenLineage names a Postgres server; the embedded one has no lasting address."""
    if settings.warehouse_url is None:
        return "postgres://embedded"
    url = urlsplit(settings.warehouse_url.get_secret_value())
    return f"postgres://{url.hostname}:{url.port or 5432}"


def dataset_name(schema: str, table: str) -> str:
    """As OpenLineage names a table of Postgres."""
    return f"{WAREHOUSE}.{schema}.{table}"


class Events:
    """Puts together and sends the events of one build."""

    def __init__(self, run_id: str, settings: Settings) -> None:
        self._settings = settings
        self._run_id = run_id
        self._namespace = dataset_namespace(settings)
        set_producer(PRODUCER)
        with connect(settings) as connection:
            self._catalog: Catalog = catalog(connection)
            as_of_date, policy = connection.execute(
                "select as_of_date, policy_name from lineage.runs where run_id = %s", [run_id]
            ).fetchone() or (None, None)
        self._tags = {"build": run_id, "as_of_date": str(as_of_date), "policy": str(policy), "code": code_version()}

    @cached_property
    def _upstream(self) -> dict[tuple[str, str], list[tuple[Any, ...]]]:
        """By schema and table its columns and what each rests on; gates have no need of it."""
        found: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        with connect(self._settings) as connection:
            for schema, table, *rest in connection.execute(
                "select schema_name, table_name, column_name, upstream_schema, upstream_table, upstream_column, is_direct "
                "from lineage.columns join lineage.runs using (fingerprint) where run_id = %s order by 1, 2, 3, 4, 5, 6",
                [self._run_id],
            ):
                found.setdefault((schema, table), []).append(tuple(rest))
        return found

    def send_models(self, results: Sequence[Any]) -> None:
        """Two events for each model that dbt ran, and two for the tests of a model."""
        models = {result.node.unique_id: result for result in results if str(result.node.resource_type) == "model"}
        tests: dict[str, list[Any]] = {}
        for result in results:
            if str(result.node.resource_type) == "test":
                tested = getattr(result.node, "attached_node", None) or result.node.depends_on.nodes[0]
                tests.setdefault(tested, []).append(result)
        with self._client() as client:
            for result in models.values():
                self._send_model(client, result)
            for unique_id in tests.keys() & models.keys():
                node = models[unique_id].node
                self._send_tests(client, node.schema, node.name, tests[unique_id])

    @contextmanager
    def _client(self) -> Iterator[OpenLineageClient]:
        url = warehouse_url(self._settings)
        client = OpenLineageClient(config={"transport": transport_config(self._settings, url)})
        try:
            yield client
        finally:
            client.close()

    def send_gate(
        self, gate: str, checks: Sequence[Check], tables: dict[str, tuple[str, str]], started: datetime
    ) -> None:
        """Two events for each table that a gate checked, by where it is kept."""
        with self._client() as client:
            for table, (schema, _) in tables.items():
                found = [check for check in checks if check.table == table]
                critical = [check for check in found if check.is_critical_failure]
                metrics = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
                    columnMetrics={}, rowCount=max((check.element_count or 0 for check in found), default=0)
                )
                self._send(
                    client,
                    job=f"gate_{gate}.{table}",
                    job_type=("GREAT_EXPECTATIONS", "GATE"),
                    times=(started, datetime.now(UTC)),
                    error=f"{len(critical)} critical check(s) failed" if critical else None,
                    inputs=[
                        self._input(
                            "raw" if gate == "raw" else schema,
                            table,
                            {
                                "dataQualityAssertions": _assertions(
                                    (check.expectation, check.success, check.column, check.severity, check.detail)
                                    for check in found
                                ),
                                "dataQualityMetrics": metrics,
                            },
                        )
                    ],
                )

    def _send_model(self, client: OpenLineageClient, result: Any) -> None:  # noqa: ANN401
        node = result.node
        is_ok = str(result.status) == "success"
        relations = sorted(
            {(schema, table) for _, schema, table, *_ in self._upstream.get((node.schema, node.name), [])}
        )
        outputs = []
        if is_ok:
            rows = result.adapter_response.get("rows_affected")
            outputs = [
                OutputDataset(
                    self._namespace,
                    dataset_name(node.schema, node.name),
                    facets=self._facets(node.schema, node.name, node.description),
                    outputFacets={
                        "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                            rowCount=rows if isinstance(rows, int) and rows >= 0 else None
                        )
                    },
                )
            ]
        self._send(
            client,
            job=f"dbt.{node.schema}.{node.name}",
            job_type=("DBT", "MODEL"),
            times=_times(result),
            error=None if is_ok else str(result.message),
            inputs=[self._input(schema, table) for schema, table in relations],
            outputs=outputs,
            job_facets={
                "sourceCode": source_code_job.SourceCodeJobFacet("sql", node.raw_code),
                **({"sql": sql_job.SQLJobFacet(node.compiled_code)} if node.compiled_code else {}),
            },
            tags={"checksum": node.checksum.checksum},
        )

    def _send_tests(self, client: OpenLineageClient, schema: str, table: str, results: list[Any]) -> None:
        assertions = _assertions(
            (result.node.name, str(result.status) == "pass", getattr(result.node, "column_name", None))
            + (str(result.node.config.severity).lower(), None)
            for result in results
        )
        failed = [result for result in results if str(result.status) in ("fail", "error")]
        self._send(
            client,
            job=f"dbt.test.{schema}.{table}",
            job_type=("DBT", "TEST"),
            times=(min(_times(result)[0] for result in results), max(_times(result)[1] for result in results)),
            error=str(failed[0].message) if failed else None,
            inputs=[
                self._input(
                    schema,
                    table,
                    {"dataQualityAssertions": assertions},
                )
            ],
        )

    def _send(
        self,
        client: OpenLineageClient,
        *,
        job: str,
        job_type: tuple[str, str],
        times: tuple[datetime, datetime],
        error: str | None,
        inputs: list[InputDataset],
        outputs: Sequence[OutputDataset] = (),
        job_facets: dict[str, JobFacet] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        run_facets: dict[str, RunFacet] = {
            "parent": self._parent_facet(),
            "tags": tags_run.TagsRunFacet(
                [
                    tags_run.TagsRunFacetFields(key, value, "GRIDCREDIT")
                    for key, value in (self._tags | (tags or {})).items()
                ]
            ),
        }
        integration, kind = job_type
        facets: dict[str, JobFacet] = {
            "jobType": job_type_job.JobTypeJobFacet(processingType="BATCH", integration=integration, jobType=kind),
            **(job_facets or {}),
        }
        run_uuid = str(generate_new_uuid(times[0]))
        described = Job(JOB_NAMESPACE, job, facets=facets)
        client.emit(
            RunEvent(
                eventTime=times[0].isoformat(),
                eventType=RunState.START,
                run=Run(run_uuid, facets=dict(run_facets)),
                job=Job(JOB_NAMESPACE, job, facets={"jobType": facets["jobType"]}),
            )
        )
        if error:
            run_facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(" ".join(error.split())[:500], "sql")
        client.emit(
            RunEvent(
                eventTime=times[1].isoformat(),
                eventType=RunState.FAIL if error else RunState.COMPLETE,
                run=Run(run_uuid, facets=run_facets),
                job=described,
                inputs=inputs,
                outputs=list(outputs),
            )
        )

    def _parent_facet(self) -> parent_run.ParentRunFacet:
        parent = _parent.get() or Parent(str(uuid5(NAMESPACE_URL, f"{JOB_NAMESPACE}/{self._run_id}")), "build_ratings")
        return parent_run.ParentRunFacet(
            run=parent_run.Run(parent.run_id), job=parent_run.Job(JOB_NAMESPACE, parent.job_name)
        )

    def _input(self, schema: str, table: str, input_facets: dict[str, InputDatasetFacet] | None = None) -> InputDataset:
        return InputDataset(
            self._namespace,
            dataset_name(schema, table),
            facets={"schema": self._schema(schema, table)},
            inputFacets=input_facets or {},
        )

    def _facets(self, schema: str, table: str, text: str) -> dict[str, DatasetFacet]:
        return {
            "schema": self._schema(schema, table),
            "columnLineage": self._column_lineage(schema, table),
            "documentation": documentation_dataset.DocumentationDatasetFacet(description=text),
        }

    def _schema(self, schema: str, table: str) -> schema_dataset.SchemaDatasetFacet:
        return schema_dataset.SchemaDatasetFacet(
            [
                schema_dataset.SchemaDatasetFacetFields(name, kind)
                for name, kind in self._catalog.get(schema, {}).get(table, {}).items()
            ]
        )

    def _column_lineage(self, schema: str, table: str) -> column_lineage_dataset.ColumnLineageDatasetFacet:
        fields: dict[str, list[column_lineage_dataset.InputField]] = {}
        for column, from_schema, from_table, from_column, is_direct in self._upstream.get((schema, table), []):
            kind = column_lineage_dataset.Transformation(type="DIRECT" if is_direct else "INDIRECT")
            fields.setdefault(column, []).append(
                column_lineage_dataset.InputField(
                    self._namespace, dataset_name(from_schema, from_table), from_column, transformations=[kind]
                )
            )
        return column_lineage_dataset.ColumnLineageDatasetFacet(
            {name: column_lineage_dataset.Fields(inputs) for name, inputs in fields.items()}
        )


def _assertions(
    told: Iterable[tuple[str, bool, str | None, str, str | None]],
) -> data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet:
    return data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
        [
            data_quality_assertions_dataset.Assertion(
                assertion=assertion, success=success, column=column, severity=severity, description=detail
            )
            for assertion, success, column, severity, detail in told
        ]
    )


def _times(result: Any) -> tuple[datetime, datetime]:  # noqa: ANN401
    """When dbt ran a node; one it skipped has no times."""
    now = datetime.now(UTC)
    ran = [timing for timing in result.timing if timing.started_at and timing.completed_at]
    if not ran:
        return now, now
    return min(timing.started_at for timing in ran), max(timing.completed_at for timing in ran)
