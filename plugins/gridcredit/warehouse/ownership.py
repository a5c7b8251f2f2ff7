"""Whose the warehouse is: evidence and the rights to read belong to an owner whom the pipeline cannot become.

The pipeline's own are the facts and what models build of them. It may add to evidence, and change what triggers of the
owner let it change.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from gridcredit.warehouse.connection import Connection

# Policies, what happened, what was released and who reads it, and what runs note for one another.
OWNERS: LiteralString = (
    "(nspname in ('ops', 'policy', 'lineage', 'published', 'star') or starts_with(nspname, 'dept_'))"
)
# A gate makes views of what it checks, for itself.
LASTING: LiteralString = "not (nspname = 'ops' and relkind = 'v')"
OTHERS_OF: LiteralString = """
with schemas as (
    select oid, nspname, nspowner, case when {owners} then {owner} else {pipeline} end as wanted
    from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')
),
found as (
    select 0 as turn, nspowner as present, wanted, format('schema %I', nspname) as what from schemas
    union all
    select 1, relowner, wanted, format('table %I.%I', nspname, relname)
    from pg_class inner join schemas on schemas.oid = relnamespace
    where
        relkind in ('r', 'p', 'v', 'm', 'S') and {lasting}
        and not exists (
            select from pg_depend
            where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('a', 'i') and relkind = 'S'
        )
    union all
    select 1, proowner, wanted, format('routine %s', pg_proc.oid::regprocedure)
    from pg_proc inner join schemas on schemas.oid = pronamespace
)
select format('alter %s owner to %I', what, wanted) from found
where present in ({owner}::regrole, {pipeline}::regrole) and present <> wanted::regrole
order by turn, what
"""
# What triggers do not refuse: an entry is added, and ended once.
RIGHTS: dict[str, LiteralString] = {
    "ops": "select, insert, update, delete, truncate",
    "policy": "select, insert, update, delete",
    "lineage": "select, insert, update, delete",
    "published": "select, insert",
    "star": "select",
}
# Which migrations and definitions there are, and who reads which rows.
NOT_THE_PIPELINES = ("migrations", "applied", "reader_org_units")


def owns_evidence(connection: Connection) -> bool:
    """Whether this connection's role owns the evidence, or may become who does; also where there is none yet."""
    (is_owner,) = connection.execute(
        "select coalesce(bool_and(pg_has_role(current_user, nspowner, 'usage')), true) "
        "from pg_namespace where nspname = 'lineage'"
    ).fetchone() or (True,)
    return bool(is_owner)


def hand_over(connection: Connection, pipeline: str) -> None:
    """Give everything to whom it belongs, and the pipeline's role its rights; the connection is the owner's.

    Nothing to do where the pipeline connects as the owner. What belongs to a third role stays as it is.
    """
    if pipeline == connection.info.user:
        return
    role, database = sql.Identifier(pipeline), sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("grant connect, create, temporary on database {} to {}").format(database, role))
    names = {"owner": sql.Literal(connection.info.user), "pipeline": sql.Literal(pipeline), "owners": sql.SQL(OWNERS)}
    names["lasting"] = sql.SQL(LASTING)
    for (statement,) in connection.execute(sql.SQL(OTHERS_OF).format(**names)).fetchall():
        connection.execute(statement)
    for schema, rights in RIGHTS.items():
        name = sql.Identifier(schema)
        connection.execute(sql.SQL("grant usage on schema {} to {}").format(name, role))
        connection.execute(sql.SQL("grant {} on all tables in schema {} to {}").format(sql.SQL(rights), name, role))
        connection.execute(sql.SQL("grant usage on all sequences in schema {} to {}").format(name, role))
    connection.execute(sql.SQL("grant create on schema ops to {}").format(role))
    _grant_statistics(connection, role)
    connection.execute(sql.SQL("grant execute on function policy.unload to {}").format(role))
    for table in NOT_THE_PIPELINES:
        relation = sql.Identifier("ops", table)
        connection.execute(sql.SQL("revoke all on {} from {}").format(relation, role))
        connection.execute(sql.SQL("grant select on {} to {}").format(relation, role))
    histories = connection.execute(
        "select relname from pg_class where relnamespace = 'published'::regnamespace and relkind = 'r'"
    )
    for (history,) in histories.fetchall():
        relation = sql.Identifier("published", history)
        connection.execute(sql.SQL("grant update (valid_to_release) on {} to {}").format(relation, role))


def _grant_statistics(connection: Connection, role: sql.Identifier) -> None:
    """Let the pipeline analyse what it adds many rows to; before Postgres 17 that is the owner's alone."""
    if connection.info.server_version < 170_000:
        return
    for schema in ("ops", "policy", "lineage", "published"):
        connection.execute(
            sql.SQL("grant maintain on all tables in schema {} to {}").format(sql.Identifier(schema), role)
        )
