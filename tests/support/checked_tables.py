"""The tables of all suites as plain copies, and Great Expectations beside the test that changes them.

Both share one connection, whose transaction is never committed: each change is undone by Postgres itself, whatever it
touched. A copy has no key and no column that must be there, so that nothing but an expectation refuses a wrong row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gridcredit.quality.context import GATES, SOURCE, open_context, place_of, read_suites
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from psycopg import sql

from tests.support.wrong_data import ONE, Unit, unit_of

AS_BUILT = "{}_as_built"


class CheckedTables:
    """A warehouse to spoil."""

    def __init__(self, settings: Settings) -> None:
        from great_expectations.validator.v1_validator import Validator
        from sqlalchemy.pool import StaticPool

        self.places: dict[tuple[str, str], tuple[str, str]] = {
            (gate, table): place_of(gate, table, suite)
            for gate in GATES
            for table, suite in read_suites(gate, settings).items()
        }
        self.never_null = _copy(set(self.places.values()), settings)
        context = open_context(settings)
        # One connection for all, and no `begin` or `commit` but our own.
        context.data_sources.get(SOURCE).kwargs = {"poolclass": StaticPool, "isolation_level": "AUTOCOMMIT"}
        self._definitions = {
            one.name: one for gate in GATES for one in context.checkpoints.get(gate).validation_definitions
        }
        self._validators: dict[str, Any] = {}
        self._new_validator = Validator
        engine = context.data_sources.get(SOURCE).get_execution_engine().engine
        self._connection = engine.raw_connection()
        self._units: dict[tuple[str, str, str], Unit] = {}

    def holds(self, gate: str, table: str, place: int) -> bool:
        """Whether the expectation at this place of a suite holds; one that could not be asked is no answer."""
        name = f"{gate}.{table}"
        definition = self._definitions[name]
        if name not in self._validators:
            self._validators[name] = self._new_validator(definition.batch_definition, result_format="BOOLEAN_ONLY")
        result = self._validators[name].validate_expectation(definition.suite.expectations[place])
        assert not _raised(result.exception_info or {}), result.exception_info
        return bool(result.success)

    def known(self, gate: str, table: str) -> list[str]:
        """The types of a suite's expectations as Great Expectations has read them."""
        return [one.expectation_type for one in self._definitions[f"{gate}.{table}"].suite.expectations]

    def execute(self, gate: str, table: str, statement: str) -> int:
        """Run a statement about a table; returns how many rows it changed, or how many there are."""
        batch = ".".join(self.places[gate, table])
        with self._connection.cursor() as cursor:
            cursor.execute(statement.replace("{one}", ONE).replace("{batch}", batch))
            return int(cursor.rowcount)

    def unit(self, gate: str, table: str, column: str) -> Unit:
        """How a column writes its values."""
        key = (gate, table, column)
        if key not in self._units:
            with self._connection.cursor() as cursor:
                cursor.execute(
                    "select data_type, numeric_scale from information_schema.columns "
                    "where (table_schema, table_name, column_name) = (%s, %s, %s)",
                    [*self.places[gate, table], column],
                )
                self._units[key] = unit_of(*cursor.fetchone())
        return self._units[key]

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What is done within is not done after; nests."""
        with self._connection.cursor() as cursor:
            cursor.execute("select pg_current_xact_id_if_assigned() is not null")
            nested = cursor.fetchone()[0]
            cursor.execute("savepoint outer_change" if nested else "begin")
            if not nested:
                # A transaction has a number from here on, by which a nested one knows it.
                cursor.execute("select pg_current_xact_id()")
            try:
                yield
            finally:
                cursor.execute("rollback to outer_change" if nested else "rollback")


def _raised(info: dict[str, Any]) -> bool:
    entries = [info, *(one for one in info.values() if isinstance(one, dict))]
    return any(one.get("raised_exception") for one in entries)


def _copy(places: set[tuple[str, str]], settings: Settings) -> dict[tuple[str, str], set[str]]:
    """Put a plain copy in the place of each table; returns which columns of each could not be null.

    Of a view of raw rows these are its table's.
    """
    never_null: dict[tuple[str, str], set[str]] = {}
    with connect(settings) as connection:
        for schema, name in sorted(places):
            table, kept = sql.Identifier(schema, name), sql.Identifier(AS_BUILT.format(name))
            connection.execute(sql.SQL("alter table {} rename to {}").format(table, kept))
            connection.execute(
                sql.SQL("create table {} as table {}").format(table, sql.Identifier(schema, AS_BUILT.format(name)))
            )
            source = ("raw", name.removesuffix("_to_check")) if schema == "ops" else (schema, AS_BUILT.format(name))
            never_null[schema, name] = {
                column
                for (column,) in connection.execute(
                    "select column_name from information_schema.columns "
                    "where (table_schema, table_name, is_nullable) = (%s, %s, 'NO')",
                    source,
                )
            }
    return never_null
