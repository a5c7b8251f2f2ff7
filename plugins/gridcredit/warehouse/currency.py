"""The currency of all amounts in a warehouse: stored by its first load, the same in each command."""

from __future__ import annotations

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect


def in_its_currency(settings: Settings, connection: Connection | None = None) -> Settings:
    """The settings with the warehouse's currency, where it is stored; the setting counts until the first load.

    Raises:
        GridCreditError: the environment names another currency.
    """
    if connection is None:
        with connect(settings) as opened:
            return in_its_currency(settings, opened)
    row = connection.execute(
        "select currency from ops.warehouse_currency where exists (select from lineage.files where undone_at is null) "
        "or exists (select from lineage.releases)"
    ).fetchone()
    if row is None:
        return settings
    (stored,) = row
    if "currency" in settings.model_fields_set and settings.currency != stored:
        raise GridCreditError(
            f"this warehouse is in {stored}, and GRIDCREDIT_CURRENCY says {settings.currency}: unset it, or name the "
            f"warehouse of {settings.currency}"
        )
    return settings.model_copy(update={"currency": stored})


def store_currency(connection: Connection, settings: Settings) -> None:
    """Store the currency of a load: once, and again while nothing is loaded and nothing was released."""
    connection.execute(
        "insert into ops.warehouse_currency (currency) values (%s) on conflict (is_only) do update "
        "set currency = excluded.currency, stored_at = excluded.stored_at "
        "where not exists (select from lineage.files where undone_at is null) "
        "and not exists (select from lineage.releases)",
        [settings.currency],
    )
