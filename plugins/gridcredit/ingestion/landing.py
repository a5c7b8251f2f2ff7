"""The landing folder: one folder per mapping; what is ready in it, what becomes of a file afterwards."""

from __future__ import annotations

import os
import re
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog

from gridcredit.errors import FileRefusedError, MappingError
from gridcredit.files.private import make_private, write_private
from gridcredit.ingestion.erased_rows import redact_later_file
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.manifest import manifest_path
from gridcredit.ingestion.mapping.read import read_mappings
from gridcredit.ingestion.mapping.rules import Mapping
from gridcredit.ingestion.readiness import check_rights
from gridcredit.ingestion.stored_names import printable, refuse_unprintable, stored_name
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import connect

log = structlog.get_logger(__name__)

_DIGITS = re.compile("([0-9]+)")
NOTE_SUFFIX = ".refused.txt"
# Of programs that transfer files, while they do.
UNFINISHED_SUFFIXES = (".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp", "~")


def ready_files(settings: Settings | None = None) -> list[Path]:
    """Files to load now, oldest first.

    A folder in which anything is still being written is left alone, so that what comes together is loaded together.
    """
    settings = settings or get_settings()
    now = time.time()
    ready: list[tuple[float, Path]] = []
    for folder in settings.landing_dir.glob("*"):
        if folder.is_symlink():
            continue
        waiting = [(_modified_at(path, now), path) for path in _waiting(folder)]
        if all(modified <= now - settings.landing_settle_seconds for modified, _ in waiting):
            mapping = _mapping(folder.name, settings)
            ready += [(modified, path) for modified, path in waiting if _is_complete(path, mapping)]
    return [path for _, path in sorted(ready, key=lambda one: (one[0], _natural(one[1].name)))]


def _modified_at(path: Path, now: float) -> float:
    """When a file was last written: by its sender's clock, or where that is ahead, by this machine's."""
    stat = path.lstat()
    return stat.st_mtime if stat.st_mtime <= now else stat.st_ctime


def _natural(name: str) -> list[tuple[int, str]]:
    """The order in which a person puts names: pay_2 before pay_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(name)]


def waiting_files(settings: Settings) -> dict[str, int]:
    """How many files lie in each landing folder, complete or not."""
    found = {
        folder.name: len(list(_waiting(folder))) for folder in sorted(settings.landing_dir.glob("*")) if folder.is_dir()
    }
    return {name: count for name, count in found.items() if count}


def _mapping(name: str, settings: Settings) -> Mapping | None:
    """The folder's mapping; a faulty or missing one is reported by the load, which refuses the file."""
    try:
        return read_mappings(settings.mappings_dir).find(name)
    except MappingError:
        return None


def _is_complete(path: Path, mapping: Mapping | None) -> bool:
    """Whether a file is one to load, and its manifest, if it has one, is there too."""
    rules = mapping.files if mapping else []
    if any(rule.manifest and path.name.endswith(rule.manifest.suffix) for rule in rules):
        return False
    rule = mapping.rule_for(path.name) if mapping else None
    beside = manifest_path(path, rule) if rule else None
    return beside is None or beside.exists()


def _waiting(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.glob("*")
        if not path.name.startswith(".") and not path.name.lower().endswith(UNFINISHED_SUFFIXES)
    ]


def take_in(path: Path, settings: Settings | None = None) -> int:
    """Load a file of the landing folder and move it to the accepted files; returns its file_id. Safe to repeat.

    Raises:
        FileRefusedError: the file was moved to the refused folder, with a text beside it that says why.
        MappingError: the folder's own mapping is faulty; the file waits where it is.
        NotReadyError: the machine is short of space or permissions; the file waits where it is.
    """
    settings = settings or get_settings()
    mapping_name = path.parent.name
    if not os.path.lexists(path):
        return _finish_earlier_try(path, settings)
    accepted, refused = (_folder_of_today(base, mapping_name) for base in (settings.accepted_dir, settings.refused_dir))
    check_rights(path, [accepted, refused])
    try:
        refuse_unprintable(path)
        if path.is_symlink():
            raise FileRefusedError(f"{path.name}: is a link; deliver the file itself")
        known = read_mappings(settings.mappings_dir)
        mapping = known.find(mapping_name)
        if mapping is None:
            raise FileRefusedError(f"{path.name}: no mapping is named {mapping_name!r}; there are {known.names()}")
        for fault in known.left_aside(mapping_name):
            log.warning("mapping_left_aside", fault=fault)
        result = load_file(path, mapping, settings)
    except FileRefusedError as error:
        _refuse(path, refused, str(error), settings)
        raise
    _move_out(path, accepted, result.file_id, settings)
    return result.file_id


def _refuse(path: Path, folder: Path, reason: str, settings: Settings) -> None:
    """Record a refusal and move the file, or the link itself, beside a text that gives the reason."""
    name, reason = printable(path.name), printable(reason)
    with connect(settings) as connection:
        (number,) = connection.execute(
            "insert into ops.refused_files (mapping, file_name, reason) values (%s, %s, %s) returning refusal_id",
            [path.parent.name, name, reason],
        ).fetchone() or (0,)
    note = folder / (stored_name(number, path.name) + NOTE_SUFFIX)
    write_private(note, f"{reason}\nMend or replace the file and deliver it again.\n")
    _move_out(path, folder, number, settings)
    log.warning("file_refused", file=name, reason=reason, moved_to=str(folder))


def _move_out(path: Path, folder: Path, number: int, settings: Settings) -> None:
    """Move a file, and its manifest, out of the landing folder; what was moved before stays moved."""
    mapping = _mapping(path.parent.name, settings)
    rule = mapping.rule_for(path.name) if mapping else None
    # The file goes first: without it, a later try knows that the work was done.
    for done in (path, manifest_path(path, rule) if rule else None):
        if done is None:
            continue
        stored = folder / stored_name(number, done.name)
        if os.path.lexists(done):
            shutil.move(done, stored)
        if os.path.lexists(stored):
            make_private(stored)
            redact_later_file(stored, rule if done == path else None, printable(done.name), settings)


def _finish_earlier_try(path: Path, settings: Settings) -> int:
    """A file that is gone was loaded or refused by an earlier try of this task, which was killed before its end."""
    with connect(settings) as connection:
        last = connection.execute(
            "select file_id, null, delivered_at as at from lineage.deliveries join lineage.files using (file_id) "
            "where mapping = %(mapping)s and deliveries.file_name = %(name)s "
            "union all select null, reason, refused_at from ops.refused_files "
            "where mapping = %(mapping)s and file_name = %(name)s order by at desc limit 1",
            {"mapping": path.parent.name, "name": printable(path.name)},
        ).fetchone()
    if last is None:
        raise FileRefusedError(f"{path.name}: no such file")
    file_id, reason, _ = last
    if reason is not None:
        raise FileRefusedError(reason)
    accepted = _folder_of_today(settings.accepted_dir, path.parent.name)
    accepted.mkdir(parents=True, exist_ok=True)
    _move_out(path, accepted, file_id, settings)
    return int(file_id)


def _folder_of_today(base: Path, mapping_name: str) -> Path:
    return base / mapping_name / datetime.now(UTC).date().isoformat()
