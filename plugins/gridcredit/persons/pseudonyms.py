"""Names and numbers of persons: as they are shown, as they are stored, and what stands for those that were erased."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

ERASED = "erased"


def mask_name(name: str) -> str:
    """A name by its first character; of one with six or more, as firms have, also the last two: `东******公司`."""
    text = name.strip()
    if text.startswith(f"{ERASED} "):
        return ERASED
    if len(text) < 6:
        return text[:1] + "*" * max(len(text) - 1, 1)
    return text[:1] + "*" * (len(text) - 3) + text[-2:]


def mask_number(number: str | None) -> str | None:
    """An identity or registration number by its last four characters, from how it is stored."""
    last_four = number.rpartition(":")[2].strip()[-4:] if number else ""
    return f"****{last_four}" if last_four else None


@dataclass(frozen=True)
class Pseudonyms:
    """What is stored in place of a number, and in place of the names of customers whose persons were erased.

    The salt is a secret of the installation: who has the warehouse alone cannot try out names or numbers.
    """

    salt: str
    erased_customers: frozenset[str] = frozenset()

    def number(self, number: str) -> str:
        """`<hash>:<last four>`; a number of four characters or fewer has no last four, or it would be shown whole."""
        return f"{self._hash(number)}:{number[-4:] if len(number) > 4 else ''}"

    def erased_name(self, name: str) -> str:
        """The same for the same name, so that what is counted by name stays as it was."""
        return f"{ERASED} {self._hash(name)[:8]}"

    def stored(self, kind: str, value: str | None, customer_id: str) -> str | None:
        """A personal value (`name` or `number`) as it is stored for a customer."""
        is_erased = customer_id in self.erased_customers
        if value is None or (kind == "number" and is_erased):
            return None
        if kind == "number":
            return self.number(value)
        return self.erased_name(value) if is_erased else value

    def _hash(self, text: str) -> str:
        return hmac.new(self.salt.encode(), text.strip().encode(), hashlib.sha256).hexdigest()[:32]
