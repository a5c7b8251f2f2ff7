"""Facets of our own in OpenLineage events, and their schema: docs/reference/lineage_facets.json."""

# OpenLineage writes the keys of facets in camel case.
# ruff: noqa: N815

from __future__ import annotations

import attr
from openlineage.client.facet_v2 import DatasetFacet

SCHEMA = "urn:gridcredit:lineage_facets:1"


@attr.define
class FileLinesDatasetFacet(DatasetFacet):
    """From which lines of which file a table's rows came, and which of its columns say so of each row."""

    fileId: int
    fileName: str
    fileColumn: str
    lineColumn: str
    linesRead: int
    linesUsed: int
    linesQuarantined: int

    @staticmethod
    def _get_schema() -> str:
        return f"{SCHEMA}#/$defs/FileLinesDatasetFacet"
