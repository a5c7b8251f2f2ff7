"""What dbt parsed for one warehouse, moved to another: parsing again takes eight seconds, for the same models."""

from __future__ import annotations

import hashlib
import pprint
from pathlib import Path
from typing import Any

import msgpack
import yaml
from gridcredit.policy_changes.simulation import PREFIX
from gridcredit.settings import Settings
from gridcredit.transformation.runner import dbt_environment, dbt_session

# A build's, and that of a policy which is tried.
PREFIXES = ("", PREFIX)


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
        parsed = msgpack.unpackb(file.read_bytes(), raw=False)
        parsed_for = next(iter(parsed["nodes"].values()))["database"]
        parsed = _renamed(parsed, parsed_for, environment["GRIDCREDIT_DBT_DATABASE"])
        parsed["state_check"] |= {
            "profile_hash": _hash(pprint.pformat(_connection(settings))),
            "project_env_vars_hash": _hash(f"DBT_TARGET_PATH:{environment['DBT_TARGET_PATH']}|"),
        }
        file.write_bytes(msgpack.packb(parsed, use_bin_type=True))


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


def _hash(text: str) -> dict[str, str]:
    return {"name": "sha256", "checksum": hashlib.sha256(text.encode()).hexdigest()}
