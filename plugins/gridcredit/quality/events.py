"""The OpenLineage events of a gate: what was checked of each table, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from openlineage.client.facet_v2 import data_quality_metrics_input_dataset

from gridcredit.lineage.emitter import Done
from gridcredit.lineage.events import assertions, emitter_of_run, known_columns
from gridcredit.lineage.run import Run
from gridcredit.quality.results import Check


def send_gate(
    run: Run,
    gate: str,
    checks: Sequence[Check],
    tables: Mapping[str, tuple[str, str]],
    began: datetime,
) -> None:
    """Two events for each table that a gate checked, by where it is stored."""
    known = known_columns(run.settings, {"raw" if gate == "raw" else schema for schema, _ in tables.values()})
    with emitter_of_run(run) as emitter:
        for table, (stored_in, _) in tables.items():
            schema = "raw" if gate == "raw" else stored_in
            found = [check for check in checks if check.table == table]
            critical = sum(check.is_critical_failure for check in found)
            metrics = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
                columnMetrics={}, rowCount=max((check.element_count or 0 for check in found), default=0)
            )
            assertions_of_table = assertions(
                (check.expectation, check.success, check.column, check.severity, check.detail) for check in found
            )
            checked = emitter.table_read(
                schema,
                table,
                known.get(schema, {}).get(table, {}),
                {"dataQualityAssertions": assertions_of_table, "dataQualityMetrics": metrics},
            )
            emitter.emit(
                Done(
                    f"gate_{gate}.{table}",
                    "GREAT_EXPECTATIONS",
                    "GATE",
                    began,
                    datetime.now(UTC),
                    error=f"{critical} critical check(s) failed" if critical else None,
                    inputs=[checked],
                )
            )
