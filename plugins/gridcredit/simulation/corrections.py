"""What does not go by the book: bills corrected and rebilled, money paid twice or sent back, plans, write-offs.

Shares are those of an ordinary supplier: one bill in fifty is corrected, one payment in a hundred is not of its bill's
amount.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridcredit.contract.billing import BILL, COLLECTION_ACTION, INSTALMENT, PAYMENT
from gridcredit.simulation.columns import Array, days, decimal, document_id, numbered, officers, table
from gridcredit.simulation.customers import RESIDENTIAL, Customers
from gridcredit.simulation.payments import NEVER, Payments
from gridcredit.simulation.usage import DUE_AFTER_DAYS, Bills, bill_table

# Shares of bills.
REBILLED, CREDITED, CREDIT_TAKEN_BACK, GOODWILL = 0.008, 0.012, 0.0006, 0.001
# Shares of payments.
ROUNDED_UP, PAID_TWICE, PART_RETURNED, RETURNED_BY_BILL = 0.006, 0.002, 0.001, 0.0005
# Shares of homes whose landlord pays; of debts 60 days overdue with a plan; of unpaid ones a year overdue written off.
BY_LANDLORD, PLANNED, WRITTEN_OFF, RECOVERED = 0.015, 0.12, 0.5, 0.1
PLANNED_AFTER, INSTALMENTS, INSTALMENT_DAYS, WRITTEN_OFF_AFTER = 60, 3, 30, 365


@dataclass(frozen=True)
class Rows:
    """Documents to write: which bills they are of, their day and their amount in cents."""

    of: Array
    day: Array
    cents: Array

    def only(self, keep: Array) -> Rows:
        return Rows(self.of[keep], self.day[keep], self.cents[keep])


def paid_by_landlords(rng: np.random.Generator, customers: Customers, bills: Bills, payments: Payments) -> Payments:
    """Payments of which some homes' are sent by a firm, their landlord, and name the tenant's bill."""
    firms = np.flatnonzero(customers.is_firm)
    rented = (customers.segment == RESIDENTIAL) & (rng.random(len(customers.number)) < BY_LANDLORD)
    if not len(firms):
        return payments
    landlord = firms[rng.integers(len(firms), size=len(customers.number))]
    payer = np.where(rented, customers.number[landlord], customers.number)[bills.owner[payments.row]]
    return replace(payments, payer=np.where(payments.without_bill, payments.payer, payer))


def bill_tables(rng: np.random.Generator, bills: Bills, through: np.datetime64) -> list[pa.Table]:
    """Bills cancelled and billed again, credit notes of a part, some of them taken back, and credits of goodwill."""
    chance = rng.random(len(bills.owner))
    noted_on = bills.issued_on + rng.integers(15, 60, size=len(bills.owner))

    def some(low: float, share: float) -> Array:
        return np.flatnonzero((chance >= low) & (chance < low + share) & (noted_on <= through))

    again = some(0, REBILLED)
    part = some(REBILLED, CREDITED)
    taken_back = part[(chance[part] < REBILLED + CREDIT_TAKEN_BACK) & (noted_on[part] + 10 <= through)]
    goodwill = some(REBILLED + CREDITED, GOODWILL)
    credited = bills.cents * rng.integers(5, 30, size=len(bills.owner)) // 100
    number = {name: document_id(name, bills.period, bills.customer) for name in ("B", "BC", "BR", "BX", "BT", "BG")}

    def credit(name: str, rows: Array, cents: Array, reverses: str | None, late: int = 0) -> pa.Table:
        return table(
            BILL,
            bill_id=number[name].take(pa.array(rows)),
            customer_id=numbered("C", bills.customer[rows]),
            period=pa.array(bills.period[rows].astype(str)),
            issued_on=days(noted_on[rows] + late),
            due_on=days(noted_on[rows] + late),
            amount=decimal(cents[rows], 2),
            kind=pa.repeat("reversal", len(rows)),
            **({"reverses_bill_id": number[reverses].take(pa.array(rows))} if reverses else {}),
            disputed=pa.repeat(False, len(rows)),
        )

    rebilled = bill_table(bills).take(pa.array(again))
    for name, values in (
        ("bill_id", number["BR"].take(pa.array(again))),
        ("issued_on", days(noted_on[again])),
        ("due_on", days(noted_on[again] + DUE_AFTER_DAYS)),
    ):
        rebilled = rebilled.set_column(rebilled.schema.get_field_index(name), name, values)
    return [
        credit("BX", again, -bills.cents, "B"),
        rebilled,
        credit("BC", part, -credited, "B"),
        credit("BT", taken_back, credited, "BC", late=10),
        credit("BG", goodwill, -np.full(len(bills.owner), 2000), None),
    ]


def payment_tables(
    rng: np.random.Generator, bills: Bills, payments: Payments, through: np.datetime64
) -> list[pa.Table]:
    """Amounts rounded up or paid twice, some of them refunded, and payments that came back in part or by their bill."""
    first = (payments.suffix == "1") & ~payments.without_bill
    chance = np.where(first, rng.random(len(payments.row)), 1.0)
    wait = rng.integers(20, 50, size=len(payments.row))

    def some(low: float, share: float, after: int | Array, cents: Array) -> tuple[Rows, Array]:
        day = payments.paid_on + after
        rows = np.flatnonzero((chance >= low) & (chance < low + share) & (day <= through) & (cents != 0))
        return Rows(payments.row[rows], day[rows], cents[rows]), rows

    cents, part = payments.cents, payments.cents * 30 // 100
    twice = ROUNDED_UP
    in_part = twice + PAID_TWICE
    by_bill = in_part + PART_RETURNED
    tables = []
    for suffix, names_bill, names_payment, (rows, of_payment) in (
        ("X", True, False, some(0, ROUNDED_UP, 0, np.maximum(cents // 20, 1))),
        ("D", True, False, some(twice, PAID_TWICE, 3, cents)),
        ("F", False, False, some(twice, PAID_TWICE / 2, 3 + wait, -cents)),
        ("Q", True, True, some(in_part, PART_RETURNED, 4, -part)),
        ("Z", True, False, some(in_part, PART_RETURNED, 14, part)),
        ("N", True, False, some(by_bill, RETURNED_BY_BILL, 4, -cents)),
        ("Y", True, False, some(by_bill, RETURNED_BY_BILL, 16, cents)),
    ):
        tables.append(
            _payments(
                bills, suffix, rows, payments.payer[of_payment],
                names_bill=names_bill, returns="1" if names_payment else "",
            )
        )  # fmt: skip
    return tables


def debt_tables(
    rng: np.random.Generator, customers: Customers, bills: Bills, payments: Payments, through: np.datetime64
) -> list[tuple[str, pa.Table]]:
    """Plans with instalments, paid or broken, and debts of a year written off, some of them paid after all."""
    count = len(bills.owner)
    planned_on = bills.due_on + PLANNED_AFTER
    planned = np.flatnonzero(
        (payments.settled_on > planned_on)
        & (planned_on <= through)
        & (rng.random(count) < PLANNED)
        & (bills.cents > 300)
    )
    # Who would never pay the bill pays some of the instalments; who pays it later, late, breaks the plan.
    parts_paid = np.where(payments.settled_on == NEVER, rng.integers(0, INSTALMENTS + 1, size=count), 0)
    paid_late = rng.integers(0, 10, size=count)
    written_off_on = bills.due_on + WRITTEN_OFF_AFTER
    written_off = np.flatnonzero(
        (payments.settled_on == NEVER)
        & (written_off_on <= through)
        & (rng.random(count) < WRITTEN_OFF)
        & ~np.isin(np.arange(count), planned)
    )
    found: list[tuple[str, pa.Table]] = []
    action = document_id("A5", bills.period, bills.customer)
    part = bills.cents // INSTALMENTS
    for index in range(INSTALMENTS):
        due_on = planned_on[planned] + INSTALMENT_DAYS * (index + 1)
        cents = part[planned] if index + 1 < INSTALMENTS else bills.cents[planned] - part[planned] * (INSTALMENTS - 1)
        instalment = table(
            INSTALMENT, action_id=action.take(pa.array(planned)), due_on=days(due_on), amount=decimal(cents, 2)
        )
        found.append(("instalment", instalment))
        keep = (parts_paid[planned] > index) & (due_on - paid_late[planned] <= through)
        rows = Rows(planned, due_on - paid_late[planned], cents).only(keep)
        found.append(("payment", _payments(bills, f"I{index + 1}", rows, bills.customer[rows.of])))
    missed_on = planned_on + INSTALMENT_DAYS * (parts_paid + 1) + 5
    broken = planned[(parts_paid[planned] < INSTALMENTS) & (missed_on[planned] <= through) & (paid_late[planned] < 5)]
    recovered_on = written_off_on + rng.integers(30, 120, size=count)
    came_in = written_off[(rng.random(len(written_off)) < RECOVERED) & (recovered_on[written_off] <= through)]
    rows = Rows(came_in, recovered_on[came_in], bills.cents[came_in] * 40 // 100)
    found.append(("payment", _payments(bills, "V", rows, bills.customer[rows.of])))
    for digit, kind, rows_of, day in (
        (5, "instalment_plan", planned, planned_on),
        (6, "plan_broken", broken, missed_on),
        (7, "write_off", written_off, written_off_on),
    ):
        whole = {} if kind != "instalment_plan" else {"amount": decimal(bills.cents[rows_of], 2)}
        done = table(
            COLLECTION_ACTION,
            action_id=document_id(f"A{digit}", bills.period[rows_of], bills.customer[rows_of]),
            customer_id=numbered("C", bills.customer[rows_of]),
            bill_id=document_id("B", bills.period[rows_of], bills.customer[rows_of]),
            acted_on=days(day[rows_of]),
            officer_id=officers(customers.org_unit[bills.owner[rows_of]], 0),
            kind=pa.repeat(kind, len(rows_of)),
            **whole,
        )
        found.append(("collection_action", done))
    return found


def _payments(
    bills: Bills, suffix: str, rows: Rows, payer: Array, *, names_bill: bool = True, returns: str = ""
) -> pa.Table:
    """Movements of money of the bills `rows.of`, numbered as their payments with a suffix of their own."""
    period, customer = bills.period[rows.of], bills.customer[rows.of]
    stem = document_id("P", period, customer)

    def number(ending: str) -> pa.Array:
        return pc.binary_join_element_wise(stem, pa.repeat(ending, len(rows.of)), "-")

    return table(
        PAYMENT,
        payment_id=number(suffix),
        customer_id=numbered("C", payer),
        paid_on=days(rows.day),
        amount=decimal(rows.cents, 2),
        channel=pa.repeat("bank", len(rows.of)),
        **({"bill_id": document_id("B", period, customer)} if names_bill else {}),
        **({"reverses_payment_id": number(returns)} if returns else {}),
    )
