"""Where the lake lies: a folder under the home, or an object store by a URL that fsspec knows."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import fsspec
from fsspec.spec import AbstractFileSystem

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import GridCreditError, NotReadyError
from gridcredit.files.private import private_folder, write_private
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection

# Extract and load of a file.
Key = tuple[str, int]
# What is left in the workshop so long is nobody's.
ABANDONED_AFTER = timedelta(days=1)
# Which warehouse's lake it is.
MARKER = "warehouse.txt"


@dataclass(frozen=True)
class LakeStore:
    """The files of the lake, one for each extract of each load: `<extract>/load_<file_id>.parquet`.

    Each method raises a NotReadyError where the store cannot be reached, read or written.
    """

    url: str
    # Where a file is while a remote one is written or read.
    home_workshop: Path

    @classmethod
    def of(cls, settings: Settings) -> LakeStore:
        """The lake that the settings name."""
        url = settings.lake_url.get_secret_value() if settings.lake_url else str(settings.lake_dir)
        return cls(url, settings.home / "lake_workshop")

    @property
    def place(self) -> str:
        """Where it lies, without a password."""
        return re.sub(r"(?<=://)[^/@]*@", "", self.url)

    @property
    def workshop(self) -> Path:
        """Where a file is while it is written: on the disk of a lake that is a folder, so that it moves whole."""
        return Path(self._root) / ".unfinished" if self._is_local else self.home_workshop

    def claim(self, connection: Connection) -> None:
        """Take the place for the connection's warehouse.

        Raises:
            NotReadyError: it is another warehouse's lake.
        """
        (owner,) = connection.execute(
            "select concat_ws('/', system_identifier, oid) from pg_control_system(), pg_database "
            "where datname = current_database()"
        ).fetchone() or ("",)
        with self.reached():
            marker = f"{self._root}/{MARKER}"
            if not self._filesystem.exists(marker):
                if self._is_local:
                    _make_private(Path(self._root))
                    write_private(Path(marker), owner)
                else:
                    self._filesystem.pipe_file(marker, owner.encode())
            if self._filesystem.cat_file(marker).decode().strip() != owner:
                raise NotReadyError(
                    f"the lake at {self.place} belongs to another warehouse, or to this one before it was restored: "
                    f"name another place by GRIDCREDIT_LAKE_URL, or remove it whole with its {MARKER}"
                )

    def put(self, written: Path, key: Key) -> None:
        """Put a whole file in its place, where it appears at once; it is gone from where it was."""
        with self.reached():
            if self._is_local:
                target = Path(self._path(key))
                _make_private(target.parent)
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
            fetched = self._fetched_path(key)
            private_folder(fetched.parent)
            self._filesystem.get_file(self._path(key), str(fetched))
            return fetched

    def forget_fetched(self) -> None:
        """Remove what was fetched of a remote lake."""
        shutil.rmtree(self._fetched, ignore_errors=True)

    def keys(self) -> set[Key]:
        """What is there, without what others left."""
        with self.reached():
            found = [Path(path) for path in self._filesystem.glob(f"{self._root}/*/load_*.parquet")]
        return {
            (path.parent.name, int(path.stem.removeprefix("load_")))
            for path in found
            if path.parent.name in EXTRACTS and path.stem.removeprefix("load_").isdecimal()
        }

    def remove(self, key: Key) -> None:
        """Remove a file, here and there."""
        with self.reached(), suppress(FileNotFoundError):
            self._filesystem.rm_file(self._path(key))
        self._fetched_path(key).unlink(missing_ok=True)

    def drop(self) -> None:
        """Remove all files of loads, here and there, and what builds that were killed left; what others have in the
        place stays. The caller holds the lock of builds.
        """
        for key in self.keys():
            self.remove(key)
        self.forget_fetched()
        for path in self.workshop.glob("*.csv"):
            path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what loads and builds that were killed left in the workshop."""
        latest = datetime.now(UTC) - ABANDONED_AFTER
        for path in self.workshop.glob("*.*"):
            if path.is_file() and datetime.fromtimestamp(path.stat().st_mtime, UTC) < latest:
                path.unlink(missing_ok=True)

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Say of what fails that it was the lake, and what to check."""
        try:
            yield
        except GridCreditError:
            raise
        # The clients of object stores have errors of their own, which have nothing else in common.
        except Exception as error:
            cause = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise NotReadyError(
                f"the lake at {self.place}: {cause.replace(self.url, self.place)}; "
                "check space and permissions there, or that it can be reached"
            ) from error

    @cached_property
    def _located(self) -> tuple[AbstractFileSystem, str]:
        with self.reached():
            filesystem, root = fsspec.url_to_fs(self.url)
            return filesystem, root.rstrip("/")

    @property
    def _fetched(self) -> Path:
        return self.home_workshop / "fetched"

    @property
    def _filesystem(self) -> AbstractFileSystem:
        return self._located[0]

    @property
    def _root(self) -> str:
        return self._located[1]

    @property
    def _is_local(self) -> bool:
        return "file" in self._filesystem.protocol

    def _fetched_path(self, key: Key) -> Path:
        return self._fetched / key[0] / Path(self._path(key)).name

    def _path(self, key: Key) -> str:
        extract, file_id = key
        return f"{self._root}/{extract}/load_{file_id}.parquet"


def _make_private(folder: Path) -> None:
    """A folder for our eyes only, unless somebody made it before us."""
    if not folder.exists():
        private_folder(folder)
