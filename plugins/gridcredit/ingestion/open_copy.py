"""A COPY that stays open from batch to batch.

Postgres writes a large COPY's pages out as it goes; those of many small ones would all wait for the commit.
"""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from psycopg import Copy, sql

from gridcredit.warehouse.connection import Connection


class OpenCopy:
    """The one COPY that a connection can have at a time; asking for another ends it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.stack = ExitStack()
        self.statement: sql.SQL | sql.Composed | None = None

    def into(self, statement: sql.SQL | sql.Composed) -> Copy:
        """The open COPY of a statement; it is begun if another one is open or none."""
        if statement is not self.statement:
            self.stack.close()
            self.statement = statement
            self.copy = self.stack.enter_context(self.connection.cursor().copy(statement))
        return self.copy

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.__exit__(kind, error, trace)
