"""`make bench-ingest`: loading simulated files against plain COPY of the same rows, and what quarantine catches."""

from __future__ import annotations

import argparse
import csv
import gzip
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from gridcredit.contract.arrow import ARROW_TYPES
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.settings import Settings
from gridcredit.simulation import simulate
from gridcredit.warehouse.connection import connect

from benchmarks.measure import plain_copy, say, timed, warehouse

FORMATS = ("csv", "gzip", "parquet")


def main() -> None:
    """Measure each file in a process of its own, so that its memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--extracts", nargs="+", default=["bill", "payment", "meter_reading"])
    parser.add_argument("--formats", nargs="+", default=FORMATS, choices=FORMATS)
    parser.add_argument("--defects", type=int, default=10_000, help="0: quarantine is not measured")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--csv", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.file:
        measure(options.file, options.csv)
        return
    with tempfile.TemporaryDirectory() as folder:
        simulate(options.customers, options.months, 1, Path(folder))
        for path in Path(folder).glob("*.csv"):
            if path.stem not in options.extracts:
                path.unlink()
        for name in options.extracts:
            source = Path(folder) / f"{name}.csv"
            for file_format in options.formats:
                path = dressed(source, file_format)
                command = [sys.executable, "-m", "benchmarks.ingest", "--file", str(path), "--csv", str(source)]
                subprocess.run(command, check=True)
                if path != source:
                    path.unlink()
            source.unlink()
    if options.defects:
        measure_quarantine(options.defects)


def dressed(source: Path, file_format: str) -> Path:
    """The same rows as a file of another format."""
    if file_format == "csv":
        return source
    if file_format == "gzip":
        target = source.with_suffix(".csv.gz")
        with source.open("rb") as plain, gzip.open(target, "wb", compresslevel=1) as packed:
            shutil.copyfileobj(plain, packed, 1 << 22)
        return target
    target = source.with_suffix(".parquet")
    types = {
        column.name: pa.string() if column.kind in ("month", "timestamp") else ARROW_TYPES[column.kind]
        for column in EXTRACTS[source.stem].columns
    }
    options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=True)
    with (
        pyarrow.csv.open_csv(source, convert_options=options) as reader,
        pq.ParquetWriter(target, reader.schema) as out,
    ):
        for batch in reader:
            out.write_batch(batch)
    return target


def mapping_for(path: Path, extract: str, settings: Settings) -> Mapping:
    """The demo's mapping, with the file's format."""
    demo = load_mappings(settings.mappings_dir)["demo"]
    rule = demo.rule_for(f"{extract}.csv")
    assert rule is not None
    kind = "parquet" if path.suffix == ".parquet" else "csv"
    return demo.model_copy(update={"files": [rule.model_copy(update={"pattern": "*", "format": kind})]})


def measure(path: Path, source: Path) -> None:
    """COPY, load, COPY again: the mean of the two is what the load is compared with."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with warehouse(Path(folder) / "home") as settings:
            mapping = mapping_for(path, source.stem, Settings())
            before = plain_copy(source, settings)
            ours, rows = timed_load(path, mapping, settings)
            plain = (before + plain_copy(source, settings)) / 2
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    note = f"{rows:,} rows, {path.stat().st_size >> 20} MB, rate / plain COPY = {plain / ours:.2f}, peak {peak} MiB"
    say(path.name, ours, note)


def timed_load(path: Path, mapping: Mapping, settings: Settings) -> tuple[float, int]:
    """Seconds, and the rows accepted."""
    accepted = 0

    def load() -> None:
        nonlocal accepted
        accepted = sum(counts.accepted for counts in load_file(path, mapping, settings).counts.values())

    return timed(load), accepted


def measure_quarantine(count: int) -> None:
    """Recall and precision of quarantine against the simulator's list of what it spoiled."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = Path(folder) / "files"
        simulate(max(count // 2, 500), 24, 1, files, defects=count)
        with (files / "truth" / "defects.csv").open(newline="") as file:
            spoiled = [row for row in csv.DictReader(file) if row["caught_by"] == "quarantine"]
        wanted = {(row["file"], int(row["line_no"])) for row in spoiled}
        with warehouse(Path(folder) / "home") as settings:
            mapping = load_mappings(Settings().mappings_dir)["demo"]
            for name in EXTRACTS:
                load_file(files / f"{name}.csv", mapping, settings)
            with connect(settings) as connection:
                caught = set(
                    connection.execute(
                        "select file_name, line_no from quarantine.rows join lineage.files using (file_id)"
                    )
                )
    kinds = Counter(row["kind"] for row in spoiled)
    hits = len(caught & wanted)
    print(
        f"quarantine: {len(wanted):,} defects of {len(kinds)} kinds, recall {hits / len(wanted):.6f}, "
        f"precision {hits / len(caught):.6f}"
    )


if __name__ == "__main__":
    main()
