"""`make bench-settings`: what each setting of the embedded server is worth, as a full build without it beside one with all."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from gridcredit import pipeline
from gridcredit.embedded_postgres import EmbeddedPostgres
from gridcredit.extracts.loader import load_file
from gridcredit.extracts.mapping import load_mappings
from gridcredit.settings import Settings
from gridcredit.simulate import simulate

from benchmarks.daily_run import EXTRACTS, LAST_DAY
from benchmarks.measure import quiet_logs, say, timed, warehouse

POSTGRES_OWN: dict[str, dict[str, str | float]] = {
    "shared_buffers": {"shared_buffers": "128MB"},
    "work_mem": {"work_mem": "4MB", "maintenance_work_mem": "64MB"},
    "jit": {"jit": "on"},
    "wal_level": {"wal_level": "replica", "max_wal_senders": 10},
    "max_wal_size": {"max_wal_size": "1GB"},
    "random_page_cost": {"random_page_cost": 4},
    "parallel plans": {"max_parallel_workers_per_gather": 0},
}


def main() -> None:
    """Build everything once per setting put back to Postgres' own, each beside a build with all of ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--months", type=int, default=24)
    options = parser.parse_args()
    quiet_logs()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        simulate(options.customers, options.months, 1, files, through=LAST_DAY)
        with warehouse(Path(folder) / "home") as settings:
            settings.history_months = options.months
            mapping = load_mappings(settings.mappings_dir)["demo"]
            for name in EXTRACTS:
                load_file(files / f"{name}.csv", mapping, settings)
            build(settings, {}, "first")
            for what, own in POSTGRES_OWN.items():
                with_all = build(settings, {}, f"all, before {what}")
                without = build(settings, own, f"without {what}")
                say(what, without, f"with Postgres' own, {without / with_all:.2f} of {with_all:.2f} s with ours")


def build(settings: Settings, changed: dict[str, str | float], run_id: str) -> float:
    """Seconds of a build of everything on a server with these settings changed."""
    server = EmbeddedPostgres(settings)
    server.stop()
    EmbeddedPostgres(settings, server.options | changed).start()
    return timed(lambda: pipeline.build_ratings(run_id, LAST_DAY, settings, anew=True))


if __name__ == "__main__":
    main()
