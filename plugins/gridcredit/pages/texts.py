"""The words of pages and paragraphs, in English or Chinese: YAML files beside what uses them."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from gridcredit.files.strict_yaml import load_yaml

Language = Literal["en", "zh"]


@cache
def read_texts(language: Language, package: str = "gridcredit.pages", name: str = "texts.yml") -> dict[str, Any]:
    """The words of one language in a file that holds both under `en` and `zh`; read once, for reading alone."""
    found: dict[str, Any] = load_yaml((files(package) / name).read_text(encoding="utf-8"))[language]
    return found


def plain(value: object) -> str:
    """A figure without the zeros behind its point; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
