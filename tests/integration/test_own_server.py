"""A server of the supplier's own: its time zone and its order of texts change no figure."""

from __future__ import annotations

from typing import Any

import pytest
from gridcredit.errors import NotReadyError
from gridcredit.settings import Settings
from gridcredit.transformation.runner import dbt_environment
from gridcredit.warehouse import migrations
from gridcredit.warehouse.connection import WAREHOUSE_ROLE, connect
from psycopg import sql


def test_days_are_those_of_utc(settings: Settings) -> None:
    """A moment at four in the afternoon is of the same day on every server, for our queries and for dbt's."""
    with connect(settings) as connection:
        role, database = sql.Identifier(WAREHOUSE_ROLE), sql.Identifier(connection.info.dbname)
        change = sql.SQL("alter role {} in database {} {} timezone")
        try:
            connection.execute(change.format(role, database, sql.SQL("set")) + sql.SQL(" = 'Asia/Shanghai'"))
            connection.commit()
            with connect(settings) as ours:
                assert ours.execute("select '2026-06-01 16:00:00+00'::timestamptz::date::text").fetchone() == (
                    "2026-06-01",
                )
        finally:
            connection.execute(change.format(role, database, sql.SQL("reset")))
    assert "-c TimeZone=UTC" in dbt_environment(settings)["PGOPTIONS"]


class Server:
    """Answers with the order of its texts."""

    def __init__(self, order: str) -> None:
        self.order = order

    def execute(self, _: str) -> Any:
        """The row."""
        return self

    def fetchone(self) -> tuple[str]:
        """The order."""
        return (self.order,)


@pytest.mark.parametrize("order", ["en_US.utf8", "zh-Hans-CN", "de_DE.UTF-8"])
def test_a_database_that_sorts_by_a_language(order: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A new warehouse is refused, one that is there is warned of."""
    with pytest.raises(NotReadyError, match=f"sorts texts by {order}: make it anew by"):
        migrations._check_order(Server(order), is_new=True)  # type: ignore[arg-type]
    migrations._check_order(Server(order), is_new=False)  # type: ignore[arg-type]
    assert "database_sorts_by_language" in "".join(capsys.readouterr())


@pytest.mark.parametrize("order", ["C", "C.UTF-8", "C.utf8", "POSIX"])
def test_an_order_by_bytes(order: str) -> None:
    migrations._check_order(Server(order), is_new=True)  # type: ignore[arg-type]
