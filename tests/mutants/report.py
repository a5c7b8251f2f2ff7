"""The report of a run: by folder how many were noticed, each survivor by name, and all of it as JSON."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

from tests.mutants.run import BROKEN, KILLED, SURVIVED, UNCOVERED, Result

OUTCOMES = (KILLED, SURVIVED, UNCOVERED, BROKEN)


class Report:
    """Says each result as it comes, and the sums at the end."""

    def __init__(self, path: Path | None, *, seed: int, paths: list[str]) -> None:
        self.results: list[Result] = []
        self._path = path
        self._about = {"seed": seed, "paths": paths}

    def add(self, result: Result) -> None:
        self.results.append(result)
        by = f" by {result.noticed_by[:160]}" if result.noticed_by else ""
        left = f", {result.stages_left} stages not begun" if result.stages_left else ""
        unseen = ", no row of a prepared warehouse differs" if result.outcome == SURVIVED and not result.changed else ""
        print(f"[{result.seconds:4.0f} s] {result.outcome}{by}{left}{unseen}: {result.mutant.name}", flush=True)  # noqa: T201
        self._write()

    def finish(self) -> None:
        print(self.table())  # noqa: T201
        self._write()

    def by_folder(self) -> dict[str, Counter[str]]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for result in self.results:
            found[result.mutant.folder][result.outcome] += 1
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
            "results": [result.as_json() for result in self.results],
        }
        self._path.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def share_killed(counts: Counter[str]) -> str:
    could = sum(counts.values()) - counts[BROKEN]
    return f"{counts[KILLED] / could:.0%}" if could else "-"


def _line(folder: str, *cells: str) -> str:
    return f"{folder:44}" + "".join(f"{cell:>14}" for cell in cells)
