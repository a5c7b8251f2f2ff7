"""What a person answered to a task that asked."""

from __future__ import annotations

from typing import Any


def who_and_what(answered: dict[str, Any], field: str) -> tuple[str, str]:
    """The name of who answered, and what was written into a field of the form; empty where nothing was."""
    return answered["responded_by_user"]["name"], answered["params_input"].get(field) or ""
