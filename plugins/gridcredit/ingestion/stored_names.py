"""How delivered files are named where they are stored."""

from __future__ import annotations

import os
from pathlib import Path

from gridcredit.errors import FileRefusedError


def stored_name(number: int, name: str) -> str:
    """A name of its own for a delivered file, whose name may be as long as a file system allows."""
    return f"{number}_{os.fsencode(name)[-180:].decode(errors='ignore')}"


def printable(text: str) -> str:
    """A text that may hold a file's name, with bytes that are no UTF-8 written out."""
    return text.encode(errors="backslashreplace").decode()


def refuse_unprintable(path: Path) -> None:
    """Refuse a file whose name is no text.

    Raises:
        FileRefusedError: says how it is written, with bytes that are no UTF-8 written out.
    """
    if printable(path.name) != path.name:
        raise FileRefusedError(f"{printable(path.name)}: its name is not UTF-8: rename it")
