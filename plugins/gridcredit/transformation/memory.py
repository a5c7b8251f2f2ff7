"""Python's search for dead cycles, made rare where a library makes many objects that live."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (50_000, 20, 20)


@contextmanager
def infrequent_garbage_collection() -> Iterator[None]:
    """Each search reads what lives, dbt's whole manifest too: at Python's own thresholds that is a sixth of a small build."""
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """For sqlfluff, whose trees are nothing but cycles: a search finds little, and memory is given back at the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
