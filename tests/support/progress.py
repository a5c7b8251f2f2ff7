"""What a run of the suite prints: a line for each test file as it ends, and at the end how long each part took."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import pytest


class Progress:
    """Of pytest's own process: which tests of which file have ended, whichever worker ran them."""

    def __init__(self, config: pytest.Config, prepared: Path) -> None:
        self._config = config
        self._prepared = prepared
        self._started = time.monotonic()
        self._waiting: dict[str, set[str]] = defaultdict(set)
        self._outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self._not_run: Counter[str] = Counter()
        self._seconds: dict[str, float] = defaultdict(float)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        if not self._waiting:
            self._expect(ids)

    def _expect(self, ids: Iterable[str]) -> None:
        for name in ids:
            self._waiting[_file_of(name)].add(name)

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No dot for what passed: a file has its line. Anything else has its letter."""
        if report.passed:
            return ("passed" if report.when == "call" else "", "", "")
        return None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = _file_of(report.nodeid)
        self._seconds[file] += report.duration
        if report.skipped and isinstance(report.longrepr, tuple):
            self._not_run[report.longrepr[2].removeprefix("Skipped: ")] += 1
        if report.failed:
            self._say(f"FAILED {report.nodeid} ({report.when})")
        if report.when == "call" or not report.passed:
            self._outcomes[file][report.outcome] += 1
        if report.when == "teardown":
            self._waiting[file].discard(report.nodeid)
            if not self._waiting[file]:
                found = ", ".join(f"{count} {outcome}" for outcome, count in self._outcomes[file].items())
                self._say(f"{file}: {found}, {self._seconds[file]:.1f} s")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("seconds of each part, of all workers together")
        done = self._prepared / "done"
        if done.exists():
            for name, seconds in json.loads(done.read_text()).items():
                terminalreporter.write_line(f"{seconds:7.1f}  {name}, prepared for the tests")
        parts: dict[str, float] = defaultdict(float)
        for file, seconds in self._seconds.items():
            parts[str(PurePosixPath(file).parent)] += seconds
        for part, seconds in sorted(parts.items(), key=lambda one: -one[1]):
            terminalreporter.write_line(f"{seconds:7.1f}  {part}")
        for reason, count in self._not_run.items():
            terminalreporter.write_line(f"{count} test{'s were' if count > 1 else ' was'} not run: {reason}")

    def _say(self, text: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(f"[{time.monotonic() - self._started:5.0f} s] {text}")


def _file_of(name: str) -> str:
    return name.split("::", 1)[0]
