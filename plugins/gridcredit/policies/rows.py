"""A policy's rows and files in the warehouse: added, compared with what was loaded, and put back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path

import psycopg
from psycopg import sql

from gridcredit.errors import PolicyError
from gridcredit.policies.folder import Policy, file_names, read_folder
from gridcredit.policies.tables import OPTIONAL_COLUMNS, TABLES
from gridcredit.warehouse.connection import Connection
from gridcredit.warehouse.published_tables import table_columns


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
        *(header.pursued_share_of_bill, header.reviews_since, header.least_default_rate),
        *(header.late_charge_min_of, header.late_share_of_bill, header.least_bills_due),
    ]
    with _held(policy.folder / "policy.yml"):
        connection.execute(
            sql.SQL(
                "insert into {}.policies (policy_version, policy_name, effective_from, approver, sha256, description, "
                "new_customer_months, new_customer_grade, bill_tolerance, power_factor_surcharge, reading_lag_months, "
                "unbilled_months_max, late_charge_min, write_off_days, pursued_from, half_life_months, max_score_psi, "
                "default_grade, steps_on_working_days, write_off_after_step, limitation_years, "
                "dispute_counts_in_rating, dispute_counts_in_charges, trial_since, trial_salt, pursued_share_of_bill, "
                "reviews_since, least_default_rate, late_charge_min_of, late_share_of_bill, least_bills_due) "
                "values ({})"
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


def refuse_rounded(connection: Connection, policy: Policy) -> None:
    """A PolicyError for the first number that the warehouse would round: what rates is what the folder says."""
    places: dict[str, dict[str, int]] = {}
    for table, column, scale in connection.execute(
        "select table_name, column_name, numeric_scale from information_schema.columns "
        "where table_schema = 'policy' and data_type = 'numeric' and numeric_scale is not null"
    ):
        places.setdefault(table, {})[column] = scale
    stored: dict[str, list[dict[str, str]]] = {
        "policies": [{name: str(value) for name, value in policy.header.model_dump().items() if value is not None}],
        **policy.tables,
    }
    for table, table_rows in stored.items():
        path = policy.folder / ("policy.yml" if table == "policies" else f"{table}.csv")
        for row in table_rows:
            for column, scale in places.get(table, {}).items():
                if (sent := row.get(column)) and _decimals(sent) > scale:
                    raise PolicyError(
                        f"{path}: {column} is {sent}, which has more than {scale} decimals; the warehouse would round "
                        "it. Write what is to count"
                    )


def _decimals(text: str) -> int:
    """Digits behind the point, without zeros at the end; 0 of what is no number, which the warehouse refuses.

    Arithmetic would round, or fail, beyond the 28 digits of a context.
    """
    try:
        _, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:
        return 0
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return 0 if not isinstance(exponent, int) or zeros == len(digits) else max(0, -exponent - zeros)


def store_files(connection: Connection, policy: Policy) -> None:
    """Store the files that the policy's hash was made of, for an audit."""
    for name in file_names(policy.folder):
        connection.execute(
            "insert into policy.files (policy_version, file_name, content) values (%s, %s, %s)",
            [policy.header.version, name, (policy.folder / name).read_bytes().decode("utf-8")],
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


def changed_tables(connection: Connection, policies: Sequence[Policy]) -> list[tuple[str, str]]:
    """Tables of the warehouse, each with a version of which it does not hold what the policy's files say; inserted once
    more, and compared as they are typed.
    """
    if not policies:
        return []
    names = ("policies", *TABLES)
    for name in names:
        wanted = sql.Identifier("pg_temp", name)
        connection.execute(
            sql.SQL("create temp table if not exists {} (like {} including defaults) on commit drop").format(
                sql.Identifier(name), sql.Identifier("policy", name)
            )
        )
        connection.execute(sql.SQL("truncate {}").format(wanted))
    for policy in policies:
        insert_policy(connection, policy, "pg_temp")
    versions = [policy.header.version for policy in policies]
    changed = []
    for name in names:
        columns = [column for column in table_columns(connection, "policy", name) if column != "loaded_at"]
        listed = sql.SQL(", ").join(map(sql.Identifier, columns))
        query = sql.SQL(
            "with stored as (select {columns} from {stored} where policy_version = any(%s)), "
            "wanted as (select {columns} from {wanted}), "
            "differing as ((select * from stored except all select * from wanted) union all "
            "(select * from wanted except all select * from stored)) "
            "select distinct policy_version from differing order by policy_version"
        ).format(columns=listed, stored=sql.Identifier("policy", name), wanted=sql.Identifier("pg_temp", name))
        changed += [(name, version) for (version,) in connection.execute(query, [versions])]
    return changed


def changed_since_loaded(connection: Connection, loaded: Mapping[str, str]) -> list[tuple[str, str]]:
    """Tables, each with a version of which it does not hold what was loaded, by the files stored beside its rows;
    `loaded` gives the hashes by version.
    """
    sound, changed = [], []
    for version, sha256 in loaded.items():
        with stored_policy(connection, version) as policy:
            if policy is None or policy.sha256 != sha256:
                changed.append(("files", version))
            else:
                sound.append(policy)
    return changed + changed_tables(connection, sound)


@contextmanager
def stored_policy(connection: Connection, version: str) -> Iterator[Policy | None]:
    """A version as its stored files say; None where they are no policy any more."""
    files = connection.execute(
        "select file_name, content from policy.files where policy_version = %s", [version]
    ).fetchall()
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files:
            (Path(folder) / name).write_bytes(content.encode())
        try:
            policy = read_folder(Path(folder))
        except PolicyError:
            policy = None
        yield policy


def changed_policies(connection: Connection, run_id: str) -> list[str]:
    """The tables and versions of what a run is rated by that are not as they were loaded."""
    loaded = connection.execute(
        "select policy_version, sha256 from policy.policies join lineage.runs using (policy_name) "
        "where run_id = %s and effective_from <= as_of_date order by 1",
        [run_id],
    ).fetchall()
    return [f"policy.{table} of {version}" for table, version in changed_since_loaded(connection, dict(loaded))]
