"""Policies checked, and loaded into the warehouse: versions are added, and never changed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import structlog
from psycopg import sql

from gridcredit.contract.attributes import read_attributes
from gridcredit.contract.features import features, protected_features
from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.policies.adoption import fetch_adopted
from gridcredit.policies.checks import check_new, check_policy, check_together
from gridcredit.policies.folder import Policy, file_names, read_folder
from gridcredit.policies.tables import OPTIONAL_COLUMNS, TABLES
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.attributes import store_attributes
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.published_tables import table_columns

log = structlog.get_logger(__name__)


def read_policy(folder: Path, settings: Settings | None = None) -> Policy:
    """Read and check one policy folder; a PolicyError names the file and what is wrong."""
    policy, settings = read_folder(folder), settings or get_settings()
    check_policy(policy, features(settings), protected_features(settings))
    check_new(policy)
    return policy


def read_policies(settings: Settings) -> list[Policy]:
    """Every policy version of the policies folder, and those approved here, checked one by one and together."""
    headers = [path for folder in settings.policy_folders for path in sorted(folder.glob("*/*/policy.yml"))]
    policies = [read_folder(path.parent) for path in headers]
    known, protected = features(settings), protected_features(settings)
    for policy in policies:
        check_policy(policy, known, protected)
    check_together(policies)
    return policies


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

    A version that comes with an upgrade must not rate again what has been released; whoever wants it proposes it with a later
    date. None where it may be loaded.
    """
    (rated,) = connection.execute(
        "select max(releases.as_of_date) from lineage.releases join lineage.runs using (run_id) where policy_name = %s",
        [policy.header.policy],
    ).fetchone() or (None,)
    return rated if rated and policy.header.effective_from <= rated else None


def why_held_back(policy: Policy, rated: date) -> str:
    """What to do about a version that is held back."""
    return (
        f"it takes effect on {policy.header.effective_from}, and days up to {rated} are released. Copy {policy.folder}, "
        "give it a version and a later date, and `gridcredit policy propose` it"
    )


def load_policies(settings: Settings | None = None) -> None:
    """Load the versions the warehouse does not know; refuse one whose files changed after it was loaded.

    A version that would change what has been released is left out, and named (`held_back`).
    """
    settings = settings or get_settings()
    with connect(settings) as connection:
        # One process loads them; an auditor may read them all the while.
        connection.execute("lock table policy.policies in share row exclusive mode")
        fetch_adopted(connection, settings)
        store_attributes(connection, read_attributes(settings))
        known = loaded_versions(connection)
        for policy in read_policies(settings):
            version = policy.header.version
            if version not in known and (rated := held_back(connection, policy)):
                log.warning("policy_held_back", version=version, detail=why_held_back(policy, rated))
            elif version not in known:
                check_new(policy)
                insert_policy(connection, policy)
                _analyze(connection)
                _store_files(connection, policy)
                log.info("policy_loaded", version=version, approver=policy.header.approver)
            elif known[version] != policy.sha256:
                raise PolicyError(
                    f"{policy.folder}: was changed after version {version!r} had been loaded; put the files back, "
                    "and make the change in a folder with a new version and effective date"
                )
            elif changed := changed_tables(connection, policy):
                raise PolicyError(
                    f"policy.{changed[0]}: the warehouse does not hold what {policy.folder} says of version {version!r}: "
                    "somebody changed its rows; put them back, from a backup or the folder, and find out who and why"
                )


def _store_files(connection: Connection, policy: Policy) -> None:
    """Store the files that the policy's hash was made of, for whoever audits it."""
    for name in file_names(policy.folder):
        connection.execute(
            "insert into policy.files (policy_version, file_name, content) values (%s, %s, %s)",
            [policy.header.version, name, (policy.folder / name).read_bytes().decode("utf-8")],
        )


def insert_policy(connection: Connection, policy: Policy, schema: str = "policy") -> None:
    """Add a policy's rows to the tables of a schema; a PolicyError names the file that cannot be held."""
    header = policy.header
    values = [
        *(header.version, header.policy, header.effective_from, header.approver, policy.sha256, header.description),
        *(header.new_customer_months, header.new_customer_grade, header.bill_tolerance, header.power_factor_surcharge),
        *(header.reading_lag_months, header.unbilled_months_max, header.late_charge_min, header.write_off_days),
        *(header.pursued_from, header.half_life_months, header.max_score_psi),
        *(header.default_grade, header.steps_on_working_days, header.write_off_after_step, header.limitation_years),
        *(header.dispute_counts_in_rating, header.dispute_counts_in_charges, header.trial_since, header.trial_salt),
        *(header.pursued_share_of_bill, header.reviews_since),
    ]
    with _held(policy.folder / "policy.yml"):
        connection.execute(
            sql.SQL(
                "insert into {}.policies (policy_version, policy_name, effective_from, approver, sha256, description, "
                "new_customer_months, new_customer_grade, bill_tolerance, power_factor_surcharge, reading_lag_months, "
                "unbilled_months_max, late_charge_min, write_off_days, pursued_from, half_life_months, max_score_psi, "
                "default_grade, steps_on_working_days, write_off_after_step, limitation_years, dispute_counts_in_rating, "
                "dispute_counts_in_charges, trial_since, trial_salt, pursued_share_of_bill, "
                "reviews_since) values ({})"
            ).format(sql.Identifier(schema), sql.SQL(", ").join([sql.Placeholder()] * len(values))),
            values,
        )
    for name, required in TABLES.items():
        columns = required + OPTIONAL_COLUMNS.get(name, ())
        insert = sql.SQL("insert into {} (policy_version, {}) values (%s, {})").format(
            sql.Identifier(schema, name),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
        )
        with _held(policy.folder / f"{name}.csv"), connection.cursor() as cursor:
            cursor.executemany(
                insert,
                [[header.version, *(row.get(column) or None for column in columns)] for row in policy.tables[name]],
            )


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """What the warehouse refuses becomes a PolicyError that names the file."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise PolicyError(
            f"{path}: the warehouse cannot hold it: {error.diag.message_primary}; correct the folder, or, where it was "
            "approved, take its proposal back with `gridcredit policy withdraw`"
        ) from error


def changed_tables(connection: Connection, policy: Policy) -> list[str]:
    """The tables of the warehouse that do not hold what a policy's files say; inserted once more, and compared as they are typed."""
    names = ("policies", *TABLES)
    for name in names:
        wanted = sql.Identifier("pg_temp", name)
        connection.execute(
            sql.SQL("create temp table if not exists {} (like {} including defaults) on commit drop").format(
                sql.Identifier(name), sql.Identifier("policy", name)
            )
        )
        connection.execute(sql.SQL("truncate {}").format(wanted))
    insert_policy(connection, policy, "pg_temp")
    changed = []
    for name in names:
        columns = [column for column in table_columns(connection, "policy", name) if column != "loaded_at"]
        listed = sql.SQL(", ").join(map(sql.Identifier, columns))
        query = sql.SQL(
            "with stored as (select {columns} from {stored} where policy_version = %s), "
            "wanted as (select {columns} from {wanted}) "
            "(select * from stored except all select * from wanted) union all "
            "(select * from wanted except all select * from stored) limit 1"
        ).format(columns=listed, stored=sql.Identifier("policy", name), wanted=sql.Identifier("pg_temp", name))
        if connection.execute(query, [policy.header.version]).fetchone():
            changed.append(name)
    return changed


def changed_policies(connection: Connection, run_id: str) -> list[str]:
    """What of the policies that a run used is not what was loaded of them, by the files stored beside their rows."""
    versions = connection.execute(
        "select policy_version, sha256 from policy.policies join lineage.runs using (policy_name) "
        "where run_id = %s and effective_from <= as_of_date order by 1",
        [run_id],
    ).fetchall()
    found = []
    for version, sha256 in versions:
        files = connection.execute(
            "select file_name, content from policy.files where policy_version = %s", [version]
        ).fetchall()
        if not files:
            # Loaded by a version of this code that did not store them.
            continue
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files:
                (Path(folder) / name).write_bytes(content.encode())
            try:
                policy = read_folder(Path(folder))
            except PolicyError:
                found.append(f"policy.files of {version}")
                continue
        if policy.sha256 != sha256:
            found.append(f"policy.files of {version}")
        found += [f"policy.{table} of {version}" for table in changed_tables(connection, policy)]
    return found


def _analyze(connection: Connection) -> None:
    """Too few rows for autovacuum, and without statistics the planner takes one grade in two hundred for one row."""
    for name in ("policies", *TABLES):
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier("policy", name)))
