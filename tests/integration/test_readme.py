"""What README shows of the demo is what the demo prints: the same lines in the same order, but for numbers and left-out
lines.
"""

from __future__ import annotations

import io
import re
from itertools import groupby
from pathlib import Path

from gridcredit.operations.demo import show_release, where_to_look
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import connect
from rich.console import Console

from tests.support import shipped
from tests.support.prepared import Prepared
from tests.support.warehouses import WarehouseFactory

RULE = re.compile(r"│ (red|orange|yellow|blue) │ (\w+) │")


def masked(line: str) -> str:
    """Without numbers, names of rules and grades, and what the width of a column makes of a table."""
    line = re.sub(r"[\d,.]*\d", "#", line.strip())
    line = re.sub(r"([━─])\1*", r"\1", re.sub(r"\s+", " ", line))
    return re.sub(r"of grade \w+", "of grade G", re.sub(RULE, r"│ \1 │ rule │", line))


def shown_in_readme() -> list[str]:
    readme = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")
    block = readme.partition("ends with what a manager would read:\n")[2].partition("\nA second")[0]
    return [line for line in block.splitlines() if line.strip() and line.strip() != "..."]


def printed(settings: Settings) -> list[str]:
    output = io.StringIO()
    with connect(settings) as connection:
        show_release(connection, Console(file=output, width=80), settings)
    output.write(where_to_look(settings, Path("var/dashboards/release_000001.html"), Path("report.html"), "C1"))
    return [masked(line) for line in output.getvalue().splitlines()]


def test_readme_shows_what_the_demo_prints(new_warehouse: WarehouseFactory, rich: Prepared) -> None:
    lines = iter(printed(new_warehouse(rich)))
    # How many rules are red is the supplier's.
    for line, _ in groupby(map(masked, shown_in_readme())):
        assert line in lines, f"README shows {line!r}, which the demo does not print, or not in this place"


def test_the_rules_that_readme_shows_are_those_of_the_policy() -> None:
    policy = (shipped.FOLDER / "warning_rules.csv").read_text(encoding="utf-8")
    shown = {found[2] for line in shown_in_readme() if (found := re.search(RULE, re.sub(r"\s+", " ", line)))}
    assert len(shown) > 2
    assert shown <= {line.partition(",")[0] for line in policy.splitlines()}


def test_readme_shows_the_pages_before_the_first_command() -> None:
    """Small enough to load at once; `make images` draws them from the demo."""
    before = (PROJECT_DIR / "README.md").read_text(encoding="utf-8").partition("## Two commands")[0]
    pictures = [
        PROJECT_DIR / name
        for name in re.findall(r'<img src="([^"]+)"|\]\(([^)]+\.svg)\)', before)
        for name in name
        if name
    ]
    assert [one.name for one in pictures] == ["architecture.svg", "dashboard.png", "customer_report.png"]
    assert all(0 < one.stat().st_size < 300_000 for one in pictures)
