"""How delivered files are named where they are stored."""

from __future__ import annotations


def stored_name(number: int, name: str) -> str:
    """A name of its own for a delivered file, whose name may be as long as a file system allows."""
    return f"{number}_{name.encode()[-180:].decode(errors='ignore')}"
