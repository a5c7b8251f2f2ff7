"""A gate's checkpoint, run table by table: first whether each check holds, then which rows failed of those that did
not.

Imports Great Expectations: itself imported late.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from great_expectations.checkpoint import CheckpointResult
from great_expectations.checkpoint.actions import ActionContext, ValidationAction
from great_expectations.core import (
    ExpectationSuite,
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
    RunIdentifier,
    ValidationDefinition,
)
from great_expectations.data_context import FileDataContext
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)
from psycopg import sql

from gridcredit.errors import GridCreditError
from gridcredit.lineage.run import Run
from gridcredit.quality.context import Suite, open_context, results_dir
from gridcredit.quality.results import Check, Gate, record_checks
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.published_tables import TABLES

DRIFT = "candidate.indicator_drift"
# Of the rows that failed a check, the keys of so many are stored.
STORED_KEYS = 100
# The newest results, each a table's, have pages: Great Expectations reads the names of all there are for each gate. As
# rows they stay.
RESULTS_WITH_PAGES = 300


@dataclass(frozen=True)
class Outcome:
    """What the checks of a table found, and what was checked."""

    key: list[str]
    rows: int
    seconds: float
    result: ExpectationSuiteValidationResult


def run_checkpoint(
    gate: Gate, run: Run, suites: Mapping[str, Suite], tables: Mapping[str, tuple[str, str]]
) -> list[Check]:
    """Run the validations of the checkpoint that have rows to check, store their results, and draw their pages.

    Raises:
        GridCreditError: a suite is not in the checkpoint.
    """
    settings = run.settings
    context = open_context(settings)
    checkpoint = context.checkpoints.get(gate)
    if unknown := sorted(
        {f"{gate}.{table}" for table in tables} - {one.name for one in checkpoint.validation_definitions}
    ):
        raise GridCreditError(f"no checkpoint runs the suite {unknown[0]}: `gridcredit contract` adds it")
    named = {one.name.partition(".")[2]: one for one in checkpoint.validation_definitions}
    definitions = {table: one for table, one in named.items() if table in tables}
    for table, definition in definitions.items():
        _require_all(definition, suites[table], settings)
    identity = RunIdentifier(run_name=run.id)
    rows = _count_rows(tables, settings)
    outcomes: dict[str, Outcome] = {}
    identified: dict[ValidationResultIdentifier, ExpectationSuiteValidationResult] = {}
    for table, definition in definitions.items():
        started = time.monotonic()
        key = _key(gate, table, suites[table])
        result = definition.run(checkpoint_id=checkpoint.id, result_format=checkpoint.result_format, run_id=identity)
        identifier = ValidationResultIdentifier(
            ExpectationSuiteIdentifier(name=definition.suite.name), identity, result.batch_id
        )
        if _with_failed_rows(definition, result, key):
            context.validation_results_store.set(identifier, result)
        outcomes[table] = Outcome(key, rows[table], time.monotonic() - started, result)
        identified[identifier] = result
    result_of_all = CheckpointResult(run_id=identity, run_results=identified, checkpoint_config=checkpoint)
    stored = StoreChecks(gate=gate, build=run, outcomes=outcomes).run(result_of_all)
    _forget_old_results(settings)
    if settings.gate_pages:
        # All at once: Great Expectations' own action draws the index again for each table.
        _draw_pages(context, list(identified))
    checks: list[Check] = stored["checks"]
    return checks


def _require_all(definition: ValidationDefinition, suite: Suite, settings: Settings) -> None:
    """Great Expectations leaves out a check whose type it does not know, with a line in its log alone.

    Raises:
        GridCreditError: names the types that it left out.
    """
    known = [one.expectation_type for one in definition.suite.expectations]
    written = [one.get("type", "none") for one in suite["expectations"]]
    if len(known) != len(written):
        unknown = ", ".join(sorted(set(written) - set(known))) or "one of them"
        gate, table = definition.name.split(".")
        path = settings.expectations_dir / "suites" / gate / f"{table}.json"
        raise GridCreditError(
            f"{path}: Great Expectations knows no check of type {unknown}: correct the type, or leave it out"
        )


class StoreChecks(ValidationAction):  # type: ignore[misc]
    """Stores what the checks of a run found as rows of `lineage.gate_results`; returns them."""

    type: Literal["store_checks"] = "store_checks"
    name: str = "store_checks"
    gate: Gate
    build: Any
    outcomes: dict[str, Any]

    def run(self, checkpoint_result: CheckpointResult, action_context: ActionContext | None = None) -> dict[str, Any]:  # noqa: ARG002 Great Expectations' signature
        """Store the checks in place of those of an earlier try of the run."""
        checks = [
            _check(table, outcome, one) for table, outcome in self.outcomes.items() for one in outcome.result.results
        ]
        checks = _drift_as_it_counts(checks, self.build.settings)
        seconds = {table: outcome.seconds for table, outcome in self.outcomes.items()}
        record_checks(self.build, self.gate, checks, seconds)
        return {"checks": checks}


def _with_failed_rows(
    definition: ValidationDefinition, result: ExpectationSuiteValidationResult, key: list[str]
) -> bool:
    """Put in place of each check that failed, or passed with a share that may fail, what is known of its rows."""
    asked = {form: [one for one in result.results if _to_ask(one) == form] for form in ("SUMMARY", "COMPLETE")}
    if not any(asked.values()):
        return False
    batch = definition.batch_definition.get_batch()
    known = [one for one in result.results if _to_ask(one) is None]
    for form, unknown in asked.items():
        if not unknown:
            continue
        suite = ExpectationSuite(
            name=definition.suite.name, expectations=[one.expectation_config.to_json_dict() for one in unknown]
        )
        result_format = {
            "result_format": form,
            "partial_unexpected_count": STORED_KEYS,
            "unexpected_index_column_names": key,
        }
        known += batch.validate(suite, result_format=result_format).results
    result.results = known
    return True


def _to_ask(outcome: ExpectationValidationResult) -> Literal["SUMMARY", "COMPLETE"] | None:
    """In which form more is asked of a check; a check that is a query returns rows only with all it has."""
    config = outcome.expectation_config
    if outcome.success and "mostly" not in config.kwargs:
        return None
    return "COMPLETE" if config.type == "unexpected_rows_expectation" else "SUMMARY"


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


def _key(gate: Gate, table: str, suite: Suite) -> list[str]:
    """The columns that identify a row of a table; a suite names them itself where no contract does."""
    own: list[str] | None = suite.get("meta", {}).get("key")
    if own:
        return own
    return ["_file_id", "_line_no"] if gate == "raw" else list(TABLES[table].key)


def _count_rows(tables: Mapping[str, tuple[str, str]], settings: Settings) -> dict[str, int]:
    counted = {}
    with connect(settings) as connection:
        for table, relation in tables.items():
            query = sql.SQL("select count(*) from {}").format(sql.Identifier(*relation))
            (counted[table],) = connection.execute(query).fetchone() or (0,)
    return counted


def _forget_old_results(settings: Settings) -> None:
    # Each is in a folder named for its time, and alone there; a gate beside this one may forget it first.
    results = sorted(results_dir(settings).rglob("*.json"), key=lambda path: path.parent.name, reverse=True)
    for path in results[RESULTS_WITH_PAGES:]:
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()


def _draw_pages(context: FileDataContext, results: list[ValidationResultIdentifier]) -> None:
    """The pages of these results and the index; those of earlier runs stand as they are."""
    context.build_data_docs(resource_identifiers=results)


def _check(table: str, of: Outcome, outcome: ExpectationValidationResult) -> Check:
    config, result = outcome.expectation_config, outcome.result or {}
    severity, detail = str(getattr(config.severity, "value", config.severity)), None
    # A check that holds has no number; of one that could not be made there is none.
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
        suite=of.result.suite_name,
        expectation=config.type,
        column=config.kwargs.get("column") or config.kwargs.get("column_A"),
        severity=severity,
        success=bool(outcome.success),
        unexpected_count=unexpected,
        element_count=of.rows,
        detail=" ".join(detail.split())[:500] if detail else None,
        unexpected_keys=_failed_keys(of.key, result),
    )


def _failed_keys(key: list[str], result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The keys of the rows that failed, as far as Great Expectations returns them."""
    rows = result.get("partial_unexpected_index_list") or (result.get("details") or {}).get("unexpected_rows") or []
    found = [{name: row[name] for name in key if name in row} for row in rows[:STORED_KEYS] if isinstance(row, dict)]
    # As JSON has it: dates of a key as text.
    stored: list[dict[str, Any]] = json.loads(json.dumps([one for one in found if one], default=str))
    return stored


def _exceptions(info: dict[str, Any]) -> list[dict[str, Any]]:
    entries = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, dict)]
    return [entry for entry in entries if entry.get("raised_exception")]
