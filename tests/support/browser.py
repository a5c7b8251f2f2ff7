"""The system's Chromium, without a window."""

from __future__ import annotations

import shutil
import subprocess

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files"]


def browse(*arguments: str) -> str:
    """What it prints."""
    done = subprocess.run([str(CHROMIUM), *FLAGS, *arguments], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout
