"""Approved policies: fetched from the warehouse to the folder that a machine reads them from, and removed once
withdrawn.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from gridcredit.files.strict_yaml import load_yaml
from gridcredit.policies.folder import header_text, write_files
from gridcredit.policies.tables import TABLES
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection


def fetch_adopted(connection: Connection, settings: Settings) -> None:
    """Write approved policies, signed, where they are not there yet; remove those that were withdrawn."""
    approved = connection.execute(
        "select proposal_id, policy_name, policy_version, approver, withdrawn_at is not null "
        "from policy.proposals where is_approved"
    ).fetchall()
    for proposal_id, name, version, approver, is_withdrawn in approved:
        # A name with a slash, or `..`, is that of another folder. Others that are no names today may have rated.
        if any(Path(one).name != one or one in ("", "..") for one in (name, version)):
            continue
        folder = settings.policy_folders[1] / name / version
        if is_withdrawn:
            shutil.rmtree(folder, ignore_errors=True)
        elif not (folder / "policy.yml").exists():
            files = proposed_files(connection, proposal_id)
            header = load_yaml(files["policy.yml"]) | {"approver": approver}
            write_files(folder, files | {"policy.yml": header_text(header)})


def not_adopted(connection: Connection, versions: Collection[str]) -> list[tuple[int, str]]:
    """Proposals, by number and version, that are approved and not withdrawn, and of none of the versions."""
    return connection.execute(
        "select proposal_id, policy_version from policy.proposals "
        "where is_approved and withdrawn_at is null and policy_version <> all(%s) order by 1",
        [list(versions)],
    ).fetchall()


def proposed_files(connection: Connection, proposal_id: int) -> dict[str, str]:
    """The files of a proposal's policy folder by name."""
    return dict(
        connection.execute(
            "select file_name, content from policy.proposal_files where proposal_id = %s", [proposal_id]
        ).fetchall()
    )


def unload(connection: Connection, version: str) -> None:
    """Remove the rows of a version; nothing where it was never loaded. The owner's function does it, and only after a
    decision of this transaction (`record_decision`).
    """
    # Those that refer to others first.
    tables = ["files", *reversed(TABLES), "policies"]
    connection.execute("select policy.unload(%s, variadic %s)", [version, tables])
