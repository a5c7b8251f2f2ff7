"""The reference pages of command line, settings and policies, written from the code itself."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from datetime import datetime
from enum import EnumType
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gridcredit.cli.policy_reference import policies_page
from gridcredit.settings import PROJECT_DIR, Settings

NOTE = "<!-- Written from {} by `gridcredit contract`; do not edit. -->"


def reference_files(whole: Any, settings: Settings) -> dict[Path, str]:  # noqa: ANN401 - click's, as Typer hands it out
    """Each page and what it must hold; `whole` is the command with all its groups."""
    folder = settings.project_dir / "docs" / "reference"
    return {
        folder / "command_line.md": command_line_page(whole),
        folder / "settings.md": settings_page(),
        folder / "policies.md": policies_page(),
    }


def command_line_page(whole: Any) -> str:  # noqa: ANN401
    """Every command with its arguments and options."""
    lines = [
        NOTE.format("the commands of plugins/gridcredit/cli/"), "", "# Command line", "",
        "`make install` puts the command at `.venv/bin/gridcredit`. Each command has `--help`. A command that fails "
        "says what to do in one line, and ends with 1.", "",
    ]  # fmt: skip
    for name, command in sorted(_commands("gridcredit", whole)):
        lines += [f"## {name}", "", _text(command.help), "", f"    {_usage(name, command)}", ""]
        rows = [_parameter(one) for one in _shown(command)]
        if rows:
            lines += ["| | | default | meaning |", "| --- | --- | --- | --- |", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for word, child in children.items():
        if not child.hidden:
            yield from _commands(f"{name} {word}", child)


def _shown(command: Any) -> list[Any]:  # noqa: ANN401
    return [one for one in command.params if one.name != "help" and not getattr(one, "hidden", False)]


def _usage(name: str, command: Any) -> str:  # noqa: ANN401
    required = [one for one in command.params if one.required]
    parts = [f"{one.opts[0]} {_kind(one)}" if _is_option(one) else _kind(one) for one in required]
    more = [] if len(required) == len(_shown(command)) else ["[OPTIONS]"]
    return " ".join([f".venv/bin/{name}", *parts, *more])


def _parameter(one: Any) -> str:  # noqa: ANN401
    name = ", ".join(f"`{opt}`" for opt in [*one.opts, *one.secondary_opts]) if _is_option(one) else f"`{_kind(one)}`"
    kind = "required" if one.required else "" if getattr(one, "is_flag", False) or not _is_option(one) else _kind(one)
    annotation = one.type_descriptor.annotation
    if isinstance(annotation, EnumType):
        kind = " or ".join(annotation.__members__[name].value for name in annotation.__members__)
    given = getattr(one.default, "value", one.default)
    default = "" if given in (None, "", False, ()) or callable(given) or one.required else f"`{given}`"
    return f"| {name} | {kind} | {default} | {_text(getattr(one, 'help', None))} |"


def _kind(one: Any) -> str:  # noqa: ANN401
    if not _is_option(one):
        return f"{one.name.upper()}{'...' if one.nargs == -1 else ''}"
    annotation = one.type_descriptor.annotation
    kinds = {int: "NUMBER", float: "NUMBER", Path: "PATH", datetime: "YYYY-MM-DD"}
    return kinds.get(annotation, "TEXT")


def _is_option(one: Any) -> bool:  # noqa: ANN401
    return bool(one.param_type_name == "option")


def settings_page() -> str:
    """Every setting with its variable, its default and what it is for."""
    lines = [
        NOTE.format("plugins/gridcredit/settings.py"), "", "# Settings", "",
        "A setting is a variable of the environment; nothing else overrides a default. Lists are written as JSON: "
        "`[\"A. Chief\"]`.", "",
        "| variable | type | default | meaning |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for name, field in Settings.model_fields.items():
        lines.append(
            f"| `GRIDCREDIT_{name.upper()}` | {_type(field)} | {_default(field)} | {_text(field.description)} |"
        )
    return "\n".join(lines) + "\n"


def _type(field: FieldInfo) -> str:
    annotation = field.annotation
    if get_origin(annotation) is types.UnionType:
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{one}`" for one in get_args(annotation))
    names = {bool: "true or false", int: "number", float: "number", Path: "path", str: "text", SecretStr: "secret"}
    return "list" if get_origin(annotation) is list else names[annotation]  # type: ignore[index]  # never None after the union


def _default(field: FieldInfo) -> str:
    given = field.default
    if given is None or given is PydanticUndefined:
        return ""
    if isinstance(given, Path):
        inside = given.relative_to(PROJECT_DIR).as_posix()
        return "the project's folder" if inside == "." else f"`{inside}`"
    return f"`{str(given).lower() if isinstance(given, bool) else given}`"


def _text(text: str | None) -> str:
    return inspect.cleandoc(text or "").replace("\n", " ").replace("|", "or")
