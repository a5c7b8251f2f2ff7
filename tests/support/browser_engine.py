"""Chromium's engine without a window, run by the Python of .venv-browser; tests/support/browser.py drives it.

Arguments: a folder of its own, and the port of loopback on which it speaks the DevTools protocol. It ends when its
standard input closes. Without a port it only proves that it can draw here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The wheel's font alone, so that a page is as wide on each machine, and Chinese is drawn on all of them.
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>"""
ENVIRONMENT = {
    "QT_QPA_PLATFORM": "offscreen",
    # The pages are the project's own, and root has no sandbox.
    "QTWEBENGINE_DISABLE_SANDBOX": "1",
    "QTWEBENGINE_CHROMIUM_FLAGS": "--disable-gpu --hide-scrollbars --allow-file-access-from-files",
}


def main(folder: Path, port: str | None) -> int:
    """Draw until nobody drives any more; returns what the process exits with."""
    import manimgx_fonts_cjk

    fonts = folder / "fonts.conf"
    fonts.write_text(FONTS.format(fonts=Path(manimgx_fonts_cjk.__file__).parent, cache=folder / "fonts"))
    os.environ |= ENVIRONMENT | {"FONTCONFIG_FILE": str(fonts)}
    os.environ |= {name: str(folder) for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    if port:
        os.environ["QTWEBENGINE_REMOTE_DEBUGGING"] = f"127.0.0.1:{port}"
    try:
        from PySide6.QtCore import QSocketNotifier, QTimer
        from PySide6.QtWebEngineWidgets import QWebEngineView
        from PySide6.QtWidgets import QApplication
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    application = QApplication(sys.argv[:1])
    view = QWebEngineView()
    if port:
        driver = QSocketNotifier(0, QSocketNotifier.Type.Read)
        driver.activated.connect(application.quit)
    else:
        view.loadFinished.connect(lambda is_drawn: application.exit(not is_drawn))
        view.renderProcessTerminated.connect(lambda *_: application.exit(1))
        QTimer.singleShot(60_000, lambda: application.exit(1))
    view.setUrl("about:blank")
    view.show()
    code: int = application.exec()
    # The page goes before the profile that it belongs to.
    del view
    return code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
