"""What is written from the contract: the dbt sources and the data dictionary of the input."""

from __future__ import annotations

from pathlib import Path

import yaml

from gridcredit.contract.bi.dashboards import bundle_files
from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.features import FEATURE_NOTE, definitions, feature_library_yaml
from gridcredit.contract.metrics import with_metrics
from gridcredit.contract.odcs import contract_files
from gridcredit.contract.shapes import Column, Extract
from gridcredit.contract.tables_pages import diagrams, published_tables_markdown, star_markdown
from gridcredit.settings import Settings

NOTE = "Written from plugins/gridcredit/contract/ by `gridcredit contract`; do not edit."


LOAD_COLUMNS = (
    Column("_file_id", "integer", "the file it came from: lineage.files"),
    Column("_line_no", "integer", "the line it begins on, the header being line 1"),
    Column("_deleted", "boolean", "true on a tombstone: the fact of this key no longer exists"),
    Column("_extra", "json", "what the file held in columns that nothing reads"),
)


def raw_sources_yaml() -> str:
    """The dbt sources of the raw schema."""
    tables: list[dict[str, object]] = [
        {
            "name": extract.name,
            "description": extract.text,
            "config": _freshness(extract),
            "columns": [
                {"name": column.name, "data_type": column.sql_type, "description": column.text}
                for column in (*extract.columns, *LOAD_COLUMNS)
            ],
        }
        for extract in EXTRACTS.values()
    ]
    source = {
        "name": "raw",
        "description": "Every accepted row as delivered, with the file and line it came from.",
        "tables": tables,
    }
    return f"# {NOTE}\n" + yaml.safe_dump({"version": 2, "sources": [source]}, sort_keys=False, width=110)


def _freshness(extract: Extract) -> dict[str, object]:
    """When `dbt source freshness` warns; files carry the time of loading, rows do not."""
    if extract.fresh_days is None:
        return {"freshness": None}
    loaded = "select max(loaded_at) from lineage.loads join lineage.files using (file_id)"
    return {
        "freshness": {"warn_after": {"count": extract.fresh_days, "period": "day"}},
        "loaded_at_query": f"{loaded} where extract = '{extract.name}'",
    }


def contract_markdown() -> str:
    """The data dictionary of the canonical extracts."""
    lines = [f"<!-- {NOTE} -->", "", "# The input contract", ""]
    for extract in EXTRACTS.values():
        lines += [
            f"## {extract.name}",
            "",
            extract.text,
            f"Expected at least every {extract.fresh_days} days."
            if extract.fresh_days
            else "Comes when something happens; a header without rows says that nothing has.",
            "",
            "| column | type | | meaning |",
            "| --- | --- | --- | --- |",
        ]
        for column in extract.columns:
            mark = "key" if column.key else "required" if column.required else ""
            unit = f" ({column.unit})" if column.unit else ""
            values = f": {', '.join(column.values)}" if column.values else ""
            lines.append(f"| {column.name} | {column.sql_type} | {mark} | {column.text}{unit}{values} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def features_markdown(settings: Settings) -> str:
    """All features by dimension, with how each is defined."""
    lines = [
        f"<!-- {FEATURE_NOTE} -->", "", "# Features", "",
        "All that a policy may give points, caps, warnings, reviews or advice for. `defined as` is the definition that "
        "the SQL is",
        "written from; of the others the model is named in [indicators](indicators.md). What else a supplier knows of "
        "customers is a feature too:",
        "[bring a further column](how-to/bring_a_further_column.md).", "",
        "| dimension | feature | what it is | defined as |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for name, one in definitions(settings).items():
        defined = ", ".join(
            f"{key} {one[key]}" for key in ("measure", "events", "months", "recent", "stand") if key in one
        )
        lines.append(f"| {one['dimension']} | {name} | {one['text']} | {defined} |")
    return "\n".join(lines) + "\n"


def derived_files(settings: Settings) -> dict[Path, str]:
    """Each derived file and what it must hold."""
    bi = settings.project_dir / "docs" / "bi.md"
    return {
        settings.dbt_dir / "models" / "raw_sources.yml": raw_sources_yaml(),
        settings.project_dir / "docs" / "data_contract.md": contract_markdown(),
        settings.dbt_dir / "models" / "candidate" / "feature_library.yml": feature_library_yaml(settings),
        settings.project_dir / "docs" / "features.md": features_markdown(settings),
        settings.project_dir / "docs" / "reference" / "published_tables.md": published_tables_markdown(settings),
        settings.project_dir / "docs" / "reference" / "star.md": star_markdown(settings),
        bi: with_metrics(bi.read_text(encoding="utf-8"), settings),
        **contract_files(settings),
        **bundle_files(settings),
        **{settings.project_dir / "docs" / "images" / name: svg for name, svg in diagrams(settings).items()},
    }
