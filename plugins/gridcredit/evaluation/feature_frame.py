"""Features as numbers: how they are selected, and the frame that a selection makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from psycopg import sql


def as_floats(names: Sequence[str], relation: str | None = None) -> sql.Composed:
    """The features as columns of a select, of a relation where its name is given."""
    parts = [relation] if relation else []
    return sql.SQL(", ").join(sql.SQL("{}::float8").format(sql.Identifier(*parts, name)) for name in names)


def feature_frame(rows: Sequence[Any], columns: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """Rows of the columns and, behind them, the features as floats: NaN where one is not available."""
    return pd.DataFrame(rows, columns=[*columns, *names]).astype(dict.fromkeys(names, "float64"))
