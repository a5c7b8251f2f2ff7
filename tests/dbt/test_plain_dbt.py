"""dbt as its users run it: from a shell, with no variable of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

from gridcredit.operations import runs
from gridcredit.transformation.build_plan import plan_build
from gridcredit.transformation.runner import dbt_environment

from tests.support.builders import SMALL_DAY
from tests.support.prepared import Prepared
from tests.support.rebuilds import tables
from tests.support.warehouses import WarehouseFactory


def test_a_build_from_a_shell_gives_the_same_rows_and_makes_the_next_night_full(
    new_warehouse: WarehouseFactory, small: Prepared
) -> None:
    settings = new_warehouse(small)
    before = tables(settings)
    environment = {**os.environ, **dbt_environment(settings, by_pipeline=False)}
    command = [sys.executable, "-m", "dbt.cli.main", "--quiet", "build", "--full-refresh"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    # The days of the last build, the default policy, all tests and unit tests.
    after = tables(settings)
    assert {name for name, held in before.items() if held != after[name]} == set()
    day = SMALL_DAY + timedelta(days=1)
    plan = plan_build(runs.start_run("next", day, settings), runs.as_of_dates(day, settings.history_months))
    assert plan.because == "the database lost its unlogged tables in a crash, or models were built by hand"
