"""The audit folder: everything an outsider needs to check a release without us, and nothing that runs."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import structlog
from psycopg import sql

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.errors import GridCreditError
from gridcredit.files.private import make_private
from gridcredit.files.spreadsheet import neutralised, write_table
from gridcredit.lineage.records import records_of_customer
from gridcredit.lineage.seal import lineage_record
from gridcredit.pages.template import render, write_page
from gridcredit.policies.tables import TABLES as POLICY_TABLES
from gridcredit.releases import audit_check, audit_indicators
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.currency import in_its_currency
from gridcredit.warehouse.published_tables import TABLES, published_columns, require_release, row_hash

log = structlog.get_logger(__name__)

# Customers whose rating is laid out for computing it again, where the auditor asks for no other number.
SAMPLE = 20
# Of each grade some, with and without veto and override; within these by a hash that the auditor's seed decides.
STRATIFIED = (
    "select customer_id from (select *, row_number() over (partition by grade, veto, override_id is null "
    "order by md5(%(seed)s || customer_id), customer_id) as place from published.customer_rating_as_of(%(release)s)) "
    "as rating order by place, grade, veto, override_id is null, customer_id limit %(size)s"
)
RECORDS = ("bill", "payment", "dispute", "meter_reading")

QUERIES = {
    "inputs.csv": "select file_id, mapping, file_name, sha256, byte_size, loaded_at, undone_at, extract, rows_read, "
    "rows_accepted, rows_quarantined, rows_filtered, rows_repeated, row_hash_sum, hashed_columns, run_id from "
    "lineage.files join lineage.run_files using (file_id) join lineage.runs using (run_id) left join lineage.loads "
    "using (file_id) left join (select file_id, extract, row_hash_sum, columns as hashed_columns from "
    "lineage.load_hashes where because = 'loaded') as hashes using (file_id, extract) where runs.status in "
    "('published', 'unchanged') and "
    "runs.started_at <= (select started_at from lineage.runs where run_id = %(run)s) order by file_id, extract, run_id",
    "gates.csv": "select gate, table_name, suite, expectation, column_name, severity, success, unexpected_count, "
    "element_count, detail, unexpected_keys from lineage.gate_results where run_id = %(run)s order by 1, 2, 4, 5, 10",
    "models.csv": "select unique_id, status, checksum, rows_affected from lineage.model_results "
    "where run_id = %(run)s and resource_type = 'model' order by 1, recorded_at",
    "columns.csv": "select schema_name, table_name, column_name, upstream_schema, upstream_table, upstream_column, "
    "is_direct "
    "from lineage.columns join lineage.runs using (fingerprint) where run_id = %(run)s order by 1, 2, 3, 4, 5, 6",
    "policies.csv": "select policy_version, approver, effective_from, sha256, %(policy_tables)s as tables from "
    "policy.policies "
    "join lineage.runs using (policy_name) where run_id = %(run)s and effective_from <= as_of_date order by 1",
    "approvals.csv": "select approver, is_approved, reason, checks::text as checks, decided_at from lineage.approvals "
    "where run_id = %(run)s order by approval_id",
    "decisions.csv": "select decision, subject, approver, reason, os_user, database_role, decided_at "
    "from lineage.decisions where subject = %(run)s order by decision_id",
    "tables.csv": "select table_name, rows, row_hash_sum from lineage.release_tables where release = %(release)s order "
    "by 1",
    "chain.csv": "select release, run_id, as_of_date, published_at, rolled_back_to, approver, reason, lineage_hash, "
    "chain_hash from lineage.releases where release <= %(release)s order by release",
}
RATINGS = (
    "select customer_id, score, weight_available, grade_by_score, veto, grade_by_policy, grade, override_id, "
    "policy_version from published.customer_rating_as_of(%(release)s) where customer_id = any(%(customers)s) order by "
    "customer_id"
)
LIMITS = (
    "select customer_id, grade, mean_monthly_bill, peak_season_factor, limit_months, deposit_amount, guarantee_amount, "
    "credit_limit, policy_version from published.credit_limit_as_of(%(release)s) "
    "where customer_id = any(%(customers)s) order by customer_id"
)
INDICATORS = (
    "select customer_id, indicator, indicator_value, is_available, bins.lower_bound, bins.upper_bound, points.points, "
    "points.weight, points.reason_code from published.rating_indicator_as_of(%(release)s) as points "
    "join published.customer_rating_as_of(%(release)s) as rating using (customer_id) "
    "left join policy.bins using (policy_version, indicator, bin) where customer_id = any(%(customers)s) "
    "order by customer_id, indicator"
)


@dataclass(frozen=True)
class Sample:
    """Which customers are laid out: those named, else `size` of all grades, by a seed."""

    customers: tuple[str, ...] = ()
    size: int = SAMPLE
    seed: str = ""


def write_audit(release: int, out: Path, settings: Settings, sample: Sample | None = None) -> Path:
    """Write the folder of a release; `MANIFEST` has the SHA-256 of every other file, as `sha256sum -c` reads it.

    Raises:
        GridCreditError: there is no such release or customer, or the folder is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise GridCreditError(f"{out} is not empty: give a folder of its own")
    out.mkdir(parents=True, exist_ok=True)
    # Until each file has its rights.
    out.chmod(0o700)
    with connect(settings) as connection:
        connection.read_only = True
        as_of_date = require_release(connection, release)
        customers = _sampled(connection, release, sample or Sample())
        (run_id,) = connection.execute(
            "select run_id from lineage.releases where release = %s", [release]
        ).fetchone() or (None,)
        values = {"release": release, "run": run_id, "policy_tables": " ".join(POLICY_TABLES), "customers": customers}
        for name, query in QUERIES.items():
            _write_csv(out / name, connection, query, values)
        _write_policies(out / "policy", connection, values)
        _write_models(out / "models", connection, values)
        _write_tables(out / "tables", connection, release)
        _write_sample(out / "sample", connection, values, as_of_date)
        write_page(out / "lineage.txt", lineage_record(connection, str(run_id)))
        currency = in_its_currency(settings, connection).currency
        facts = {"release": release, "run": run_id, "policy_tables": list(POLICY_TABLES), "currency": currency}
        write_page(out / "README.md", render("gridcredit.releases", "audit.md.j2", facts))
    for name, script in (("check.py", audit_check), ("check_indicators.py", audit_indicators)):
        write_page(out / name, Path(str(script.__file__)).read_text(encoding="utf-8"))
    _write_manifest(out)
    log.info("audit_written", release=release, folder=str(out))
    return out


def _write_csv(path: Path, connection: Connection, query: Any, values: dict[str, Any]) -> None:  # noqa: ANN401
    cursor = connection.execute(query, values)
    rows = (
        [json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value for value in row]
        for row in cursor
    )
    write_table(path, [one.name for one in cursor.description or ()], rows)


def _write_policies(folder: Path, connection: Connection, values: dict[str, Any]) -> None:
    """The policy files as they were signed, by version."""
    for version, name, content in connection.execute(
        "select policy_version, file_name, content from policy.files join policy.policies using (policy_version) "
        "join lineage.runs using (policy_name) where run_id = %(run)s and effective_from <= as_of_date order by 1, 2",
        values,
    ):
        (folder / version).mkdir(parents=True, exist_ok=True)
        # As they were: their hash is over bytes.
        (folder / version / name).write_bytes(content.encode())


def _write_models(folder: Path, connection: Connection, values: dict[str, Any]) -> None:
    """The SQL that was run, and the source it was compiled from, as the run's events reported."""
    folder.mkdir()
    for job, facets in connection.execute(
        "select job_name, event->'job'->'facets' from lineage.events where event_type = 'COMPLETE' "
        "and job_name like 'dbt.%%' and job_name not like 'dbt.test.%%' "
        "and event->'run'->'facets'->'tags'->'tags' @> jsonb_build_array(jsonb_build_object('key', 'build', 'value', "
        "%(run)s::text)) order by event_id",
        values,
    ):
        name = job.removeprefix("dbt.")
        (folder / f"{name}.source.sql").write_text(facets["sourceCode"]["sourceCode"], encoding="utf-8")
        if "sql" in facets:
            (folder / f"{name}.run.sql").write_text(facets["sql"]["query"], encoding="utf-8")


def _write_tables(folder: Path, connection: Connection, release: int) -> None:
    """Of each published table every row: its columns in order, its text, which its hash is made of, and the hash."""
    folder.mkdir()
    for table in TABLES:
        columns = published_columns(connection, table)
        query = sql.SQL(
            "select {texts}, row({columns})::text, {hash} from {as_of}({release}) as shown order by {key}"
        ).format(
            texts=sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            hash=row_hash(columns, "shown"),
            as_of=sql.Identifier("published", f"{table}_as_of"),
            release=sql.Literal(release),
            key=sql.SQL(", ").join(map(sql.Identifier, TABLES[table].key)),
        )
        with (
            (folder / f"{table}.csv.gz").open("wb") as file,
            gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
            connection.cursor(name="audit") as cursor,
        ):
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow([*columns, "row_text", "row_hash"])
            for *cells, row_text, number in cursor.execute(query):
                writer.writerow([*(cell and neutralised(cell) for cell in cells), row_text, number])


def _sampled(connection: Connection, release: int, sample: Sample) -> list[str]:
    """The customers of the sample; those named must be rated by the release."""
    if not sample.customers:
        values = {"release": release, "seed": sample.seed, "size": sample.size}
        return [customer for (customer,) in connection.execute(STRATIFIED, values)]
    rated = connection.execute(
        "select customer_id from published.customer_rating_as_of(%s) where customer_id = any(%s)",
        [release, list(sample.customers)],
    ).fetchall()
    unknown = sorted(set(sample.customers) - {customer for (customer,) in rated})
    if unknown:
        raise GridCreditError(f"release {release} does not rate {', '.join(unknown)}")
    return sorted(sample.customers)


def _write_sample(folder: Path, connection: Connection, values: dict[str, Any], as_of_date: date) -> None:
    """Of the sample what their scores and limits come from, and the records that they rest on, with file and line."""
    folder.mkdir()
    for name, query in (("ratings", RATINGS), ("indicators", INDICATORS), ("limits", LIMITS)):
        _write_csv(folder / f"{name}.csv", connection, query, values)
    for extract in RECORDS:
        columns = [column.name for column in EXTRACTS[extract].columns if not column.personal]
        rows = [
            [customer, *(record.values.get(column) for column in columns), record.file_name, record.line_no]
            for customer in values["customers"]
            for record in records_of_customer(connection, extract, customer, values["release"], as_of_date)
        ]
        write_table(folder / f"{extract}.csv", ["of_customer", *columns, "file_name", "line_no"], rows)


def _write_manifest(out: Path) -> None:
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out).as_posix()}\n"
        for path in sorted(out.rglob("*"))
        if path.is_file()
    ]
    write_page(out / "MANIFEST", "".join(lines))
    for path in out.rglob("*"):
        make_private(path)
