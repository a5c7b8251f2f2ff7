"""Says whether a shell pattern of names takes every file that another one would."""

from __future__ import annotations

import re

_PART = re.compile(r"\*|\?|\[!?[^\]]+\]|.", re.DOTALL)
# What stands for `*`, for `?`, and from there on for each set of characters.
_ANY, _ONE, _SETS = 0xE000, 0xE001, 0xE002


def covers(pattern: str, other: str) -> bool:
    """Whether a pattern matches every name that the other one does."""
    sets = {part: chr(_SETS + number) for number, part in enumerate(dict.fromkeys(_sets(pattern) + _sets(other)))}
    signs = {"*": chr(_ANY), "?": chr(_ONE)} | sets
    name = "".join(signs.get(part, part) for part in _PART.findall(other))
    return (
        re.fullmatch("".join(_expression(part, sets) for part in _PART.findall(pattern)), name, re.DOTALL) is not None
    )


def _sets(pattern: str) -> list[str]:
    return [part for part in _PART.findall(pattern) if part.startswith("[") and len(part) > 1]


def _expression(part: str, sets: dict[str, str]) -> str:
    if part == "*":
        return ".*"
    if part == "?":
        return f"[^{chr(_ANY)}]"
    if part not in sets:
        return re.escape(part)
    # A set takes itself and its characters, but not what stands for others.
    characters = re.sub(r"^\[!", "[^", part.replace("\\", r"\\"))
    return f"(?:{sets[part]}|(?![{chr(_ANY)}-{chr(0xF8FF)}]){characters})"
