"""How delivered files are named where they are stored."""

from __future__ import annotations

import os


def stored_name(number: int, name: str) -> str:
    """A name of its own for a delivered file, whose name may be as long as a file system allows."""
    return f"{number}_{os.fsencode(name)[-180:].decode(errors='ignore')}"


def printable(text: str) -> str:
    """A text that may hold a file's name, with bytes that are no UTF-8 written out."""
    return text.encode(errors="backslashreplace").decode()
