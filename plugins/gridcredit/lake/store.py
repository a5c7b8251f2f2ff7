"""Where the lake lies: a folder under the home, or an object store by a URL that fsspec knows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import fsspec
from fsspec.spec import AbstractFileSystem

from gridcredit.errors import NotReadyError
from gridcredit.files.private import private_folder
from gridcredit.settings import Settings

# Extract and load of a file.
Key = tuple[str, int]


@dataclass(frozen=True)
class LakeStore:
    """The files of the lake, one for each extract of each load: `<extract>/load_<file_id>.parquet`.

    Each method raises a NotReadyError where the store cannot be reached, read or written.
    """

    place: str
    # Where a file is while it is written, or while a remote one is read.
    workshop: Path

    @classmethod
    def of(cls, settings: Settings) -> LakeStore:
        """The lake that the settings name."""
        return cls(settings.lake_url or str(settings.lake_dir), settings.home / "lake_workshop")

    def put(self, written: Path, key: Key) -> None:
        """Put a whole file in its place, where it appears at once; it is gone from where it was."""
        with self.reached():
            if self._is_local:
                target = Path(self._path(key))
                private_folder(Path(self._root))
                private_folder(target.parent)
                written.replace(target)
                return
            self._filesystem.put_file(str(written), self._path(key))
            written.unlink()

    def fetch(self, key: Key) -> Path | None:
        """The file as one of this machine; None where there is none."""
        with self.reached():
            if not self._filesystem.exists(self._path(key)):
                return None
            if self._is_local:
                return Path(self._path(key))
            private_folder(self._fetched)
            fetched = private_folder(self._fetched / key[0]) / Path(self._path(key)).name
            self._filesystem.get_file(self._path(key), str(fetched))
            return fetched

    def forget_fetched(self) -> None:
        """Remove what was fetched of a remote lake."""
        shutil.rmtree(self._fetched, ignore_errors=True)

    def keys(self) -> set[Key]:
        """What is there."""
        with self.reached():
            found = [Path(path) for path in self._filesystem.glob(f"{self._root}/*/load_*.parquet")]
        return {(path.parent.name, int(path.stem.removeprefix("load_"))) for path in found}

    def remove(self, key: Key) -> None:
        """Remove a file, here and there."""
        with self.reached():
            self._filesystem.rm_file(self._path(key))
        self.forget_fetched()

    def drop(self) -> None:
        """Remove all files, here and there."""
        with self.reached():
            if self._filesystem.exists(self._root):
                self._filesystem.rm(self._root, recursive=True)
        self.forget_fetched()

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Say of what fails that it was the lake, and what to check."""
        try:
            yield
        except (OSError, ImportError, ValueError) as error:
            cause = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise NotReadyError(
                f"the lake at {self.place}: {cause}; check space and permissions there, or that it can be reached"
            ) from error

    @cached_property
    def _located(self) -> tuple[AbstractFileSystem, str]:
        filesystem, root = fsspec.url_to_fs(self.place)
        return filesystem, root.rstrip("/")

    @property
    def _fetched(self) -> Path:
        return self.workshop / "fetched"

    @property
    def _filesystem(self) -> AbstractFileSystem:
        return self._located[0]

    @property
    def _root(self) -> str:
        return self._located[1]

    @property
    def _is_local(self) -> bool:
        return "file" in self._filesystem.protocol

    def _path(self, key: Key) -> str:
        extract, file_id = key
        return f"{self._root}/{extract}/load_{file_id}.parquet"
