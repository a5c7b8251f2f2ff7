"""The trial of two strategies from its definition: who is drawn for which, and what the draw alone can make."""

from __future__ import annotations

import hashlib
import statistics

REDRAWS, EXCEEDED_IN = 199, 10


def drawn_of(text: str, numbers: int) -> int:
    """One of so many numbers, by the text's MD5."""
    return int(hashlib.md5(text.encode()).hexdigest()[:7], 16) % numbers


def difference(rates: list[float], is_challenger: list[bool]) -> float:
    """The challenger's mean less the champion's."""
    mine = [rate for rate, mine in zip(rates, is_challenger, strict=True) if mine]
    others = [rate for rate, mine in zip(rates, is_challenger, strict=True) if not mine]
    return statistics.fmean(mine) - statistics.fmean(others) if mine and others else 1


def half_width(rates: dict[str, float], share: int, of: int) -> float:
    """Which difference 10 of 199 draws of the same customers reach: exceeded by chance in 5 cases of 100."""
    values = list(rates.values())
    by_chance = [
        abs(difference(values, [drawn_of(f"{customer}/{draw}", of) < share for customer in rates]))
        for draw in range(1, REDRAWS + 1)
    ]
    return sorted(by_chance, reverse=True)[EXCEEDED_IN - 1]
