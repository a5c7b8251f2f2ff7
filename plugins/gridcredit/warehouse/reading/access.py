"""Who sees what: a schema of views and a role for each department, and rows by org unit.

Which rows a reader sees is defined once, in `own_rows`, and held by a row policy of each relation that is read. Views
over them run with the reader's own rights (`security_invoker`), so that the columns granted and the row policies bind
whoever reads.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog
from psycopg import errors, sql
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.files.policy_file import read_policy_file
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect, connect_as_owner, pipeline_role
from gridcredit.warehouse.content import is_new_content
from gridcredit.warehouse.published_tables import TABLES, published_columns, table_columns

log = structlog.get_logger(__name__)

Columns = Literal["*"] | list[str]
AUDITED_SCHEMAS = ("published", "lineage", "policy")
READ_SCHEMAS = (*AUDITED_SCHEMAS, "evaluation")
# Which names customers of all org units: read through `lineage.failing_key`.
WITHHELD = {("lineage", "gate_results"): {"unexpected_keys"}}


class Departments(BaseModel):
    """policies/departments.yml: by department the tables and columns that it sees, or everything; and who sees
    `evaluation`.
    """

    model_config = ConfigDict(extra="forbid")

    departments: dict[str, dict[str, Columns] | Literal["*"]] = Field(
        description='by department the tables that it sees, each with its columns or "*" for all; "*" alone: every '
        "table"
    )
    analysts: list[str] = Field([], description="departments that see the schema `evaluation`")

    @field_validator("analysts")
    @classmethod
    def _are_departments(cls, value: list[str], info: ValidationInfo) -> list[str]:
        for department in value:
            if department not in info.data.get("departments", {}):
                raise ValueError(f"no department {department!r}")
        return value


def read_departments(settings: Settings) -> Departments:
    """The file as it is; a PolicyError says what is wrong with it."""
    return read_policy_file(settings.policies_dir / "departments.yml", Departments)


def role_of(department: str) -> str:
    """The role that members of a department inherit, which is the name of its schema too."""
    return f"dept_{department}"


def own_rows(columns: Collection[str]) -> sql.SQL | None:
    """The rows of a relation that a reader sees: those of his customers, else of his org units; totals are everybody's
    (None).
    """
    if "customer_id" in columns:
        mine = "customer_id in (select customer_id from published.my_customer)"
    elif "org_unit" in columns:
        mine = "org_unit in (select org_unit from published.my_org_unit)"
    else:
        return None
    return sql.SQL("exists (select from published.my_org_unit where org_unit = '*') or " + mine)


def apply_access(connection: Connection, settings: Settings) -> None:
    """Bring roles, views, grants and row policies to the file and to what is there to be read, if either changed.

    The connection is the owner's.
    """
    departments = read_departments(settings)
    published = {table: published_columns(connection, table) for table in TABLES}
    for department, tables in departments.departments.items():
        _check(settings, department, tables, published)
    # By their oids: a relation that was made again has lost its grants.
    relations = connection.execute(
        "select oid::bigint, relname from pg_class where relnamespace = any(%s::text[]::regnamespace[]) order by 1",
        [list(AUDITED_SCHEMAS)],
    ).fetchall()
    pipeline = pipeline_role(settings)
    roles = [pipeline, connection.info.user]
    state = json.dumps([departments.model_dump(), published, relations, roles], sort_keys=True)
    if not is_new_content(connection, "access", state.encode() + Path(__file__).read_bytes()):
        return
    for schema in READ_SCHEMAS:
        _protect_schema(connection, schema, pipeline)
    _revoke_all(connection, pipeline)
    for department, tables in departments.departments.items():
        role = sql.Identifier(role_of(department))
        _ensure_role(connection, role_of(department))
        connection.execute(sql.SQL("create schema {}").format(role))
        connection.execute(sql.SQL("grant usage on schema {}, published to {}").format(role, role))
        connection.execute(
            sql.SQL("grant select on published.release, published.my_org_unit, published.my_customer to {}").format(
                role
            )
        )
        sees = dict.fromkeys(published, "*") if tables == "*" else tables
        for table, chosen in sees.items():
            columns = list(published[table]) if chosen == "*" else list(chosen)
            _grant(connection, role, table, columns)
        if tables == "*":
            for schema in AUDITED_SCHEMAS:
                _grant_schema(connection, role, schema)
    for department in departments.analysts:
        role = sql.Identifier(role_of(department))
        _grant_schema(connection, role, "evaluation")
        # Tables that a later watch builds again are theirs as well: they have no rows of customers.
        connection.execute(
            sql.SQL("alter default privileges for role {} in schema evaluation grant select on tables to {}").format(
                sql.Identifier(pipeline), role
            )
        )
    log.info("access_applied", departments=list(departments.departments))


def add_reader(name: str, department: str, org_units: list[str], settings: Settings) -> str:
    """Make a login for one reader of a department; returns its password, which is stored nowhere."""
    if department not in read_departments(settings).departments:
        raise GridCreditError(f"no department {department!r} in {settings.policies_dir / 'departments.yml'}")
    password = secrets.token_urlsafe(24)
    with connect_as_owner(settings) as connection:
        role = sql.Identifier(name)
        try:
            connection.execute(
                sql.SQL("create role {} login inherit password {} in role {}").format(
                    role, sql.Literal(password), sql.Identifier(role_of(department))
                )
            )
        except errors.DuplicateObject:
            raise GridCreditError(f"role {name!r} already exists") from None
        except errors.InsufficientPrivilege as error:
            raise GridCreditError(
                "logins of readers are made by the warehouse's owner, who has the roles of departments with admin "
                "option: run this with GRIDCREDIT_OWNER_URL (docs/how-to/guard_the_evidence.md)"
            ) from error
        except errors.UndefinedObject:
            raise GridCreditError(
                f"{role_of(department)} is not there yet: `gridcredit prepare` makes departments"
            ) from None
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("grant connect on database {} to {}").format(database, role))
        connection.execute(
            sql.SQL("alter role {} in database {} set search_path to {}").format(
                role, database, sql.Identifier(role_of(department))
            )
        )
        # Of a login of this name that no longer exists, nothing is inherited.
        connection.execute("delete from ops.reader_org_units where role_name = %s", [name])
        connection.cursor().executemany(
            "insert into ops.reader_org_units (role_name, org_unit) values (%s, %s)",
            [(name, org_unit) for org_unit in org_units],
        )
    return password


@dataclass(frozen=True)
class Reader:
    """A login of a department, and whose customers it sees: org units, `*` for all."""

    name: str
    department: str
    org_units: list[str]


def list_readers(settings: Settings) -> list[Reader]:
    """The logins of all departments that may read this warehouse, by name."""
    departments = {role_of(name): name for name in read_departments(settings).departments}
    with connect(settings) as connection:
        found = connection.execute(
            "select login.rolname, department.rolname, "
            "array(select org_unit from ops.reader_org_units where role_name = login.rolname order by org_unit) "
            "from pg_auth_members join pg_roles as login on login.oid = member "
            "join pg_roles as department on department.oid = roleid "
            "where login.rolcanlogin and department.rolname = any(%s) "
            "and has_database_privilege(login.oid, current_database(), 'connect') order by 1, 2",
            [list(departments)],
        ).fetchall()
    return [Reader(name, departments[role], org_units) for name, role, org_units in found]


def _check(
    settings: Settings, department: str, tables: dict[str, Columns] | Literal["*"], published: dict[str, list[str]]
) -> None:
    path = settings.policies_dir / "departments.yml"
    for table, columns in {} if tables == "*" else tables.items():
        if table not in published:
            raise PolicyError(f"{path}: {department}: no table {table!r} is published")
        unknown = [] if columns == "*" else sorted(set(columns) - set(published[table]))
        if unknown:
            raise PolicyError(f"{path}: {department}: {table} has no column {', '.join(unknown)}")


def _ensure_role(connection: Connection, name: str) -> None:
    if not connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone():
        try:
            connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(name)))
        except errors.InsufficientPrivilege as error:
            raise GridCreditError(
                f"the warehouse role may not create roles: ask its administrator for `create role {name} nologin`"
            ) from error


def _revoke_all(connection: Connection, pipeline: str) -> None:
    """Revoke what departments could read: what the file no longer names is no longer theirs."""
    departments = connection.execute(
        "select nspname from pg_namespace join pg_roles on rolname = nspname where starts_with(nspname, %s) "
        "and pg_has_role(current_user, nspowner, 'usage')",
        [role_of("")],
    ).fetchall()
    for (department,) in departments:
        role = sql.Identifier(department)
        connection.execute(sql.SQL("drop schema {} cascade").format(role))
        for schema in READ_SCHEMAS:
            name = sql.Identifier(schema)
            for right in (
                "revoke all on all tables in schema {0} from {1}",
                "revoke all on schema {0} from {1}",
                "alter default privileges for role {2} in schema {0} revoke all on tables from {1}",
            ):
                connection.execute(sql.SQL(right).format(name, role, sql.Identifier(pipeline)))


def _grant(connection: Connection, role: sql.Identifier, table: str, columns: list[str]) -> None:
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    history = sql.Identifier("published", f"{table}_history")
    view = sql.SQL("{}.{}").format(role, sql.Identifier(table))
    connection.execute(sql.SQL("grant select ({}, valid_to_release) on {} to {}").format(listed, history, role))
    connection.execute(
        sql.SQL(
            "create view {} with (security_invoker = true, security_barrier = true) as "
            "select {} from {} where valid_to_release is null"
        ).format(view, listed, history)
    )
    connection.execute(sql.SQL("grant select on {} to {}").format(view, role))


def _grant_schema(connection: Connection, role: sql.Identifier, schema: str) -> None:
    """Let a role read all of a schema but the columns that are withheld."""
    name = sql.Identifier(schema)
    connection.execute(sql.SQL("grant usage on schema {} to {}").format(name, role))
    connection.execute(sql.SQL("grant select on all tables in schema {} to {}").format(name, role))
    for (of_schema, table), withheld in WITHHELD.items():
        if of_schema == schema:
            relation = sql.Identifier(schema, table)
            shown = [column for column in table_columns(connection, schema, table) if column not in withheld]
            connection.execute(sql.SQL("revoke select on {} from {}").format(relation, role))
            connection.execute(
                sql.SQL("grant select ({}) on {} to {}").format(
                    sql.SQL(", ").join(map(sql.Identifier, shown)), relation, role
                )
            )


def _protect_schema(connection: Connection, schema: str, pipeline: str) -> None:
    """Give each table of a schema whose rows are not everybody's the row policy that says whose they are, one by which
    the pipeline, which does not own them, sees and adds all, and no other.
    """
    tables = connection.execute(
        "select relname from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'p')", [schema]
    ).fetchall()
    for (table,) in tables:
        mine = own_rows(table_columns(connection, schema, table))
        if mine is None:
            continue
        relation = sql.Identifier(schema, table)
        connection.execute(sql.SQL("alter table {} enable row level security").format(relation))
        for (policy,) in connection.execute(
            "select policyname from pg_policies where schemaname = %s and tablename = %s", [schema, table]
        ).fetchall():
            connection.execute(sql.SQL("drop policy {} on {}").format(sql.Identifier(policy), relation))
        connection.execute(sql.SQL("create policy own_rows on {} for select using ({})").format(relation, mine))
        connection.execute(
            sql.SQL("create policy pipeline on {} to {} using (true) with check (true)").format(
                relation, sql.Identifier(pipeline)
            )
        )
