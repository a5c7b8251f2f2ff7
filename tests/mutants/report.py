"""The report of a run: by folder how many were noticed, each survivor by name, and all of it as JSON."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from tests.mutants.bench import Bench
from tests.mutants.mutant import Mutant
from tests.mutants.run import BROKEN, KILLED, SURVIVED, UNCOVERED, UNPROVEN, Result

OUTCOMES = (KILLED, SURVIVED, UNCOVERED, UNPROVEN, BROKEN)


class Report:
    """Says each result as it comes, and the sums at the end."""

    def __init__(self, path: Path | None, *, seed: int, paths: list[str]) -> None:
        self._path = path
        self._about = {"seed": seed, "paths": paths}
        self._results: list[dict[str, Any]] = []
        if path is not None and path.exists():
            stored = json.loads(path.read_text())
            # An interrupted run goes on.
            if all(stored[name] == value for name, value in self._about.items()):
                self._results = stored["results"]

    def holds(self, mutant: Mutant) -> bool:
        """Whether its result is there already."""
        return any((one["name"], one.get("offset")) == (mutant.name, mutant.offset) for one in self._results)

    def add(self, result: Result) -> None:
        self._results.append(result.as_json())
        by = f" by {result.noticed_by[:160]}" if result.noticed_by else ""
        left = f", {result.stages_left} stages not begun" if result.stages_left else ""
        unseen = ", no row of a prepared warehouse differs" if _is_unseen(result) else ""
        print(f"[{result.seconds:4.0f} s] {result.outcome}{by}{left}{unseen}: {result.mutant.name}", flush=True)
        self._write()

    def finish(self, bench: Bench) -> None:
        """Whoever noticed must notice nothing where there is no fault."""
        noticing = sorted({one["noticed_by"] for one in self._results if "::" in one["noticed_by"]})
        for name in bench.failing(noticing):
            print(f"{name} fails without a fault too: what it noticed counts as unproven")
            for result in self._results:
                result["outcome"] = UNPROVEN if result["noticed_by"] == name else result["outcome"]
        print(self.table())
        self._write()

    def by_folder(self) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for result in self._results:
            found[result["folder"]][result["outcome"]] += 1
        return dict(sorted(found.items()))

    def table(self) -> str:
        """A line a folder; the share is of those that could be noticed, so without the broken."""
        lines = [_line("folder", *OUTCOMES, "share killed")]
        folders = self.by_folder()
        for folder, counts in [*folders.items(), ("all", sum(folders.values(), Counter[str]()))]:
            lines.append(_line(folder, *(str(counts[outcome]) for outcome in OUTCOMES), share_killed(counts)))
        return "\n".join(lines)

    def _write(self) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        said = {
            **self._about,
            "folders": {folder: dict(counts) for folder, counts in self.by_folder().items()},
            "results": self._results,
        }
        self._path.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def _is_unseen(result: Result) -> bool:
    return result.outcome == SURVIVED and result.mutant.path.endswith(".sql") and not result.changed


def share_killed(counts: Counter[str]) -> str:
    could = sum(counts.values()) - counts[BROKEN]
    return f"{counts[KILLED] / could:.0%}" if could else "-"


def _line(folder: str, *cells: str) -> str:
    return f"{folder:44}" + "".join(f"{cell:>14}" for cell in cells)
