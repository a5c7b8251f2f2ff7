"""The forms in which a task asks a person to decide."""

from __future__ import annotations

from typing import Any

from gridcredit.settings import Settings


def who_may_answer(settings: Settings) -> list[Any] | None:
    """The users whom Airflow asks; None where any may answer."""
    return [{"id": name, "name": name} for name in settings.approvers] or None


def name_and_text(answered: dict[str, Any], field: str) -> tuple[str, str]:
    """The name of who answered, and what was written into a field of the form; empty where nothing was."""
    return answered["responded_by_user"]["name"], answered["params_input"].get(field) or ""
