"""How many random cases a test tries: few in `make test`, many in `make test-deep`, by the same code."""

from __future__ import annotations

# Set by tests/conftest.py from the option --deep, before any test module is read.
is_deep = False


def few_or_many(few: int, many: int) -> int:
    """The first number, or with --deep the second."""
    return many if is_deep else few
