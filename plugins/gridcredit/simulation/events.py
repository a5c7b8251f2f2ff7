"""What happens around the bills: parties, service orders, inspections, listings, reviews, notices, collection.

Each follows from something: notices from changes of parties, inspections from tampering, actions from arrears.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.simulation.columns import (
    Array,
    days,
    decimal,
    document_id,
    numbered,
    officers,
    person_names,
    table,
    words,
)
from gridcredit.simulation.customers import ORG_UNITS, Customers
from gridcredit.simulation.payments import Payments
from gridcredit.simulation.usage import Bills, Usage

# Days after the due date on which a debt still open is acted on, the kind, and the share of debts it is done for.
DUNNING = ((7, "sms", 1.0), (20, "call", 0.8), (35, "notice", 1.0), (50, "promise", 0.4), (70, "final_notice", 0.9))
PROMISE_DAYS = 10
LISTS = ("dishonest_debtor", "court_enforcement", "tax_arrears", "operating_abnormality", "bankruptcy")


def party_tables(
    rng: np.random.Generator, customers: Customers, through: np.datetime64
) -> Iterator[tuple[str, pa.Table]]:
    """The party file, and a department's notice of each change of a legal representative."""
    firms = np.flatnonzero(customers.is_firm)
    count = len(firms)
    opened = customers.opened[firms]
    changed_on = _day_within(rng, customers, count, through)
    changes = (rng.random(count) < 0.08) & (changed_on > opened + 30)
    old, new, holder = (person_names(rng, count) for _ in range(3))
    identity = rng.integers(10**17, 9 * 10**17, size=(3, count))
    guaranteed = rng.random(count) < 0.05

    def rows(role: str, keep: Array, name: Array, number: Array, share: Array, start: Array, end: Array) -> pa.Table:
        return table(
            EXTRACTS["party"],
            customer_id=numbered("C", customers.number[firms[keep]]),
            role=pa.repeat(role, int(keep.sum())),
            party_name=words(name[keep]),
            id_number=words(number[keep].astype(str)),
            share_pct=words(share[keep]),
            valid_from=days(start[keep]),
            valid_to=days(end[keep], ~np.isnat(end[keep])),
        )

    everyone = np.ones(count, dtype=bool)
    nothing, none = np.full(count, ""), np.full(count, np.datetime64("NaT"), dtype="datetime64[D]")
    until = np.where(changes, changed_on - 1, none)
    representative = "legal_representative"
    yield "party", rows(representative, everyone, old, identity[0], nothing, opened, until)
    yield "party", rows(representative, changes, new, identity[1], nothing, changed_on, none)
    yield "party", rows("shareholder", everyone, old, identity[0], np.full(count, "60"), opened, none)
    yield "party", rows("shareholder", everyone, holder, identity[2], np.full(count, "40"), opened, none)
    yield "party", rows("guarantor", guaranteed, holder, identity[2], nothing, opened, none)

    noted_on = changed_on + rng.integers(2, 30, size=count)
    noted = np.flatnonzero(changes & (noted_on <= through))
    yield (
        "department_notice",
        table(
            EXTRACTS["department_notice"],
            notice_id=numbered("N", customers.number[firms[noted]]),
            customer_id=numbered("C", customers.number[firms[noted]]),
            noted_on=days(noted_on[noted]),
            department=pa.repeat("customer_service", len(noted)),
            field=pa.repeat(representative, len(noted)),
            old_value=words(old[noted]),
            new_value=words(new[noted]),
            staff_id=numbered("S", rng.integers(1, 200, size=len(noted)), 4),
        ),
    )


def service_order_tables(rng: np.random.Generator, customers: Customers, through: np.datetime64) -> Iterator[pa.Table]:
    """The service-order file: connections, changes of capacity, suspensions and what ended them."""
    count = len(customers.number)
    first_day = customers.periods[0].astype("datetime64[D]")
    asked_on = np.maximum(_day_within(rng, customers, count, through), customers.opened + 30)
    chance, firm = rng.random(count), customers.is_firm
    kinds = {
        "new": (customers.opened >= first_day, customers.opened - 20, customers.opened),
        "capacity_increase": (firm & (chance < 0.03), asked_on, asked_on + 15),
        "capacity_decrease": (firm & (chance >= 0.03) & (chance < 0.05), asked_on, asked_on + 15),
        "suspend": (chance > 0.995, asked_on, asked_on + 2),
        "resume": (chance > 0.997, asked_on + 60, asked_on + 61),
    }
    for digit, (kind, (happens, requested, completed)) in enumerate(kinds.items()):
        rows = np.flatnonzero(happens & (requested <= through))
        yield table(
            EXTRACTS["service_order"],
            order_id=numbered("O", customers.number[rows] * 10 + digit, 9),
            customer_id=numbered("C", customers.number[rows]),
            kind=pa.repeat(kind, len(rows)),
            requested_on=days(requested[rows]),
            completed_on=days(completed[rows], completed[rows] <= through),
        )


def inspection_tables(
    rng: np.random.Generator, customers: Customers, usage: Usage, through: np.datetime64
) -> Iterator[pa.Table]:
    """The inspection file: every theft found, with what it cost, and routine visits."""
    count = len(customers.number)
    found = np.flatnonzero(~np.isnat(usage.found_on))
    supplied = customers.opened.astype("datetime64[M]")[:, None] <= customers.periods[None, :]
    stolen = (usage.unmetered * supplied).sum(axis=1)[found]
    settled_on = usage.found_on[found] + rng.integers(10, 200, size=len(found))
    settled = (settled_on <= through) & (rng.random(len(found)) < 0.7)
    yield _inspections(
        customers.number[found],
        "theft",
        usage.found_on[found],
        0,
        recovered_kwh=decimal(stolen * 1000, 3),
        recovered_amount=decimal(stolen * 60, 2),
        penalty=decimal(stolen * 60 * 2, 2),
        settled_on=days(settled_on, settled),
    )
    visited_on = _day_within(rng, customers, count, through)
    chance = rng.random(count)
    for digit, (kind, low, high) in enumerate((("none", 0, 0.02), ("safety", 0.02, 0.03), ("breach", 0.03, 0.033)), 1):
        rows = np.flatnonzero((chance >= low) & (chance < high) & (visited_on >= customers.opened))
        yield _inspections(customers.number[rows], kind, visited_on[rows], digit)


def _inspections(customer: Array, kind: str, found_on: Array, digit: int, **found: pa.Array) -> pa.Table:
    return table(
        EXTRACTS["inspection"],
        inspection_id=numbered("V", customer * 10 + digit, 9),
        customer_id=numbered("C", customer),
        found_on=days(found_on),
        kind=pa.repeat(kind, len(customer)),
        **found,
    )


def external_risk_table(rng: np.random.Generator, customers: Customers, through: np.datetime64) -> pa.Table:
    """The listings of firms in trouble."""
    count = len(customers.number)
    listed_on = _day_within(rng, customers, count, through)
    rows = np.flatnonzero(customers.is_firm & (customers.credit < -1.0) & (rng.random(count) < 0.3))
    removed_on = listed_on[rows] + rng.integers(60, 500, size=len(rows))
    return table(
        EXTRACTS["external_risk"],
        customer_id=numbered("C", customers.number[rows]),
        listed_on=days(listed_on[rows]),
        kind=words(np.array(LISTS)[rng.choice(len(LISTS), size=len(rows), p=[0.3, 0.3, 0.2, 0.15, 0.05])]),
        removed_on=days(removed_on, np.less_equal(removed_on, through)),
    )


def investigation_table(rng: np.random.Generator, customers: Customers, through: np.datetime64) -> pa.Table:
    """Reviews by credit officers, who see the creditworthiness with some noise."""
    count = len(customers.number)
    done_on = _day_within(rng, customers, count, through)
    rows = np.flatnonzero(customers.is_firm & (rng.random(count) < 0.15) & (done_on > customers.opened))

    def score() -> Array:
        seen: Array = (55 + 15 * customers.credit[rows] + rng.normal(0, 8, size=len(rows))).round().clip(0, 100)
        return seen

    operating, solvency = score(), score()
    return table(
        EXTRACTS["investigation"],
        investigation_id=numbered("I", customers.number[rows]),
        customer_id=numbered("C", customers.number[rows]),
        done_on=days(done_on[rows]),
        officer_id=officers(customers.org_unit[rows], 0),
        operating_score=pa.array(operating.astype(int)),
        solvency_score=pa.array(solvency.astype(int)),
        finding=words(np.where(solvency < 40, "weak", np.where(solvency > 70, "sound", "ordinary"))),
    )


def override_table(rng: np.random.Generator, customers: Customers, through: np.datetime64) -> pa.Table:
    """A few firms to whom the credit committee grants a grade of its own for half a year."""
    count = len(customers.number)
    starts_on = _day_within(rng, customers, count, through)
    rows = np.flatnonzero(customers.is_firm & (rng.random(count) < 0.01) & (starts_on > customers.opened))
    return table(
        EXTRACTS["grade_override"],
        override_id=numbered("G", customers.number[rows]),
        customer_id=numbered("C", customers.number[rows]),
        grade=words(rng.choice(["A", "BBB", "B"], size=len(rows))),
        reason=words(rng.choice(["guarantee by the parent firm", "settlement under way"], size=len(rows))),
        approver_id=numbered("S", rng.integers(1, 20, size=len(rows)), 4),
        starts_on=days(starts_on[rows]),
        ends_on=days(starts_on[rows] + 180),
    )


def assignment_tables(rng: np.random.Generator, customers: Customers, through: np.datetime64) -> Iterator[pa.Table]:
    """Each customer's officer, handed over once in some places: on any day exactly one."""
    handed_on = np.maximum(_day_within(rng, customers, len(customers.number), through), customers.opened + 1)
    handed = (rng.random(ORG_UNITS + 1) < 0.3)[customers.org_unit] & (handed_on <= through)
    for second in (False, True):
        rows = np.flatnonzero(handed) if second else np.arange(len(customers.number))
        start = handed_on[rows] if second else customers.opened[rows]
        yield table(
            EXTRACTS["officer_assignment"],
            customer_id=numbered("C", customers.number[rows]),
            officer_id=officers(customers.org_unit[rows], int(second)),
            valid_from=days(start),
            valid_to=days(handed_on[rows] - 1, handed[rows] & np.array(not second)),
        )


def action_tables(
    rng: np.random.Generator, customers: Customers, bills: Bills, payments: Payments, through: np.datetime64
) -> Iterator[pa.Table]:
    """The collection file: what was done about each bill while it was overdue."""
    for digit, (after, kind, share) in enumerate(DUNNING):
        acted_on = bills.due_on + after
        done = (payments.settled_on > acted_on) & (acted_on <= through) & (rng.random(len(bills.owner)) < share)
        rows = np.flatnonzero(done)
        promised = {"promise_date": days(acted_on[rows] + PROMISE_DAYS)} if kind == "promise" else {}
        yield table(
            EXTRACTS["collection_action"],
            action_id=document_id(f"A{digit}", bills.period[rows], bills.customer[rows]),
            customer_id=numbered("C", bills.customer[rows]),
            bill_id=document_id("B", bills.period[rows], bills.customer[rows]),
            acted_on=days(acted_on[rows]),
            officer_id=officers(customers.org_unit[bills.owner[rows]], 0),
            kind=pa.repeat(kind, len(rows)),
            amount=decimal(bills.cents[rows], 2),
            **promised,
        )


def late_charge_tables(
    rng: np.random.Generator, bills: Bills, payments: Payments, through: np.datetime64
) -> Iterator[pa.Table]:
    """The file of late charges: 0.1 % for each day late, billed on payment; most are paid, some waived."""
    late = payments.settled_on - bills.due_on
    charge = np.maximum(bills.cents * late.astype(np.int64) // 1000, 100)
    chance, after = rng.random(len(bills.owner)), rng.integers(0, 30, size=len(bills.owner))
    kinds = (
        ("billed", chance >= 0, payments.settled_on),
        ("paid", chance < 0.8, payments.settled_on + after),
        ("waived", (chance >= 0.8) & (chance < 0.9), payments.settled_on + after),
    )
    for digit, (kind, happens, entered_on) in enumerate(kinds):
        rows = np.flatnonzero((bills.cents > 0) & (late.astype(np.int64) > 0) & happens & (entered_on <= through))
        waiver = {"approver_id": pa.repeat("S0001", len(rows)), "reason": pa.repeat("goodwill", len(rows))}
        yield table(
            EXTRACTS["late_charge_entry"],
            entry_id=document_id(f"L{digit}", bills.period[rows], bills.customer[rows]),
            customer_id=numbered("C", bills.customer[rows]),
            bill_id=document_id("B", bills.period[rows], bills.customer[rows]),
            entered_on=days(entered_on[rows]),
            kind=pa.repeat(kind, len(rows)),
            amount=decimal(charge[rows], 2),
            **(waiver if kind == "waived" else {}),
        )


def acknowledgement_table(
    rng: np.random.Generator, customers: Customers, bills: Bills, payments: Payments, through: np.datetime64
) -> pa.Table:
    """Officers who take on the warning of a bill more than 30 days overdue, some days after it."""
    noted_on = bills.due_on + 31 + rng.integers(0, 10, size=len(bills.owner))
    noted = (payments.settled_on > noted_on) & (noted_on <= through) & (rng.random(len(bills.owner)) < 0.4)
    rows = np.flatnonzero(noted)
    return table(
        EXTRACTS["warning_acknowledgement"],
        acknowledgement_id=document_id("K", bills.period[rows], bills.customer[rows]),
        customer_id=numbered("C", bills.customer[rows]),
        rule=pa.repeat("overdue_30_days", len(rows)),
        acknowledged_on=days(noted_on[rows]),
        officer_id=officers(customers.org_unit[bills.owner[rows]], 0),
        note=pa.repeat("called, a payment is agreed", len(rows)),
    )


def empty_table(extract: str) -> pa.Table:
    """A file that says that nothing has happened."""
    return table(EXTRACTS[extract], **{EXTRACTS[extract].columns[0].name: pa.array([], pa.string())})


def _day_within(rng: np.random.Generator, customers: Customers, count: int, through: np.datetime64) -> Array:
    """Any day of the simulated span."""
    first_day = customers.periods[0].astype("datetime64[D]")
    span = int((through - first_day).astype(int)) + 1
    day: Array = first_day + rng.integers(0, span, size=count)
    return day
