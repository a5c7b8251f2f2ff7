"""Builds the site: the pages of docs/, and inside them what dbt, the gates and the warehouse know."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any, get_args

from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort, BuildError

from gridcredit.contract.described import published_tables, star_tables
from gridcredit.errors import GridCreditError
from gridcredit.lineage.drawing import Box, draw
from gridcredit.pages.template import render, write_page
from gridcredit.pages.texts import Language
from gridcredit.policies.store import policy_in_force
from gridcredit.reporting.policy.document import policy_document
from gridcredit.reporting.site.dictionary import LAYERS, Relation, read_dictionary
from gridcredit.reporting.site.hooks import WAREHOUSE
from gridcredit.reporting.site.neighbourhood import Neighbourhood, neighbourhoods
from gridcredit.settings import Settings
from gridcredit.transformation.runner import invoke_dbt
from gridcredit.warehouse.connection import code_version, connect
from gridcredit.warehouse.currency import in_its_currency

# What a page would fetch from another host: scripts, style sheets, images; dbt's own page names a script of its usage
# statistics.
FOREIGN = re.compile(
    r'<script[^>]*\ssrc="(?:https?:)?//[^>]*>\s*</script>|<link[^>]*\shref="(?:https?:)?//[^>]*>'
    r'|<img[^>]*\ssrc="(?:https?:)?//[^>]*>|@import\s+url\([^)]*\);?|//d1fc8wv8zag5ca\.cloudfront\.net/[\w./]+'
)


def write_site(settings: Settings) -> Path:
    """Build the site to `docs` under the settings' home, in place of the one before; returns its first page.

    Raises:
        GridCreditError: dbt could not make its documentation, or a page of docs/ is wrong.
    """
    made, partial = settings.home / "docs.pages", settings.home / "docs.partial"
    listed = write_warehouse_pages(made, settings)
    build_site(settings.project_dir / "mkdocs.yml", partial, warehouse_pages=made, warehouse_list=listed)
    site = settings.home / "docs"
    shutil.rmtree(site, ignore_errors=True)
    partial.replace(site)
    shutil.rmtree(made)
    return site / "index.html"


def build_site(config_file: Path, folder: Path, **extra: object) -> None:
    """Build the site by MkDocs into a folder; `extra` is passed to the hooks.

    Raises:
        GridCreditError: a page is not in the navigation, or a link leads nowhere.
    """
    try:
        config = load_config(str(config_file), site_dir=str(folder))
        config.extra |= {name: str(value) for name, value in extra.items()}
        config.plugins.on_startup(command="build", dirty=False)
        build(config)
        config.plugins.on_shutdown()
    except (Abort, BuildError) as error:
        raise GridCreditError(f"the pages of docs/ could not be built; MkDocs says why above: {error}") from error


def write_warehouse_pages(folder: Path, settings: Settings) -> str:
    """Write dictionary, lineage, dbt's pages and the gates' results into a folder; returns the list of them in
    Markdown.
    """
    if not invoke_dbt(["docs", "generate", "--static"], settings).success:
        raise GridCreditError("dbt could not make the documentation; see its messages above")
    dbt = settings.home / "dbt" / "target"
    manifest = json.loads((dbt / "manifest.json").read_text(encoding="utf-8"))
    with connect(settings) as connection:
        settings = in_its_currency(settings, connection)
        relations = read_dictionary(manifest, connection)
        release = connection.execute(
            "select release, as_of_date from lineage.releases order by release desc limit 1"
        ).fetchone()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_page(folder / "dbt.html", without_hosts((dbt / "static_index.html").read_text(encoding="utf-8")))
    write_page(folder / "lineage.html", lineage_page(relations))
    write_page(folder / "lineage_all.html", _lineage(relations))
    has_gates = (settings.data_docs_dir / "index.html").exists()
    if has_gates:
        _copy_gates(settings.data_docs_dir, folder / "gates")
    published = published_tables(settings)
    policy = _write_policy(folder, release[1], settings) if release else None
    facts: dict[str, Any] = {
        "release": release,
        "policy": policy,
        "has_gates": has_gates,
        "version": code_version(),
        "relations": relations,
        "published": {table.name: table for table in published},
        "star": star_tables(published),
        "currency": settings.currency,
    }
    write_page(folder / "dictionary.md", render("gridcredit.reporting.site", "dictionary.md.j2", facts))
    return render("gridcredit.reporting.site", "warehouse.md.j2", facts | {"folder": WAREHOUSE.rpartition("/")[2]})


def _write_policy(folder: Path, day: date, settings: Settings) -> str:
    """Write the policy in force on a day in both languages; returns its version."""
    policy = policy_in_force(settings, day)
    for language in get_args(Language):
        write_page(folder / f"policy_{language}.html", policy_document(policy, language, settings))
    return policy.header.version


def without_hosts(page: str) -> str:
    """A page that fetches nothing from another host."""
    return FOREIGN.sub("", page)


def _copy_gates(source: Path, target: Path) -> None:
    style = render("gridcredit.pages", "style.css.j2", {})
    for path in source.rglob("*"):
        copy = target / path.relative_to(source)
        if path.suffix == ".html":
            page = without_hosts(path.read_text(encoding="utf-8"))
            write_page(copy, page.replace("</head>", f"<style>{style}</style></head>", 1))
        elif path.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def lineage_page(relations: list[Relation]) -> str:
    """Each table between its neighbours, to be followed from one to the next."""
    tables = neighbourhoods(relations)
    layers: dict[str, list[Neighbourhood]] = {}
    for table in tables:
        layers.setdefault(table.place.layer, []).append(table)
    return render("gridcredit.reporting.site", "lineage.html.j2", {"tables": tables, "layers": layers})


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
