"""How much reading one file may take. Nothing slow is imported: the settings hold it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReadLimits:
    """What reading a file may take: bytes of text held at once, and bytes that a compressed file may expand to."""

    batch_bytes: int = 4 << 20
    expanded_bytes: int = 64 << 30
