"""The landing folder: one folder per mapping; what is ready in it, what becomes of a file afterwards."""

from __future__ import annotations

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog

from gridcredit.errors import FileRefusedError, MappingError
from gridcredit.extracts.loader import load_file
from gridcredit.extracts.manifest import manifest_path
from gridcredit.extracts.mapping import Mapping, load_mappings
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse import connect

log = structlog.get_logger(__name__)

NOTE_SUFFIX = ".refused.txt"
UNFINISHED_SUFFIXES = (".part", ".partial", ".tmp")


def ready_files(settings: Settings | None = None) -> list[Path]:
    """Files to load now, oldest first, without those refused before as they are.

    A folder in which anything is still being written is left alone, so that what comes together is loaded together.
    """
    settings = settings or get_settings()
    settled_before = time.time() - settings.landing_settle_seconds
    ready: list[tuple[float, Path]] = []
    for folder in settings.landing_dir.glob("*"):
        waiting = [(path.lstat().st_mtime, path) for path in _waiting(folder)]
        if all(modified <= settled_before for modified, _ in waiting):
            mapping = _mapping(folder.name, settings)
            ready += [(modified, path) for modified, path in waiting if _is_complete(path, mapping)]
    return [path for _, path in sorted(ready)]


def _mapping(name: str, settings: Settings) -> Mapping | None:
    """The folder's mapping; a faulty or missing one is told by the load, which refuses the file."""
    try:
        return load_mappings(settings.mappings_dir).get(name)
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
        if not path.name.startswith(".")
        and not path.name.endswith((NOTE_SUFFIX, *UNFINISHED_SUFFIXES))
        and not (_note(path).exists() and _note(path).stat().st_mtime >= path.lstat().st_mtime)
    ]


def take_in(path: Path, settings: Settings | None = None) -> int:
    """Load a file of the landing folder and move it to the archive; returns its file_id. Safe to repeat.

    A refused file stays where it was; a note beside it says why, and it is not tried again until it changes or
    the note is removed.
    """
    settings = settings or get_settings()
    mapping_name = path.parent.name
    try:
        if path.is_symlink():
            raise FileRefusedError(f"{path.name}: is a link; deliver the file itself")
        mappings = load_mappings(settings.mappings_dir)
        if mapping_name not in mappings:
            raise FileRefusedError(
                f"{path.name}: no mapping is named {mapping_name!r}; there are {', '.join(mappings)}"
            )
        if not os.path.lexists(path) and (file_id := _taken_in_before(path, settings)):
            _archive(path, mappings[mapping_name], file_id, settings)
            return file_id
        result = load_file(path, mappings[mapping_name], settings)
    except FileRefusedError as error:
        with connect(settings) as connection:
            connection.execute(
                "insert into ops.refused_files (mapping, file_name, reason) values (%s, %s, %s)",
                [mapping_name, path.name, str(error)],
            )
        _note(path).write_text(f"{error}\nMend or replace the file, or delete this note to have it tried again.\n")
        log.warning("file_refused", file=path.name, reason=str(error))
        raise
    _archive(path, mappings[mapping_name], result.file_id, settings)
    return result.file_id


def _archive(path: Path, mapping: Mapping, file_id: int, settings: Settings) -> None:
    """Move an accepted file, and its manifest, out of the landing folder; what was moved before stays moved."""
    folder = settings.archive_dir / mapping.mapping / datetime.now(UTC).date().isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    _note(path).unlink(missing_ok=True)
    rule = mapping.rule_for(path.name)
    # The file goes first: without it, a later try knows that the load was done.
    for done in (path, manifest_path(path, rule) if rule else None):
        if done is not None and done.exists():
            shutil.move(done, folder / f"{file_id}_{done.name}")


def _taken_in_before(path: Path, settings: Settings) -> int | None:
    """The file that an earlier try of this task loaded and moved before it was killed."""
    with connect(settings) as connection:
        row = connection.execute(
            "select file_id from lineage.deliveries join lineage.files using (file_id) "
            "where mapping = %s and deliveries.file_name = %s order by delivery_id desc limit 1",
            [path.parent.name, path.name],
        ).fetchone()
    return row[0] if row else None


def _note(path: Path) -> Path:
    return path.with_name(path.name + NOTE_SUFFIX)
