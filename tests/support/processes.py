"""Processes that a test may kill: forked from one that has imported what they need, which takes longest."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from multiprocessing.context import ForkServerContext

IMPORTED = [
    "dbt.cli.main",
    "dbt.adapters.postgres",
    "great_expectations",
    "pyarrow.csv",
    "gridcredit.operations.pipeline",
]
IMPORTED += ["gridcredit.ingestion.landing", __name__]


def fork_server() -> ForkServerContext:
    """Makes such processes; there is one for all tests of a worker."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    process = context.Process(target=time.sleep, args=(0,))
    process.start()
    process.join()
    return context


def run_code(code: str, environment: dict[str, str], arguments: list[str]) -> None:
    """What `python -c` does, in an environment of its own."""
    os.environ.update(environment)
    sys.argv = ["-c", *arguments]
    exec(code, {"__name__": "__main__"})
