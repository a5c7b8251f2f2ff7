"""What is hidden behind a simulated supplier's files, for those who measure what is found in them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gridcredit.simulation.columns import Array, days, numbered
from gridcredit.simulation.customers import Customers
from gridcredit.simulation.usage import Usage


def creditworthiness_table(block: Array, customers: Customers) -> pa.Table:
    """How willing and able each customer is to pay."""
    return pa.table({"customer_id": numbered("C", block), "creditworthiness": pa.array(customers.credit.round(6))})


def theft_table(customers: Customers, usage: Usage) -> pa.Table:
    """Who steals: from which month on a meter shows half of the use, and the day on which an inspection ends it."""
    thieves = np.flatnonzero(usage.tampered_from < len(customers.periods))
    found_on = usage.found_on[thieves]
    return pa.table(
        {
            "customer_id": numbered("C", customers.number[thieves]),
            "stolen_from": pa.array(customers.periods[usage.tampered_from[thieves]].astype(str)),
            "found_on": days(found_on, ~np.isnat(found_on)),
        }
    )
