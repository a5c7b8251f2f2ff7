"""The `gridcredit` command: as a person starts it, or in the process of the test, which has imported what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from gridcredit.cli.app import app
from gridcredit.settings import get_settings
from typer.testing import CliRunner


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def command(arguments: list[str], environment: Mapping[str, str]) -> Said:
    """Run the command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "gridcredit", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def command_here(arguments: list[str], environment: Mapping[str, str]) -> Said:
    """Run the command in this process: the same, but for some seconds of imports."""
    get_settings.cache_clear()
    try:
        done = CliRunner().invoke(app, arguments, env=dict(environment), prog_name="gridcredit")
    finally:
        get_settings.cache_clear()
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Said(done.exit_code, done.stdout, done.stderr)
