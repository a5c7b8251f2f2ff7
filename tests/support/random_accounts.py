"""Random accounts of all kinds of movement, also of kinds that no supplier should deliver."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from tests.support.account_engine import Bill, Dispute, Facts, Payment, WriteOff

FIRST_DAY = date(2024, 1, 1)
DAYS = 200
# Few, and sums of each other, so that ties and exact hits occur.
AMOUNTS = tuple(Decimal(cents) / 100 for cents in (1, 1000, 2500, 3000, 4999, 5000, 5001, 7500, 10000, 10000, 15000))
UNKNOWN_BILL, UNKNOWN_PAYMENT = "B-99999", "P-99999"
# Customers whose movements name each other's.
GROUP = 4
FACTS_OF_A_CUSTOMER = 30


def random_facts(seed: int, customers: int) -> Facts:
    """Of that many customers, each with up to 30 facts; always the same for a seed."""
    rng = random.Random(seed)
    drawn = [
        _draw(rng, [f"C-{number:05}" for number in range(first, min(first + GROUP, customers))], FACTS_OF_A_CUSTOMER)
        for first in range(0, customers, GROUP)
    ]
    return Facts(
        tuple(bill for facts in drawn for bill in facts.bills),
        tuple(payment for facts in drawn for payment in facts.payments),
        tuple(action for facts in drawn for action in facts.write_offs),
        tuple(dispute for facts in drawn for dispute in facts.disputes),
    )


def accounts() -> st.SearchStrategy[Facts]:
    """One to three customers with up to 30 facts together, by the same rules."""

    def draw(rng: random.Random) -> Facts:
        customers = [f"C-{number:05}" for number in range(rng.randint(1, 3))]
        return _draw(rng, customers, FACTS_OF_A_CUSTOMER // len(customers))

    return st.randoms(use_true_random=False).map(draw)


def _draw(rng: random.Random, customers: list[str], most: int) -> Facts:
    number = sum(rng.randint(1 + most // 3, most) for _ in customers)
    kinds = rng.choices(("bill", "payment", "write_off"), (8, 9, 2), k=number)
    # Groups of customers are distinguished by the first, so that no two have an id in common.
    prefix = customers[0].removeprefix("C-")
    bills = [_bill(rng, f"B-{prefix}-{n:03}", rng.choice(customers)) for n in range(kinds.count("bill"))]
    payments = [_payment(rng, f"P-{prefix}-{n:03}", rng.choice(customers)) for n in range(kinds.count("payment"))]
    bills = [_with_reference(rng, bill, bills) for bill in bills]
    payments = [_with_references(rng, payment, payments, bills) for payment in payments]
    bills, payments = _with_ring_of_bills(rng, bills), _with_ring_of_payments(rng, payments)
    numbers = range(kinds.count("write_off"))
    actions = [_write_off(rng, f"A-{prefix}-{n:03}", rng.choice(customers), bills) for n in numbers]
    payments = _with_recoveries(rng, payments, actions)
    # Drawn apart, so that the rest is the same with and without them.
    apart = random.Random(repr(bills))
    numbers = range(apart.randint(0, len(bills) // 2))
    disputes = [_dispute(apart, f"D-{prefix}-{n:03}", apart.choice(customers), bills) for n in numbers]
    return Facts(tuple(bills), tuple(payments), tuple(actions), tuple(disputes))


def _day(rng: random.Random) -> date:
    """Half of the days are among few, so that much falls on one day."""
    offset = rng.randrange(0, DAYS, 20) if rng.random() < 0.5 else rng.randrange(DAYS)
    return FIRST_DAY + timedelta(days=offset)


def _near(rng: random.Random, day: date, days: tuple[int, ...]) -> date:
    found = day + timedelta(days=rng.choice(days))
    return min(max(found, FIRST_DAY), FIRST_DAY + timedelta(days=DAYS - 1))


def _amount(rng: random.Random, negative: float) -> Decimal:
    amount = Decimal("0.00") if rng.random() < 0.02 else rng.choice(AMOUNTS)
    return -amount if rng.random() < negative else amount


def _bill(rng: random.Random, bill_id: str, customer_id: str) -> Bill:
    issued_on = _day(rng)
    due_on = issued_on + timedelta(days=rng.choice((-5, 0, 10, 10, 20, 20, 45)))
    return Bill(bill_id, customer_id, issued_on, due_on, _amount(rng, 0.35), None, rng.random() < 0.15)


def _payment(rng: random.Random, payment_id: str, customer_id: str) -> Payment:
    return Payment(payment_id, customer_id, None, _day(rng), _amount(rng, 0.35), None)


def _with_reference(rng: random.Random, bill: Bill, bills: list[Bill]) -> Bill:
    chance = rng.random()
    others = [other for other in bills if (other.amount < 0) != (bill.amount < 0)]
    if chance < (0.7 if bill.amount < 0 else 0.25) and others:
        return replace(bill, reverses=rng.choice(others).bill_id)
    if chance > 0.96:
        return replace(bill, reverses=UNKNOWN_BILL)
    if chance > 0.9:
        return replace(bill, reverses=rng.choice(bills).bill_id)
    return bill


def _with_references(rng: random.Random, payment: Payment, payments: list[Payment], bills: list[Bill]) -> Payment:
    chance = rng.random()
    if chance < 0.7 and bills:
        payment = replace(payment, bill_id=_any_bill(rng, bills).bill_id)
    elif chance > 0.93:
        payment = replace(payment, bill_id=UNKNOWN_BILL)
    chance = rng.random()
    others = [other for other in payments if (other.amount < 0) != (payment.amount < 0)]
    if chance < (0.5 if payment.amount < 0 else 0.2) and others:
        return replace(payment, reverses=rng.choice(others).payment_id)
    if chance > 0.97:
        return replace(payment, reverses=UNKNOWN_PAYMENT)
    if chance > 0.92:
        return replace(payment, reverses=rng.choice(payments).payment_id)
    return payment


def _with_recoveries(rng: random.Random, payments: list[Payment], actions: list[WriteOff]) -> list[Payment]:
    """Half of the bills that are written off by name get one of the payments soon after."""
    found = {payment.payment_id: payment for payment in payments}
    own = [payment for payment in payments if payment.amount > 0 and payment.reverses is None]
    for action in actions:
        if action.bill_id and own and rng.random() < 0.5:
            payment = rng.choice(own)
            paid_on = _near(rng, action.acted_on, (0, 1, 10))
            found[payment.payment_id] = replace(payment, bill_id=action.bill_id, paid_on=paid_on)
    return list(found.values())


def _any_bill(rng: random.Random, bills: list[Bill]) -> Bill:
    """Mostly one that is owed."""
    owed = [bill for bill in bills if bill.amount > 0 and bill.reverses is None]
    return rng.choice(owed if owed and rng.random() < 0.9 else bills)


def _with_ring_of_bills(rng: random.Random, bills: list[Bill]) -> list[Bill]:
    """Sometimes a positive and a negative one that name each other."""
    ups, downs = [bill for bill in bills if bill.amount > 0], [bill for bill in bills if bill.amount < 0]
    if rng.random() > 0.15 or not ups or not downs:
        return bills
    up, down = rng.choice(ups).bill_id, rng.choice(downs).bill_id
    named = {up: down, down: up}
    return [replace(bill, reverses=named.get(bill.bill_id, bill.reverses)) for bill in bills]


def _with_ring_of_payments(rng: random.Random, payments: list[Payment]) -> list[Payment]:
    ups, downs = [one for one in payments if one.amount > 0], [one for one in payments if one.amount < 0]
    if rng.random() > 0.15 or not ups or not downs:
        return payments
    up, down = rng.choice(ups).payment_id, rng.choice(downs).payment_id
    named = {up: down, down: up}
    return [replace(one, reverses=named.get(one.payment_id, one.reverses)) for one in payments]


def _write_off(rng: random.Random, action_id: str, customer_id: str, bills: list[Bill]) -> WriteOff:
    """Of a bill that is named, half are soon after its due date."""
    chance = rng.random()
    bill_id, acted_on = None, _day(rng)
    if chance < 0.7 and bills:
        bill = _any_bill(rng, bills)
        bill_id = bill.bill_id
        if rng.random() < 0.5:
            acted_on = _near(rng, bill.due_on, (-20, 0, 1, 10))
    elif chance > 0.95:
        bill_id = UNKNOWN_BILL
    amount = None if rng.random() < 0.4 else _amount(rng, 0.05)
    return WriteOff(action_id, customer_id, bill_id, acted_on, amount)


def _dispute(rng: random.Random, dispute_id: str, customer_id: str, bills: list[Bill]) -> Dispute:
    """Soon after the due date or on any day; now and then closed before it opens, or of nothing."""
    bill = _any_bill(rng, bills)
    opened_on = _near(rng, bill.due_on, (-20, 0, 1, 10)) if rng.random() < 0.6 else _day(rng)
    closed_on = _near(rng, opened_on, (-1, 0, 1, 10, 40)) if rng.random() < 0.7 else None
    outcome = rng.choice(("for_customer", "partly_for_customer", "against_customer", "withdrawn", None))
    bill_id = UNKNOWN_BILL if rng.random() < 0.03 else bill.bill_id
    amount = None if rng.random() < 0.5 else _amount(rng, 0.03)
    return Dispute(dispute_id, customer_id, bill_id, opened_on, closed_on, outcome if closed_on else None, amount)
