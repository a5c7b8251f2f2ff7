"""Python's garbage collection, made rarer where a library creates many objects that stay in use."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (50_000, 20, 20)


@contextmanager
def infrequent_garbage_collection() -> Iterator[None]:
    """Each collection reads all live objects, dbt's whole manifest too: at Python's default thresholds that is a sixth
    of a small build.
    """
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """For sqlfluff, whose trees are all cycles: a collection finds little, and memory is freed at the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
