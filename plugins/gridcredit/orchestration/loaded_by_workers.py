"""What tasks import, loaded once by a worker of Airflow (docker/airflow.env): each of its tasks would take seconds to
load it again.
"""

# Loaded, and not used here.
# ruff: noqa: F401
import airflow.providers.openlineage.plugins.macros
import dbt.adapters.postgres
import dbt.cli.main
import great_expectations

import gridcredit.evaluation.page
import gridcredit.evaluation.scorecards.card
import gridcredit.evaluation.scorecards.propose
import gridcredit.ingestion.landing
import gridcredit.operations.pipeline
import gridcredit.orchestration.evaluation_operators
import gridcredit.orchestration.landing
import gridcredit.orchestration.operators
import gridcredit.orchestration.tasks
import gridcredit.reporting.dashboard.page
