"""What a supplier's manifest promises of a file: its rows, its checksum. A file that breaks the promise is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gridcredit.errors import FileRefusedError
from gridcredit.ingestion.mapping.rules import FileRule


@dataclass(frozen=True)
class Promise:
    """The promised number of rows and SHA-256; None where the manifest does not say."""

    rows: int | None = None
    sha256: str | None = None

    def check_content(self, path: Path, sha256: str) -> None:
        """Refuse a file whose bytes are not those promised."""
        if self.sha256 and self.sha256.lower() != sha256:
            raise FileRefusedError(f"{path.name}: its SHA-256 is {sha256}, the manifest says {self.sha256.lower()}")

    def check_rows(self, path: Path, rows: int) -> None:
        """Refuse a file that is cut short or has grown."""
        if self.rows is not None and self.rows != rows:
            raise FileRefusedError(f"{path.name}: has {rows} rows, the manifest says {self.rows}")


def manifest_path(path: Path, rule: FileRule) -> Path | None:
    """Where the manifest of a file lies, if its rule asks for one."""
    return path.with_name(path.name + rule.manifest.suffix) if rule.manifest else None


def read_promise(path: Path, rule: FileRule) -> Promise:
    """What the manifest beside a file promises; nothing where the rule asks for none."""
    beside = manifest_path(path, rule)
    if rule.manifest is None or beside is None:
        return Promise()
    try:
        text = beside.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileRefusedError(f"{path.name}: its manifest {beside.name} is missing or cannot be read") from error
    found = {
        name: re.search(pattern, text)
        for name, pattern in (("rows", rule.manifest.rows), ("sha256", rule.manifest.sha256))
        if pattern
    }
    for name, match in found.items():
        if match is None or not match.group(1):
            raise FileRefusedError(f"{path.name}: its manifest {beside.name} does not state its {name}")
    values = {name: match.group(1) for name, match in found.items() if match}
    try:
        return Promise(int(values["rows"]) if "rows" in values else None, values.get("sha256"))
    except ValueError:
        raise FileRefusedError(f"{path.name}: its manifest {beside.name} gives no number of rows") from None
