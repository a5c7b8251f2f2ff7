"""The reference page of the policies: every file with its columns or keys, written from what reads them."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gridcredit.contract.attributes import Attributes
from gridcredit.contract.shapes import Column
from gridcredit.operations.maintenance import Retention
from gridcredit.policies.evaluation_rules import EvaluationRules
from gridcredit.policies.folder import Header
from gridcredit.policies.tables import POLICY_TABLES, PolicyTable
from gridcredit.warehouse.reading.access import Departments

NOTE = "<!-- Written from the definitions in plugins/gridcredit/ by `gridcredit contract`; do not edit. -->"
# Of the folder `policies`, one of each for the whole supplier.
SHARED: dict[str, tuple[type[BaseModel], str]] = {
    "evaluation.yml": (
        EvaluationRules,
        "What counts as a default, how scorecards are fitted, and when somebody must check the ratings.",
    ),
    "retention.yml": (Retention, "How long things are retained, and when small loads are merged."),
    "departments.yml": (Departments, "What each department sees of what is published."),
    "attributes.yml": (
        Attributes,
        "What the supplier knows of customers beside the contract's columns. The file may be left out.",
    ),
}
SCALARS = {bool: "true or false", int: "whole number", float: "number", Decimal: "number", date: "date", str: "text"}
# How the keys of entries are written.
ENTRIES: dict[Any, str] = {list: "[]", dict: ".NAME"}
KINDS = {"integer": "whole number", "money": "amount of money"}
BOUNDS = {Ge: "at least {0.ge}", Gt: "more than {0.gt}", Le: "at most {0.le}", Lt: "less than {0.lt}"}


def policies_page() -> str:
    """Every file of a policy, and the files that all policies share."""
    lines = [
        NOTE, "", "# Policies, file by file", "",
        "A version of a policy is a folder `policies/<policy>/<version>/`: policy.yml, and a CSV file for each table "
        "below. `gridcredit policy check`",
        "refuses a folder that contradicts itself, and says where. [Credit](../credit.md), [warnings](../warnings.md) "
        "and [recovery](../recovery.md) say what the numbers do;",
        "[change a policy](../tutorials/change_a_policy.md) shows how one is changed. A condition may name any of the "
        "[features](../features.md).", "",
        "## policy.yml", "", "What the policy is, who signed it, and its single numbers.", "", *_keys(Header),
    ]  # fmt: skip
    for name, table in POLICY_TABLES.items():
        lines += [f"## {name}.csv", "", *_table(table)]
    lines += ["## Files that all policies share", "", "They are in the folder `policies` itself.", ""]
    for name, (model, text) in SHARED.items():
        lines += [f"### {name}", "", text, "", *_keys(model)]
    return "\n".join(lines).rstrip() + "\n"


def _table(table: PolicyTable) -> list[str]:
    left_out = " The file may be left out." if table.is_optional else ""
    rows = [_column(one) for one in table.columns]
    rows += [_column(one, may_be_left_out=True) for one in table.optional_columns]
    return [table.text + left_out, "", "| column | type | | meaning |", "| --- | --- | --- | --- |", *rows, ""]


def _column(column: Column, *, may_be_left_out: bool = False) -> str:
    mark = "may be left out" if may_be_left_out else "key" if column.key else "" if column.required else "may be empty"
    kind = " or ".join(f"`{one}`" for one in column.values) or KINDS.get(column.kind, column.kind)
    return f"| {column.name} | {kind} | {mark} | {column.text} |"


def _keys(model: type[BaseModel]) -> list[str]:
    rows = [
        f"| {name} | {_kind(field)} | {_optional(field)} | {field.description} |"
        for name, field in described_keys(model, "")
    ]
    return ["| key | type | | meaning |", "| --- | --- | --- | --- |", *rows, ""]


def described_keys(model: type[BaseModel], within: str) -> Iterator[tuple[str, FieldInfo]]:
    """Each key with its path; keys of a list's entries are written as `thresholds[].warn`, of named ones as
    `attributes.NAME.type`.
    """
    for name, field in model.model_fields.items():
        yield f"{within}{name}", field
        if nested := _nested(field.annotation):
            yield from described_keys(nested, f"{within}{name}{ENTRIES.get(get_origin(field.annotation), '')}.")


def _nested(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401
    """The model of a section, or of the entries of a list or by name."""
    inner = get_args(annotation)[-1] if get_origin(annotation) in ENTRIES else annotation
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None


def _kind(field: FieldInfo) -> str:
    bounds = [BOUNDS[type(one)].format(one) for one in field.metadata if type(one) in BOUNDS]
    return ", ".join([_name(field.annotation), *bounds])


def _name(annotation: Any) -> str:  # noqa: ANN401
    if get_origin(annotation) in (types.UnionType, Union):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{one}`" for one in get_args(annotation))
    if get_origin(annotation) is list:
        return "list"
    return SCALARS.get(annotation, "section")


def _optional(field: FieldInfo) -> str:
    if field.is_required():
        return ""
    if field.default in (None, "", [], {}):
        return "optional"
    return f"optional: `{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"
