"""Who sees what: a schema of views and a role for each department, and rows by org unit.

A department's view runs with the reader's own rights (`security_invoker`), so that the columns granted and the row policies
of the published tables bind whoever reads it.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Literal

import structlog
from psycopg import errors, sql
from pydantic import BaseModel, ConfigDict

from gridcredit.applied import apply_once
from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.policy.folder import read_policy_file
from gridcredit.published_tables import TABLES, published_columns
from gridcredit.settings import Settings
from gridcredit.warehouse import READER_ROLE, Connection, connect

log = structlog.get_logger(__name__)

Columns = Literal["*"] | list[str]
AUDITED_SCHEMAS = ("published", "lineage", "policy")
OF_OWN_CUSTOMERS = sql.SQL("customer_id in (select customer_id from published.my_customer)")


class Departments(BaseModel):
    """policies/departments.yml: by department the tables and columns that it sees, or everything; and who sees `evaluation`."""

    model_config = ConfigDict(extra="forbid")

    departments: dict[str, dict[str, Columns] | Literal["*"]]
    analysts: list[str] = []


def read_departments(settings: Settings) -> Departments:
    """The file as it is; a PolicyError says what is wrong with it."""
    return read_policy_file(settings.policies_dir / "departments.yml", Departments)


def role_of(department: str) -> str:
    """The role that members of a department inherit, which is the name of its schema too."""
    return f"dept_{department}"


def apply_access(connection: Connection, settings: Settings) -> None:
    """Bring roles, views, grants and row policies to the file and the published tables, if either changed."""
    departments = read_departments(settings)
    published = {table: published_columns(connection, table) for table in TABLES}
    state = json.dumps([departments.model_dump(), published], sort_keys=True)
    if not apply_once(connection, "access", state.encode() + Path(__file__).read_bytes()):
        return
    # With its owner's rights: which customers are a reader's own is told by all of them.
    connection.execute(
        "create or replace view published.my_customer as select customer_id from published.customer_rating_history "
        "where valid_to_release is null and org_unit in (select org_unit from published.my_org_unit)"
    )
    connection.execute(
        "comment on column published.my_customer.customer_id is 'a customer of the org units of the login asking'"
    )
    for table, columns in published.items():
        _protect_rows(connection, table, columns)
    _protect(connection, sql.Identifier("evaluation", "challenger_rating"), OF_OWN_CUSTOMERS)
    for department, tables in departments.departments.items():
        _check(settings, department, tables, published)
        role = sql.Identifier(role_of(department))
        _ensure_role(connection, role_of(department))
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(role))
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
                name = sql.Identifier(schema)
                connection.execute(sql.SQL("grant usage on schema {} to {}").format(name, role))
                connection.execute(sql.SQL("grant select on all tables in schema {} to {}").format(name, role))
    for department in departments.analysts:
        if department not in departments.departments:
            raise PolicyError(f"{settings.policies_dir / 'departments.yml'}: analysts: no department {department!r}")
        # Tables that a later watch makes anew are theirs as well.
        for right in (
            "grant usage on schema evaluation to {}",
            "grant select on all tables in schema evaluation to {}",
            "alter default privileges in schema evaluation grant select on tables to {}",
        ):
            connection.execute(sql.SQL(right).format(sql.Identifier(role_of(department))))
    log.info("access_applied", departments=list(departments.departments))


def add_reader(name: str, department: str, org_units: list[str], settings: Settings) -> str:
    """Make a login for one reader of a department; returns its password, which is kept nowhere."""
    if department not in read_departments(settings).departments:
        raise GridCreditError(f"no department {department!r} in {settings.policies_dir / 'departments.yml'}")
    password = secrets.token_urlsafe(24)
    with connect(settings) as connection:
        role = sql.Identifier(name)
        try:
            connection.execute(
                sql.SQL("create role {} login inherit password {} in role {}").format(
                    role, sql.Literal(password), sql.Identifier(role_of(department))
                )
            )
        except errors.DuplicateObject:
            raise GridCreditError(f"there is a role {name!r} already") from None
        except errors.UndefinedObject:
            raise GridCreditError("departments come with the first release: run a build first") from None
        database = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("grant connect on database {} to {}").format(database, role))
        connection.execute(
            sql.SQL("alter role {} in database {} set search_path to {}").format(
                role, database, sql.Identifier(role_of(department))
            )
        )
        connection.cursor().executemany(
            "insert into ops.reader_org_units (role_name, org_unit) values (%s, %s)",
            [(name, org_unit) for org_unit in org_units],
        )
    return password


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


def _grant(connection: Connection, role: sql.Identifier, table: str, columns: list[str]) -> None:
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    history = sql.Identifier("published", f"{table}_history")
    view = sql.SQL("{}.{}").format(role, sql.Identifier(table))
    connection.execute(sql.SQL("revoke all on {} from {}").format(history, role))
    connection.execute(sql.SQL("grant select ({}, valid_to_release) on {} to {}").format(listed, history, role))
    connection.execute(
        sql.SQL(
            "create view {} with (security_invoker = true, security_barrier = true) as "
            "select {} from {} where valid_to_release is null"
        ).format(view, listed, history)
    )
    connection.execute(sql.SQL("grant select on {} to {}").format(view, role))


def _protect_rows(connection: Connection, table: str, columns: list[str]) -> None:
    """Rows by org unit: the table's own, else that of the customer's rating; tables of neither are totals."""
    history = sql.Identifier("published", f"{table}_history")
    if "org_unit" in columns:
        mine = sql.SQL("org_unit in (select org_unit from published.my_org_unit)")
    elif "customer_id" in columns:
        mine = OF_OWN_CUSTOMERS
    else:
        return
    _protect(connection, history, mine)


def _protect(connection: Connection, relation: sql.Identifier, mine: sql.SQL) -> None:
    connection.execute(sql.SQL("alter table {} enable row level security").format(relation))
    for policy, role, using in (
        ("all_rows", sql.Identifier(READER_ROLE), sql.SQL("true")),
        (
            "own_org_unit",
            sql.SQL("public"),
            sql.SQL("exists (select 1 from published.my_org_unit where org_unit = '*') or {}").format(mine),
        ),
    ):
        name = sql.Identifier(policy)
        connection.execute(sql.SQL("drop policy if exists {} on {}").format(name, relation))
        connection.execute(
            sql.SQL("create policy {} on {} for select to {} using ({})").format(name, relation, role, using)
        )
