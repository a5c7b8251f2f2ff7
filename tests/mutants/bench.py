"""Where mutants are run: a copy of the repository, beside it what tests start from, built once from the copy as it is.

The working tree is never touched. A mutant that was interrupted is gone with the next copy.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.mutants.mutant import Mutant

# What prepared warehouses are built from, but for cases that only tests read.
_BUILT_FROM = ("plugins", "dbt_project", "policies", "mappings", "expectations", "tests/support")
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::\w+)", re.MULTILINE)
PREPARED_BEFORE = ("empty", "small", "rich", "oracle_warehouse")


@dataclass(frozen=True)
class Ended:
    """How a process ended; `code` is None where it took too long."""

    code: int | None
    said: str

    @property
    def failed(self) -> list[str]:
        """The tests that failed, in the order of pytest's summary."""
        return _FAILED.findall(self.said)


class Bench:
    """The copy, and its warehouses."""

    def __init__(self, repository: Path, name: str = "") -> None:
        key = hashlib.sha256(f"{repository.resolve()}{name}".encode()).hexdigest()[:8]
        self.folder = Path(tempfile.gettempdir()) / f"gridcredit-mutants-{key}"
        self.root = self.folder / "repository"
        self.prepared = self.folder / "prepared"
        self._repository = repository

    @property
    def manifest(self) -> Path:
        return self.prepared / "oracle_warehouse" / "home" / "dbt" / "target" / "manifest.json"

    def make_ready(self) -> None:
        """Copy what git knows or would add, and prepare the warehouses where the code they came from is another."""
        self.folder.mkdir(exist_ok=True)
        self._lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"mutants already run in {self.folder}; another --bench is free") from None
        self._copy()
        if self._warehouses_are_of(fingerprint := self._fingerprint()):
            return
        shutil.rmtree(self.prepared, ignore_errors=True)
        self.prepared.mkdir(parents=True)
        for folder in (self.folder, self.prepared):
            folder.chmod(0o755)
        print(f"==> preparing warehouses in {self.prepared} (minutes, once)", flush=True)
        names = ", ".join(map(repr, PREPARED_BEFORE))
        code = (
            f"from pathlib import Path; from tests.support.prepared import prepare_all; prepare_all([{names}], "
            f"Path({str(self.prepared)!r}))"
        )
        ended = self.run(["-c", code], seconds=3600)
        if ended.code != 0:
            raise SystemExit(f"the warehouses could not be prepared:\n{ended.said[-3000:]}")
        (self.prepared / "fingerprint").write_text(fingerprint)

    @contextmanager
    def with_mutant(self, mutant: Mutant) -> Iterator[None]:
        """The copy with the fault in it, for as long as the context lasts."""
        path = self.root / mutant.path
        text = path.read_bytes().decode()
        path.write_bytes(mutant.applied(text).encode())
        try:
            yield
        finally:
            path.write_bytes(text.encode())

    def failing(self, tests: Sequence[str]) -> list[str]:
        """Which of the tests fail in the copy as it is."""
        if not tests:
            return []
        ended = self.run(["-m", "pytest", *self._options, *tests], seconds=3600)
        return sorted(set(ended.failed))

    def pytest(self, tests: Sequence[str], seconds: float, environment: dict[str, str]) -> Ended:
        """Run tests in the copy until one fails."""
        return self.run(["-m", "pytest", "-x", *self._options, *tests], seconds, environment)

    @property
    def _options(self) -> list[str]:
        return ["-q", "-p", "tests.mutants.rebuilt", "-p", "no:cacheprovider", "--prepared", str(self.prepared)]

    def run(self, arguments: Sequence[str], seconds: float, environment: dict[str, str] | None = None) -> Ended:
        """Run Python on the copy's own package, and end all that it started where it takes too long."""
        self._clear()
        paths = f"{self.root / 'plugins'}{os.pathsep}{self.root}"
        inherited = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(self._temporary)}
        inherited |= environment or {}
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.root,
                env=inherited,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code: int | None = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                if process.poll() is None:
                    end_all_of(process.pid)
                    process.wait()
                self._clear()
            output.seek(0)
            return Ended(code, output.read().decode(errors="replace"))

    @property
    def _temporary(self) -> Path:
        return self.folder / "tmp"

    def _clear(self) -> None:
        """End servers that a process left behind, here or in a run that was interrupted, and remove their files."""
        for process in psutil.process_iter(["cmdline"]):
            if any(word.startswith(f"{self._temporary}/") for word in process.info["cmdline"] or ()):
                end_all_of(process.pid)
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir()
        self._temporary.chmod(0o755)

    def _copy(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=self._repository,
            capture_output=True,
            check=True,
        ).stdout.decode()
        wanted = {name for name in listed.split("\0") if name and (self._repository / name).is_file()}
        for path in self.root.rglob("*") if self.root.exists() else ():
            if path.is_file() and not path.is_symlink() and path.relative_to(self.root).as_posix() not in wanted:
                path.unlink()
        for name in wanted:
            source, target = self._repository / name, self.root / name
            # An equal file stays as it is: dbt parses what is newer.
            if not target.exists() or target.read_bytes() != source.read_bytes():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        link = self.root / ".venv"
        if not link.is_symlink():
            link.symlink_to(self._repository.resolve() / ".venv")

    def _fingerprint(self) -> str:
        found = hashlib.sha256()
        for folder in _BUILT_FROM:
            for path in sorted((self.root / folder).rglob("*")):
                if path.is_file() and path.name != "edge_cases.yml":
                    found.update(path.relative_to(self.root).as_posix().encode() + b"\0" + path.read_bytes())
        return found.hexdigest()

    def _warehouses_are_of(self, fingerprint: str) -> bool:
        stored = self.prepared / "fingerprint"
        return stored.exists() and stored.read_text() == fingerprint


def end_all_of(process_id: int) -> None:
    """End a process that began a session, and all that it started, servers too."""
    try:
        process = psutil.Process(process_id)
    except psutil.NoSuchProcess:
        return
    for one in [*process.children(recursive=True), process]:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
