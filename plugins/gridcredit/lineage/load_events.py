"""The OpenLineage event of a loaded file: which file became which rows of raw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from openlineage.client.event_v2 import InputDataset
from openlineage.client.facet_v2 import dataset_version_dataset

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.lineage.emitter import Done, Emitter, schema_facet
from gridcredit.lineage.facets import FileLinesDatasetFacet
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import code_version

# Of each table of raw.
FILE_COLUMN, LINE_COLUMN = "_file_id", "_line_no"


@dataclass(frozen=True)
class Loaded:
    """What became of a file in one extract: the rows accepted, and its lines."""

    rows: int
    lines: int
    lines_used: int
    lines_quarantined: int


def send_load(
    path: Path,
    file_id: int,
    sha256: str,
    header: list[str],
    loaded: Mapping[str, Loaded],
    times: tuple[datetime, datetime],
    settings: Settings,
) -> None:
    """Report a file, named by where it lay and versioned by its hash, and of each extract the rows accepted and their
    lines.
    """
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
                "raw",
                name,
                {column.name: column.sql_type for column in EXTRACTS[name].columns},
                one.rows,
                {
                    "gridcredit_fileLines": FileLinesDatasetFacet(
                        file_id, path.name, FILE_COLUMN, LINE_COLUMN, one.lines, one.lines_used, one.lines_quarantined
                    )
                },
            )
            for name, one in loaded.items()
        ]
        emitter.emit(
            Done(f"load.{'+'.join(loaded)}", "GRIDCREDIT", "LOAD", began, ended, inputs=[file], outputs=outputs)
        )
