"""The contract between the DAGs: what one has made and the other waits for."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.orchestration.links import page

OWNER = "credit"
# Airflow shows `extra` on an asset's page. The links lead to the site that `make docs` makes, on the pages of the
# plugin.
RAW_EXTRACTS = {
    name: Asset(
        name=f"raw.{name}",
        uri=f"gridcredit://raw/{name}",
        extra={
            "description": extract.text,
            "owner": OWNER,
            "dictionary": page(f"/docs/data_contract.html#{name}"),
        },
    )
    for name, extract in EXTRACTS.items()
}
LOADED_EXTRACTS = AssetAlias("loaded_extracts")
RELEASE = Asset(
    name="published.release",
    uri="gridcredit://published/release",
    extra={
        "description": "A release of all published tables; its event carries number, rows that changed, and hash.",
        "owner": OWNER,
        "dictionary": page("/docs/reference/warehouse/dictionary.html"),
    },
)
