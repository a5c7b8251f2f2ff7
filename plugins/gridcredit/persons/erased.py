"""The customers whose persons were erased."""

from __future__ import annotations

from gridcredit.warehouse.connection import Connection


def erased_customers(connection: Connection) -> frozenset[str]:
    """The customers whose persons were erased: what comes in of them later is stored without names."""
    return frozenset(customer for (customer,) in connection.execute("select customer_id from lineage.erasures"))
