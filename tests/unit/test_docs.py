"""Promises about the docs: they build, no link is dead, no page calls another host, and the commands they name
exist.
"""

from __future__ import annotations

import json
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from statistics import mean

import pytest
import yaml
from gridcredit.cli.app import app
from gridcredit.errors import GridCreditError
from gridcredit.reporting.site.pages import build_site, without_hosts
from gridcredit.settings import PROJECT_DIR
from markdown.extensions.toc import slugify  # type: ignore[import-untyped]
from typer.main import get_command

PAGES = [
    path
    for path in (*PROJECT_DIR.glob("*.md"), *PROJECT_DIR.glob("[a-z]*/**/*.md"))
    if "var" not in path.relative_to(PROJECT_DIR).parts
]
# What a browser would fetch; links that a person follows are not among it.
FETCHED = re.compile(
    r'<(?:script|img|iframe)[^>]*\ssrc="(?:https?:)?//|<link[^>]*\shref="(?:https?:)?//|url\(.?(?:https?:)?//'
)


def prose(path: Path) -> str:
    """A page without its code."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "code", "\n".join(line for line in text.split("\n") if not line.startswith("    ")))


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {slugify(re.sub(r"[`*]", "", heading), "-") for heading in headings}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build_site(PROJECT_DIR / "mkdocs.yml", folder)
    return folder


def test_no_link_is_dead() -> None:
    dead = []
    for path in PAGES:
        for target, anchor in re.findall(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]+))?\)", prose(path)):
            found = (path.parent / target).resolve() if target else path
            if not found.exists() or (anchor and found.suffix == ".md" and anchor not in anchors(found)):
                dead.append(f"{path.relative_to(PROJECT_DIR)}: {target}#{anchor}")
    assert dead == []


def test_every_file_that_is_named_exists() -> None:
    """Records of decisions and the change log name files as they were."""
    gone = []
    roots = (PROJECT_DIR, PROJECT_DIR / "dbt_project", PROJECT_DIR / "dbt_project" / "models")
    for path in PAGES:
        if path.parent.name != "decisions" and path.name != "CHANGELOG.md":
            named = re.findall(
                r"`((?:dbt_project|models|macros|tests|plugins|dags|benchmarks|expectations|policies)/[\w./-]+[\w/])`",
                path.read_text(encoding="utf-8"),
            )
            gone += [
                f"{path.relative_to(PROJECT_DIR)}: {name}"
                for name in named
                if not any((root / name).exists() for root in roots)
            ]
    assert gone == []


def sentences(path: Path) -> list[str]:
    """The sentences of a page, without headings, tables and comments."""
    lines = [line for line in prose(path).split("\n") if not line.startswith(("#", "|", "<", "!", ">"))]
    text = re.sub(r"\]\([^)]*\)", "]", re.sub(r"^\s*([-*]|\d+\.) ", "\n", "\n".join(lines), flags=re.MULTILINE))
    found = re.split(r"\n\s*\n|(?<=[.!?])\**\s+", text)
    return [one for one in found if len(one.split()) > 1]


def test_sentences_are_short() -> None:
    """Twenty words on the mean of a page; the change log is a list."""
    means = {
        path.relative_to(PROJECT_DIR).as_posix(): mean(len(one.split()) for one in sentences(path))
        for path in PAGES
        if path.name != "CHANGELOG.md"
    }
    assert len(means) > 90
    assert {name: words for name, words in means.items() if words > 20} == {}


def test_every_page_is_on_the_site(site: Path) -> None:
    """MkDocs refuses a page that is in no section, and a link that leads nowhere: the build is strict."""
    for path in (PROJECT_DIR / "docs").rglob("*.md"):
        assert (site / path.relative_to(PROJECT_DIR / "docs").with_suffix(".html")).exists(), path
    assert (site / "search" / "search_index.js").exists(), "the search needs it where the site is opened from disk"


def test_a_wrong_page_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs" / "decisions").mkdir(parents=True)
    (tmp_path / "docs" / "index.md").write_text("[nowhere](nowhere.md)")
    (tmp_path / "mkdocs.yml").write_text("site_name: x\nstrict: true\nnav: [index.md]\n")
    with pytest.raises(GridCreditError, match="could not be built"):
        build_site(tmp_path / "mkdocs.yml", tmp_path / "site")


def test_no_page_calls_another_host(site: Path) -> None:
    for path in (*site.rglob("*.html"), *site.rglob("*.css")):
        found = FETCHED.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path.name}: {found}"
    foreign = (
        '<script src="https://cdn.example/a.js"></script><link rel="stylesheet" href="//cdn.example/b.css"><p>kept</p>'
    )
    assert without_hosts(foreign) == "<p>kept</p>"


def test_every_command_of_the_docs_exists() -> None:
    makefile = (PROJECT_DIR / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    root = get_command(app)
    for path in PAGES:
        if path.name == "CHANGELOG.md":
            continue
        for code in re.findall(r"`([^`\n]+)`|^    (\S.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            line = "".join(code)
            if made := re.match(r"make ([a-z-]+)", line):
                assert made.group(1) in targets, f"{path.name}: {line}"
            if called := re.match(r"(?:\.venv/bin/)?gridcredit ([a-z][a-z -]*)", line):
                command = root
                for word in called.group(1).split():
                    children = getattr(command, "commands", None)
                    if children is None:
                        break
                    assert word in children, f"{path.name}: {line}"
                    command = children[word]


def test_a_command_in_a_block_can_be_pasted() -> None:
    """By its path, and without the signs of a usage line. The reference alone has usage lines."""
    wrong = []
    for path in PAGES:
        if path.name not in ("CHANGELOG.md", "command_line.md"):
            for line in re.findall(r"^ {4,}(\S*gridcredit [a-z].*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
                command = line.split("  #")[0]
                if not command.startswith(".venv/bin/") or re.search(r" \[|\.\.\.|…", command):
                    wrong.append(f"{path.relative_to(PROJECT_DIR)}: {line}")
    assert wrong == []


def test_metrics_and_settings_of_airflow_that_the_docs_name_exist() -> None:
    """Of the version in the lock: both change from one to the next."""
    page = (PROJECT_DIR / "docs" / "operations.md").read_text(encoding="utf-8")
    spec = find_spec("airflow")
    assert spec is not None
    airflow = Path(str(spec.origin)).parent
    template = airflow / "_shared" / "observability" / "metrics" / "metrics_template.yaml"
    known = {one["name"] for one in yaml.safe_load(template.read_text(encoding="utf-8"))["metrics"]}
    rows = page.split("| metric | alert where |")[1].split("\n\n")[0].split("\n")[2:]
    named = {name for row in rows for name in re.findall(r"`([a-z_.]+)`", row.split("|")[1])} - {"build_ratings"}
    assert len(named) > 10
    assert named <= known
    options = yaml.safe_load((airflow / "config_templates" / "config.yml").read_text(encoding="utf-8"))["metrics"][
        "options"
    ]
    settings = {one.lower() for one in re.findall(r"AIRFLOW__METRICS__([A-Z_]+)", page)}
    assert settings and settings <= {name for name, one in options.items() if "version_deprecated" not in one}


def test_measured_sizes_are_those_that_are_stored() -> None:
    """Of the table of the page on performance, and of the measured rows of the one on operations."""
    docs = PROJECT_DIR / "docs"
    rows = re.findall(r"^\| ([\d,]+) \| (.*) \|$", (docs / "performance.md").read_text(encoding="utf-8"), re.MULTILINE)
    sizing = re.findall(
        r"^\| ([\d,]+) \| measured \| (.*) \|$", (docs / "operations.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(rows) == len(sizing) == 3
    for customers, cells in [*rows, *sizing]:
        stored = json.loads(
            (PROJECT_DIR / f"benchmarks/results/{customers.replace(',', '')}x24-none-readings.json").read_text()
        )
        seconds = stored["seconds and counts"]
        build, day, *rest = cells.split(" | ")
        assert build == f"{seconds['full build']:,.0f} s"
        assert day == f"{seconds['daily run']:.0f} to {seconds['first daily run']:.0f} s"
        gigabytes = seconds["bytes per customer-month"] * stored["customers"] * stored["months"] / 1e9
        size = f"{gigabytes:.2g} GB"
        assert rest in (
            [f"{stored['ratios']['daily run / full build']:.3f}"],
            [size, f"{seconds['peak MiB of our process']:.0f} MiB"],
        )


def test_the_pages_are_those_of_the_repository() -> None:
    listing = subprocess.run(["git", "ls-files", "*.md"], cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
    known = {PROJECT_DIR / name for name in listing.stdout.split()}
    assert not known or known <= {*PAGES, *(PROJECT_DIR / ".github").rglob("*.md")}
