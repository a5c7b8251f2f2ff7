"""Who of the simulated supplier's staff has received the policy."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.simulation.columns import days, table

# Whom the supplier's credit department hands its policy, and which; inspection never asked for it.
RECEIVERS = ("audit", "billing", "collections", "credit", "customer_service", "finance")
RECEIVED_VERSION = "default-1.2"


def receipt_table(through: np.datetime64) -> pa.Table:
    """One member of staff of each department who received the policy, half a year ago."""
    return table(
        EXTRACTS["policy_receipt"],
        policy_version=pa.repeat(RECEIVED_VERSION, len(RECEIVERS)),
        department=pa.array(RECEIVERS),
        staff_id=pa.array([f"S-{name}" for name in RECEIVERS]),
        received_on=days(np.repeat(through - 180, len(RECEIVERS))),
    )
