"""Policies checked, and loaded into the warehouse: versions are added, and never changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import structlog
from psycopg import sql

from gridcredit.contract.attributes import read_attributes
from gridcredit.contract.features import features, protected_features
from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.lineage.decisions import record_decision
from gridcredit.policies.adoption import fetch_adopted, not_adopted, unload
from gridcredit.policies.checks import check_new, check_policy, check_together, named_attributes
from gridcredit.policies.folder import Policy, read_folder
from gridcredit.policies.rows import (
    changed_since_loaded,
    changed_tables,
    insert_policy,
    refuse_rounded,
    store_files,
    stored_policy,
)
from gridcredit.policies.tables import TABLES
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.attributes import store_attributes
from gridcredit.warehouse.connection import Connection, connect

log = structlog.get_logger(__name__)


def read_policy(folder: Path, settings: Settings | None = None) -> Policy:
    """Read and check one policy folder; a PolicyError names the file and what is wrong."""
    policy, settings = read_folder(folder), settings or get_settings()
    check_policy(policy, features(settings), protected_features(settings))
    check_new(policy)
    return policy


def read_policies(settings: Settings) -> list[Policy]:
    """Every policy version of the policies folder, and those approved here, checked one by one and together.

    A version that another has followed by today is not asked for attributes which are gone or protected since: it was
    sound when it rated.
    """
    shipped, approved = _in_folders(settings)
    aside = {one.policy.folder: one for one in _in_the_way(shipped, approved)}
    for one in aside.values():
        log.warning("policy_left_aside", folder=str(one.policy.folder), detail=one.why)
    policies = [*(one for one in shipped if one.folder not in aside), *approved]
    known, protected = set(features(settings)), set(protected_features(settings))
    for policy in policies:
        gone = named_attributes(policy) if _is_followed(policy, policies) else set()
        with _or_taken_back(policy, settings):
            check_policy(policy, known | gone, protected - gone)
    check_together(policies)
    return policies


@dataclass(frozen=True)
class LeftAside:
    """A shipped version that counts for nothing, since an approved one has its name or its date."""

    policy: Policy
    approved: Policy

    @property
    def why(self) -> str:
        """Which version has what of it."""
        mine, other = self.policy.header, self.approved.header
        what = "its version" if mine.version == other.version else f"its date, {mine.effective_from}"
        return f"{other.version}, which {other.approver} has approved, has {what}"


def left_aside(settings: Settings) -> list[LeftAside]:
    """The shipped versions in the way of approved ones that say something else than these."""
    return [one for one in _in_the_way(*_in_folders(settings)) if not _says_the_same(one.policy, one.approved)]


def _in_folders(settings: Settings) -> tuple[list[Policy], list[Policy]]:
    """Shipped versions, and those approved here."""
    shipped, approved = (
        [read_folder(path.parent) for path in sorted(folder.glob("*/*/policy.yml"))]
        for folder in settings.policy_folders
    )
    return shipped, approved


def _in_the_way(shipped: list[Policy], approved: list[Policy]) -> list[LeftAside]:
    """An upgrade does not stop what people have decided."""
    found = []
    for one in shipped:
        header = one.header
        rivals = [
            other
            for other in approved
            if header.version == other.header.version
            or (header.policy, header.effective_from) == (other.header.policy, other.header.effective_from)
        ]
        found += [LeftAside(one, rival) for rival in rivals[:1]]
    return found


def _says_the_same(one: Policy, other: Policy) -> bool:
    """Whether a policy was approved as it ships."""
    signed = one.header.model_copy(update={"approver": other.header.approver})
    return signed == other.header and one.tables == other.tables


def _is_followed(policy: Policy, policies: list[Policy]) -> bool:
    """Whether a later version of the same policy is in force by today."""
    mine = policy.header
    return any(
        one.header.policy == mine.policy and mine.effective_from < one.header.effective_from <= _today()
        for one in policies
    )


def _today() -> date:
    return datetime.now(UTC).date()


def policy_in_force(settings: Settings, day: date, name: str | None = None) -> Policy:
    """The version of a policy, by default the settings', that is in force on a day."""
    name = name or settings.policy
    with connect(settings) as connection:
        loaded = loaded_versions(connection)
    versions = [
        policy
        for policy in read_policies(settings)
        if policy.header.policy == name and policy.header.effective_from <= day and policy.header.version in loaded
    ]
    if not versions:
        raise GridCreditError(f"no version of policy {name!r} is in force on {day}")
    return max(versions, key=lambda policy: policy.header.effective_from)


def loaded_versions(connection: Connection) -> dict[str, str]:
    """The policy versions that the warehouse rates by, each with the hash of its files."""
    return dict(connection.execute("select policy_version, sha256 from policy.policies").fetchall())


def held_back(connection: Connection, policy: Policy) -> date | None:
    """The last day that was released by another version, where this one would take effect on that day or before it.

    A version that comes with an upgrade must not rate again what has been released; whoever wants it proposes it
    with a later date. None where it may be loaded.
    """
    (rated,) = connection.execute(
        "select max(releases.as_of_date) from lineage.releases join lineage.runs using (run_id) where policy_name = %s",
        [policy.header.policy],
    ).fetchone() or (None,)
    return rated if rated and policy.header.effective_from <= rated else None


def why_held_back(policy: Policy, rated: date) -> str:
    """What to do about a version that is held back."""
    return (
        f"it takes effect on {policy.header.effective_from}, and days up to {rated} are released. Copy "
        f"{policy.folder}, give it a version and a later date, and `gridcredit policy propose` it; what was approved "
        "is taken back by `gridcredit policy withdraw`"
    )


def load_policies(settings: Settings | None = None) -> None:
    """Load the versions the warehouse does not know; refuse those whose files or rows changed after they were loaded.

    A version that would change what has been released is left out, and named (`held_back`).
    """
    settings = settings or get_settings()
    known_features, protected = features(settings), protected_features(settings)
    with connect(settings) as connection:
        # One process loads them; an auditor may read them all the while.
        connection.execute("lock table policy.policies in share row exclusive mode")
        fetch_adopted(connection, settings)
        store_attributes(connection, read_attributes(settings))
        known = loaded_versions(connection)
        policies = read_policies(settings)
        if lost := not_adopted(connection, [one.header.version for one in policies]):
            number, version = lost[0]
            raise PolicyError(
                f"{version!r} is approved, and no folder has it, so nothing is rated by it: take it back by "
                f"`gridcredit policy withdraw {number}`, and propose it with another version"
            )
        as_before: dict[str, Policy] = {}
        for policy in policies:
            version = policy.header.version
            sha256 = known.pop(version, None)
            if sha256 is None and has_rated(connection, version):
                raise _not_as_loaded("policies", version, f"what {policy.folder} says")
            if sha256 is None and (rated := held_back(connection, policy)):
                log.warning("policy_held_back", version=version, detail=why_held_back(policy, rated))
            elif sha256 is None:
                # Of a version that never rated also what it names must be there.
                with _or_taken_back(policy, settings):
                    check_policy(policy, known_features, protected)
                    check_new(policy)
                    refuse_rounded(connection, policy)
                insert_policy(connection, policy)
                _analyze(connection)
                store_files(connection, policy)
                log.info("policy_loaded", version=version, approver=policy.header.approver)
            elif sha256 != policy.sha256:
                raise PolicyError(
                    f"{policy.folder}: was changed after version {version!r} had been loaded; put the files back, "
                    "and make the change in a folder with a new version and effective date"
                )
            else:
                as_before[version] = policy
        if changed := changed_tables(connection, list(as_before.values())):
            table, version = changed[0]
            raise _not_as_loaded(table, version, f"what {as_before[version].folder} says")
        now_loaded = loaded_versions(connection)
        loaded = [one for one in policies if one.header.version in now_loaded]
        for policy in loaded:
            # Where the version that follows is held back, this one rates on.
            if not _is_followed(policy, loaded):
                with _or_taken_back(policy, settings):
                    check_policy(policy, known_features, protected)
        # The others have no folder, or none any more.
        if changed := changed_since_loaded(connection, known):
            table, version = changed[0]
            raise _not_as_loaded(table, version, "what was loaded")


@contextmanager
def _or_taken_back(policy: Policy, settings: Settings) -> Iterator[None]:
    """What is wrong with a version approved here may also end by its withdrawal."""
    try:
        yield
    except PolicyError as error:
        if settings.policy_folders[1] not in policy.folder.parents:
            raise
        raise PolicyError(
            f"{error}; or take it back: `gridcredit policy withdraw N`, whose number N `gridcredit policy proposals` "
            "shows. Where it has rated a released day, put the attribute back as it was until a version without it "
            "is in force"
        ) from error


def why_not_new(policy: Policy, connection: Connection | None) -> str | None:
    """Why a version would not be loaded as new; None where nothing is against it. The warehouse, where there is one,
    is asked for what it would round.
    """
    try:
        check_new(policy)
        if connection is not None:
            refuse_rounded(connection, policy)
    except PolicyError as error:
        return str(error)
    return None


def has_rated(connection: Connection, version: str) -> bool:
    """Whether released ratings name a version: then it was loaded."""
    query = "select 1 from published.customer_rating_history where policy_version = %s limit 1"
    return connection.execute(query, [version]).fetchone() is not None


def _not_as_loaded(table: str, version: str, what: str) -> PolicyError:
    return PolicyError(
        f"policy.{table}: the warehouse does not hold {what} of version {version!r}: somebody changed or removed its "
        f"rows. Find out who and why, then put them back: `gridcredit policy restore {version} --approver NAME "
        "--reason TEXT`"
    )


def restore_policy(version: str, approver: str, reason: str, settings: Settings) -> list[str]:
    """Put back the rows of a version that were changed in the warehouse; returns their tables. The decision is
    recorded.

    Raises:
        GridCreditError: without a name or a reason, or where the rows are as they were loaded.
        PolicyError: neither the folder nor the stored files are those that were loaded: a backup has them.
    """
    with connect(settings) as connection:
        connection.execute("lock table policy.policies in share row exclusive mode")
        sha256 = loaded_versions(connection).get(version)
        if sha256 is None and not has_rated(connection, version):
            raise GridCreditError(f"version {version!r} was never loaded: there is nothing to put back")
        in_folder = next((one for one in read_policies(settings) if one.header.version == version), None)
        with stored_policy(connection, version) as stored:
            # What was removed whole has no hash left; what its releases say of it `verify` compares.
            policy = next((one for one in (in_folder, stored) if one and sha256 in (one.sha256, None)), None)
            if policy is None:
                raise PolicyError(
                    f"there is no folder and no stored file by which version {version!r} was loaded: restore a backup"
                )
            changed = [table for table, _ in changed_tables(connection, [policy])]
            if stored is None or stored.sha256 != sha256:
                changed.append("files")
            if not changed:
                raise GridCreditError(f"the warehouse holds what was loaded of version {version!r}")
            record_decision(connection, "restore a policy", version, approver, reason, settings)
            unload(connection, version)
            insert_policy(connection, policy)
            store_files(connection, policy)
        _analyze(connection)
    log.warning("policy_restored", version=version, tables=changed, approver=approver)
    return changed


def _analyze(connection: Connection) -> None:
    """Too few rows for autovacuum, and without statistics the planner takes one grade in two hundred for one row."""
    for name in ("policies", *TABLES):
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier("policy", name)))
