"""Which models a file of the dbt project has a part in, from the manifest of a build."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterable
from pathlib import Path


class Graph:
    """Models by the files they rest on, and how far below a file each of them stands."""

    def __init__(self, manifest: Path) -> None:
        read = json.loads(manifest.read_text(encoding="utf-8"))
        self._models = {name: node for name, node in read["nodes"].items() if node["resource_type"] == "model"}
        self._tests = {name: node for name, node in read["nodes"].items() if node["resource_type"] == "test"}
        self._macros = {name: node for name, node in read["macros"].items() if node["package_name"] == "gridcredit"}
        self._below: dict[str, list[str]] = defaultdict(list)
        for name, node in self._models.items():
            for above in node["depends_on"]["nodes"]:
                self._below[above].append(name)

    @property
    def relations(self) -> set[str]:
        """Each model's table, by schema and name."""
        return {self._relation(name) for name in self._models}

    def models_at(self, path: str) -> list[str]:
        """The names of the models that the file is the text of, or that call a macro of it."""
        own = path.removeprefix("dbt_project/")
        models = [name for name, node in self._models.items() if node["original_file_path"] == own]
        macros = {name for name, node in self._macros.items() if node["original_file_path"] == own}
        while calling := {
            name
            for name, node in self._macros.items()
            if name not in macros and macros & set(node["depends_on"]["macros"])
        }:
            macros |= calling
        callers = [name for name, node in self._models.items() if macros & set(node["depends_on"]["macros"])]
        return sorted(self._models[name]["name"] for name in {*models, *callers})

    def distances(self, models: Iterable[str]) -> dict[str, int]:
        """Each relation at or below the models, and by how many steps."""
        names = set(models)
        waiting = deque((name, 0) for name, node in self._models.items() if node["name"] in names)
        steps: dict[str, int] = {}
        while waiting:
            name, far = waiting.popleft()
            if name not in steps:
                steps[name] = far
                waiting += [(below, far + 1) for below in self._below[name]]
        return {self._relation(name): far for name, far in steps.items()}

    def _relation(self, name: str) -> str:
        return f"{self._models[name]['schema']}.{self._models[name]['alias']}"
