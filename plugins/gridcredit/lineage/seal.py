"""The hash over what a release rests on: its run, the files it knew, gate results, models, policies and approval."""

from __future__ import annotations

import hashlib

from gridcredit.warehouse.connection import Connection

# One row of text for each fact of a run, in an order that does not depend on when it was written.
FACTS = (
    "select concat_ws(' ', 'run', run_id, as_of_date, code_version, policy_name, fingerprint, as_of_dates::text) "
    "from lineage.runs where run_id = %(run)s",
    # Of loads that were not hashed when they were loaded the line ends before their hash.
    "select concat_ws(' ', 'file', files.file_id, mapping, file_name, sha256, byte_size, loads.extract, rows_read, "
    "rows_accepted, rows_quarantined, row_hash_sum) from lineage.run_files join lineage.files using (file_id) "
    "left join lineage.loads using (file_id) left join lineage.load_hashes "
    "on because = 'loaded' and (load_hashes.file_id, load_hashes.extract) = (files.file_id, loads.extract) "
    "where run_id = %(run)s order by files.file_id, loads.extract",
    # Hashes that were computed later, since the run of the release before.
    "select concat_ws(' ', 'hash', file_id, extract, rows, row_hash_sum, because, erasure_id) from lineage.load_hashes "
    "where because <> 'loaded' and recorded_at <= (select started_at from lineage.runs where run_id = %(run)s) "
    "and recorded_at > coalesce((select started_at from lineage.releases join lineage.runs using (run_id) "
    "where release < coalesce((select release from lineage.releases where run_id = %(run)s), 9223372036854775807) "
    "order by release desc limit 1), '-infinity') order by hash_id",
    "select concat_ws(' ', 'check', gate, suite, expectation, column_name, severity, success, unexpected_count, "
    "element_count, detail) as fact from lineage.gate_results where run_id = %(run)s order by fact",
    "select concat_ws(' ', 'model', unique_id, status, checksum) as fact from lineage.model_results "
    "where run_id = %(run)s and resource_type = 'model' order by fact",
    "select concat_ws(' ', 'policy', policy_version, effective_from, approver, sha256) as fact from policy.policies "
    "join lineage.runs using (policy_name) where run_id = %(run)s and effective_from <= as_of_date order by fact",
    # Of decisions before their checks were stored the line ends before these.
    "select concat_ws(' ', 'approval', approver, is_approved, reason, checks::text) from lineage.approvals "
    "where run_id = %(run)s order by approval_id",
)


def lineage_record(connection: Connection, run_id: str) -> str:
    """The record of a run, a fact a line."""
    facts = (fact for query in FACTS for (fact,) in connection.execute(query, {"run": run_id}))
    return "".join(f"{fact}\n" for fact in facts)


def lineage_hash(connection: Connection, run_id: str) -> str:
    """SHA-256 over the record of a run."""
    return hashlib.sha256(lineage_record(connection, run_id).encode()).hexdigest()
