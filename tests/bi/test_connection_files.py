"""Connection files, as Power BI and Tableau read them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import psycopg
import pytest
from gridcredit.reporting.connection_files import write_connection_files
from gridcredit.settings import PROJECT_DIR, Settings
from gridcredit.warehouse.connection import connect_as_owner
from psycopg import sql

pytestmark = pytest.mark.bi

PASSWORD = "for this test"

# What learn.microsoft.com/power-bi/connect-data/desktop-data-sources says of PBIDS files: version 0.1, one connection,
# and of a connection its details (protocol and address), options, and the mode, where the file decides it.
PBIDS = {
    "type": "object",
    "required": ["version", "connections"],
    "additionalProperties": False,
    "properties": {
        "version": {"const": "0.1"},
        "connections": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": {
                "type": "object",
                "required": ["details"],
                "additionalProperties": False,
                "properties": {
                    "details": {
                        "type": "object",
                        "required": ["protocol", "address"],
                        "additionalProperties": False,
                        "properties": {
                            "protocol": {"const": "postgresql"},
                            "address": {
                                "type": "object",
                                "required": ["server", "database"],
                                "additionalProperties": False,
                                "properties": {"server": {"type": "string"}, "database": {"type": "string"}},
                            },
                        },
                    },
                    "options": {"type": "object"},
                    "mode": {"enum": ["Import", "DirectQuery"]},
                },
            },
        },
    },
}
TABLEAU = """
import json, sys
from tableaudocumentapi import Datasource
source = Datasource.from_file(sys.argv[1])
print(json.dumps([
    [one.dbclass, one.server, one.port, one.dbname, one.username, one.authentication] for one in source.connections
]))
"""


def connects(server: str, port: str, database: str, user: str) -> bool:
    """Whether what a file says, and the password that it does not say, open a connection."""
    with psycopg.connect(host=server, port=port, dbname=database, user=user, password=PASSWORD) as connection:
        return connection.execute("select current_user").fetchone() == (user,)


@pytest.fixture
def files(settings: Settings, tmp_path: Path) -> list[Path]:
    with connect_as_owner(settings) as connection:
        connection.execute(sql.SQL("alter role bi_reader password {}").format(sql.Literal(PASSWORD)))
    files = write_connection_files(tmp_path, settings)
    assert not any(PASSWORD in path.read_text() for path in files)
    return files


def test_power_bi(files: list[Path]) -> None:
    (path,) = (path for path in files if path.suffix == ".pbids")
    content = json.loads(path.read_text())
    jsonschema.Draft202012Validator(PBIDS).validate(content)
    address = content["connections"][0]["details"]["address"]
    server, _, port = address["server"].partition(":")
    assert connects(server, port, address["database"], "bi_reader")


def test_tableau(files: list[Path]) -> None:
    """By Tableau's own library."""
    (path,) = (path for path in files if path.suffix == ".tds")
    python = PROJECT_DIR / ".venv-bi" / "bin" / "python"
    done = subprocess.run([python, "-c", TABLEAU, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ((kind, server, port, database, user, authentication),) = json.loads(done.stdout)
    assert (kind, user, authentication) == ("postgres", "bi_reader", "username-password")
    assert connects(server, port, database, user)
