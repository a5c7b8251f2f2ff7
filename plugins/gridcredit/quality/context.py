"""The Great Expectations project in `expectations/`: opened for a gate or by hand, and what of it is derived from its
suites.

Reviewed by hand are the suites. The tables they check, one validation definition each, and the two checkpoints `raw`
and `candidate` follow from them: `gridcredit contract` writes them.
"""

from __future__ import annotations

import json
import logging
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from gridcredit.errors import GridCreditError
from gridcredit.quality.results import Gate
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import connect, warehouse_url

if TYPE_CHECKING:  # the library is imported late, it is slow
    from great_expectations.data_context import FileDataContext

GATES: tuple[Gate, ...] = ("raw", "candidate")
SOURCE = "warehouse"
ALL_ROWS = "all rows"
SITE = "gridcredit"
# Of a run's raw rows a view of this name is checked; a candidate table as it is.
TO_CHECK = "{}_to_check"
NOTE = "Written from the suites by `gridcredit contract`; do not edit."

Suite = dict[str, Any]


def read_suites(gate: Gate, settings: Settings) -> dict[str, Suite]:
    """The suites of a gate by table; each expectation has a severity and, in its meta, a reason.

    Raises:
        GridCreditError: a file is not a suite.
    """
    suites: dict[str, Suite] = {}
    for path in sorted((settings.expectations_dir / "suites" / gate).glob("*.json")):
        try:
            suite = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise GridCreditError(f"{path}: is not valid JSON, correct it: {error}") from error
        if not isinstance(suite, dict) or not isinstance(suite.get("expectations"), list):
            raise GridCreditError(f"{path}: is not a suite: it needs `expectations`, a list of checks")
        suites[path.stem] = suite
    return suites


def place_of(gate: Gate, table: str, suite: Suite) -> tuple[str, str]:
    """Schema and name of what a suite checks."""
    if gate == "raw":
        return ("ops", TO_CHECK.format(table))
    return (suite.get("meta", {}).get("schema", "candidate"), table)


def open_context(settings: Settings | None = None) -> FileDataContext:
    """The project as Great Expectations opens it, with this warehouse's address and folders.

    Raises:
        psycopg.OperationalError: the warehouse does not answer; Great Expectations would report each check as failed.
    """
    settings = settings or get_settings()
    connect(settings).close()
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    # What a check could not do is in its result; Great Expectations' own word of it is pages long.
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    for folder in (results_dir(settings), settings.data_docs_dir):
        folder.mkdir(parents=True, exist_ok=True)
    return gx.get_context(
        mode="file",
        context_root_dir=str(settings.expectations_dir),
        runtime_environment={
            "GX_WAREHOUSE": warehouse_url(settings).replace("postgresql://", "postgresql+psycopg2://", 1),
            "GX_RESULTS": str(results_dir(settings)),
            "GX_PAGES": str(settings.data_docs_dir),
        },
    )


def results_dir(settings: Settings) -> Path:
    """Where results are stored as Great Expectations writes them; those of the newest runs have pages."""
    return settings.home / "gate_results"


def project_files(settings: Settings) -> dict[Path, str]:
    """Each derived file of the project and what it must hold; of a suite itself its id alone is derived."""
    root = settings.expectations_dir
    files: dict[Path, str] = {}
    assets: dict[str, Any] = {}
    for gate in GATES:
        suites = read_suites(gate, settings)
        for table, suite in suites.items():
            name = f"{gate}.{table}"
            schema, relation = place_of(gate, table, suite)
            assets[name] = {
                "type": "table",
                "id": _id("asset", name),
                "schema_name": schema,
                "table_name": relation,
                "batch_definitions": {ALL_ROWS: {"id": _id("batch", name)}},
            }
            files[root / "suites" / gate / f"{table}.json"] = _json(
                {"name": name, "id": _id("suite", name)}
                | {key: value for key, value in suite.items() if key not in ("name", "id")}
            )
            files[root / "validation_definitions" / f"{name}.json"] = _json(
                {
                    "name": name,
                    "id": _id("validation", name),
                    "suite": {"name": name, "id": _id("suite", name)},
                    "data": {
                        "datasource": {"name": SOURCE, "id": _id("source", SOURCE)},
                        "asset": {"name": name, "id": _id("asset", name)},
                        "batch_definition": {"name": ALL_ROWS, "id": _id("batch", name)},
                    },
                }
            )
        files[root / "checkpoints" / f"{gate}.json"] = _json(
            {
                "name": gate,
                "id": _id("checkpoint", gate),
                "validation_definitions": [
                    {"name": f"{gate}.{table}", "id": _id("validation", f"{gate}.{table}")} for table in suites
                ],
                "actions": [],
                # Whether each check holds takes one reading of the rows; which rows failed is asked of those that did
                # not.
                "result_format": {"result_format": "BOOLEAN_ONLY"},
            }
        )
    files[root / "great_expectations.yml"] = f"# {NOTE}\n" + yaml.safe_dump(
        _project(assets), sort_keys=False, width=110
    )
    return files


def _project(assets: dict[str, Any]) -> dict[str, Any]:
    stores = {
        "expectations_store": ("ExpectationsStore", "suites"),
        "validation_definition_store": ("ValidationDefinitionStore", "validation_definitions"),
        "checkpoint_store": ("CheckpointStore", "checkpoints"),
        "validation_results_store": ("ValidationResultsStore", "${GX_RESULTS}"),
    }
    return {
        "config_version": 4.0,
        "stores": {
            name: {"class_name": kind, "store_backend": _folder(folder)} for name, (kind, folder) in stores.items()
        },
        "expectations_store_name": "expectations_store",
        "validation_results_store_name": "validation_results_store",
        "checkpoint_store_name": "checkpoint_store",
        "data_docs_sites": {
            SITE: {
                "class_name": "SiteBuilder",
                "store_backend": _folder("${GX_PAGES}"),
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            }
        },
        "analytics_enabled": False,
        "progress_bars": {"globally": False},
        "fluent_datasources": {
            SOURCE: {
                "type": "postgres",
                "id": _id("source", SOURCE),
                "connection_string": "${GX_WAREHOUSE}",
                "assets": assets,
            }
        },
    }


def _folder(path: str) -> dict[str, Any]:
    return {"class_name": "TupleFilesystemStoreBackend", "base_directory": path, "suppress_store_backend_id": True}


def _id(kind: str, name: str) -> str:
    """Great Expectations distinguishes its objects by such ids; the same name has the same one everywhere."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"gridcredit:{kind}:{name}"))


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
