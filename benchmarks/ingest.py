"""`make bench-ingest`: loading simulated files against plain COPY of the same files, in one run, with peak memory."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from gridcredit.extracts.loader import load_file
from gridcredit.extracts.mapping import load_mappings
from gridcredit.settings import Settings
from gridcredit.simulate import simulate

from benchmarks.measure import plain_copy, say, timed, warehouse


def main() -> None:
    """Measure each file in a process of its own, so that its memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--extracts", nargs="+", default=["bill", "payment", "meter_reading"])
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.file:
        measure(options.file)
        return
    with tempfile.TemporaryDirectory() as folder:
        simulate(options.customers, options.months, 1, Path(folder))
        for name in options.extracts:
            path = Path(folder) / f"{name}.csv"
            subprocess.run([sys.executable, "-m", "benchmarks.ingest", "--file", str(path)], check=True)


def measure(path: Path) -> None:
    """COPY, load, COPY again: the mean of the two is what the load is compared with."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with warehouse(Path(folder) / "home") as settings:
            mapping = load_mappings(Settings().mappings_dir)["demo"]
            before = plain_copy(path, settings)
            ours = timed(partial(load_file, path, mapping, settings))
            plain = (before + plain_copy(path, settings)) / 2
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    say(path.stem, ours, f"{path.stat().st_size >> 20} MB, rate / plain COPY = {plain / ours:.2f}, peak {peak} MiB")


if __name__ == "__main__":
    main()
