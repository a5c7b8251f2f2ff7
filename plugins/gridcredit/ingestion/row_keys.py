"""Rows without a key of their own: what distinguishes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from gridcredit.ingestion.batch import Batch
from gridcredit.ingestion.mapping.rules import FileRule

# Two hashes of 64 bits, so that no two rows share both.
_HASH_KEYS = ("gridcredit_row_1", "gridcredit_row_2")


def with_row_keys(batches: Iterator[Batch], rule: FileRule, seen: Counter[str]) -> Iterator[Batch]:
    """The batches, each row with a key by what it holds in the columns read and how many alike came before it; `seen`
    counts those.
    """
    for batch in batches:
        read = sorted(rule.sources() & batch.columns.keys())
        frame = pd.DataFrame({name: batch.columns[name].to_pandas() for name in read})
        hashes = [
            pd.util.hash_pandas_object(frame, index=False, hash_key=key, categorize=False).to_numpy(np.uint64)
            for key in _HASH_KEYS
        ]
        keys = []
        for first, second in zip(*hashes, strict=True):
            content = f"{first:016x}{second:016x}"
            seen[content] += 1
            keys.append(f"{content}-{seen[content]}")
        yield replace(batch, row_keys=pa.array(keys, pa.string()))
