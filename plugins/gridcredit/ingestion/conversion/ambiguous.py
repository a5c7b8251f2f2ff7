"""Rows with the key of another: of several of one line nobody could say which counts, else the last line does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridcredit.contract.shapes import Extract
from gridcredit.ingestion.batch import BooleanMask, no_rows
from gridcredit.ingestion.conversion.convert import Converted, Rejected
from gridcredit.ingestion.mapping.rules import ExtractRule

REASON = "is the key of several rows that this line makes: the mapping's rules overlap, or its key leaves something out"


def without_ambiguous(found: list[Converted], parts: list[ExtractRule], extract: Extract) -> list[Converted]:
    """What the parts of a rule make of a batch, with the rows of a line that have one key rejected."""
    if len(found) < 2 or any(part.distinct for part in parts):
        return found
    frames = []
    for place, converted in enumerate(found):
        keys = pd.DataFrame({key: converted.rows[key].to_pandas() for key in extract.keys})
        frames.append(keys.assign(_part=place, _row=np.arange(len(keys)))[converted.keep])
    rows = pd.concat(frames)
    twice = rows[rows.duplicated([*extract.keys, "_row"], keep=False)]
    if twice.empty:
        return found
    key, cleaned = extract.keys[0], []
    for place, converted in enumerate(found):
        own = twice[twice["_part"] == place]
        wrong = no_rows(len(converted.keep))
        wrong[own["_row"].to_numpy()] = True
        rejected = [
            Rejected(int(row), key, str(value), REASON) for row, value in zip(own["_row"], own[key], strict=True)
        ]
        cleaned.append(replace(converted, keep=converted.keep & ~wrong, rejected=[*converted.rejected, *rejected]))
    return cleaned


def key_hashes(converted: Converted, keep: BooleanMask, extract: Extract) -> npt.NDArray[np.uint64]:
    """The keys of the rows that are loaded, each as one number."""
    keys = pd.DataFrame({key: converted.rows[key].to_pandas() for key in extract.keys})[keep]
    return np.asarray(pd.util.hash_pandas_object(keys, index=False, categorize=False), np.uint64)
