"""Follows a published row up: its release, run, gates, policy clauses, models, and the raw records with file and
line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from gridcredit.errors import GridCreditError
from gridcredit.lineage.graph import Node, Trace
from gridcredit.lineage.records import FILES_OF_RELEASE, records_of_customer
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.published_tables import TABLES, require_release

# The rows that explain another, shown beside it.
EXPLAINED_BY = {
    "customer_rating": ("rating_indicator",),
    "customer_warning": ("warning_evidence", "warning_event"),
}
# Tables of a policy whose rows a column of a published row names, by that column.
CLAUSES = {
    "grade": ("grades", "limits"),
    "veto": ("vetoes",),
    "indicator": ("indicators", "bins"),
    "rule": ("warning_rules", "warning_conditions"),
    "customer_class": ("customer_classes",),
    "advice": ("advice_rules",),
    "review_rule": ("review_rules",),
    "strategy": ("dunning_strategies",),
    "held_by": ("dunning_holds",),
    "ageing_bucket": ("ageing_buckets",),
}
PLACE = ("region", "org_unit", "segment", "grade")
# Of an aggregate, so many of the customers behind it are named.
CUSTOMERS_NAMED = 20


def key_of(parts: Iterable[str]) -> dict[str, str]:
    """A row's key from `name=value` parts.

    Raises:
        GridCreditError: a part has no name, or one that another has.
    """
    key: dict[str, str] = {}
    for part in parts:
        name, sign, value = part.partition("=")
        if not sign or name in key:
            raise GridCreditError(
                f"{part!r} is no part of a key: give each of its columns once, as customer_id=C00000001"
            )
        key[name] = value
    return key


def trace_row(table: str, key: dict[str, str], release: int | None = None, settings: Settings | None = None) -> Trace:
    """A row of a published table in a release (the current one by default), and everything behind it.

    A row that releases left as it was is traced to the release that made it.

    Raises:
        GridCreditError: there is no such table, release or row, or the key is not the table's.
    """
    with connect(settings) as connection:
        connection.read_only = True
        number = release or _current_release(connection)
        row = _published_row(connection, table, key, number)
        made_by = row.pop("valid_from_release")
        trace = Trace(f"published.{table} {_named(key)}, release {number}")
        values = {name: value for name, value in row.items() if name not in key}
        node = trace.add(Node("row", f"{table} {_named(key)}", values))
        run_id, as_of_date = _add_release(trace, connection, node, made_by)
        _add_policy(trace, connection, node, row, as_of_date)
        for other in EXPLAINED_BY.get(table, ()):
            for found in _rows(connection, other, {name: row[name] for name in TABLES[table].key}, number):
                shown = {
                    name: value for name, value in found.items() if name not in row and name != "valid_from_release"
                }
                name = _named({name: str(found[name]) for name in TABLES[other].key})
                trace.add(Node("row", f"{other} {name}", shown), under=node)
        extracts = _add_models(trace, connection, node, table, run_id)
        if customer := row.get("customer_id"):
            for extract in extracts:
                for record in records_of_customer(connection, extract, customer, made_by, as_of_date):
                    fact = Node("record", f"{extract} {record.key}", {"at": record.source, **record.values})
                    source = trace.add(fact, under=trace.nodes[f"model raw.{extract}"])
                    _add_file(trace, connection, source, record.file_id)
        else:
            _add_customers_behind(trace, connection, node, row, number)
            _add_files_behind(trace, connection, node, extracts, made_by)
    return trace


def _current_release(connection: Connection) -> int:
    (number,) = connection.execute("select max(release) from lineage.releases").fetchone() or (None,)
    if number is None:
        raise GridCreditError("nothing has been published yet: run `make demo` or deliver files")
    return int(number)


def _named(key: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in key.items())


def _published_row(connection: Connection, table: str, key: dict[str, str], release: int) -> dict[str, Any]:
    if table not in TABLES:
        raise GridCreditError(f"there is no published table {table!r}; there are {', '.join(TABLES)}")
    if set(key) != set(TABLES[table].key):
        raise GridCreditError(f"the key of {table} is {', '.join(TABLES[table].key)}: give each as name=value")
    require_release(connection, release)
    rows = _rows(connection, table, key, release)
    if not rows:
        raise GridCreditError(f"release {release} shows no row of {table} with {_named(key)}")
    return rows[0]


def _rows(connection: Connection, table: str, values: dict[str, Any], release: int) -> list[dict[str, Any]]:
    query = sql.SQL("select * from {}(%s) where {} order by {key}").format(
        sql.Identifier("published", f"{table}_as_of"),
        # A customer's number as it is, for the index; what else a key holds is shown as text.
        sql.SQL(" and ").join(
            sql.SQL("{}::text = %s").format(sql.Identifier(name))
            if name != "customer_id"
            else sql.SQL("{} = %s").format(sql.Identifier(name))
            for name in values
        ),
        key=sql.SQL(", ").join(map(sql.Identifier, TABLES[table].key)),
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query, [release, *map(str, values.values())]).fetchall()
    for row in rows:
        row.pop("valid_to_release")
    return rows


def _add_release(trace: Trace, connection: Connection, node: Node, release: int) -> tuple[str, Any]:
    """The release that made the row, its run, what its gates found, and who let it through."""
    found = connection.execute(
        "select run_id, releases.as_of_date, published_at, chain_hash, code_version, policy_name, built_because, "
        "started_at, approver, reason from lineage.releases join lineage.runs using (run_id) where release = %s",
        [release],
    ).fetchone()
    run_id, as_of_date, published_at, chain, code, policy, because, started_at, approver, reason = found or (None,) * 10
    made_by = trace.add(
        Node(
            "release",
            str(release),
            {"as of": as_of_date, "published": f"{published_at:%Y-%m-%d %H:%M:%S%z}", "hash": chain[:16]},
        ),
        under=node,
    )
    if approver:
        trace.add(Node("approval", approver, {"reason": reason}), under=made_by)
    run = trace.add(
        Node(
            "run",
            run_id,
            {
                "code": code,
                "policy": policy,
                "started": f"{started_at:%Y-%m-%d %H:%M:%S%z}",
                "computed": f"everything: {because}" if because else "what had changed",
            },
        ),
        under=made_by,
    )
    for gate, checks, failed, found in connection.execute(
        "select gate, count(*), count(*) filter (where not success), "
        "string_agg(suite || ' ' || expectation || ': ' || detail, '; ') filter (where not success) "
        "from lineage.gate_results where run_id = %s group by gate order by gate desc",
        [run_id],
    ):
        trace.add(Node("gate", gate, {"checks": checks, "failed": failed, "found": found}), under=run)
    return run_id, as_of_date


def _add_policy(trace: Trace, connection: Connection, node: Node, row: dict[str, Any], as_of_date: Any) -> None:  # noqa: ANN401
    """The policy version that the row names, else the one in force, and the clauses that the row's values point at."""
    found = connection.execute(
        "select policy_version, effective_from, approver, sha256 from policy.policies "
        "where policy_version = %s or (%s::text is null and effective_from <= %s and policy_name = ("
        "select policy_name from lineage.runs join lineage.releases using (run_id) order by release desc limit 1)) "
        "order by effective_from desc limit 1",
        [row.get("policy_version"), row.get("policy_version"), as_of_date],
    ).fetchone()
    if found is None:
        return
    version, effective_from, approver, digest = found
    policy = trace.add(
        Node("policy", version, {"from": effective_from, "approved by": approver, "sha256": digest[:16]}), under=node
    )
    for column, tables in CLAUSES.items():
        if row.get(column) is None:
            continue
        for table in tables:
            query = sql.SQL("select * from {} where policy_version = %s and {} = %s").format(
                sql.Identifier("policy", table), sql.Identifier(column)
            )
            with connection.cursor(row_factory=dict_row) as cursor:
                for number, clause in enumerate(cursor.execute(query, [version, row[column]]), start=1):
                    facts = {name: value for name, value in clause.items() if name not in ("policy_version", column)}
                    trace.add(Node("policy", f"{table} {row[column]} {number}", facts), under=policy)


def _add_models(trace: Trace, connection: Connection, node: Node, table: str, run_id: str) -> list[str]:
    """The models that the table rests on, with their checksums; returns the extracts at the bottom."""
    edges = connection.execute(
        "with recursive edges as ("
        "select distinct schema_name, table_name, upstream_schema, upstream_table from lineage.columns "
        "join lineage.runs using (fingerprint) where run_id = %s), "
        "reached as (select 'candidate' as schema_name, %s as table_name "
        "union select upstream_schema, upstream_table from edges join reached using (schema_name, table_name)) "
        "select edges.* from edges join reached using (schema_name, table_name)",
        [run_id, table],
    ).fetchall()
    checksums: dict[str, str] = dict(
        connection.execute(
            "select split_part(unique_id, '.', 3), checksum from lineage.model_results "
            "where run_id = %s and resource_type = 'model'",
            [run_id],
        ).fetchall()
    )
    names: dict[tuple[str, str], Node] = {}

    def model(schema: str, name: str) -> Node:
        facts = {"checksum": checksums[name][:16]} if name in checksums else {}
        return names.setdefault((schema, name), Node("model", f"{schema}.{name}", facts))

    for schema, name, upstream_schema, upstream_name in sorted(edges):
        trace.add(model(upstream_schema, upstream_name), under=trace.add(model(schema, name)))
    if ("candidate", table) in names:
        trace.edges.add((node.id, names["candidate", table].id))
    return sorted({name for _, _, schema, name in edges if schema == "raw"})


def _add_file(trace: Trace, connection: Connection, under: Node, file_id: int) -> None:
    name = f"#{file_id}"
    if (known := trace.nodes.get(f"file {name}")) is not None:
        trace.add(known, under=under)
        return
    row = connection.execute(
        "select file_name, mapping, sha256, loaded_at, undone_at, string_agg("
        "extract || ': ' || rows_accepted || ' of ' || rows_read || ' rows accepted', ', ') "
        "from lineage.files left join lineage.loads using (file_id) where file_id = %s group by file_id",
        [file_id],
    ).fetchone()
    if row:
        facts = dict(zip(("name", "mapping", "sha256", "loaded", "reverted", "rows"), row, strict=True))
        facts["sha256"] = facts["sha256"][:16]
        trace.add(Node("file", name, facts), under=under)


def _add_customers_behind(trace: Trace, connection: Connection, node: Node, row: dict[str, Any], release: int) -> None:
    """The customers of an aggregate's place who owe the most: each can be traced further."""
    place = [name for name in PLACE if row.get(name) is not None]
    query = sql.SQL(
        "select customer_id, grade, open_amount, overdue_amount from published.customer_rating_as_of(%s) where true {} "
        "order by open_amount desc, customer_id limit %s"
    ).format(
        sql.SQL("").join(sql.SQL(" and coalesce({}, 'unknown') = %s").format(sql.Identifier(name)) for name in place)
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        for found in cursor.execute(query, [release, *(row[name] for name in place), CUSTOMERS_NAMED]):
            customer = found.pop("customer_id")
            trace.add(Node("row", f"customer_rating customer_id={customer}", found), under=node)


def _add_files_behind(trace: Trace, connection: Connection, node: Node, extracts: list[str], release: int) -> None:
    """The files of the extracts that an aggregate rests on, as the release knew them."""
    query = sql.SQL(
        "select distinct file_id from lineage.loads where extract = any(%(extracts)s) and file_id in ({}) order by 1"
    ).format(FILES_OF_RELEASE)
    for (file_id,) in connection.execute(query, {"extracts": extracts, "release": release}).fetchall():
        _add_file(trace, connection, node, file_id)
