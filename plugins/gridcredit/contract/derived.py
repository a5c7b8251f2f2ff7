"""What is written from the contract: the dbt sources and the data dictionary of the input."""

from __future__ import annotations

from pathlib import Path

import yaml

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.contract.features import definitions
from gridcredit.contract.shapes import Column, Extract
from gridcredit.settings import Settings

NOTE = "Written from plugins/gridcredit/contract/ by `gridcredit contract`; do not edit."


LOAD_COLUMNS = (
    Column("_file_id", "integer", "the file it came from: lineage.files"),
    Column("_line_no", "integer", "the line it begins on, the header being line 1"),
    Column("_deleted", "boolean", "true on a tombstone: the fact of this key is no more"),
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


FEATURE_NOTE = "Written from vars.features of dbt_project/dbt_project.yml by `gridcredit contract`; do not edit."


def feature_library_yaml(settings: Settings) -> str:
    """The model of the published features: a column each."""
    columns: list[dict[str, object]] = [
        {
            "name": "customer_id",
            "description": "the supplier's customer number",
            "data_type": "text",
            "constraints": [{"type": "not_null"}],
        },
        {"name": "segment", "description": "what the electricity is used for", "data_type": "text"},
        {"name": "region", "description": "region of supply", "data_type": "text"},
        {"name": "org_unit", "description": "business unit that looks after the customer", "data_type": "text"},
    ]
    for name, definition in definitions(settings).items():
        columns.append({"name": name, "description": definition["text"], "data_type": "numeric(18, 4)"})
    model = {
        "name": "feature_library",
        "description": "All features of every customer, also those that the policy gives no points for; for analysts. "
        "Grain and key: customer_id.",
        "data_tests": [{"key_is_enforced": {"arguments": {"columns": ["customer_id"]}}}],
        "columns": columns,
    }
    return f"# {FEATURE_NOTE}\n" + yaml.safe_dump({"version": 2, "models": [model]}, sort_keys=False, width=110)


def features_markdown(settings: Settings) -> str:
    """All features by dimension, with how each is defined."""
    lines = [
        f"<!-- {FEATURE_NOTE} -->", "", "# Features", "",
        "All that a policy may give points, caps, warnings, reviews or advice for. `defined as` is the definition that the SQL is",
        "written from; of the others the model is named in [indicators](indicators.md).", "",
        "| dimension | feature | what it is | defined as |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for name, one in definitions(settings).items():
        defined = ", ".join(
            f"{key} {one[key]}" for key in ("measure", "events", "months", "recent", "stand") if key in one
        )
        lines.append(f"| {one['dimension']} | {name} | {one['text']} | {defined} |")
    return "\n".join(lines) + "\n"


TABLE_NOTE = (
    "Written from dbt_project/models/candidate/ and policies/departments.yml by `gridcredit contract`; do not edit."
)


def published_tables_markdown(settings: Settings) -> str:
    """Every published table with grain, key, columns, and which departments read it."""
    by_hand = (settings.dbt_dir / "models" / "candidate" / "candidate.yml").read_text(encoding="utf-8")
    models = [model for text in (by_hand, feature_library_yaml(settings)) for model in yaml.safe_load(text)["models"]]
    text = (settings.project_dir / "policies" / "departments.yml").read_text(encoding="utf-8")
    departments = yaml.safe_load(text)["departments"]
    lines = [
        f"<!-- {TABLE_NOTE} -->", "", "# Published tables", "",
        "Each is a view `published.<name>` of what is current, with the columns `release` and `as_of_date` beside those below. `published.<name>_history` has every row that a",
        "release showed. Tables join by columns of the same name. Where each column comes from is in the [dictionary](warehouse.md) of a warehouse; [star schema and rights](../bi.md).", "",
        "| table | key | read by |", "| --- | --- | --- |",
    ]  # fmt: skip
    for model in sorted(models, key=_name):
        read_by = ", ".join(one for one, sees in departments.items() if sees == "*" or model["name"] in sees)
        lines.append(f"| [{model['name']}](#{model['name']}) | {_key_of(model)} | {read_by} |")
    for model in sorted(models, key=_name):
        lines += ["", f"## {model['name']}", "", model["description"].strip(), ""]
        lines += ["| column | type | meaning |", "| --- | --- | --- |"]
        for column in model["columns"]:
            lines.append(f"| {column['name']} | {column['data_type']} | {column['description'].replace('|', 'or')} |")
    return "\n".join(lines) + "\n"


def _name(model: dict[str, str]) -> str:
    return model["name"]


def _key_of(model: dict[str, str]) -> str:
    return model["description"].rpartition("Grain and key: ")[2].strip().rstrip(".")


def derived_files(settings: Settings) -> dict[Path, str]:
    """Each derived file and what it must hold."""
    return {
        settings.dbt_dir / "models" / "raw_sources.yml": raw_sources_yaml(),
        settings.project_dir / "docs" / "data_contract.md": contract_markdown(),
        settings.dbt_dir / "models" / "candidate" / "feature_library.yml": feature_library_yaml(settings),
        settings.project_dir / "docs" / "features.md": features_markdown(settings),
        settings.project_dir / "docs" / "reference" / "published_tables.md": published_tables_markdown(settings),
    }
