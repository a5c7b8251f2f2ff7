"""The dbt stage: builds every layer up to the candidate tables, and records each model's result."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog

from gridcredit.errors import TransformFailedError
from gridcredit.lineage.run import Run
from gridcredit.settings import Settings
from gridcredit.transformation.build_plan import BuildPlan, begin_build, stored_plan
from gridcredit.transformation.cash_smoothing import store_smoothed
from gridcredit.transformation.engine import Engine, begun, read_in_postgres
from gridcredit.transformation.engines import engine_for
from gridcredit.transformation.memory import infrequent_garbage_collection
from gridcredit.transformation.progress import NodeCounter
from gridcredit.transformation.quick_dbt import make_dbt_quick
from gridcredit.warehouse.connection import connect, warehouse_url

log = structlog.get_logger(__name__)

# What Airflow builds in tasks of their own: selectors of dbt_project/selectors.yml, in order.
LAYERS = ("ledger", "credit", "collections", "candidate")
BEFORE_CANDIDATE = "before_candidate"


def dbt_environment(settings: Settings, *, schema_prefix: str = "", by_pipeline: bool = True) -> dict[str, str]:
    """What dbt's profile and paths need, from our settings; a build that is not the pipeline's makes the next night
    full.
    """
    url = urlsplit(warehouse_url(settings))
    return {
        "DBT_PROJECT_DIR": str(settings.dbt_dir),
        "DBT_PROFILES_DIR": str(settings.dbt_dir),
        "DBT_TARGET_PATH": str(settings.home / "dbt" / f"{schema_prefix}target"),
        "DBT_LOG_PATH": str(settings.home / "dbt" / "logs"),
        # Writing down each query takes a fifth of a small build, and each node's lines a twentieth; what fails is
        # reported anyway, and lineage.model_results has each node.
        "DBT_LOG_LEVEL_FILE": "warn",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "GRIDCREDIT_DBT_BY_PIPELINE": "1" if by_pipeline else "",
        # Another engine says otherwise.
        "GRIDCREDIT_DBT_TARGET": "postgres",
        "GRIDCREDIT_DBT_HOST": url.hostname or "127.0.0.1",
        "GRIDCREDIT_DBT_PORT": str(url.port or 5432),
        "GRIDCREDIT_DBT_USER": unquote(url.username or ""),
        "DBT_ENV_SECRET_GRIDCREDIT_PASSWORD": unquote(url.password or ""),
        "GRIDCREDIT_DBT_DATABASE": url.path.lstrip("/"),
        "GRIDCREDIT_DBT_THREADS": str(settings.dbt_threads),
        # Who reads a table that dbt replaces is not waited for without end.
        # Days are those of UTC.
        "PGOPTIONS": f"{os.environ.get('PGOPTIONS', '')} -c TimeZone=UTC -c "
        f"lock_timeout={max(1, round(1000 * settings.reader_patience_seconds))}".strip(),
    }


Invoke = Callable[[list[str]], Any]


@contextmanager
def dbt_session(
    settings: Settings,
    *,
    schema_prefix: str = "",
    writes_manifest: bool = True,
    on_event: Callable[[Any], None] | None = None,
    engine: Engine | None = None,
) -> Iterator[Invoke]:
    """Run dbt in this process, several times by what is parsed once; each run returns its dbtRunnerResult.

    With a prefix, models go to schemas named with it. The manifest is the same as long as the models are: writing it
    again may be left out. `on_event` gets dbt's events. Without an `engine` models are built in Postgres.
    """
    from dbt.cli.main import dbtRunner

    if settings.quick_dbt:
        make_dbt_quick()
    environment = dbt_environment(settings, schema_prefix=schema_prefix) | (engine.environment if engine else {})
    parse = ["--quiet", "--write-json" if writes_manifest else "--no-write-json", "parse"]
    with _environment(environment), _behavior_flags(), infrequent_garbage_collection():
        # Parsed apart, without the plan: other variables than last time would make dbt parse every file again.
        parsed = dbtRunner().invoke([*parse, "--vars", json.dumps({"schema_prefix": schema_prefix})])
        runner = dbtRunner(manifest=parsed.result, callbacks=[on_event] if on_event else [])
        yield lambda arguments: parsed if parsed.exception else runner.invoke(arguments)


def invoke_dbt(arguments: list[str], settings: Settings) -> Any:  # noqa: ANN401 what dbt returns has no public type
    """Run dbt once (`dbt_session`)."""
    with dbt_session(settings) as invoke:
        return invoke(arguments)


def node_results(outcome: Any) -> list[Any]:  # noqa: ANN401 what dbt returns has no public type
    """The result of each model and test, without those of the project's hooks."""
    return [one for one in outcome.result.results if str(one.node.resource_type) != "operation"]


def models_of(results: list[Any]) -> list[Any]:
    """The models among what dbt has built, as its nodes."""
    return [result.node for result in results if str(result.node.resource_type) == "model"]


def build_nodes(invoke: Invoke, arguments: list[str], otherwise: str) -> list[Any]:
    """Run dbt; returns the nodes of the models that it built.

    Raises:
        TransformFailedError: a model or a test failed; `otherwise` says what that prevents.
    """
    outcome = invoke(arguments)
    if not outcome.success:
        raise TransformFailedError(f"{otherwise}: {first_failure(outcome)}")
    return models_of(node_results(outcome))


def first_failure(outcome: Any) -> str:  # noqa: ANN401 what dbt returns has no public type
    """What went wrong in a run of dbt, in one line: the first node that failed, or why nothing ran."""
    if outcome.result is None:
        return f"dbt could not run: {outcome.exception}"
    failed = _failed(outcome.result.results)
    message = " ".join(str(failed[0].message).split()) if failed else str(outcome.exception)
    name = f"first {failed[0].node.name}: " if failed else ""
    return f"dbt: {len(failed)} of {len(outcome.result.results)} failed, {name}{message}"


def _failed(results: list[Any]) -> list[Any]:
    return [one for one in results if str(one.status) in ("error", "fail")]


def build(run: Run, as_of_dates: list[date], *, full_refresh: bool = False) -> None:
    """Bring all models up to date for the dates and run their tests; `full_refresh` computes everything, whatever
    changed.

    The caller holds the lock of builds.

    Raises:
        TransformFailedError: a model or a test failed; names the first.
    """
    engine = engine_for(run.settings)
    plan = begin_build(run, as_of_dates, full_refresh=full_refresh or not engine.tables_persist)
    _run_models(run, plan, engine, BEFORE_CANDIDATE, LAYERS[-1])
    _note_built(run, engine, *LAYERS)


def build_layer(run: Run, layer: str, as_of_dates: list[date]) -> None:
    """Bring one layer's models up to date, and those before it where they are not this run's; the first decides what is
    computed.

    Another engine than Postgres builds all of them at once, with the last. The caller holds the lock of builds.

    Raises:
        TransformFailedError: a model or a test failed; names the first.
    """
    engine = engine_for(run.settings)
    if not engine.tables_persist:
        if layer == LAYERS[-1]:
            build(run, as_of_dates)
        return
    until = LAYERS.index(layer)
    begins = until == 0 or not are_built(run, LAYERS[:until])
    plan = begin_build(run, as_of_dates) if begins else stored_plan(run)
    for one in LAYERS[: until + 1] if begins else (layer,):
        _run_models(run, plan, engine, one)
        _note_built(run, engine, one)


def are_built(run: Run, layers: tuple[str, ...] = LAYERS) -> bool:
    """Whether the layers' tables are this run's: not where another run has built since, after a crash of the server, a
    rollback or dbt by hand.
    """
    with connect(run.settings) as connection:
        (built,) = connection.execute(
            "select count(*) from ops.built_layer where run_id = %s and layer = any(%s)", [run.id, list(layers)]
        ).fetchone() or (0,)
    return bool(built == len(layers))


def _note_built(run: Run, engine: Engine, *layers: str) -> None:
    with connect(run.settings) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.built_layer (run_id, layer) values (%s, %s) on conflict do nothing",
            [(run.id, layer) for layer in layers],
        )
        if not engine.tables_persist:
            cursor.execute("delete from ops.built")
            return
        # Whoever built by hand meanwhile has emptied it.
        cursor.execute(
            "insert into ops.built (run_id) select %(run)s where (select count(*) from ops.built_layer where run_id = "
            "%(run)s) = %(layers)s on conflict do nothing",
            {"run": run.id, "layers": len(LAYERS)},
        )


def _run_models(run: Run, plan: BuildPlan, engine: Engine, *selectors: str) -> None:
    from gridcredit.lineage.events import send_models

    settings, is_full = run.settings, plan.because is not None
    results: list[Any] = []
    stage = f"build_{selectors[0]}" if len(selectors) == 1 else "build_models"
    try:
        with (
            connect(settings, autocommit=True) as connection,
            dbt_session(
                settings, writes_manifest=is_full, on_event=NodeCounter(run.id, stage, connection), engine=engine
            ) as invoke,
            begun(engine),
        ):
            variables = json.dumps(plan.variables(settings))
            build = ["build", "--vars", variables, *(["--full-refresh"] if is_full else [])]
            for selector in selectors:
                if selector == LAYERS[-1]:
                    engine.give_back(models_of(results), {"receivables.cash_month"})
                    store_smoothed(plan.as_of_dates, settings, full_refresh=is_full)
                    engine.take("ops", "smoothed_cash")
                _invoke(invoke, [*build, "--selector", selector], run, results, engine)
            engine.give_back(models_of(results), read_in_postgres(settings))
            _record_columns(plan.fingerprint, results, engine)
    except TransformFailedError:
        send_models(run, results)
        raise
    send_models(run, results)
    log.info("models_built", run_id=run.id, everything=plan.because, nodes=len(results))


def _invoke(invoke: Invoke, build: list[str], run: Run, results: list[Any], engine: Engine) -> None:
    """Build some of the models, record each result and add it to `results`."""
    # What failed is in the results, and in dbt's log. A test runs with the last of the models that it reads.
    quietly = ["--quiet", "--log-level", "none", "--no-print", "--no-write-json"]
    outcome = invoke([*quietly, *build, "--indirect-selection", "buildable"])
    if outcome.result is None:
        raise TransformFailedError(first_failure(outcome))
    found = node_results(outcome)
    for failed in _failed(found):
        failed.message = engine.reason(str(failed.message))
    _record(run.id, found, run.settings)
    results += found
    if _failed(found):
        raise TransformFailedError(first_failure(outcome))


def _record(run_id: str, results: list[Any], settings: Settings) -> None:
    rows = [
        (
            run_id,
            result.node.unique_id,
            str(result.node.resource_type),
            str(result.status),
            float(result.execution_time),
            result.adapter_response.get("rows_affected"),
            getattr(result.node.checksum, "checksum", None) if hasattr(result.node, "checksum") else None,
            result.message,
        )
        for result in results
    ]
    with connect(settings) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into lineage.model_results (run_id, unique_id, resource_type, status, seconds, rows_affected, "
            "checksum, message) values (%s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )


def _record_columns(fingerprint: str, results: list[Any], engine: Engine) -> None:
    from gridcredit.lineage.columns import Model, record_columns

    # A model that reads no table rests on no column: it would be looked for in vain at each build.
    nodes = [node for node in models_of(results) if node.depends_on_nodes]
    if all(node.compiled_code for node in nodes):
        models = [Model(node.unique_id, node.schema, node.name, node.compiled_code, engine.dialect) for node in nodes]
        record_columns(fingerprint, models, engine.settings, engine.catalog)


@contextmanager
def _behavior_flags() -> Iterator[None]:
    """Each run of dbt adds to its own list of flags, and reads the whole stack for each: many builds would slow each
    other.
    """
    from dbt.adapters.base import impl

    known = len(impl.DEFAULT_BASE_BEHAVIOR_FLAGS)
    try:
        yield
    finally:
        del impl.DEFAULT_BASE_BEHAVIOR_FLAGS[known:]


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
