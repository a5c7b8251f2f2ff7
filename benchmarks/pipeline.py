"""`make bench`: ingest against plain COPY, and what each stage of a build takes in one process, side by side in one run."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from gridcredit import pipeline
from gridcredit.embedded_postgres import EmbeddedPostgres
from gridcredit.extracts.contract import EXTRACTS
from gridcredit.extracts.loader import load_file
from gridcredit.extracts.mapping import load_mappings
from gridcredit.settings import Settings
from gridcredit.simulate import simulate
from gridcredit.warehouse import connect, prepare
from psycopg import sql


def plain_copy(path: Path, settings: Settings) -> float:
    """Seconds that COPY takes for the same columns into an unlogged table of the same types."""
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.sql_type))
        for column in EXTRACTS[path.stem].columns
    ]
    with connect(settings) as connection:
        connection.execute(sql.SQL("create unlogged table ops.plain ({})").format(sql.SQL(", ").join(columns)))
        if path.stem == "bill":  # COPY knows no months
            connection.execute("alter table ops.plain alter column period type text")
        started = time.monotonic()
        with (
            connection.cursor().copy("copy ops.plain from stdin (format csv, header)") as copy,
            path.open("rb") as file,
        ):
            while block := file.read(1 << 20):
                copy.write(block)
        seconds = time.monotonic() - started
        connection.execute("drop table ops.plain")
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=4000)
    parser.add_argument("--months", type=int, default=24)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "home")
        prepare(settings)
        try:
            started = time.monotonic()
            simulate(options.customers, options.months, 1, Path(folder) / "files")
            print(f"simulate            {time.monotonic() - started:8.2f} s")
            mapping = load_mappings(settings.mappings_dir)["demo"]
            ours = plain = 0.0
            for name in EXTRACTS:
                path = Path(folder) / "files" / f"{name}.csv"
                plain += plain_copy(path, settings)
                started = time.monotonic()
                load_file(path, mapping, settings)
                ours += time.monotonic() - started
            print(f"ingest              {ours:8.2f} s, rate / plain COPY {plain / ours:.2f}")
            started = time.monotonic()
            pipeline.build_ratings("bench", settings=settings)
            total = time.monotonic() - started
            with connect(settings) as connection:
                for stage, seconds in connection.execute(
                    "select stage, seconds from ops.stage_timings order by recorded_at"
                ):
                    print(f"{stage:<19} {seconds:8.2f} s, {seconds / total:4.0%} of the build")
            print(f"build, one process  {total:8.2f} s")
        finally:
            EmbeddedPostgres(settings).stop()


if __name__ == "__main__":
    main()
