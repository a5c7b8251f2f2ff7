"""Names and numbers of persons as they may be shown."""

from __future__ import annotations


def mask_name(name: str) -> str:
    """A name by its first character; of one with six or more, as firms have, also the last two: `东******公司`."""
    text = name.strip()
    if len(text) < 6:
        return text[:1] + "*" * max(len(text) - 1, 1)
    return text[:1] + "*" * (len(text) - 3) + text[-2:]


def mask_number(number: str | None) -> str | None:
    """An identity or registration number by its last four characters."""
    return f"****{number.strip()[-4:]}" if number and len(number.strip()) > 4 else None
