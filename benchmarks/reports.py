"""`make bench-reports`: how long the credit reports of a hundred customers take. The bar is 20 seconds."""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import date
from pathlib import Path

from gridcredit.operations import pipeline
from gridcredit.reporting.customer import write_reports
from gridcredit.simulation import simulate

from benchmarks.measure import quiet_logs, warehouse
from tests.support.suppliers import load

LAST_DAY = date(2026, 6, 19)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--months", type=int, default=24)
    options = parser.parse_args()
    quiet_logs()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        simulate(options.customers, options.months, 1, files)
        with warehouse(Path(folder) / "home") as settings:
            settings.history_months = options.months
            load(files, settings)
            pipeline.build_ratings("first", LAST_DAY, settings)
            for language in ("en", "zh"):
                began = time.monotonic()
                written = write_reports(Path(folder) / "reports", None, "zh" if language == "zh" else "en", settings)
                seconds = time.monotonic() - began
                size = sum(path.stat().st_size for path in written) / len(written) / 1024
                print(f"{len(written)} reports ({language}): {seconds:.1f} s, {size:.0f} KiB each")


if __name__ == "__main__":
    main()
