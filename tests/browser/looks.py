"""What each page must pass, whatever it shows."""

from __future__ import annotations

from pathlib import Path

from gridcredit.settings import PROJECT_DIR

from tests.support.browser import Browser

LEGIBLE = (PROJECT_DIR / "tests" / "support" / "legible.js").read_text(encoding="utf-8")


def look(browser: Browser, address: str, width: int, picture: Path, *, is_dark: bool = False) -> None:
    """Open a page: nothing went wrong, and all of its text can be read."""
    browser.open(address, width, is_dark=is_dark)
    browser.screenshot(picture)
    assert browser.errors == []
    assert browser.run(LEGIBLE) == []
