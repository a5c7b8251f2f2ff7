"""A registered run, loaded once and passed to each stage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection


@dataclass(frozen=True)
class Run:
    """A build: its id, the day that it rates as of, the name of its policy, and the settings that it uses."""

    id: str
    as_of_date: date
    policy: str
    settings: Settings


def load_run(connection: Connection, run_id: str, settings: Settings) -> Run:
    """The run as it was registered.

    Raises:
        GridCreditError: no such run is registered.
    """
    row = connection.execute("select as_of_date, policy_name from lineage.runs where run_id = %s", [run_id]).fetchone()
    if row is None:
        raise GridCreditError(f"no run {run_id!r} is registered")
    # The policy that the run began with holds to its end, whatever the setting says by then.
    return Run(run_id, row[0], row[1], settings.model_copy(update={"policy": row[1]}))
