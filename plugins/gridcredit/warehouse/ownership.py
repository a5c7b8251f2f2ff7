"""Whose the warehouse is: evidence and the rights to read belong to an owner whom the pipeline cannot become.

The pipeline's own are the facts and what models build of them. It may add to evidence, and change what triggers of the
owner let it change.
"""

from __future__ import annotations

from typing import LiteralString

from psycopg import sql

from gridcredit.errors import GridCreditError
from gridcredit.warehouse.connection import Connection

# What triggers do not refuse: an entry is added, and ended once. In `ops` is what runs note for one another.
RIGHTS: dict[str, LiteralString] = {
    "ops": "select, insert, update, delete, truncate",
    "policy": "select, insert, update, delete",
    "lineage": "select, insert, update, delete",
    "published": "select, insert",
    "star": "select",
}
# Made by migrations, for the pipeline; it makes the other layers itself.
PIPELINES = ("raw", "quarantine", "evaluation")
# Which migrations and definitions there are, and who reads which rows.
NOT_THE_PIPELINES = ("migrations", "applied", "reader_org_units")
# Who decided is typed; by which role and when is not.
TYPED_OF_A_DECISION = ("decision", "subject", "approver", "reason", "os_user")
# A gate makes views of what it checks, for itself.
LASTING: LiteralString = "not (nspname = 'ops' and relkind = 'v')"
# What is not of a column or an extension, with whom it belongs to.
OBJECTS: LiteralString = """
with schemas as (
    select oid, nspname, nspowner from pg_namespace where nspname = any(%(schemas)s)
),
found as (
    select 0 as turn, nspowner as present, format('schema %%I', nspname) as what from schemas
    union all
    select 1, relowner, format('table %%I.%%I', nspname, relname)
    from pg_class inner join schemas on schemas.oid = relnamespace
    where
        relkind in ('r', 'p', 'v', 'S') and {lasting}
        and not exists (
            select from pg_depend
            where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('a', 'i') and relkind = 'S'
        )
    union all
    select 1, proowner, format('routine %%s', pg_proc.oid::regprocedure)
    from pg_proc inner join schemas on schemas.oid = pronamespace
)
select format('alter %%s owner to %%I', what, %(new)s::text) from found
where present = %(old)s::regrole order by turn, what
"""
# Code that nobody of this project wrote would run with the owner's rights.
STRANGE_CODE: LiteralString = """
select 'function ' || pg_proc.oid::regprocedure
from pg_proc inner join pg_namespace on pg_namespace.oid = pronamespace
where nspname = any(%(schemas)s) and (prosecdef or nspname = 'ops')
    and pg_proc.oid is distinct from to_regprocedure('policy.unload(text, text[])')
union all
select format('trigger %%I on %%s', tgname, tgrelid::regclass)
from pg_trigger
inner join pg_class on pg_class.oid = tgrelid
inner join pg_namespace as place on place.oid = relnamespace
inner join pg_proc on pg_proc.oid = tgfoid
inner join pg_namespace as home on home.oid = pronamespace
where place.nspname = any(%(schemas)s) and home.nspname not in ('pg_catalog', 'lineage', 'policy')
order by 1
"""


def owns_evidence(connection: Connection) -> bool:
    """Whether this connection's role owns the evidence, or may become who does; also where there is none yet."""
    (is_owner,) = connection.execute(
        "select coalesce(bool_and(pg_has_role(current_user, nspowner, 'usage')), true) "
        "from pg_namespace where nspname = 'lineage'"
    ).fetchone() or (True,)
    return bool(is_owner)


def is_due(connection: Connection, pipeline: str) -> bool:
    """Whether the owner who asks has something to take over, or the pipeline lacks its rights on the database."""
    if pipeline == connection.info.user:
        return False
    (is_due,) = connection.execute(
        "select nspowner <> current_user::regrole "
        "or not has_database_privilege(%s, current_database(), 'create') from pg_namespace where nspname = 'lineage'",
        [pipeline],
    ).fetchone() or (False,)
    return bool(is_due)


def hand_over(connection: Connection, pipeline: str) -> None:
    """Give the pipeline's role what is its own, and its rights on evidence; the connection is the owner's.

    Nothing to do where the pipeline connects as the owner.
    """
    if pipeline == connection.info.user:
        return
    role, database = sql.Identifier(pipeline), sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("grant connect, create, temporary on database {} to {}").format(database, role))
    give_to_pipeline(connection, pipeline)
    for schema, rights in RIGHTS.items():
        name = sql.Identifier(schema)
        for statement in (
            "revoke all on all tables in schema {} from public, {}",
            "revoke all on schema {} from public, {}",
            "grant usage on schema {} to {}",
            "grant usage on all sequences in schema {} to {}",
        ):
            connection.execute(sql.SQL(statement).format(name, role))
        connection.execute(sql.SQL("grant {} on all tables in schema {} to {}").format(sql.SQL(rights), name, role))
    connection.execute(sql.SQL("grant create on schema ops to {}").format(role))
    _grant_statistics(connection, role)
    connection.execute(sql.SQL("grant execute on function policy.unload to {}").format(role))
    for table in NOT_THE_PIPELINES:
        relation = sql.Identifier("ops", table)
        connection.execute(sql.SQL("revoke all on {} from {}").format(relation, role))
        connection.execute(sql.SQL("grant select on {} to {}").format(relation, role))
    connection.execute(sql.SQL("revoke insert on lineage.decisions from {}").format(role))
    typed = sql.SQL(", ").join(map(sql.Identifier, TYPED_OF_A_DECISION))
    connection.execute(sql.SQL("grant insert ({}) on lineage.decisions to {}").format(typed, role))
    histories = connection.execute(
        "select relname from pg_class where relnamespace = 'published'::regnamespace and relkind = 'r'"
    )
    for (history,) in histories.fetchall():
        relation = sql.Identifier("published", history)
        connection.execute(sql.SQL("grant update (valid_to_release) on {} to {}").format(relation, role))


def give_to_pipeline(connection: Connection, pipeline: str) -> None:
    """Give the pipeline what the owner made for it: it makes, merges and drops partitions of raw."""
    if pipeline != connection.info.user:
        _change_owner(connection, PIPELINES, connection.info.user, pipeline)


def take_over(connection: Connection, pipeline: str) -> None:
    """Let the owner who asks own the evidence that the pipeline's role owned until now. What belongs to a third role
    stays as it is.

    Raises:
        GridCreditError: there is code in it that this project did not write.
    """
    if not is_due(connection, pipeline):
        return
    schemas = list(RIGHTS)
    strange = [what for (what,) in connection.execute(STRANGE_CODE, {"schemas": schemas}).fetchall()]
    if strange:
        raise GridCreditError(
            f"the owner would own code that GridCredit did not write: {', '.join(strange)}; drop it or move it to a "
            "schema of your own, then run this again"
        )
    _change_owner(connection, schemas, pipeline, connection.info.user)
    # Views, and what they are made of, are made again.
    connection.execute("drop schema if exists star cascade")
    connection.execute("delete from ops.applied where starts_with(name, 'views/')")


def _change_owner(connection: Connection, schemas: list[str] | tuple[str, ...], old: str, new: str) -> None:
    statement = sql.SQL(OBJECTS).format(lasting=sql.SQL(LASTING))
    found = connection.execute(statement, {"schemas": list(schemas), "old": old, "new": new}).fetchall()
    for (change,) in found:
        connection.execute(change)


def _grant_statistics(connection: Connection, role: sql.Identifier) -> None:
    """Let the pipeline analyse what it adds many rows to; before Postgres 17 that is the owner's alone."""
    if connection.info.server_version < 170_000:
        return
    for schema in ("ops", "policy", "lineage", "published"):
        connection.execute(
            sql.SQL("grant maintain on all tables in schema {} to {}").format(sql.Identifier(schema), role)
        )
