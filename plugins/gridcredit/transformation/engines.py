"""The engines that models may be built by, each by its name in the settings."""

from __future__ import annotations

from importlib.util import find_spec

from gridcredit.errors import NotReadyError, TooEarlyError
from gridcredit.settings import Settings
from gridcredit.transformation.engine import Engine
from gridcredit.transformation.on_duckdb import DuckDB
from gridcredit.transformation.on_spark import Spark
from gridcredit.warehouse.connection import Connection


def engine_for(settings: Settings, schema_prefix: str = "") -> Engine:
    """The engine that the settings name; with a prefix for models in schemas named with it, by policies in such a one.

    Raises:
        NotReadyError: it is not installed.
    """
    if settings.engine == "duckdb":
        if find_spec("dbt.adapters.duckdb") is None:
            raise NotReadyError(
                "to build on DuckDB install its dbt adapter: `make install-engines`, or set GRIDCREDIT_ENGINE=postgres"
            )
        return DuckDB(settings, schema_prefix)
    if settings.engine == "spark":
        # DuckDB writes the files that Spark reads, and reads those that it writes.
        if not all(map(find_spec, ("dbt.adapters.spark", "pyspark", "duckdb"))):
            raise NotReadyError(
                "to build on Spark install it with its dbt adapter: `make install-engines`, or set "
                "GRIDCREDIT_ENGINE=postgres"
            )
        return Spark(settings, schema_prefix)
    return Engine(settings, schema_prefix)


def require_layers(connection: Connection) -> None:
    """Refuse to read the layers below the published tables where the last build did not leave them in Postgres.

    Raises:
        TooEarlyError: another engine made the last build; what Postgres holds is of an earlier one.
    """
    row = connection.execute(
        "select engine from lineage.runs where build_began_at is not null order by build_began_at desc limit 1"
    ).fetchone()
    if row and row[0] != "postgres":
        raise TooEarlyError(
            f"the last build ran on {row[0]} and left the layers below the published tables there: "
            "run `gridcredit run --full-refresh --engine postgres` first"
        )
