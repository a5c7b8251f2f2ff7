"""How many random cases a test tries: few in `make test`, many in `make test-deep`, by the same code."""

from __future__ import annotations

from hypothesis import settings

# Set by tests/conftest.py from the option --deep, before any test module is read.
deep = False

settings.register_profile("same_cases_each_time", derandomize=True)


def set_depth(*, is_deep: bool) -> None:
    """Few cases are the same ones each time, so that one commit has one result; many are new ones."""
    global deep
    deep = is_deep
    settings.load_profile("default" if is_deep else "same_cases_each_time")


def few_or_many(few: int, many: int) -> int:
    """The first number, or with --deep the second."""
    return many if deep else few
