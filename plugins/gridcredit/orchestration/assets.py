"""The contract between the DAGs: what one has made and the other waits for."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

from gridcredit.contract.extracts import EXTRACTS

RAW_EXTRACTS = {name: Asset(name=f"raw.{name}", uri=f"gridcredit://raw/{name}") for name in EXTRACTS}
LOADED_EXTRACTS = AssetAlias("loaded_extracts")
RELEASE = Asset(name="published.release", uri="gridcredit://published/release")
