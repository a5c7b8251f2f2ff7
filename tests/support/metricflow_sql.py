"""The SQL that MetricFlow makes of metrics. Run by the Python of .venv-bi, which has none of our packages.

    python metricflow_sql.py semantic_manifest.json < questions.json

A question is `{"metrics": [...], "by": [...]}`; the answer is a list of statements. Nothing of it may reach another
host.
"""

import json
import sys
from pathlib import Path

import no_network  # noqa: F401 imported for what it does, before what it watches
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.postgres import PostgresSQLSqlPlanRenderer
from metricflow_semantic_interfaces.validations.semantic_manifest_validator import SemanticManifestValidator
from metricflow_semantics.model.dbt_manifest_parser import parse_manifest_from_dbt_generated_manifest
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup


class Dialect:
    """What MetricFlow asks of a database whose SQL it only writes."""

    sql_engine_type = SqlEngine.POSTGRES
    sql_plan_renderer = PostgresSQLSqlPlanRenderer()


manifest = parse_manifest_from_dbt_generated_manifest(manifest_json_string=Path(sys.argv[1]).read_text())
SemanticManifestValidator().checked_validations(manifest)
engine = MetricFlowEngine(SemanticManifestLookup(manifest), Dialect())
answers = [
    engine.explain(
        MetricFlowQueryRequest.create(metric_names=one["metrics"], group_by_names=one["by"])
    ).sql_statement.sql
    for one in json.load(sys.stdin)
]
json.dump(answers, sys.stdout)
