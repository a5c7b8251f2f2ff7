"""The OpenLineage event of a loaded file: which file became which rows of raw."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from openlineage.client.event_v2 import InputDataset
from openlineage.client.facet_v2 import dataset_version_dataset

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.lineage.emitter import Done, Emitter, schema_facet
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import code_version


def send_load(
    path: Path,
    sha256: str,
    header: list[str],
    accepted: Mapping[str, int],
    times: tuple[datetime, datetime],
    settings: Settings,
) -> None:
    """Report a file, named by where it lay and versioned by its hash, and of the rows accepted of each extract."""
    began, ended = times
    file = InputDataset(
        "file",
        str(path),
        facets={
            "schema": schema_facet(dict.fromkeys(header, "text")),
            "version": dataset_version_dataset.DatasetVersionDatasetFacet(sha256),
        },
    )
    with Emitter(settings, {"code": code_version()}) as emitter:
        outputs = [
            emitter.table_written(
                "raw", name, {column.name: column.sql_type for column in EXTRACTS[name].columns}, rows
            )
            for name, rows in accepted.items()
        ]
        emitter.emit(
            Done(f"load.{'+'.join(accepted)}", "GRIDCREDIT", "LOAD", began, ended, inputs=[file], outputs=outputs)
        )
