"""Tasks that are a function each. Heavy imports wait until one runs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from gridcredit.orchestration.connection import warehouse_settings


@task
def draw_dashboard() -> str:
    """One HTML page in var/dashboards, by number of the release; returns its path."""
    from gridcredit.reporting.dashboard.page import write_dashboard

    return str(write_dashboard(settings=warehouse_settings()))


@task
def send_digest() -> None:
    """Mails what changed to GRIDCREDIT_DIGEST_RECIPIENTS by Airflow's connection `smtp_default`; skipped where none
    are set.
    """
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    from gridcredit.reporting.release_mail import make_digest

    settings = warehouse_settings()
    if not settings.digest_recipients:
        raise AirflowSkipException("no digest_recipients are set")
    digest = make_digest(settings)
    with SmtpHook(smtp_conn_id="smtp_default") as hook:
        hook.send_email_smtp(to=settings.digest_recipients, subject=digest.subject, html_content=digest.html)


@task
def retire_loads() -> list[str]:
    """Takes loads out of raw whose time is up, as policies/retention.yml says; a build that reads raw goes first."""
    from gridcredit.operations import maintenance

    return [
        f"{extract} of load {file_id}" for file_id, extract in maintenance.retire_loads(_today(), warehouse_settings())
    ]


@task
def check_loads() -> int:
    """Compares each load in raw with what was loaded, and hashes those of earlier versions; returns how many those
    were.
    """
    from gridcredit.operations import maintenance
    from gridcredit.warehouse.connection import connect
    from gridcredit.warehouse.load_hashes import require_as_loaded

    settings = warehouse_settings()
    with connect(settings) as connection:
        require_as_loaded(connection)
    return maintenance.hash_loads(settings)


@task
def merge_loads() -> dict[str, int]:
    """Puts the rows of many small loads into one partition; a build that reads raw goes first."""
    from gridcredit.operations import maintenance

    return maintenance.merge_loads(warehouse_settings())


@task
def purge() -> dict[str, int]:
    """Deletes quarantined rows and stored files whose time is up."""
    from gridcredit.operations.maintenance import purge_files, purge_quarantine

    today, settings = _today(), warehouse_settings()
    return {"quarantined rows": purge_quarantine(today, settings), "files": purge_files(today, settings)}


@task
def fit_scorecard(version: str, effective_from: str, params: dict[str, Any] | None = None) -> int:
    """Sample, bins, regression, points, grades: proposed as a policy, whose number it returns.

    What history does not allow fails at once, with what is missing, and so does a scorecard that ranks worse.
    """
    from gridcredit.errors import GridCreditError
    from gridcredit.evaluation.scorecards.propose import propose_scorecard

    even_if_worse = bool((params or {}).get("even_if_worse"))
    try:
        return propose_scorecard(
            version, date.fromisoformat(effective_from), warehouse_settings(), even_if_worse=even_if_worse
        )
    except GridCreditError as error:
        raise AirflowFailException(str(error)) from None


@task
def compare_policy(proposal: Any) -> str:  # noqa: ANN401 - in the DAG what another task returns
    """Grades, limits and money by the policy in force and by the proposed one: the model card, whose path it
    returns.
    """
    from gridcredit.evaluation.scorecards.card import write_card

    return str(write_card(proposal, warehouse_settings()))


@task
def watch_ratings() -> str:
    """Outcomes, power, calibration, drift, overrides, vintages; the page. Returns the day until which facts are known.

    Skipped while no month-end's window is over.
    """
    from gridcredit.errors import TooEarlyError
    from gridcredit.evaluation.page import write_watch
    from gridcredit.evaluation.watch import watch

    settings = warehouse_settings()
    try:
        found = watch(settings)
    except TooEarlyError as error:
        raise AirflowSkipException(str(error)) from None
    write_watch(settings)
    return found.watched_on.isoformat()


def _today() -> date:
    return datetime.now(UTC).date()
