"""Draws README's pictures from the release of `make demo`: `make images`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gridcredit.operations.demo import report_of_the_largest_debt
from gridcredit.reporting.dashboard.page import write_dashboard
from gridcredit.settings import PROJECT_DIR, get_settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.migrations import prepare
from PIL import Image

from tests.support.browser import running_browser

# Points of a page that README shows, wide and high.
DASHBOARD, REPORT = (1240, 1000), (760, 1090)
COLOURS = 128


def main() -> None:
    """Write docs/images/dashboard.png and docs/images/customer_report.png."""
    settings = get_settings()
    prepare(settings)
    with connect(settings) as connection:
        report = report_of_the_largest_debt(connection, settings)
    pages = {"dashboard": (write_dashboard(settings=settings), DASHBOARD), "customer_report": (report, REPORT)}
    with tempfile.TemporaryDirectory() as folder, running_browser(Path(folder)) as browser:
        for name, (page, (width, height)) in pages.items():
            picture = PROJECT_DIR / "docs" / "images" / f"{name}.png"
            browser.open(page.as_uri(), width)
            browser.screenshot(picture, height)
            # Few colours are enough for a page, and a third of the bytes.
            Image.open(picture).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(picture, optimize=True)
            print(f"wrote {picture.relative_to(PROJECT_DIR)}: {picture.stat().st_size // 1024} kB")  # noqa: T201


if __name__ == "__main__":
    main()
