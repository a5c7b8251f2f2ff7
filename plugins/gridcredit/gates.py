"""Great Expectations gates: reviewed suites run against a run's raw rows, and against the candidate tables.

A critical failure stops the run; a warning is recorded and shown. Results become rows in lineage and data docs.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import structlog
from psycopg import sql

from gridcredit.errors import GateFailedError, GridCreditError
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse import connect, warehouse_url

log = structlog.get_logger(__name__)

Gate = Literal["raw", "candidate"]


@dataclass(frozen=True)
class Check:
    """The result of one expectation."""

    suite: str
    expectation: str
    column: str | None
    severity: str
    success: bool
    unexpected_count: int | None
    element_count: int | None
    detail: str | None


def run_gate(gate: Gate, run_id: str, settings: Settings | None = None) -> list[Check]:
    """Run every suite of a gate and record each result.

    Raises:
        GateFailedError: a critical check failed; names the first.
    """
    settings = settings or get_settings()
    suites = read_suites(gate, settings)
    with connect(settings, autocommit=True) as lock:
        # One run at a time: the views of raw rows are one run's.
        lock.execute("select pg_advisory_lock(hashtext('gridcredit.gate'))")
        tables = _tables_to_check(gate, run_id, list(suites), settings)
        checks = _validate(gate, suites, tables, settings) if tables else []
    with connect(settings) as connection, connection.cursor() as cursor:
        cursor.execute("delete from lineage.gate_results where run_id = %s and gate = %s", [run_id, gate])
        cursor.executemany(
            "insert into lineage.gate_results (run_id, gate, suite, expectation, column_name, severity, success, "
            "unexpected_count, element_count, detail) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (run_id, gate, c.suite, c.expectation, c.column, c.severity, c.success)
                + (c.unexpected_count, c.element_count, c.detail)
                for c in checks
            ],
        )
    failed = [check for check in checks if not check.success]
    for check in failed:
        log.warning("check_failed", gate=gate, suite=check.suite, severity=check.severity, detail=check.detail)
    critical = [check for check in failed if check.severity == "critical"]
    if critical:
        first = critical[0]
        raise GateFailedError(
            f"gate {gate}: {len(critical)} critical check(s) failed, first {first.suite} {first.expectation}"
            f"{f' on {first.column}' if first.column else ''}: {first.detail}; nothing is published, the last "
            f"release stands; see {data_docs_index(settings)}"
        )
    log.info("gate_passed", gate=gate, run_id=run_id, checks=len(checks), warnings=len(failed))
    return checks


def read_suites(gate: Gate, settings: Settings) -> dict[str, dict[str, Any]]:
    """The suites of a gate by table; each expectation has a severity and, in its meta, a reason."""
    suites: dict[str, dict[str, Any]] = {}
    for path in sorted((settings.expectations_dir / gate).glob("*.json")):
        try:
            suites[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise GridCreditError(f"{path}: is not valid JSON: {error}") from error
    return suites


def _tables_to_check(gate: Gate, run_id: str, tables: list[str], settings: Settings) -> dict[str, tuple[str, str]]:
    """Where each table's suite looks (schema, name): a view of the run's own raw rows, or a whole candidate table.

    A view, since of a query Great Expectations would fetch every row to learn the names of its columns.
    """
    if gate == "candidate":
        return {table: ("candidate", table) for table in tables}
    found: dict[str, tuple[str, str]] = {}
    with connect(settings) as connection:
        loads: dict[str, list[int]] = {}
        for extract, file_id in connection.execute(
            "select extract, file_id from lineage.loads join lineage.run_files using (file_id) "
            "join lineage.files using (file_id) where run_id = %s and undone_at is null order by file_id",
            [run_id],
        ):
            loads.setdefault(extract, []).append(file_id)
        for table in tables:
            if table in loads:
                view = f"{table}_to_check"
                names = {"view": sql.Identifier("ops", view), "raw": sql.Identifier("raw", table)}
                connection.execute(sql.SQL("drop view if exists {view}").format(**names))
                connection.execute(
                    sql.SQL(
                        "create view {view} as select * from {raw} where _file_id = any({files}) and _deleted is not true"
                    ).format(**names, files=sql.Literal(loads[table]))
                )
                found[table] = ("ops", view)
    return found


def _validate(
    gate: Gate, suites: dict[str, dict[str, Any]], tables: dict[str, tuple[str, str]], settings: Settings
) -> list[Check]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = _context(gx, settings)
    source = context.data_sources.add_postgres(
        name="warehouse",
        connection_string=warehouse_url(settings).replace("postgresql://", "postgresql+psycopg2://", 1),
    )
    definitions = []
    for table, (schema, relation) in tables.items():
        name = suites[table]["name"]
        suite = context.suites.add(gx.ExpectationSuite(**suites[table]))
        asset = source.add_table_asset(name=name, schema_name=schema, table_name=relation)
        batch = asset.add_batch_definition("all rows")
        definitions.append(
            context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
        )
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name=gate, validation_definitions=definitions, result_format="SUMMARY")
    )
    outcome = checkpoint.run()
    context.build_data_docs()
    return [
        _check(result.suite_name, expectation)
        for result in outcome.run_results.values()
        for expectation in result.results
    ]


def _context(gx: Any, settings: Settings) -> Any:  # noqa: ANN401 - the library is imported late, it is slow
    """A context that keeps nothing but results and their pages: what is checked is read from our files each time."""
    from great_expectations.data_context.types import base

    stores = base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    stores.stores[stores.validation_results_store_name] = {
        "class_name": "ValidationResultsStore",
        "store_backend": _folder(settings.home / "gate_results"),
    }
    site = {
        "class_name": "SiteBuilder",
        "store_backend": _folder(settings.data_docs_dir),
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    config = base.DataContextConfig(
        store_backend_defaults=stores,
        data_docs_sites={"gridcredit": site},
        analytics_enabled=False,
        progress_bars=base.ProgressBarsConfig(globally=False),
    )
    return gx.get_context(mode="ephemeral", project_config=config)


def _folder(path: Path) -> dict[str, str]:
    path.mkdir(parents=True, exist_ok=True)
    return {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(path)}


def _check(suite: str, outcome: Any) -> Check:  # noqa: ANN401
    config, result = outcome.expectation_config, outcome.result or {}
    severity, detail = str(getattr(config.severity, "value", config.severity)), None
    if not outcome.success:
        errors = [info["exception_message"] for info in _exceptions(outcome.exception_info or {})]
        # A check that could not be made has not been passed, whatever its severity.
        severity = "critical" if errors else severity
        observed = result.get("observed_value")
        count = result.get("unexpected_count")
        reason = (config.meta or {}).get("reason", "")
        detail = errors[0] if errors else f"{count if count is not None else observed} unexpected ({reason})"
    return Check(
        suite=suite,
        expectation=config.type,
        column=config.kwargs.get("column") or config.kwargs.get("column_A"),
        severity=severity,
        success=bool(outcome.success),
        unexpected_count=result.get("unexpected_count"),
        element_count=result.get("element_count"),
        detail=" ".join(detail.split())[:500] if detail else None,
    )


def _exceptions(info: dict[str, Any]) -> list[dict[str, Any]]:
    entries = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, dict)]
    return [entry for entry in entries if entry.get("raised_exception")]


def data_docs_index(settings: Settings) -> Path:
    """Where a person opens the results."""
    return settings.data_docs_dir / "index.html"
