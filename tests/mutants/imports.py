"""How far a module is from those that import it, of the package and of what tests share."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOTS = {"plugins/gridcredit": "plugins", "tests/support": ".", "tests/mutants": "."}


def module_of(path: str) -> str:
    """The name that a file is imported by."""
    name = path.removeprefix("plugins/").removesuffix(".py").replace("/", ".")
    return name.removesuffix(".__init__")


def imported(tree: ast.AST) -> dict[str, set[str]]:
    """Each name that an import binds, with the modules it may stand for."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                found[one.asname or one.name.partition(".")[0]].add(one.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                found[one.asname or one.name] |= {node.module, f"{node.module}.{one.name}"}
    return found


class Imports:
    """Who imports whom."""

    def __init__(self, root: Path) -> None:
        self._importers: dict[str, set[str]] = defaultdict(set)
        for folder in ROOTS:
            for path in sorted((root / folder).rglob("*.py")):
                importer = module_of(path.relative_to(root).as_posix())
                for modules in imported(ast.parse(path.read_text(encoding="utf-8"))).values():
                    for module in modules:
                        self._importers[module].add(importer)

    def distances(self, module: str) -> dict[str, int]:
        """Each module that reaches this one, and by how many imports."""
        found = {module: 0}
        waiting = [module]
        for one in waiting:
            for importer in self._importers[one] - found.keys():
                found[importer] = found[one] + 1
                waiting.append(importer)
        return found
