"""How bills are paid: in time or late, in parts, bounced and paid again, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.contract.billing import PAYMENT
from gridcredit.simulation.columns import NO_TEXT, Array, decimal, document_id, numbered, words
from gridcredit.simulation.usage import DUE_AFTER_DAYS, Bills

NEVER = np.datetime64("9999-12-31")


@dataclass(frozen=True)
class Payments:
    """Payments in the order of their bills, by `payer`; `settled_on` is, for each bill, the day it is paid in full, or
    NEVER.
    """

    row: Array
    paid_on: Array
    cents: Array
    suffix: Array
    reverses: Array
    customer: Array
    payer: Array
    period: Array
    without_bill: Array
    channel: Array
    settled_on: Array


def make_payments(rng: np.random.Generator, bills: Bills, credit: Array, through: np.datetime64) -> Payments:
    """Payments until `through`, driven by each customer's creditworthiness."""
    owner, count = bills.owner, len(bills.owner)
    customers, months = len(credit), int(bills.month.max(initial=0)) + 1

    # Distress: a spell in which nothing is paid; it is cured after some months or not at all.
    starts = np.where(
        rng.random(customers) < 1 / (1 + np.exp(2.6 + 1.5 * credit)),
        rng.integers(0, months, size=customers),
        10_000,
    )
    cured = rng.random(customers) < 1 / (1 + np.exp(-0.8 - 0.6 * credit))
    ends = np.where(cured, starts + rng.integers(1, 7, size=customers), 20_000)
    in_distress = (bills.month >= starts[owner]) & (bills.month < ends[owner])
    never_paid = in_distress & ~cured[owner]

    on_time = rng.random(count) < 1 / (1 + np.exp(-(1.9 + 1.3 * credit[owner])))
    early = bills.issued_on + rng.integers(1, DUE_AFTER_DAYS + 1, size=count)
    lateness = 1 + rng.exponential(9.0 * np.exp(-0.35 * credit[owner]))
    paid_on = np.where(on_time, early, bills.due_on + lateness.astype(np.int64))
    months_to_cure = np.clip(ends[owner] - bills.month, 0, 12)
    paid_on = np.where(in_distress, bills.due_on + months_to_cure * 30 + rng.integers(1, 25, size=count), paid_on)

    in_parts = rng.random(count) < 0.03
    first = np.where(in_parts, bills.cents * rng.integers(30, 80, size=count) // 100, bills.cents)
    rest_on = paid_on + rng.integers(5, 40, size=count)
    bounces = rng.random(count) < 0.02 / (1 + np.exp(1.2 * credit[owner]))
    bounced_on = paid_on + 3
    again_on = paid_on + rng.integers(8, 20, size=count)
    without_bill = (rng.random(customers) < 0.04)[owner]
    channel = np.array(["bank", "counter", "online", "agent"])[rng.integers(4, size=count)]

    def part(suffix: str, keep: Array, when: Array, cents: Array, reverses: str = "") -> dict[str, Array]:
        rows = np.flatnonzero(keep & ~never_paid & (when <= through) & (cents != 0))
        return {
            "row": rows,
            "paid_on": when[rows],
            "cents": cents[rows],
            "suffix": np.full(len(rows), suffix),
            "reverses": np.full(len(rows), reverses),
        }

    parts = [
        part("1", np.ones(count, dtype=bool), paid_on, first),
        part("2", in_parts, rest_on, bills.cents - first),
        part("R", bounces, bounced_on, -first, reverses="1"),
        part("3", bounces, again_on, first),
    ]
    joined = {name: np.concatenate([piece[name] for piece in parts]) for name in parts[0]}
    order = np.lexsort((joined["suffix"], joined["row"]))
    joined = {name: values[order] for name, values in joined.items()}
    row = joined["row"]
    last = np.maximum(np.where(in_parts, rest_on, paid_on), np.where(bounces, again_on, paid_on))
    return Payments(
        **joined,
        customer=bills.customer[row],
        payer=bills.customer[row],
        period=bills.period[row],
        without_bill=without_bill[row],
        channel=channel[row],
        settled_on=np.where(never_paid, NEVER, last),
    )


def payment_table(payments: Payments) -> pa.Table:
    """The payment file."""
    stem = document_id("P", payments.period, payments.customer)
    reverses = words(payments.reverses)
    return pa.table(
        {
            "payment_id": pc.binary_join_element_wise(stem, words(payments.suffix), "-"),
            "customer_id": numbered("C", payments.payer),
            "bill_id": pc.if_else(
                pa.array(payments.without_bill), NO_TEXT, document_id("B", payments.period, payments.customer)
            ),
            "paid_on": pa.array(payments.paid_on),
            "amount": decimal(payments.cents, 2),
            "channel": words(payments.channel),
            "reverses_payment_id": pc.binary_join_element_wise(stem, reverses, "-"),
        }
    ).select([column.name for column in PAYMENT.columns])
