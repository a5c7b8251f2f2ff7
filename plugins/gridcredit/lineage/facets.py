"""Facets of our own in OpenLineage events, and their schema: docs/reference/lineage_facets.json."""

from __future__ import annotations

import attr
from openlineage.client.facet_v2 import DatasetFacet

SCHEMA = "urn:gridcredit:lineage_facets:1"


@attr.define
class FileLinesDatasetFacet(DatasetFacet):
    """From which lines of which file a table's rows came, and which of its columns say so of each row."""

    fileId: int  # noqa: N815 - facets are in camel case
    fileName: str  # noqa: N815
    fileColumn: str  # noqa: N815
    lineColumn: str  # noqa: N815
    linesRead: int  # noqa: N815
    linesUsed: int  # noqa: N815
    linesQuarantined: int  # noqa: N815

    @staticmethod
    def _get_schema() -> str:
        return f"{SCHEMA}#/$defs/FileLinesDatasetFacet"
