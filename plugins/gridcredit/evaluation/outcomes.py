"""Builds the dbt layer `evaluation`: what became of the customers rated at each month-end."""

from __future__ import annotations

import json
from datetime import date

import structlog

from gridcredit.errors import TooEarlyError
from gridcredit.policies.evaluation_rules import read_rules
from gridcredit.settings import Settings
from gridcredit.transformation.engine import begun
from gridcredit.transformation.engines import engine_for, require_layers
from gridcredit.transformation.runner import build_nodes, dbt_session
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.locks import exclusive

LAYER = "path:models/evaluation"
OTHERWISE = "the outcomes cannot be built"
log = structlog.get_logger(__name__)


def build_outcomes(settings: Settings) -> date:
    """Build the layer from what the last build left; returns the day until which facts are known.

    Raises:
        TooEarlyError: nothing has been built yet.
        TransformFailedError: a model or test failed.
    """
    with exclusive("build", settings):
        engine = engine_for(settings)
        with connect(settings) as connection:
            if engine.tables_persist:
                require_layers(connection)
            row = connection.execute(
                "select as_of_dates from lineage.runs where build_began_at is not null and as_of_dates is not null "
                "order by build_began_at desc limit 1"
            ).fetchone()
        if row is None:
            raise TooEarlyError("nothing has been built yet: run `gridcredit run` first")
        days: list[date] = row[0]
        variables = {
            "as_of_dates": [day.isoformat() for day in days],
            "policy_name": settings.policy,
            "evaluation": read_rules(settings).outcome.model_dump(),
        }
        # The manifest is that of the last build.
        options = ["--quiet", "--no-print", "--no-write-json", "--vars", json.dumps(variables)]
        with dbt_session(settings, writes_manifest=False, engine=engine) as invoke, begun(engine):
            if not engine.tables_persist:
                # From the lake: all that outcomes rest on, since nothing of it is there.
                build_nodes(invoke, ["run", *options, "--select", f"+{LAYER}", "--exclude", LAYER], OTHERWISE)
            nodes = build_nodes(invoke, ["build", *options, "--select", LAYER], OTHERWISE)
            engine.give_back(nodes, {f"{node.schema}.{node.name}" for node in nodes})
    log.info("outcomes_built", known_until=days[-1].isoformat(), month_ends=len(days) - 1)
    return days[-1]
