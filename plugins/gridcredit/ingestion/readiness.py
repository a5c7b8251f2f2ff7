"""What must be so before work on a file starts: it is the machine that falls short here, not the file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gridcredit.errors import NotReadyError
from gridcredit.settings import Settings

# A row in raw takes about this many times its bytes in a CSV file, with space for the write-ahead log.
SPACE_PER_BYTE = 4
EXPANSION = 8


def check_space(path: Path, settings: Settings) -> None:
    """Make sure that the embedded Postgres has space for the file's rows; a server of your own is not checked."""
    if settings.warehouse_url is not None:
        return
    with path.open("rb") as file:
        is_packed = file.read(2) in (b"\x1f\x8b", b"PK", b"PA")
    needed = path.stat().st_size * SPACE_PER_BYTE * (EXPANSION if is_packed else 1)
    free = shutil.disk_usage(settings.home).free
    if free < needed:
        raise NotReadyError(
            f"{path.name}: loading it may take {needed >> 20} MiB and {settings.home} has {free >> 20} MiB free: "
            "free some space, it is then taken up by itself"
        )


def check_rights(path: Path, targets: list[Path]) -> None:
    """Make sure that a file can be moved out of its folder into the targets, which are made where they are missing."""
    for folder in (path.parent, *targets):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotReadyError(f"{folder} cannot be made: {error.strerror}: correct its permissions") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise NotReadyError(
                f"{path.name}: may not be moved, since {folder} may not be written to: grant the pipeline's user rights"
            )
