"""What dbt parsed for one warehouse, moved to another: parsing again takes eight seconds, for the same models."""

from __future__ import annotations

import hashlib
import pprint
import re
from pathlib import Path
from typing import Any

import msgpack
import yaml
from gridcredit.policy_changes.simulation import PREFIX
from gridcredit.settings import Settings
from gridcredit.transformation.runner import dbt_environment, dbt_session

# A build's, and that of a policy which is tried.
PREFIXES = ("", PREFIX)
# As msgpack writes them: the key `database`, and a text of up to 31 bytes, whose length is added.
KEY, SHORT_TEXT = b"\xa8database", 0xA0


def parse(settings: Settings) -> None:
    """Parse the models as a build does, and as a trial of a policy does."""
    for prefix in PREFIXES:
        with dbt_session(settings, schema_prefix=prefix):
            pass


def move_parse(settings: Settings) -> None:
    """Make what a home holds of another warehouse's parse that of these settings' warehouse.

    dbt's parse names the database in each relation, and holds hashes of what it connects to and of where it writes: of
    others than these it would use nothing.
    """
    for prefix in PREFIXES:
        environment = dbt_environment(settings, schema_prefix=prefix)
        file = Path(environment["DBT_TARGET_PATH"]) / "partial_parse.msgpack"
        if not file.exists():
            continue
        stored = file.read_bytes()
        old, new = _database_of(stored), environment["GRIDCREDIT_DBT_DATABASE"]
        if len(old) != len(new):
            stored = msgpack.packb(_renamed(msgpack.unpackb(stored, raw=False), old, new), use_bin_type=True)
        else:
            # Lengths stand before the texts: of one length, a name is put in place of another without reading the rest.
            for before, after in ((KEY, b""), (b'"', b'".')):
                stored = stored.replace(before + _text(old, before) + after, before + _text(new, before) + after)
        for name, value in (
            ("profile_hash", pprint.pformat(_connection(settings))),
            ("project_env_vars_hash", f"DBT_TARGET_PATH:{environment['DBT_TARGET_PATH']}|"),
        ):
            place = re.compile(rb"(%b\x82\xa4name\xa6sha256\xa8checksum\xd9\x40)[0-9a-f]{64}" % name.encode())
            stored, found = place.subn(rb"\g<1>" + hashlib.sha256(value.encode()).hexdigest().encode(), stored)
            assert found == 1, name
        file.write_bytes(stored)


def _database_of(parse: bytes) -> str:
    """The database whose relations a parse names."""
    found = re.search(re.escape(KEY) + rb"([\xa1-\xbf])", parse)
    assert found
    return parse[found.end() : found.end() + found[1][0] - SHORT_TEXT].decode()


def _text(name: str, before: bytes) -> bytes:
    return (bytes([SHORT_TEXT + len(name)]) if before == KEY else b"") + name.encode()


def _renamed(held: Any, old: str, new: str) -> Any:
    if isinstance(held, dict):
        return {
            key: new if key == "database" and value == old else _renamed(value, old, new) for key, value in held.items()
        }
    if isinstance(held, list):
        return [_renamed(one, old, new) for one in held]
    if isinstance(held, str):
        return held.replace(f'"{old}".', f'"{new}".')
    return held


def _connection(settings: Settings) -> list[tuple[str, Any]]:
    """What dbt takes of a connection into its hash (`ManifestLoader.build_manifest_state_check`)."""
    from dbt.adapters.postgres.connections import PostgresCredentials

    environment = dbt_environment(settings)
    profile = yaml.safe_load((settings.dbt_dir / "profiles.yml").read_text())["gridcredit"]["outputs"]["postgres"]
    fixed = {key: value for key, value in profile.items() if not str(value).startswith("{{") and key != "type"}
    credentials = PostgresCredentials(
        host=environment["GRIDCREDIT_DBT_HOST"],
        port=int(environment["GRIDCREDIT_DBT_PORT"]),
        user=environment["GRIDCREDIT_DBT_USER"],
        password="",
        database=environment["GRIDCREDIT_DBT_DATABASE"],
        **fixed,
    )
    return sorted(credentials.connection_info())
