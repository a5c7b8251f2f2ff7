"""Files that hold secrets or personal data: only their owner can ever read them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TextIO, cast


def open_private(path: Path, *, newline: str | None = None) -> TextIO:
    """A new text file in UTF-8, in place of one that is there."""
    return cast(TextIO, os.fdopen(_new(path), "w", encoding="utf-8", newline=newline))


def write_private(path: Path, content: str | bytes) -> Path:
    """Write a file whole in one step, in place of one that is there; returns its path."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with os.fdopen(_new(partial), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    return put_in_place(partial, path)


def put_in_place(partial: Path, path: Path) -> Path:
    """Give a file that is written whole its name, in place of one that is there; where that fails, nothing of it is
    left.
    """
    try:
        return partial.replace(path)
    except OSError:
        partial.unlink()
        raise


def private_folder(path: Path) -> Path:
    """A folder that nobody else can read, for files that other programs write; returns its path."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def make_private(path: Path) -> None:
    """Take from others the right to read a stored file, whoever made it; of a link or a folder nothing."""
    if path.is_symlink() or not path.is_file():
        return
    try:
        path.chmod(0o600)
    except PermissionError:
        # It is another user's: a copy of it is ours.
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        with path.open("rb") as source, os.fdopen(_new(partial), "wb") as file:
            shutil.copyfileobj(source, file)
        put_in_place(partial, path)


def _new(path: Path) -> int:
    """A file that was not there, or no longer exists: whoever had the old one open has nothing of this one."""
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
