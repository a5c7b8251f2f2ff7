"""Policies checked, and loaded into the warehouse: versions are added, and never changed."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import structlog
from psycopg import sql

from gridcredit.dbt_project import features
from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.policy.checks import check_policy, check_together
from gridcredit.policy.folder import FILE_NAMES, OPTIONAL_COLUMNS, TABLES, Policy, read_folder
from gridcredit.policy.proposals import fetch_adopted
from gridcredit.published_tables import table_columns
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse import Connection, connect

log = structlog.get_logger(__name__)


def read_policy(folder: Path, settings: Settings | None = None) -> Policy:
    """Read and check one policy folder; a PolicyError names the file and what is wrong."""
    policy = read_folder(folder)
    check_policy(policy, features(settings or get_settings()))
    return policy


def read_policies(settings: Settings) -> list[Policy]:
    """Every policy version of the policies folder, and those approved here, checked one by one and together."""
    headers = [path for folder in settings.policy_folders for path in sorted(folder.glob("*/*/policy.yml"))]
    policies = [read_folder(path.parent) for path in headers]
    known = features(settings)
    for policy in policies:
        check_policy(policy, known)
    check_together(policies)
    return policies


def policy_in_force(settings: Settings, day: date, name: str | None = None) -> Policy:
    """The version of a policy, by default the settings', that is in force on a day."""
    name = name or settings.policy
    versions = [
        policy
        for policy in read_policies(settings)
        if policy.header.policy == name and policy.header.effective_from <= day
    ]
    if not versions:
        raise GridCreditError(f"no version of policy {name!r} is in force on {day}")
    return max(versions, key=lambda policy: policy.header.effective_from)


def load_policies(settings: Settings | None = None) -> None:
    """Load the versions the warehouse does not know; refuse one whose files changed after it was loaded."""
    settings = settings or get_settings()
    with connect(settings) as connection:
        # One process loads them; an auditor may read them all the while.
        connection.execute("lock table policy.policies in share row exclusive mode")
        fetch_adopted(connection, settings)
        known: dict[str, str] = dict(
            connection.execute("select policy_version, sha256 from policy.policies").fetchall()
        )
        for policy in read_policies(settings):
            version = policy.header.version
            if version not in known:
                insert_policy(connection, policy)
                _analyze(connection)
                _keep_files(connection, policy)
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


def _keep_files(connection: Connection, policy: Policy) -> None:
    """Keep the files that the policy's hash was made of, for whoever audits it."""
    for name in FILE_NAMES:
        connection.execute(
            "insert into policy.files (policy_version, file_name, content) values (%s, %s, %s)",
            [policy.header.version, name, (policy.folder / name).read_bytes().decode("utf-8")],
        )


def insert_policy(connection: Connection, policy: Policy, schema: str = "policy") -> None:
    """Add a policy's rows to the tables of a schema."""
    header = policy.header
    values = [
        *(header.version, header.policy, header.effective_from, header.approver, policy.sha256, header.description),
        *(header.new_customer_months, header.new_customer_grade, header.bill_tolerance, header.power_factor_surcharge),
        *(header.reading_lag_months, header.unbilled_months_max, header.late_charge_min, header.write_off_days),
        *(header.pursued_from, header.default_grade, header.steps_on_working_days),
        *(header.write_off_after_step, header.limitation_years),
        *(header.dispute_counts_in_rating, header.dispute_counts_in_charges),
    ]
    connection.execute(
        sql.SQL(
            "insert into {}.policies (policy_version, policy_name, effective_from, approver, sha256, description, "
            "new_customer_months, new_customer_grade, bill_tolerance, power_factor_surcharge, reading_lag_months, "
            "unbilled_months_max, late_charge_min, write_off_days, pursued_from, default_grade, steps_on_working_days, "
            "write_off_after_step, limitation_years, dispute_counts_in_rating, dispute_counts_in_charges) values ({})"
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
        with connection.cursor() as cursor:
            cursor.executemany(
                insert,
                [[header.version, *(row.get(column) or None for column in columns)] for row in policy.tables[name]],
            )


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
    """What of the policies that a run went by is not what was loaded of them, by the files stored beside their rows."""
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
