"""Disputes of bills that are not paid: of the whole bill or a part, running, decided, or withdrawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.contract.billing import BILL, DISPUTE
from gridcredit.simulation.columns import NO_TEXT, days, decimal, document_id, numbered, table, words
from gridcredit.simulation.payments import Payments
from gridcredit.simulation.usage import Bills

# Of bills that are open on the day; half of the disputes contest the whole bill.
DISPUTED, WHOLE = 0.03, 0.5
OUTCOMES = {"for_customer": 0.25, "partly_for_customer": 0.1, "against_customer": 0.45, "withdrawn": 0.2}
# What is credited of what was contested, in hundredths.
CREDITED = {"for_customer": 100, "partly_for_customer": 50}


def dispute_tables(
    rng: np.random.Generator, bills: Bills, payments: Payments, through: np.datetime64
) -> Iterator[tuple[str, pa.Table]]:
    """The dispute file, and billing's credit notes for customers who were right."""
    count = len(bills.owner)
    opened_on = bills.due_on + rng.integers(-10, 20, size=count)
    closed_on = opened_on + rng.integers(15, 120, size=count)
    credited_on = closed_on + rng.integers(0, 20, size=count)
    is_whole = rng.random(count) < WHOLE
    contested = np.where(is_whole, bills.cents, bills.cents * rng.integers(10, 60, size=count) // 100)
    outcome = rng.choice(list(OUTCOMES), size=count, p=list(OUTCOMES.values()))
    is_open = (payments.settled_on > opened_on) & (bills.cents > 300)
    rows = np.flatnonzero(is_open & (opened_on <= through) & (rng.random(count) < DISPUTED))
    is_closed = np.less_equal(closed_on[rows], through)
    yield (
        "dispute",
        table(
            DISPUTE,
            dispute_id=document_id("D", bills.period[rows], bills.customer[rows]),
            customer_id=numbered("C", bills.customer[rows]),
            bill_id=document_id("B", bills.period[rows], bills.customer[rows]),
            opened_on=days(opened_on[rows]),
            closed_on=days(closed_on[rows], is_closed),
            outcome=pc.if_else(pa.array(is_closed), words(outcome[rows]), NO_TEXT),
            contested_amount=pc.if_else(
                pa.array(is_whole[rows]), pa.scalar(None, pa.decimal128(19, 2)), decimal(contested[rows], 2)
            ),
        ),
    )
    for name, hundredths in CREDITED.items():
        won = rows[(outcome[rows] == name) & (credited_on[rows] <= through)]
        yield (
            "bill",
            table(
                BILL,
                bill_id=document_id("BD", bills.period[won], bills.customer[won]),
                customer_id=numbered("C", bills.customer[won]),
                period=pa.array(bills.period[won].astype(str)),
                issued_on=days(credited_on[won]),
                due_on=days(credited_on[won]),
                amount=decimal(-contested[won] * hundredths // 100, 2),
                kind=pa.repeat("reversal", len(won)),
                reverses_bill_id=document_id("B", bills.period[won], bills.customer[won]),
                disputed=pa.repeat(False, len(won)),
            ),
        )
