"""Each tutorial, each how-to and the page Operations do what they say, from the first command to the last: `make
test-docs`.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from gridcredit.settings import PROJECT_DIR

from tests.support.page_commands import WITH_RELEASE, follow, make_clone, missing_lines, run, steps_of

DOCS = PROJECT_DIR / "docs"
PAGES = [*sorted(DOCS.glob("tutorials/*.md")), *sorted(DOCS.glob("how-to/*.md")), DOCS / "operations.md"]
FIRST_RELEASE = """
.venv/bin/gridcredit simulate --customers 300 --months 24 --seed 1 --out sample --defects 5
.venv/bin/gridcredit ingest --mapping demo sample/*.csv
.venv/bin/gridcredit run
.venv/bin/gridcredit down
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where servers may be, also as root."""
    folder = Path(tempfile.mkdtemp(prefix="gridcredit-page-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def released() -> Iterator[Path]:
    """A clone and a home with the release of the first tutorial, at rest."""
    folder = Path(tempfile.mkdtemp(prefix="gridcredit-page-"))
    folder.chmod(0o755)
    done = run(FIRST_RELEASE, make_clone(folder), folder / "var")
    assert done.returncode == 0, done.stdout[-3000:]
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.docs
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, folder: Path, request: pytest.FixtureRequest) -> None:
    if WITH_RELEASE in page.read_text(encoding="utf-8"):
        # Owners are preserved: as root, Postgres runs as another user.
        work = folder / "work"
        subprocess.run(["cp", "-a", str(request.getfixturevalue("released")), str(work)], check=True)
        clone, home = work / "clone", work / "var"
    else:
        clone, home = make_clone(folder), folder / "var"
    try:
        assert follow(page, clone, home) == []
    finally:
        run(".venv/bin/gridcredit down", clone, home)


def test_a_command_that_fails_or_prints_something_else_is_a_fault(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        '# A page\n\n```csv title="a/b.csv"\nx\n```\n\n    cat a/b.csv\n    echo 12 rows in 4.2 s\n\n```text\nx\n13 '
        "rows in 4.2 s\n12 rows in 9 s\n```\n\n"
        "<!-- not run: no one can -->\n\n    false\n\n<!-- fails -->\n\n    false\n\n    echo "
        "some\n\n```text\nother\n```\n\n    exit 3\n"
    )
    assert [step.commands for step in steps_of(page.read_text())] == [
        "cat a/b.csv\necho 12 rows in 4.2 s\n", "false\n", "false\n", "echo some\n", "exit 3\n",
    ]  # fmt: skip
    faults = follow(page, tmp_path, tmp_path / "var")
    assert faults == [
        "cat a/b.csv\necho 12 rows in 4.2 s\ndid not print: 13 rows in 4.2 s\nnearest to it: 12 rows in 4.2 s",
        "echo some\ndid not print: other\nnearest to it: some",
        "exit 3\nended with 3: ",
    ]
    assert missing_lines("done in 8.7 s\n...\nA 1\n", "x\ndone in 11 s\n") == ["A 1"]
