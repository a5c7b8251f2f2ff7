"""The OpenLineage events of a build: its models, their tests and what was published; the gates send their own.

Those of Airflow's tasks are sent by Airflow's provider.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from openlineage.client.facet_v2 import (
    JobFacet,
    column_lineage_dataset,
    data_quality_assertions_dataset,
    dataset_version_dataset,
    documentation_dataset,
    source_code_job,
    sql_job,
)

from gridcredit.lineage.columns import Catalog, ColumnName, Upstream, catalog
from gridcredit.lineage.emitter import Done, Emitter, Parent
from gridcredit.lineage.run import Run
from gridcredit.lineage.transport import JOB_NAMESPACE
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import code_version, connect

ColumnsUpstream = Mapping[str, Sequence[Upstream]]


def send_models(run: Run, results: Sequence[Any]) -> None:
    """Two events for each model that dbt ran, and two for the tests of a model."""
    models = {result.node.unique_id: result for result in results if str(result.node.resource_type) == "model"}
    tests: dict[str, list[Any]] = {}
    for result in results:
        if str(result.node.resource_type) == "test":
            tested = getattr(result.node, "attached_node", None) or result.node.depends_on.nodes[0]
            tests.setdefault(tested, []).append(result)
    upstream = _upstream(run)
    read = {one.column.schema for columns in upstream.values() for found in columns.values() for one in found}
    known = known_columns(run.settings, read | {result.node.schema for result in models.values()})
    with emitter_of_run(run) as emitter:
        for result in models.values():
            columns = upstream.get((result.node.schema, result.node.name), {})
            emitter.emit(_model(emitter, result, known, columns))
        for unique_id in tests.keys() & models.keys():
            node = models[unique_id].node
            emitter.emit(_tests(emitter, node.schema, node.name, tests[unique_id], known))


def send_release(run: Run, release: int, opened: Mapping[str, int], began: datetime) -> None:
    """Two events for a release: each candidate table became what is published under its name."""
    known = known_columns(run.settings, ["candidate"])
    with emitter_of_run(run) as emitter:
        inputs, outputs = [], []
        for table, rows in opened.items():
            columns = known.get("candidate", {}).get(table, {})
            inputs.append(emitter.table_read("candidate", table, columns))
            same = {column: [Upstream(ColumnName("candidate", table, column), is_direct=True)] for column in columns}
            facets = {
                "version": dataset_version_dataset.DatasetVersionDatasetFacet(str(release)),
                "columnLineage": _column_lineage(emitter, same),
            }
            outputs.append(emitter.table_written("published", table, columns, rows, facets))
        emitter.emit(Done("publish", "GRIDCREDIT", "RELEASE", began, datetime.now(UTC), inputs=inputs, outputs=outputs))


def emitter_of_run(run: Run) -> Emitter:
    """Sends events of a run, as parts of its build; to be entered and left."""
    tags = {"build": run.id, "as_of_date": str(run.as_of_date), "policy": run.policy, "code": code_version()}
    build = Parent(str(uuid5(NAMESPACE_URL, f"{JOB_NAMESPACE}/{run.id}")), "build_ratings")
    return Emitter(run.settings, tags, build)


def known_columns(settings: Settings, schemas: Collection[str]) -> Catalog:
    """The columns of the tables of some schemas, with their types."""
    with connect(settings) as connection:
        return catalog(connection, schemas)


def _upstream(run: Run) -> dict[tuple[str, str], dict[str, list[Upstream]]]:
    """By schema and table its columns and what each rests on."""
    found: dict[tuple[str, str], dict[str, list[Upstream]]] = {}
    with connect(run.settings) as connection:
        for schema, table, column, *source, is_direct in connection.execute(
            "select schema_name, table_name, column_name, upstream_schema, upstream_table, upstream_column, is_direct "
            "from lineage.columns join lineage.runs using (fingerprint) where run_id = %s order by 1, 2, 3, 4, 5, 6",
            [run.id],
        ):
            one = Upstream(ColumnName(*source), is_direct)
            found.setdefault((schema, table), {}).setdefault(column, []).append(one)
    return found


def _model(emitter: Emitter, result: Any, known: Catalog, upstream: ColumnsUpstream) -> Done:  # noqa: ANN401 what dbt returns has no public type
    node = result.node
    is_ok = str(result.status) == "success"
    relations = sorted({(one.column.schema, one.column.table) for found in upstream.values() for one in found})
    outputs = []
    if is_ok:
        rows = result.adapter_response.get("rows_affected")
        outputs = [
            emitter.table_written(
                node.schema,
                node.name,
                known.get(node.schema, {}).get(node.name, {}),
                rows if isinstance(rows, int) and rows >= 0 else None,
                {
                    "columnLineage": _column_lineage(emitter, upstream),
                    "documentation": documentation_dataset.DocumentationDatasetFacet(description=node.description),
                },
            )
        ]
    job_facets: dict[str, JobFacet] = {"sourceCode": source_code_job.SourceCodeJobFacet("sql", node.raw_code)}
    if node.compiled_code:
        job_facets["sql"] = sql_job.SQLJobFacet(node.compiled_code)
    return Done(
        f"dbt.{node.schema}.{node.name}",
        "DBT",
        "MODEL",
        *_times(result),
        error=None if is_ok else str(result.message),
        inputs=[emitter.table_read(schema, table, known.get(schema, {}).get(table, {})) for schema, table in relations],
        outputs=outputs,
        job_facets=job_facets,
        tags={"checksum": node.checksum.checksum},
    )


def _tests(emitter: Emitter, schema: str, table: str, results: list[Any], known: Catalog) -> Done:
    found = assertions(
        (result.node.name, str(result.status) == "pass", getattr(result.node, "column_name", None))
        + (str(result.node.config.severity).lower(), None)
        for result in results
    )
    failed = [result for result in results if str(result.status) in ("fail", "error")]
    columns = known.get(schema, {}).get(table, {})
    return Done(
        f"dbt.test.{schema}.{table}",
        "DBT",
        "TEST",
        min(_times(result)[0] for result in results),
        max(_times(result)[1] for result in results),
        error=str(failed[0].message) if failed else None,
        inputs=[emitter.table_read(schema, table, columns, {"dataQualityAssertions": found})],
    )


def _column_lineage(emitter: Emitter, upstream: ColumnsUpstream) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    def field(one: Upstream) -> column_lineage_dataset.InputField:
        kind = column_lineage_dataset.Transformation(type="DIRECT" if one.is_direct else "INDIRECT")
        return column_lineage_dataset.InputField(
            emitter.namespace,
            emitter.dataset_name(one.column.schema, one.column.table),
            one.column.column,
            transformations=[kind],
        )

    return column_lineage_dataset.ColumnLineageDatasetFacet(
        {column: column_lineage_dataset.Fields([field(one) for one in found]) for column, found in upstream.items()}
    )


def assertions(
    results: Iterable[tuple[str, bool, str | None, str, str | None]],
) -> data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet:
    """The facet of checks: each with its name, whether it held, its column, severity and what was found."""
    return data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
        [
            data_quality_assertions_dataset.Assertion(
                assertion=assertion, success=success, column=column, severity=severity, description=detail
            )
            for assertion, success, column, severity, detail in results
        ]
    )


def _times(result: Any) -> tuple[datetime, datetime]:  # noqa: ANN401 what dbt returns has no public type
    """When dbt ran a node; one it skipped has no times."""
    now = datetime.now(UTC)
    ran = [timing for timing in result.timing if timing.started_at and timing.completed_at]
    if not ran:
        return now, now
    return min(timing.started_at for timing in ran), max(timing.completed_at for timing in ran)
