"""What a policy that is not approved yet would change: the ratings and limits of one day by both, side by side.

The same dbt models work it out as every night, in schemas of their own that are dropped at the end; what they rest on
(bills, payments, events as they stood) is read where it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, LiteralString

from psycopg import sql

from gridcredit.errors import GridCreditError
from gridcredit.files.spreadsheet import write_table
from gridcredit.policies.evaluation_rules import read_rules
from gridcredit.policies.folder import PROPOSED, Policy
from gridcredit.policies.rows import insert_policy
from gridcredit.policies.store import load_policies
from gridcredit.policies.tables import TABLES
from gridcredit.settings import Settings
from gridcredit.transformation.engine import begun
from gridcredit.transformation.engines import engine_for, require_layers
from gridcredit.transformation.runner import Invoke, build_nodes, dbt_session
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.locks import exclusive

PREFIX = "simulated_"
# What is rebuilt for the day, and of it what depends on the policy.
OF_THE_DAY = "evaluation_date as_of_date customer_scope month_end_scope as_of_scope conduct attribute"
OF_THE_POLICY = (
    "evaluation_date as_of_date usage payment_behaviour bill_size_bound customer_feature score rating credit_position "
    "credit_limit"
)

# What of it is read in Postgres.
RATED = {f"{PREFIX}{table}" for table in ("credit.rating", "candidate.credit_limit", "scope.as_of_date")}


@dataclass(frozen=True)
class Move:
    """Customers who go from one grade to another, what they owe, and what they may owe before and after; in
    currency.
    """

    grade_before: str
    grade_after: str
    customers: int
    exposure: Decimal
    limit_before: Decimal
    limit_after: Decimal


@dataclass(frozen=True)
class Simulation:
    """All moves, those who stay included, from the best grade down."""

    as_of_date: date
    moves: list[Move]

    @property
    def customers(self) -> int:
        return sum(move.customers for move in self.moves)

    @property
    def changed(self) -> list[Move]:
        return [move for move in self.moves if move.grade_before != move.grade_after]


def simulate_policy(
    proposed: Policy,
    as_of_date: date,
    settings: Settings,
    *,
    out: Path | None = None,
    then: Callable[[Connection], None] | None = None,
) -> Simulation:
    """Rate every customer as of a day by the policy in force and by the proposed one.

    `out` takes a CSV of the customers who change grade, the largest exposure first: customer_id, segment, region,
    grade_before, grade_after, score_before, score_after, exposure, limit_before, limit_after. `then` may read both
    ratings, as `BOTH` joins them, before they are dropped.

    Raises:
        GridCreditError: nothing has been built yet, or the models failed.
    """
    if settings.engine == "spark":
        raise GridCreditError("a policy is tried on Postgres or DuckDB: add --engine duckdb, or --engine postgres")
    load_policies(settings)
    # Nothing is built meanwhile: the facts that both ratings rest on are the same.
    with exclusive("build", settings), connect(settings, autocommit=True) as connection:
        engine = engine_for(settings, PREFIX)
        if engine.tables_persist:
            first, deferred = f"{OF_THE_DAY} {OF_THE_POLICY}", _deferred(connection, settings)
        else:
            # From the lake: all that ratings rest on, since nothing of it is there.
            first, deferred = "+rating +credit_limit", []
        try:
            _make_policy_schema(connection, proposed)
            # Nobody reads a manifest of what is dropped again.
            session = dbt_session(settings, schema_prefix=PREFIX, writes_manifest=False, engine=engine)
            with session as invoke, begun(engine):
                nodes = _run(invoke, [*first.split(), *deferred], settings.policy, as_of_date, settings)
                engine.give_back(nodes, RATED)
                connection.execute("alter table simulated_credit.rating rename to rating_before")
                connection.execute("alter table simulated_candidate.credit_limit rename to credit_limit_before")
                nodes = _run(invoke, [*OF_THE_POLICY.split(), *deferred], PROPOSED, as_of_date, settings)
                engine.give_back(nodes, RATED)
            if out:
                _write_changes(connection, out)
            if then:
                then(connection)
            return Simulation(as_of_date, _moves(connection))
        finally:
            _drop_schemas(connection)


def _make_policy_schema(connection: Connection, proposed: Policy) -> None:
    """All loaded policies, and the proposed one under a name of its own and in force since ever."""
    _drop_schemas(connection)
    schema = f"{PREFIX}policy"
    connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    for table in ("policies", "attributes", *TABLES):
        names = {"simulated": sql.Identifier(schema, table), "loaded": sql.Identifier("policy", table)}
        connection.execute(sql.SQL("create table {simulated} (like {loaded} including defaults)").format(**names))
        connection.execute(sql.SQL("insert into {simulated} select * from {loaded}").format(**names))
    header = proposed.header.model_copy(
        update={"policy": PROPOSED, "version": PROPOSED, "effective_from": date(1, 1, 1)}
    )
    insert_policy(connection, Policy(proposed.folder, header, proposed.tables, proposed.sha256), schema)


def _drop_schemas(connection: Connection) -> None:
    schemas = connection.execute("select nspname from pg_namespace where starts_with(nspname, %s)", [PREFIX]).fetchall()
    for (schema,) in schemas:
        connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))


def _deferred(connection: Connection, settings: Settings) -> list[str]:
    """dbt's options by which models read what the last build left in Postgres."""
    require_layers(connection)
    state = settings.home / "dbt" / "target"
    (is_built,) = connection.execute("select to_regclass('ledger.bill_balance') is not null").fetchone() or (False,)
    if not is_built or not (state / "manifest.json").exists():
        raise GridCreditError("nothing has been built yet: run `gridcredit run` first, then simulate a policy")
    return ["--defer", "--state", str(state)]


def _run(invoke: Invoke, models: list[str], policy_name: str, as_of_date: date, settings: Settings) -> list[Any]:
    """Build models, with options of dbt after them; returns their nodes."""
    dates = [as_of_date.replace(day=1) - timedelta(days=1), as_of_date]
    variables = {
        "as_of_dates": [day.isoformat() for day in dates],
        "policy_name": policy_name,
        "evaluation": read_rules(settings).outcome.model_dump(),
        # No day before the last one is evaluated for warnings.
        "warned_from": as_of_date.isoformat(),
        "schema_prefix": PREFIX,
    }
    arguments = [
        "--quiet",
        "--no-print",
        "--no-write-json",
        "run",
        "--full-refresh",
        "--vars",
        json.dumps(variables),
        "--select",
    ]
    return build_nodes(invoke, [*arguments, *models], "the policy cannot be simulated")


BOTH: LiteralString = """
    from simulated_credit.rating_before as before
    inner join simulated_scope.as_of_date as dates on before.as_of_date = dates.as_of_date and dates.is_latest
    inner join simulated_credit.rating as after
        on before.customer_id = after.customer_id and before.as_of_date = after.as_of_date
    inner join simulated_candidate.credit_limit_before as limit_before on before.customer_id = limit_before.customer_id
    inner join simulated_candidate.credit_limit as limit_after on before.customer_id = limit_after.customer_id
"""


def _moves(connection: Connection) -> list[Move]:
    rows = connection.execute(
        f"""
        select before.grade, after.grade, count(*), sum(limit_before.exposure), sum(limit_before.credit_limit),
            sum(limit_after.credit_limit)
        {BOTH}
        group by before.grade, after.grade
        order by min(before.grade_rank) nulls last, min(after.grade_rank) nulls last, 1, 2
        """
    ).fetchall()
    return [Move(*row) for row in rows]


def _write_changes(connection: Connection, out: Path) -> None:
    with connection.transaction(), connection.cursor(name="changes") as cursor:
        cursor.execute(
            f"""
            select before.customer_id, limit_before.segment, limit_before.region, before.grade as grade_before,
                after.grade as grade_after, before.score as score_before, after.score as score_after,
                limit_before.exposure, limit_before.credit_limit as limit_before,
                limit_after.credit_limit as limit_after
            {BOTH}
            where before.grade <> after.grade
            order by limit_before.exposure desc, before.customer_id
            """
        )
        write_table(out, [column.name for column in cursor.description or ()], cursor)
