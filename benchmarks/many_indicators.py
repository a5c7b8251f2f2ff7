"""`make bench-indicators`: what rating everybody costs by a policy of 52 indicators, compared with the default policy.

One warehouse, built in full by the default policy. Then the models that know indicators are built again by each policy,
in turn: seconds of grades, of those with their evidence, a row of each indicator, and of all models.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from datetime import date
from pathlib import Path
from statistics import median

from gridcredit.lineage.run import Run, load_run
from gridcredit.operations import pipeline
from gridcredit.settings import PROJECT_DIR
from gridcredit.simulation import simulate
from gridcredit.transformation import runner
from gridcredit.transformation.build_plan import stored_plan
from gridcredit.warehouse.connection import connect

from benchmarks.measure import quiet_logs, warehouse
from tests.support.many_indicators import write_policy
from tests.support.suppliers import load

RUN = "by the default policy"
LAST_DAY = date(2026, 6, 19)
GRADE_MODELS = ("score", "rating")
RATING_MODELS = (
    # Which policy it is.
    "evaluation_date",
    "as_of_date",
    "customer_feature",
    *GRADE_MODELS,
    # A view, which goes when ratings are made again.
    "grade_change",
    "indicator_points",
    "main_reason",
    "rating_indicator",
    "customer_rating",
)


def main() -> None:
    """Build by both and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3, help="times that each policy rates")
    parser.add_argument("--months", type=int, default=14, help="months of bills")
    options = parser.parse_args()
    quiet_logs()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        simulate(options.customers, options.months, 1, folder / "files", through=LAST_DAY)
        policies = folder / "policies"
        shutil.copytree(PROJECT_DIR / "policies", policies)
        write_policy(policies)
        with warehouse(folder / "home") as settings:
            # The last day alone: a night of it, by everybody.
            settings.history_months = 0
            settings.policies_dir = policies
            load(folder / "files", settings)
            pipeline.check_raw(RUN, LAST_DAY, settings)
            pipeline.build_models(RUN, settings, full_refresh=True)
            with connect(settings) as connection:
                run = load_run(connection, RUN, settings)
                (whole,) = connection.execute(
                    "select sum(seconds) from lineage.model_results where run_id = %s", [RUN]
                ).fetchone() or (0.0,)
            print(f"all models by the default policy {whole:8.1f} s", flush=True)
            compare(run, whole, options.rounds)


def compare(run: Run, whole: float, rounds: int) -> None:
    """Rate everybody by each policy in turn; print seconds, and the ratio of the medians."""
    variables = stored_plan(run).variables(run.settings)
    seconds: dict[str, list[tuple[float, float]]] = {"default": [], "many": []}
    for _ in range(rounds):
        for policy, found in seconds.items():
            chosen = json.dumps(variables | {"policy_name": policy})
            arguments = ["run", "--full-refresh", "--select", *RATING_MODELS, "--vars", chosen]
            results = runner.node_results(runner.invoke_dbt(arguments, run.settings))
            taken = {one.node.name: one.execution_time for one in results if one.status == "success"}
            assert taken.keys() == set(RATING_MODELS)
            found.append((sum(taken[model] for model in GRADE_MODELS), sum(taken.values())))
            print(f"{policy:<10} grades {found[-1][0]:8.1f} s, with their evidence {found[-1][1]:8.1f} s", flush=True)
    default, many = ([median(each) for each in zip(*found, strict=True)] for found in seconds.values())
    print(
        f"52 indicators over the default policy: grades {many[0] / default[0]:.2f}, with their evidence "
        f"{many[1] / default[1]:.2f}, all models {(whole - default[1] + many[1]) / whole:.2f}"
    )


if __name__ == "__main__":
    main()
