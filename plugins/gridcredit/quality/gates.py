"""Great Expectations gates: reviewed suites run against a run's raw rows, and against the candidate tables.

A critical failure stops the run, unless a named person let it through; a warning is recorded and shown. Results become rows
in lineage and data docs.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import structlog
from psycopg import sql

from gridcredit.errors import GateFailedError, GridCreditError
from gridcredit.quality.events import send_gate
from gridcredit.quality.results import Check, Gate, approval_of, record_checks
from gridcredit.settings import Settings, get_settings
from gridcredit.transformation.memory import rare_collections
from gridcredit.warehouse.connection import connect, warehouse_url
from gridcredit.warehouse.locks import exclusive
from gridcredit.warehouse.published_tables import TABLES

if TYPE_CHECKING:  # the library is imported late, it is slow
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.core.batch_definition import BatchDefinition

log = structlog.get_logger(__name__)

# Beside the extracts: how a run's files compare with those before.
DELIVERY = "delivery"
DRIFT = "monitoring.indicator_drift"
ALL_ROWS = "all rows"
KEYS_KEPT = 100
# The newest results, each a table's, have pages: Great Expectations reads the names of all there are for each gate. As rows they stay.
RESULTS_WITH_PAGES = 300


def run_gate(gate: Gate, run_id: str, settings: Settings | None = None) -> list[Check]:
    """Run every suite of a gate and record each result.

    Raises:
        GateFailedError: a critical check failed, and nobody let the run through; names the first.
    """
    settings = settings or get_settings()
    started = datetime.now(UTC)
    suites = read_suites(gate, settings)
    seconds: dict[str, float] = {}
    # One run at a time: the views of raw rows are one run's.
    with exclusive("gate", settings), rare_collections():
        tables = _tables_to_check(gate, run_id, suites, settings)
        checks = list(_validate(gate, suites, tables, seconds, settings)) if tables else []
    checks = _drift_as_it_counts(checks, settings)
    record_checks(run_id, gate, checks, seconds, settings)
    send_gate(run_id, gate, checks, tables, started, settings)
    failed = [check for check in checks if not check.success]
    for check in failed:
        log.warning("check_failed", gate=gate, suite=check.suite, severity=check.severity, detail=check.detail)
    critical = [check for check in failed if check.is_critical_failure]
    if critical:
        approval = approval_of(run_id, settings)
        if approval is None or not approval.is_approved:
            first = critical[0]
            shown_in = data_docs_index(settings) if settings.gate_pages else "lineage.gate_results"
            raise GateFailedError(
                f"gate {gate}: {len(critical)} critical check(s) failed, first {first.suite} {first.expectation}"
                f"{f' on {first.column}' if first.column else ''}: {first.detail}; nothing is published, the last "
                f"release stands; see {shown_in}. Mend the data and run again, or publish it all the same: "
                f"`gridcredit run --blocked '{run_id}' --approver NAME --reason TEXT`"
            )
        log.warning("let_through", gate=gate, run_id=run_id, checks=len(critical), approver=approval.approver)
    log.info("gate_passed", gate=gate, run_id=run_id, checks=len(checks), warnings=len(failed))
    return checks


def _drift_as_it_counts(checks: list[Check], settings: Settings) -> list[Check]:
    """Drift warns, and does not block, where there is no release to compare with, or the next one restates balances."""
    with connect(settings) as connection:
        blocks = connection.execute(
            "select exists (select from lineage.releases) and not exists (select from ops.restatement)"
        ).fetchone()
    if blocks == (True,):
        return checks
    return [
        replace(check, severity="warning") if check.suite == DRIFT and check.severity == "critical" else check
        for check in checks
    ]


def read_suites(gate: Gate, settings: Settings) -> dict[str, dict[str, Any]]:
    """The suites of a gate by table; each expectation has a severity and, in its meta, a reason."""
    suites: dict[str, dict[str, Any]] = {}
    for path in sorted((settings.expectations_dir / gate).glob("*.json")):
        try:
            suites[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise GridCreditError(f"{path}: is not valid JSON: {error}") from error
    return suites


def _tables_to_check(
    gate: Gate, run_id: str, suites: dict[str, dict[str, Any]], settings: Settings
) -> dict[str, tuple[str, str]]:
    """Where each table's suite looks (schema, name): a view of the run's own raw rows, or a whole table.

    A view, since of a query Great Expectations would fetch every row to learn the names of its columns.
    """
    if gate == "candidate":
        return {table: (_schema(suite), table) for table, suite in suites.items()}
    found: dict[str, tuple[str, str]] = {}
    with connect(settings) as connection:
        loads: dict[str, list[int]] = {}
        for extract, file_id in connection.execute(
            "select extract, file_id from lineage.loads join lineage.run_files using (file_id) "
            "join lineage.files using (file_id) where run_id = %s and undone_at is null order by file_id",
            [run_id],
        ):
            loads.setdefault(extract, []).append(file_id)
        queries: dict[str, sql.Composed] = {
            DELIVERY: sql.SQL("select * from lineage.deliveries_by_run where run_id = {}").format(sql.Literal(run_id))
        }
        for extract, files in loads.items():
            queries[extract] = sql.SQL("select * from {} where _file_id = any({}) and _deleted is not true").format(
                sql.Identifier("raw", extract), sql.Literal(files)
            )
        for table in suites.keys() & queries.keys():
            view = f"{table}_to_check"
            name = sql.Identifier("ops", view)
            connection.execute(sql.SQL("drop view if exists {}").format(name))
            connection.execute(sql.SQL("create view {} as {}").format(name, queries[table]))
            found[table] = ("ops", view)
    return dict(sorted(found.items()))


def _schema(suite: dict[str, Any]) -> str:
    """The schema of a suite's table, which its name tells: `candidate.customer_rating`."""
    return str(suite["name"]).split(".", 1)[0]


def _key(gate: Gate, table: str, suite: dict[str, Any]) -> list[str]:
    """The columns that tell a row of a table; a suite names them itself where no contract does."""
    own: list[str] | None = suite.get("meta", {}).get("key")
    if own:
        return own
    return ["_file_id", "_line_no"] if gate == "raw" else list(TABLES[table].key)


def _validate(
    gate: Gate,
    suites: dict[str, dict[str, Any]],
    tables: dict[str, tuple[str, str]],
    seconds: dict[str, float],
    settings: Settings,
) -> Iterable[Check]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    # What a check could not do is in its result; Great Expectations' own word of it is pages long.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)

    context = _context(gx, settings)
    # All tables at once: the library writes down its whole configuration for each that is added later.
    source = context.data_sources.add_postgres(
        name="warehouse",
        connection_string=warehouse_url(settings).replace("postgresql://", "postgresql+psycopg2://", 1),
        assets=[
            {
                "type": "table",
                "name": suites[table]["name"],
                "schema_name": schema,
                "table_name": relation,
                "batch_definitions": [{"name": ALL_ROWS}],
            }
            for table, (schema, relation) in tables.items()
        ],
    )
    rows = _count_rows(tables, settings)
    pages: list[Any] = []

    def run(
        name: str, expectations: list[dict[str, Any]], batch: BatchDefinition[Any], result_format: dict[str, Any]
    ) -> list[ExpectationValidationResult]:
        suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
        definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=batch, suite=suite))
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(name=name, validation_definitions=[definition], result_format=result_format)
        )
        ((identifier, result),) = checkpoint.run().run_results.items()
        pages.append(identifier)
        return list(result.results)

    for table in tables:
        started = time.monotonic()
        name, key = suites[table]["name"], _key(gate, table, suites[table])
        batch = source.get_asset(name).get_batch_definition(ALL_ROWS)
        # Whether each holds takes one look at the rows; only of what does not the rows are counted and told.
        outcomes = run(name, suites[table]["expectations"], batch, {"result_format": "BOOLEAN_ONLY"})
        told = [outcome for outcome in outcomes if _to_ask(outcome) is None]
        for form in ("SUMMARY", "COMPLETE"):
            if to_tell := [one.expectation_config.to_json_dict() for one in outcomes if _to_ask(one) == form]:
                told += run(f"{name}.{form.lower()}", to_tell, batch, _telling(form, key))
        for outcome in told:
            yield _check(table, key, name, outcome, rows[table])
        seconds[table] = time.monotonic() - started
    _forget_old_results(settings)
    if not settings.gate_pages:
        return
    # The pages of earlier runs stand as they are; those whose results are forgotten go.
    context.build_data_docs(resource_identifiers=pages)


def _to_ask(outcome: ExpectationValidationResult) -> Literal["SUMMARY", "COMPLETE"] | None:
    """What more is asked of a check that failed, or passed with a share of rows that may fail: the first of those rows.

    A check that is a query tells rows only with all it has.
    """
    config = outcome.expectation_config
    if outcome.success and "mostly" not in config.kwargs:
        return None
    return "COMPLETE" if config.type == "unexpected_rows_expectation" else "SUMMARY"


def _telling(form: str, key: list[str]) -> dict[str, Any]:
    return {"result_format": form, "partial_unexpected_count": KEYS_KEPT, "unexpected_index_column_names": key}


def _count_rows(tables: dict[str, tuple[str, str]], settings: Settings) -> dict[str, int]:
    counted = {}
    with connect(settings) as connection:
        for table, relation in tables.items():
            query = sql.SQL("select count(*) from {}").format(sql.Identifier(*relation))
            (counted[table],) = connection.execute(query).fetchone() or (0,)
    return counted


def _forget_old_results(settings: Settings) -> None:
    # Each is in a folder named for its time, and alone there; a gate beside this one may forget it first.
    results = sorted(_results_dir(settings).rglob("*.json"), key=lambda path: path.parent.name, reverse=True)
    for path in results[RESULTS_WITH_PAGES:]:
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()


def _context(gx: Any, settings: Settings) -> Any:  # noqa: ANN401 - the library is imported late, it is slow
    """A context that keeps nothing but results and their pages: what is checked is read from our files each time."""
    from great_expectations.data_context.types import base

    stores = base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    stores.stores[stores.validation_results_store_name] = {
        "class_name": "ValidationResultsStore",
        "store_backend": _folder(_results_dir(settings)),
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


def _results_dir(settings: Settings) -> Path:
    return settings.home / "gate_results"


def _folder(path: Path) -> dict[str, str]:
    path.mkdir(parents=True, exist_ok=True)
    return {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(path)}


def _check(table: str, key: list[str], suite: str, outcome: ExpectationValidationResult, rows: int) -> Check:
    config, result = outcome.expectation_config, outcome.result or {}
    severity, detail = str(getattr(config.severity, "value", config.severity)), None
    # A check that holds tells no number; of one that could not be made there is none.
    unexpected = result.get("unexpected_count", result.get("observed_value", 0 if outcome.success else None))
    if not outcome.success:
        # What Great Expectations says ends with where in its code it was: that is for nobody here.
        errors = [
            info["exception_message"].partition("Traceback")[0].strip(' "\n')
            for info in _exceptions(outcome.exception_info or {})
        ]
        # A check that could not be made has not been passed, whatever its severity.
        severity = "critical" if errors else severity
        detail = errors[0] if errors else f"{unexpected} unexpected ({(config.meta or {}).get('reason', '')})"
    return Check(
        table=table,
        suite=suite,
        expectation=config.type,
        column=config.kwargs.get("column") or config.kwargs.get("column_A"),
        severity=severity,
        success=bool(outcome.success),
        unexpected_count=unexpected,
        element_count=rows,
        detail=" ".join(detail.split())[:500] if detail else None,
        unexpected_keys=_keys(key, result),
    )


def _keys(key: list[str], result: dict[str, Any]) -> list[dict[str, Any]]:
    """The keys of the rows that failed, of those that Great Expectations tells."""
    rows = result.get("partial_unexpected_index_list") or (result.get("details") or {}).get("unexpected_rows") or []
    told = [{name: row[name] for name in key if name in row} for row in rows[:KEYS_KEPT] if isinstance(row, dict)]
    # As JSON has it: dates of a key as text.
    kept: list[dict[str, Any]] = json.loads(json.dumps([one for one in told if one], default=str))
    return kept


def _exceptions(info: dict[str, Any]) -> list[dict[str, Any]]:
    entries = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, dict)]
    return [entry for entry in entries if entry.get("raised_exception")]


def data_docs_index(settings: Settings) -> Path:
    """Where a person opens the results."""
    return settings.data_docs_dir / "index.html"
