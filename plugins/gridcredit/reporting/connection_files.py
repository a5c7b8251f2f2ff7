"""Files that open a connection of `bi_reader` in Power BI and Tableau, without its password: both ask for that."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from xml.etree import ElementTree

from gridcredit.settings import Settings
from gridcredit.warehouse.connection import reader_address

# What Tableau shows first; the other tables are listed beside it.
FIRST_TABLE = ("star", "dim_customer")


def write_connection_files(folder: Path, settings: Settings) -> list[Path]:
    """Write `gridcredit.pbids` and `gridcredit.tds` into a folder; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    address = urlsplit(reader_address(settings))
    files = {folder / "gridcredit.pbids": power_bi(address), folder / "gridcredit.tds": tableau(address)}
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return list(files)


def power_bi(address: SplitResult) -> str:
    """A data source file of Power BI Desktop. It names no mode: import or DirectQuery is asked for."""
    place = {"server": f"{address.hostname}:{address.port or 5432}", "database": address.path.lstrip("/")}
    details = {"protocol": "postgresql", "address": place}
    return json.dumps({"version": "0.1", "connections": [{"details": details, "options": {}}]}, indent=2) + "\n"


def tableau(address: SplitResult) -> str:
    """A data source file of Tableau."""
    schema, table = FIRST_TABLE
    source = ElementTree.Element("datasource", {"formatted-name": "GridCredit", "inline": "true", "version": "18.1"})
    federated = ElementTree.SubElement(source, "connection", {"class": "federated"})
    named = ElementTree.SubElement(ElementTree.SubElement(federated, "named-connections"), "named-connection")
    named.attrib |= {"caption": "GridCredit", "name": "postgres.gridcredit"}
    ElementTree.SubElement(
        named,
        "connection",
        {
            "authentication": "username-password",
            "class": "postgres",
            "dbname": address.path.lstrip("/"),
            "port": str(address.port or 5432),
            "schema": schema,
            "server": str(address.hostname),
            "username": str(address.username),
        },
    )
    relation = {"connection": "postgres.gridcredit", "name": table, "table": f"[{schema}].[{table}]", "type": "table"}
    ElementTree.SubElement(federated, "relation", relation)
    ElementTree.indent(source)
    return ElementTree.tostring(source, encoding="unicode", xml_declaration=True) + "\n"
