"""What MkDocs does not do by itself: pages from elsewhere in the repository, and those made from the warehouse.

MkDocs loads this file (`hooks` of mkdocs.yml) and calls its functions by their names.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

# Files of the repository that are pages of the site, or shown on one.
MOUNTED = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "dags/README.md": "reference/dags.md",
    "benchmarks/README.md": "benchmarks.md",
    "benchmarks/results/cost_by_size.svg": "images/cost_by_size.svg",
}
# Where the pages made from the warehouse are, and the page that lists them.
WAREHOUSE = "reference/warehouse"
LISTED_AT = "<!-- pages of the warehouse -->"
NOT_MADE = "*These pages were built without a warehouse: `make docs` adds what is known of yours.*"
# A link or an image of Markdown whose target is a file, outside code.
LINK = re.compile(r"(`[^`\n]*`)|(!?)\[([^\]\n]*)\]\((?![a-z]+:)([^)\s#]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the section Decisions with every record."""
    records = [f"decisions/{path.name}" for path in sorted((Path(config.docs_dir) / "decisions").glob("*.md"))]
    for section in config.nav or []:
        if "Decisions" in section:
            section["Decisions"] = records
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the mounted pages, and those made from the warehouse."""
    root = repository(config)
    for source, target in MOUNTED.items():
        files.append(File.generated(config, target, abs_src_path=str(root / source)))
    made = Path(config.extra["warehouse_pages"]) if "warehouse_pages" in config.extra else None
    if made:
        for path in filter(Path.is_file, sorted(made.rglob("*"))):
            target = f"{WAREHOUSE}/{path.relative_to(made).as_posix()}"
            files.append(File.generated(config, target, abs_src_path=str(path), inclusion=InclusionLevel.NOT_IN_NAV))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Point links at the pages of the site, and list the warehouse's pages."""
    here = page.file.src_uri
    folder = posixpath.relpath(WAREHOUSE, posixpath.dirname(here) or ".")
    listed: str = config.extra.get("warehouse_list", NOT_MADE)
    list_of_pages = listed.replace(f"]({WAREHOUSE.rpartition('/')[2]}/", f"]({folder}/")
    root = repository(config)
    source = next((source for source, target in MOUNTED.items() if target == here), f"docs/{here}")

    def replaced(found: re.Match[str]) -> str:
        code, image, text, target, anchor = found.groups()
        return code or site_link(image, text, target, anchor or "", source, here, root)

    return "\n".join(
        line if line.startswith("    ") else LINK.sub(replaced, line)
        for line in markdown.replace(LISTED_AT, list_of_pages).split("\n")
    )


def site_link(image: str, text: str, target: str, anchor: str, source: str, here: str, root: Path) -> str:
    """A link of the repository's file `source` as it stands on the site's page `here`.

    Raises:
        PluginError: it leads to a file that is not there.
    """
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if wanted in MOUNTED:
        on_site = MOUNTED[wanted]
    elif wanted == "README.md":
        on_site = "index.md"
    elif wanted == "docs/decisions":
        on_site = "decisions/0001-tcp-on-loopback.md"
    elif wanted.startswith("docs/"):
        on_site = wanted.removeprefix("docs/")
    elif (root / wanted).exists():
        # A file of the code: whoever reads the site finds it in the repository.
        return f"{text} (`{wanted}`)" if f"`{wanted}`" not in text else text
    else:
        raise PluginError(f"{source}: the link to {target} leads nowhere")
    relative = posixpath.relpath(on_site, posixpath.dirname(here) or ".")
    return f"{image}[{text}]({relative}{anchor})"


def repository(config: MkDocsConfig) -> Path:
    """The folder that mkdocs.yml is in."""
    return Path(str(config.config_file_path)).parent
