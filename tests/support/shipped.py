"""The newest version of the default policy that ships: the one that new warehouses rate by."""

from __future__ import annotations

from gridcredit.settings import PROJECT_DIR

NUMBER = "1.2"
VERSION = f"default-{NUMBER}"
FOLDER = PROJECT_DIR / "policies" / "default" / NUMBER
