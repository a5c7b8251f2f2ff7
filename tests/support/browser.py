"""A browser without a window: opens pages, runs JavaScript in them, clicks, types, and takes pictures.

Chromium's engine runs in .venv-browser (`make test-browser` builds it); this side speaks the DevTools protocol with it.
"""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from gridcredit.settings import PROJECT_DIR
from gridcredit.warehouse.embedded_postgres import free_port
from websockets.sync.client import ClientConnection, connect

PYTHON = PROJECT_DIR / ".venv-browser" / "bin" / "python"
ENGINE = PROJECT_DIR / "tests" / "support" / "browser_engine.py"
DESKTOP, PHONE = 1400, 390
PATIENCE = 60.0
# Fonts are there, what the page draws of itself is drawn, and nothing moves any more but what moves for ever.
DRAWN = """new Promise(done => document.readyState === "complete" ? done() : addEventListener("load", done))
  .then(() => document.fonts.ready)
  .then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))
  .then(() => Promise.allSettled(document.getAnimations()
    .filter(one => one.effect.getComputedTiming().endTime < 5000).map(one => one.finished))).then(() => true)"""
# Where an element's middle is, and whether a click there reaches it.
MIDDLE = """(() => { const one = document.querySelector(%s); one.scrollIntoView({block: "center"});
  const box = one.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
  const hit = document.elementFromPoint(x, y);
  return {x, y, isReached: one.contains(hit) || (hit && hit.contains(one) && hit.tagName === "LABEL")}; })()"""


class PageLeftError(Exception):
    """The page went on to another while something ran in it, as Airflow does to its login."""


class Browser:
    """One page of a browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._calls = 0
        self._is_loaded = False
        # What was logged to the console as an error, what was thrown, and what could not be fetched, since the page was
        # opened.
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        # They would take 15 points of the width that is asked for.
        self._call("Emulation.setScrollbarsHidden", hidden=True)

    def open(self, address: str, width: int = DESKTOP, *, height: int = 900, is_dark: bool = False) -> None:
        """Open a page in a window of a size, and wait until it is drawn."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        # From nowhere: where only the fragment differs, a browser loads nothing.
        for one in ("about:blank", address):
            self.errors.clear()
            self._is_loaded = False
            answer = self._call("Page.navigate", url=one)
            assert "errorText" not in answer, f"{one}: {answer['errorText']}"
            while not self._is_loaded:
                self._hear()
        self.wait_until(DRAWN)

    def run(self, script: str) -> Any:
        """What an expression of JavaScript is, or what its promise becomes; as JSON would hand it over."""
        answer = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_until(self, script: str) -> Any:
        """The first value of an expression that is true, in whichever page the browser then is."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                if value := self.run(script):
                    return value
            except PageLeftError:
                pass
            assert time.monotonic() < deadline, f"never true: {script}"
            time.sleep(0.1)

    def click(self, selector: str) -> None:
        """Click where a person would; nothing may lie over the element."""
        middle = self.run(MIDDLE % json.dumps(selector))
        assert middle["isReached"], f"something covers {selector}"
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=middle["x"], y=middle["y"], button="left", clickCount=1)

    def type(self, selector: str, text: str) -> None:
        """Click on a field, and type."""
        self.click(selector)
        self._call("Input.insertText", text=text)

    def screenshot(self, path: Path, height: int | None = None) -> None:
        """Save a picture of the whole page, or of so much of it."""
        width, whole = self.run("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height or whole, "scale": 1}
        picture = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(picture["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._calls += 1
        self._connection.send(json.dumps({"id": self._calls, "method": method, "params": parameters}))
        while True:
            said = self._hear()
            if said.get("id") == self._calls:
                if (error := said.get("error", {})).get("message") == "Execution context was destroyed.":
                    raise PageLeftError(method)
                assert not error, f"{method}: {error}"
                result: dict[str, Any] = said["result"]
                return result

    def _hear(self) -> dict[str, Any]:
        """The next of what the engine says; events are noted."""
        said: dict[str, Any] = json.loads(self._connection.recv(timeout=PATIENCE))
        of = said.get("params", {})
        match said.get("method"):
            case "Page.loadEventFired":
                self._is_loaded = True
            case "Runtime.consoleAPICalled" if of["type"] in ("error", "assert"):
                self.errors.append(" ".join(str(one.get("value", one.get("description"))) for one in of["args"]))
            case "Runtime.exceptionThrown":
                thrown = of["exceptionDetails"]
                self.errors.append(thrown.get("exception", {}).get("description") or thrown["text"])
            case "Log.entryAdded" if of["entry"]["level"] == "error":
                self.errors.append(f"{of['entry']['text']} {of['entry'].get('url', '')}")
        return said


@contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """Start a browser with a folder of its own; it ends with the block, or with this process."""
    assert PYTHON.exists(), "no browser: `make test-browser` installs one into .venv-browser"
    port = free_port()
    log = folder / "browser.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [PYTHON, ENGINE, folder, str(port)], stdin=subprocess.PIPE, stdout=said, stderr=said, cwd=folder
        )
    try:
        address = _address_of_page(port, process, log)
        with connect(address, max_size=None, proxy=None, compression=None) as connection:
            yield Browser(connection)
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(timeout=30)


def _address_of_page(port: int, process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the engine's page speaks the protocol, once it does."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            pages = httpx.get(f"http://127.0.0.1:{port}/json", trust_env=False).json()
        except httpx.TransportError:
            pages = []
        if pages:
            return str(pages[0]["webSocketDebuggerUrl"])
        time.sleep(0.1)
    raise AssertionError(f"the browser did not start: {log.read_text(errors='replace')[-2000:]}")
