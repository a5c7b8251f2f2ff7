"""Whether a warehouse that was brought up to date night by night holds what a rebuild from nothing holds."""

from __future__ import annotations

from datetime import date

import pytest
import yaml
from gridcredit.lineage.run import Run
from gridcredit.operations import pipeline
from gridcredit.quality import gates
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.published_tables import TABLES
from psycopg import sql

# Tables of a run itself, or with no more than its scope.
OF_THE_RUN = ["customer_scope", "moved_scope", "month_end_scope", "usage_scope", "bill_check_scope", "touched_date"]
OF_THE_RUN += ["finding_scope"]
OF_THE_RUN += ["indicator_points", "main_reason", "change_scope", "as_of_scope", "warning_scope"]
OF_THE_RUN += ["account_balance", "changed_account"]


def layers(settings: Settings) -> list[str]:
    """The schemas of the dbt project's layers, from staging to candidate."""
    project = yaml.safe_load((settings.dbt_dir / "dbt_project.yml").read_text(encoding="utf-8"))
    folders = project["models"]["gridcredit"].values()
    return [folder["+schema"] for folder in folders if isinstance(folder, dict) and "+schema" in folder]


def tables(settings: Settings) -> dict[str, list[str]]:
    """Every row of every layer, as text; tables of the run itself left out."""
    held: dict[str, list[str]] = {}
    with connect(settings) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_schema = any(%s) and "
            "table_name <> all(%s)",
            [[layer for layer in layers(settings) if layer != "candidate"], OF_THE_RUN],
        ).fetchall()
        for schema, name in [*names, *(("published", table) for table in TABLES)]:
            query = sql.SQL("select rows::text from {} as rows").format(sql.Identifier(schema, name))
            held[f"{schema}.{name}"] = sorted(text for (text,) in connection.execute(query))
    return held


def assert_a_rebuild_changes_nothing(settings: Settings, day: date) -> None:
    """Build everything once more, and compare every table with what it was."""
    before = tables(settings)
    release = pipeline.build_ratings("full refresh", day, settings, full_refresh=True)
    after = tables(settings)
    differing = {
        name: {
            "incremental": sorted(set(rows) - set(after[name]))[:3],
            "full refresh": sorted(set(after[name]) - set(rows))[:3],
        }
        for name, rows in before.items()
        if rows != after[name]
    }
    assert differing == {}, differing
    assert not release.is_new


def pass_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every run through, for suppliers that the gates would refuse."""

    def passed(gate: str, run: Run) -> None:
        with connect(run.settings) as connection:
            connection.execute(
                "insert into lineage.gate_results (run_id, gate, suite, expectation, severity, success) "
                "values (%s, %s, 'none', 'none', 'info', true)",
                [run.id, gate],
            )

    monkeypatch.setattr(gates, "run_gate", passed)
