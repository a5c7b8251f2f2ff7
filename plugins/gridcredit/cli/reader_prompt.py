"""Postgres's own prompt, or one query, as the role that BI tools read by."""

from __future__ import annotations

import json
import math
import os
import subprocess
from urllib.parse import unquote, urlsplit

import psycopg
import typer
from psycopg.rows import dict_row

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import reader_address, reader_url
from gridcredit.warehouse.embedded_postgres import programs

OPTIONS = "-c search_path=published,star"


def run_psql(query: str | None, as_format: str, settings: Settings) -> int:
    """Run a query, or a prompt without one; returns what psql returns.

    Raises:
        GridCreditError: there is no such format, or the query failed.
    """
    if as_format not in ("table", "csv", "json"):
        raise GridCreditError(f"--format {as_format}: it is table, csv or json")
    url = reader_url(settings)
    if as_format == "json":
        if query is None:
            raise GridCreditError("--format json needs a query")
        typer.echo(json.dumps(_rows(query, url), default=str, ensure_ascii=False, indent=2))
        return 0
    # The password by the environment, which other users of the machine cannot list.
    environment = os.environ | {"PGPASSWORD": unquote(urlsplit(url).password or ""), "PGOPTIONS": OPTIONS}
    options = [] if query is None else ["--pset", "pager=off", *(["--csv"] if as_format == "csv" else []), "-c", query]
    return subprocess.run(
        [str(programs() / "psql"), "-X", *options, reader_address(settings)], env=environment, check=False
    ).returncode


def _rows(query: str, url: str) -> list[dict[str, object]]:
    try:
        with psycopg.connect(url, row_factory=dict_row, options=OPTIONS) as connection:
            rows = connection.execute(query.encode()).fetchall()
    except psycopg.Error as error:
        raise GridCreditError(f"the query failed: {error}") from error
    return [{name: _known_to_json(value) for name, value in row.items()} for row in rows]


def _known_to_json(value: object) -> object:
    """JSON knows neither NaN nor infinity: they are words."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
