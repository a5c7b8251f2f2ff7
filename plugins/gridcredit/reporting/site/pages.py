"""Writes the site: pages that open from disk, each made from what the code, dbt and the gates already know."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from gridcredit.errors import GridCreditError
from gridcredit.lineage.drawing import Box, draw
from gridcredit.pages.template import render, write_page
from gridcredit.reporting.site.dictionary import LAYERS, Relation, read_dictionary
from gridcredit.settings import Settings
from gridcredit.transformation.runner import invoke_dbt
from gridcredit.warehouse.connection import code_version, connect


def write_site(settings: Settings) -> Path:
    """Write the site to `docs` under the settings' home, in place of the one before; returns its first page.

    Raises:
        GridCreditError: dbt could not make its documentation.
    """
    if not invoke_dbt(["docs", "generate", "--static"], settings).success:
        raise GridCreditError("dbt could not make the documentation; see its messages above")
    dbt = settings.home / "dbt" / "target"
    manifest = json.loads((dbt / "manifest.json").read_text(encoding="utf-8"))
    with connect(settings) as connection:
        relations = read_dictionary(manifest, connection)
        release = connection.execute(
            "select release, as_of_date from lineage.releases order by release desc limit 1"
        ).fetchone()
    site, partial = settings.home / "docs", settings.home / "docs.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    shutil.copyfile(dbt / "static_index.html", partial / "warehouse.html")
    has_gates = (settings.data_docs_dir / "index.html").exists()
    if has_gates:
        shutil.copytree(settings.data_docs_dir, partial / "gates")
    write_page(partial / "lineage.html", _lineage(relations))
    pages: dict[str, dict[str, Any]] = {
        "dictionary.html": {"relations": relations, "currency": settings.currency},
        "index.html": {
            "release": release,
            "has_gates": has_gates,
            "version": code_version(),
            "relations": relations,
            "currency": settings.currency,
        },
    }
    for name, facts in pages.items():
        write_page(partial / name, render("gridcredit.reporting.site", f"{name}.j2", facts))
    shutil.rmtree(site, ignore_errors=True)
    partial.replace(site)
    return site / "index.html"


def _lineage(relations: list[Relation]) -> str:
    """Every model and source in the column of its layer, and what it is built from."""
    return draw(
        "From what was delivered to what is published",
        [
            [Box(one.unique_id, one.layer, one.name, one.description) for one in relations if one.layer in layers]
            for layers in LAYERS
        ],
        {(one.unique_id, parent) for one in relations for parent in one.upstream},
        {one.layer: "#2b62b0" for one in relations} | {"raw": "#c65d00", "policy": "#7a4fa3", "candidate": "#1f6f78"},
    )
