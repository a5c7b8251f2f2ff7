"""`make bench-indicators`: what rating everybody costs by a policy of 52 indicators, compared with the default policy.

One warehouse, built in full by each policy; seconds of the models that know indicators, and of all models.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from datetime import date
from pathlib import Path

from gridcredit.operations import pipeline
from gridcredit.settings import PROJECT_DIR
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import connect

from benchmarks.measure import quiet_logs, warehouse
from tests.support.many_indicators import write_policy
from tests.support.suppliers import load

LAST_DAY = date(2026, 6, 19)
RATING_MODELS = (
    "customer_feature",
    "score",
    "rating",
    "indicator_points",
    "main_reason",
    "rating_indicator",
    "customer_rating",
)


def main() -> None:
    """Build by both and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
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
            seconds: dict[str, tuple[float, float]] = {}
            for policy in ("default", "many", "default"):
                settings.policy = policy
                pipeline.check_raw(policy_run := f"{policy} {len(seconds)}", LAST_DAY, settings)
                pipeline.build_models(policy_run, settings, full_refresh=True)
                with connect(settings) as connection:
                    seconds[policy] = connection.execute(
                        "select sum(seconds) filter (where split_part(unique_id, '.', 3) = any(%s)), sum(seconds) "
                        "from lineage.model_results where run_id = %s",
                        [list(RATING_MODELS), policy_run],
                    ).fetchone() or (0.0, 0.0)
                print(
                    f"{policy:<10} rating models {seconds[policy][0]:8.1f} s   all models {seconds[policy][1]:8.1f} s",
                    flush=True,
                )
            ratings, whole = (seconds["many"][which] / seconds["default"][which] for which in (0, 1))
            print(
                f"{options.customers} customers, 52 indicators over the default policy: rating models {ratings:.2f}, "
                f"all {whole:.2f}"
            )


if __name__ == "__main__":
    main()
