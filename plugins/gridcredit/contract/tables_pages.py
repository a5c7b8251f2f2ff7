"""The pages of published tables and of `star`: grain, key, what joins what, and every column."""

from __future__ import annotations

from collections.abc import Iterable

from gridcredit.contract.described import Table, published_tables, star_tables
from gridcredit.contract.diagrams import diagram
from gridcredit.files.strict_yaml import load_yaml
from gridcredit.settings import Settings

NOTE = "Written from dbt_project/models/candidate/ and policies/departments.yml by `gridcredit contract`; do not edit."
STAR_NOTE = "Written from plugins/gridcredit/contract/star.yml by `gridcredit contract`; do not edit."
DIAGRAM_OF_STAR = "Dimensions and facts"


def published_tables_markdown(settings: Settings) -> str:
    """Every published table with grain, key, columns, and which departments read it."""
    tables = published_tables(settings)
    text = (settings.project_dir / "policies" / "departments.yml").read_text(encoding="utf-8")
    departments = load_yaml(text)["departments"]
    lines = [
        f"<!-- {NOTE} -->", "", "# Published tables", "",
        "Each is a view `published.<name>` of what is current, with the columns `release` and `as_of_date` besides "
        "those below. `published.<name>_history` has every row that a",
        "release showed. Where each column comes from is in the [dictionary](warehouse.md) of a warehouse; [dimensions "
        "and facts](star.md), [rights](../bi.md).", "",
        "Foreign keys are declared, and hold in every release: joining by them loses no row. Postgres has none on "
        "views, so each stands in the table's comment, as",
        "`foreign key (customer_id) references customer_account (customer_id)`. Who owes money and is in no customer "
        "file has an account and no rating.",
        "`policy_version` is a key of `star.dim_policy`.", "",
        "`docs/contracts/<name>.odcs.yaml` is the [data contract](https://bitol.io) of each, with owner and version, "
        "in the Open Data Contract Standard.", "",
        "| table | key | about | read by |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for table in tables:
        read_by = ", ".join(one for one, sees in departments.items() if sees == "*" or table.name in sees)
        lines.append(f"| [{table.name}](#{table.name}) | {', '.join(table.key)} | {table.group} | {read_by} |")
    lines += [
        "",
        "## How they join",
        "",
        "Underlined columns are the key; dashed tables belong to another diagram.",
        "",
    ]
    for group in groups(tables):
        lines += [f"![Tables of {group}](../images/tables_{group}.svg)", ""]
    lines += ["Tables without a line join by dimensions alone: segment, grade, org unit, day.", ""]
    return "\n".join(lines).rstrip() + "\n" + _columns(tables)


def star_markdown(settings: Settings) -> str:
    """Dimensions and facts with key, what they join, and columns."""
    tables = star_tables(published_tables(settings))
    lines = [
        f"<!-- {STAR_NOTE} -->", "", "# Dimensions and facts", "",
        "The schema `star`, for tools that join for themselves. [For BI tools](../bi.md) has the ratios, and queries.",
        "",
        "![Dimensions and facts](../images/tables_star.svg)", "",
        "| table | key | joins |", "| --- | --- | --- |",
    ]  # fmt: skip
    for table in tables:
        joins = ", ".join(key.table for key in table.foreign_keys)
        lines.append(f"| [{table.name}](#{table.name}) | {', '.join(table.key)} | {joins} |")
    return "\n".join(lines) + "\n" + _columns(tables)


def diagrams(settings: Settings) -> dict[str, str]:
    """The file name and the SVG of each diagram: one for each group of published tables, one of the star."""
    published = published_tables(settings)
    star = star_tables(published)
    drawn = {
        f"tables_{group}.svg": diagram(
            f"Published tables of {group}", (table for table in published if table.group == group), published
        )
        for group in groups(published)
    }
    return drawn | {"tables_star.svg": diagram(DIAGRAM_OF_STAR, star, star)}


def groups(tables: Iterable[Table]) -> list[str]:
    """The groups of tables, by name."""
    return sorted({table.group for table in tables})


def _columns(tables: Iterable[Table]) -> str:
    lines: list[str] = []
    for table in tables:
        lines += ["", f"## {table.name}", "", table.description, ""]
        lines += [f"- Foreign key {key}" for key in table.foreign_keys]
        lines += [""] if table.foreign_keys else []
        lines += ["| column | type | meaning |", "| --- | --- | --- |"]
        for column in table.columns:
            lines.append(f"| {column.name} | {column.type} | {column.full_text.replace('|', 'or')} |")
    return "\n".join(lines) + "\n"
