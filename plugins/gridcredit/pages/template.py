"""Fills the templates of a package, and writes pages that are whole or not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from gridcredit.files.private import put_in_place, write_private


def render(
    package: str, template: str, facts: Mapping[str, Any], filters: Mapping[str, Callable[..., str]] | None = None
) -> str:
    """The page that a template of a package makes of the facts; HTML is escaped, Markdown is not.

    A template may include others of its package, and those of this one as `pages/<name>`.
    """
    return _environment(package, frozenset((filters or {}).items())).get_template(template).render(facts)


@cache
def _environment(package: str, filters: frozenset[tuple[str, Callable[..., str]]]) -> jinja2.Environment:
    """What compiles a package's templates, each once."""

    def load(name: str) -> str:
        owner, _, file = name.rpartition("/")
        return (files(f"gridcredit.{owner}" if owner else package) / file).read_text(encoding="utf-8")

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(load),
        autoescape=jinja2.select_autoescape(["html.j2"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= dict(filters)
    return environment


def write_page(path: Path, text: str, *, private: bool = False) -> Path:
    """Write a page in one step; returns its path. One that names customers is private, for its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if private:
        return write_private(path, text)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    return put_in_place(partial, path)
