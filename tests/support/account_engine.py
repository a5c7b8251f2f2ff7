"""What a customer owes as of a day, in plain Python from the definition: an oracle for the models in SQL.

Nothing is carried from one day to the next. What a day says is computed from the facts dated that day or earlier; what
was computed of a day is only remembered.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path

ZERO = Decimal(0)
ONE_DAY = timedelta(days=1)


# What is delivered.


@dataclass(frozen=True)
class Bill:
    bill_id: str
    customer_id: str
    issued_on: date
    due_on: date
    amount: Decimal
    reverses: str | None
    is_disputed: bool = False


@dataclass(frozen=True)
class Payment:
    payment_id: str
    customer_id: str
    bill_id: str | None
    paid_on: date
    amount: Decimal
    reverses: str | None


@dataclass(frozen=True)
class WriteOff:
    action_id: str
    customer_id: str
    bill_id: str | None
    acted_on: date
    amount: Decimal | None


@dataclass(frozen=True)
class Dispute:
    dispute_id: str
    customer_id: str
    bill_id: str
    opened_on: date
    closed_on: date | None
    outcome: str | None
    amount: Decimal | None
    """What of the bill is contested; None: all of it."""


@dataclass(frozen=True)
class Facts:
    bills: tuple[Bill, ...]
    payments: tuple[Payment, ...]
    write_offs: tuple[WriteOff, ...]
    disputes: tuple[Dispute, ...] = ()

    @cached_property
    def book(self) -> _Book:
        """These facts in order; days that were computed are remembered in it."""
        return _Book(self)


def read_facts(folder: Path) -> Facts:
    """From `bill.csv`, `payment.csv`, `collection_action.csv` and, if there is one, `dispute.csv` in the canonical
    names.
    """

    def rows(name: str) -> Iterator[dict[str, str]]:
        with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)

    day = date.fromisoformat
    return Facts(
        tuple(
            Bill(
                row["bill_id"],
                row["customer_id"],
                day(row["issued_on"]),
                day(row["due_on"]),
                Decimal(row["amount"]),
                row["reverses_bill_id"] or None,
                row["disputed"] == "true",
            )
            for row in rows("bill")
        ),
        tuple(
            Payment(
                row["payment_id"],
                row["customer_id"],
                row["bill_id"] or None,
                day(row["paid_on"]),
                Decimal(row["amount"]),
                row["reverses_payment_id"] or None,
            )
            for row in rows("payment")
        ),
        tuple(
            WriteOff(
                row["action_id"],
                row["customer_id"],
                row["bill_id"] or None,
                day(row["acted_on"]),
                Decimal(row["amount"]) if row["amount"] else None,
            )
            for row in rows("collection_action")
            if row["kind"] == "write_off"
        ),
        tuple(map(read_dispute, rows("dispute"))) if (folder / "dispute.csv").exists() else (),
    )


def read_dispute(row: dict[str, str]) -> Dispute:
    """A row of the file."""
    return Dispute(
        row["dispute_id"],
        row["customer_id"],
        row["bill_id"],
        date.fromisoformat(row["opened_on"]),
        date.fromisoformat(row["closed_on"]) if row["closed_on"] else None,
        row["outcome"] or None,
        Decimal(row["contested_amount"]) if row["contested_amount"] else None,
    )


# What is made of it.


@dataclass(frozen=True)
class BillBalance:
    """amount = credited + paid + written_off - recovered + open, and none of them is negative."""

    bill_id: str
    customer_id: str
    amount: Decimal
    credited: Decimal
    paid: Decimal
    """By payments that name it and by unallocated credit; what is recovered is in it."""
    written_off: Decimal
    recovered: Decimal
    open: Decimal
    settled_on: date | None
    contested: Decimal
    """What of the amount is disputed, whether it is open or not."""


@dataclass(frozen=True)
class Account:
    """billed - credited - collected + returned + refunded - written off + recovered = open - credit_balance."""

    customer_id: str
    open_amount: Decimal
    not_due_amount: Decimal
    overdue_amount: Decimal
    max_days_overdue: int
    disputed_amount: Decimal
    disputed_overdue_amount: Decimal
    credit_balance: Decimal
    written_off_amount: Decimal
    recovered_amount: Decimal
    unexplained_amount: Decimal
    last_paid_on: date | None
    last_paid_amount: Decimal | None
    billed: Decimal
    credited: Decimal
    collected: Decimal
    returned: Decimal
    refunded: Decimal


def bills_as_of(facts: Facts, day: date) -> dict[str, BillBalance]:
    """Every bill issued by then; a credit note and a reversal are in the bill they belong to."""
    book = facts.book
    found = {}
    for customer_id, bills in book.money(day).bills.items():
        for bill in bills:
            stand = book.position(customer_id, day).stands[bill.bill_id]
            found[bill.bill_id] = BillBalance(
                bill.bill_id,
                customer_id,
                bill.amount,
                stand.credited,
                stand.paid,
                stand.written_off,
                stand.recovered,
                stand.open,
                book.settled_on(bill, day),
                stand.contested,
            )
    return found


def accounts_as_of(facts: Facts, day: date) -> dict[str, Account]:
    """Every customer of whom any fact is dated that day or earlier."""
    return {customer_id: _account(facts.book, customer_id, day) for customer_id in facts.book.customers(day)}


def _account(book: _Book, customer_id: str, day: date) -> Account:
    money = book.money(day)
    position = book.position(customer_id, day)
    stands = list(position.stands.values())
    overdue = [stand for stand in stands if stand.bill.due_on < day]
    last = max(
        (received.payment for received in money.received[customer_id]),
        key=lambda payment: (payment.paid_on, payment.payment_id),
        default=None,
    )
    return Account(
        customer_id=customer_id,
        open_amount=_total(stand.open for stand in stands),
        not_due_amount=_total(stand.open for stand in stands if stand.bill.due_on >= day),
        overdue_amount=_total(stand.open for stand in overdue),
        max_days_overdue=max(((day - stand.bill.due_on).days for stand in overdue if stand.open), default=0),
        disputed_amount=_total(stand.disputed for stand in stands),
        disputed_overdue_amount=_total(stand.disputed for stand in overdue),
        credit_balance=position.credit_balance,
        written_off_amount=_total(stand.written_off for stand in stands),
        recovered_amount=_total(stand.recovered for stand in stands),
        unexplained_amount=money.unexplained[customer_id],
        last_paid_on=last.paid_on if last else None,
        last_paid_amount=last.amount if last else None,
        billed=_total(bill.amount for bill in money.bills[customer_id]),
        credited=_total(money.credit_notes[bill.bill_id] for bill in money.bills[customer_id])
        + money.stand_alone_credit[customer_id],
        collected=_total(received.payment.amount for received in money.received[customer_id]),
        returned=money.returned[customer_id],
        refunded=money.refunded[customer_id],
    )


def write_offs_as_of(facts: Facts, day: date) -> dict[str, dict[str, Decimal]]:
    """By action in force, how much of which bill it took out: nothing where it had no effect."""
    book = facts.book
    found: dict[str, dict[str, Decimal]] = {
        action.action_id: {} for action in facts.write_offs if book.day_of_write_off(action) <= day
    }
    for customer_id in book.customers(day):
        for written in book.write_offs(customer_id):
            if written.day <= day:
                found[written.action_id][written.bill_id] = written.amount
    return found


def days_charged(facts: Facts, bill_id: str, day: date) -> list[tuple[date, Decimal]]:
    """The days up to this one on which a bill was open in the morning, after its due date, and with how much.

    It stands at no more than on the last day: a credit note lowers the charge back to the due date.
    """
    book = facts.book
    bill = book.bills[bill_id]
    if bill.issued_on > day:
        return []
    stands_at = book.stand(bill, day).stands_at
    found = []
    evening = max(bill.due_on, bill.issued_on)
    while evening < day:
        stand = book.stand(bill, evening)
        named = _total(received.net for received in book.money(evening).received_for(bill))
        chargeable = min(stands_at, stand.stands_at) - named - stand.paid_by_credit - stand.written_off
        if chargeable > 0:
            found.append((evening + ONE_DAY, chargeable))
        evening += ONE_DAY
    return found


def unpaid_on(facts: Facts, bill_id: str, evening: date, day: date) -> Decimal:
    """What of a bill, as it stands on a day, was not paid at the end of an earlier one: a write-off pays nothing."""
    book = facts.book
    bill = book.bills[bill_id]
    named = _total(received.net for received in book.money(evening).received_for(bill))
    then = book.stand(bill, evening)
    return max(min(book.stand(bill, day).stands_at, then.stands_at) - named - then.paid_by_credit, ZERO)


def paid_in_time(facts: Facts, bill_id: str, day: date) -> Decimal:
    """What of a bill was paid by its due date, or by now where that is still to come, and still is."""
    book = facts.book
    bill = book.bills[bill_id]
    if bill.issued_on > day:
        return ZERO
    due_on = min(bill.due_on, day)
    stand = book.stand(bill, day)
    named = _total(received.net for received in book.money(day).received_for(bill) if received.since <= due_on)
    credit_then = book.stand(bill, due_on).paid_by_credit if bill.issued_on <= due_on else ZERO
    return min(stand.paid, named + min(credit_then, stand.paid_by_credit))


def judged_on(facts: Facts, bill_id: str, day: date) -> date:
    """As of which day a bill counts for behaviour: as of the one before it was cancelled, if it was."""
    book = facts.book
    bill = book.bills[bill_id]
    if book.stand(bill, day).stands_at > 0:
        return day
    while day > bill.issued_on and not book.stand(bill, day - ONE_DAY).stands_at:
        day -= ONE_DAY
    return day - ONE_DAY


def behaviour_of(facts: Facts, bill_id: str, day: date) -> tuple[Decimal, date | None]:
    """With which amount a bill counts for behaviour, and since when it is settled."""
    book = facts.book
    bill = book.bills[bill_id]
    if bill.issued_on > day:
        return ZERO, None
    judged = judged_on(facts, bill_id, day)
    if judged < day and not book.is_fully_paid(bill, judged):
        return ZERO, None
    return book.stand(bill, judged).stands_at, book.settled_on(bill, judged)


def paid_between(facts: Facts, customer_id: str, first_day: date, last_day: date) -> Decimal:
    """What payments of these days that serve a customer brought, less what of it had gone back by the last day."""
    received = facts.book.money(last_day).received[customer_id]
    return _total(one.net for one in received if one.payment.paid_on >= first_day)


def payments_returned(facts: Facts, customer_id: str, after: date, day: date) -> int:
    """How many more payments of a customer were back at the end of a day than of another, in part or in full."""

    def returned(then: date) -> int:
        received = facts.book.money(then).received[customer_id]
        return sum(one.net < one.payment.amount for one in received)

    return max(returned(day) - returned(after), 0)


# How.


def _total(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


def _amounts() -> defaultdict[str, Decimal]:
    return defaultdict(lambda: ZERO)


@dataclass(frozen=True)
class _Movement:
    """A bill or a payment, as far as reversals go."""

    movement_id: str
    customer_id: str
    day: date
    amount: Decimal
    reverses: str | None


class _Forest:
    """Movements and what reverses them: a reversal depends on what it names, if that has the other sign."""

    def __init__(self, movements: Iterable[_Movement]) -> None:
        self.movements = {movement.movement_id: movement for movement in movements if movement.amount}
        self.parents = {
            movement_id: movement.reverses
            for movement_id, movement in self.movements.items()
            if movement.reverses is not None and self._is_reversal(movement, movement.reverses)
        }
        self.children: dict[str, list[str]] = defaultdict(list)
        for child, parent in self.parents.items():
            self.children[parent].append(child)
        self.ringed = [self.movements[name] for name in self.movements if self._meets_a_ring(name)]
        self.roots = [movement for name, movement in self.movements.items() if name not in self.parents]

    def _is_reversal(self, movement: _Movement, named: str) -> bool:
        if named == movement.movement_id:
            return True  # The shortest ring.
        return named in self.movements and (movement.amount > 0) != (self.movements[named].amount > 0)

    def _meets_a_ring(self, movement_id: str) -> bool:
        passed = set()
        while movement_id in self.parents:
            if movement_id in passed:
                return True
            passed.add(movement_id)
            movement_id = self.parents[movement_id]
        return False

    def effect(self, movement_id: str, day: date) -> Decimal:
        """What is left of it, without its sign, where what it names is in force."""
        movement = self.movements[movement_id]
        if movement.day > day:
            return ZERO
        amount = abs(movement.amount)
        return amount - min(amount, self.reversed(movement_id, day))

    def reversed(self, movement_id: str, day: date) -> Decimal:
        """What those that name it take from it, or would."""
        return _total(self.effect(child, day) for child in self.children[movement_id])

    def excess(self, movement_id: str, day: date) -> Decimal:
        """What its reversals, theirs and so on would take beyond what there is."""
        movement = self.movements[movement_id]
        if movement.day > day:
            return ZERO
        own = max(ZERO, self.reversed(movement_id, day) - abs(movement.amount))
        return own + self.excess_below(movement_id, day)

    def excess_below(self, movement_id: str, day: date) -> Decimal:
        return _total(self.excess(child, day) for child in self.children[movement_id])


@dataclass
class _Received:
    """A payment as of a day."""

    payment: Payment
    pays: Bill | None
    """The bill it names, once that is issued."""
    since: date
    """From when it does what it does."""
    net: Decimal
    """Of what was returned."""

    @property
    def serves(self) -> str:
        return self.pays.customer_id if self.pays else self.payment.customer_id


@dataclass
class _Money:
    """What moved by the end of a day, before anything pays anything: by customer, but `credit_notes` by bill."""

    bills: dict[str, list[Bill]] = field(default_factory=lambda: defaultdict(list))
    received: dict[str, list[_Received]] = field(default_factory=lambda: defaultdict(list))
    credit_notes: dict[str, Decimal] = field(default_factory=_amounts)
    stand_alone_credit: dict[str, Decimal] = field(default_factory=_amounts)
    returned: dict[str, Decimal] = field(default_factory=_amounts)
    refunded: dict[str, Decimal] = field(default_factory=_amounts)
    unexplained: dict[str, Decimal] = field(default_factory=_amounts)

    def received_for(self, bill: Bill) -> list[_Received]:
        return self._received_for[bill.bill_id]

    @cached_property
    def _received_for(self) -> dict[str, list[_Received]]:
        found: dict[str, list[_Received]] = defaultdict(list)
        for one in (one for served in self.received.values() for one in served):
            if one.pays is not None:
                found[one.pays.bill_id].append(one)
        return found


@dataclass(frozen=True)
class _Written:
    """What a write-off took out of a bill."""

    action_id: str
    bill_id: str
    day: date
    amount: Decimal
    credit: Decimal
    """The unallocated credit that paid the bill at the end of that day."""


@dataclass(frozen=True)
class _ByWriteOff:
    """Of a bill that was written off: how much, what credit paid of it then, and what payments that name it brought."""

    amount: Decimal
    credit: Decimal
    paid_before: Decimal
    paid_after: Decimal


@dataclass
class _Stand:
    """A bill as of a day."""

    bill: Bill
    credited: Decimal
    paid_by_name: Decimal
    written_off: Decimal
    recovered: Decimal
    excess: Decimal
    """Of the payments that name it."""
    contested: Decimal
    paid_by_credit: Decimal = ZERO
    by_write_off: _ByWriteOff | None = None

    def lower_written_off(self) -> None:
        """Once it is known what pays the bill: a credit note takes from what is open before it does from this."""
        if self.by_write_off is not None:
            then = self.by_write_off
            kept = then.paid_before + min(then.credit, then.paid_after + self.paid_by_credit)
            self.written_off = min(then.amount, max(ZERO, self.stands_at - kept))

    @property
    def stands_at(self) -> Decimal:
        return self.bill.amount - self.credited

    @property
    def paid(self) -> Decimal:
        return self.paid_by_name + self.recovered + self.paid_by_credit

    @property
    def open(self) -> Decimal:
        return self.stands_at - self.written_off - self.paid_by_name - self.paid_by_credit

    @property
    def disputed(self) -> Decimal:
        """What of the open amount is contested: what is paid is paid of the rest first."""
        return min(self.open, self.contested)


@dataclass(frozen=True)
class _Position:
    stands: dict[str, _Stand]
    credit_balance: Decimal


class _Book:
    """Facts in order, and what they say of each day."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.of_bills = _Forest(
            _Movement(
                bill.bill_id,
                bill.customer_id,
                bill.issued_on,
                bill.amount,
                bill.reverses,
            )
            for bill in facts.bills
        )
        bills = {bill.bill_id: bill for bill in facts.bills}
        self.bills = {root.movement_id: bills[root.movement_id] for root in self.of_bills.roots if root.amount > 0}
        self.payments = {payment.payment_id: payment for payment in facts.payments}
        self.of_payments = _Forest(
            _Movement(
                payment.payment_id,
                payment.customer_id,
                self._first_day_of_payment(payment),
                payment.amount,
                payment.reverses,
            )
            for payment in facts.payments
        )
        self.first_seen: dict[str, date] = {}
        dates = set()
        for customer_id, day in (
            *((bill.customer_id, bill.issued_on) for bill in facts.bills),
            *((payment.customer_id, payment.paid_on) for payment in facts.payments),
            *((action.customer_id, action.acted_on) for action in facts.write_offs),
        ):
            self.first_seen[customer_id] = min(day, self.first_seen.get(customer_id, day))
            dates.add(day)
        self.disputes: dict[str, list[Dispute]] = defaultdict(list)
        for dispute in facts.disputes:
            if dispute.amount is None or dispute.amount > 0:
                self.disputes[dispute.bill_id].append(dispute)
            dates |= {day for day in (dispute.opened_on, dispute.closed_on) if day}
        self.dates = sorted(dates)
        self._moneys: dict[date, _Money] = {}
        self._positions: dict[tuple[str, date], _Position] = {}
        self._write_offs: dict[str, list[_Written]] = {}
        self._runs: dict[str, list[date | None]] = {}

    def customers(self, day: date) -> list[str]:
        return sorted(customer_id for customer_id, first in self.first_seen.items() if first <= day)

    def _first_day_of_payment(self, payment: Payment) -> date:
        """A return that names only a bill waits for it."""
        if payment.amount < 0 and payment.reverses is None and payment.bill_id in self.bills:
            return max(payment.paid_on, self.bills[payment.bill_id].issued_on)
        return payment.paid_on

    # What moved.

    def last_date(self, day: date) -> date:
        """The last day up to this one on which anything is dated: nothing changes until the next."""
        place = bisect_right(self.dates, day)
        return self.dates[place - 1] if place else day

    def money(self, day: date) -> _Money:
        day = self.last_date(day)
        if day not in self._moneys:
            found = _Money()
            self._enter_bills(found, day)
            self._enter_payments(found, day)
            self._enter_returns_of_bills(found, day)
            for movement in (*self.of_bills.ringed, *self.of_payments.ringed):
                if movement.day <= day:
                    found.unexplained[movement.customer_id] += abs(movement.amount)
            self._moneys[day] = found
        return self._moneys[day]

    def _enter_bills(self, found: _Money, day: date) -> None:
        for root in self.of_bills.roots:
            if root.day > day:
                continue
            if root.amount > 0:
                # What credit notes take beyond the bill is credit; what their reversals give beyond them is nothing.
                found.bills[root.customer_id].append(self.bills[root.movement_id])
                found.credit_notes[root.movement_id] = self.of_bills.reversed(root.movement_id, day)
                found.unexplained[root.customer_id] += self.of_bills.excess_below(root.movement_id, day)
            else:
                found.stand_alone_credit[root.customer_id] += self.of_bills.effect(root.movement_id, day)
                found.unexplained[root.customer_id] += self.of_bills.excess(root.movement_id, day)

    def _enter_payments(self, found: _Money, day: date) -> None:
        """All but returns that name only a bill."""
        for root in self.of_payments.roots:
            if root.day > day:
                continue
            payment = self.payments[root.movement_id]
            effect = self.of_payments.effect(root.movement_id, day)
            excess = self.of_payments.excess(root.movement_id, day)
            if root.amount > 0:
                bill = self.bills.get(payment.bill_id) if payment.bill_id else None
                if bill is None or bill.issued_on > day:
                    received = _Received(payment, None, payment.paid_on, effect)
                else:
                    received = _Received(payment, bill, max(payment.paid_on, bill.issued_on), effect)
                taken = min(payment.amount, self.of_payments.reversed(root.movement_id, day))
                found.received[received.serves].append(received)
                found.returned[received.serves] += taken
                found.unexplained[received.serves] += excess
            elif payment.reverses is not None:
                # What it names is not there to take from.
                found.unexplained[root.customer_id] += effect + excess
            elif payment.bill_id is None:
                found.refunded[root.customer_id] += effect
                found.unexplained[root.customer_id] += excess

    def _enter_returns_of_bills(self, found: _Money, day: date) -> None:
        """Returns that name only a bill take from the newest payments that name it too."""
        naming: dict[str, list[_Received]] = defaultdict(list)
        for served in found.received.values():
            for received in served:
                if received.payment.bill_id:
                    naming[received.payment.bill_id].append(received)
        for newest_first in naming.values():
            newest_first.sort(key=lambda received: (received.since, received.payment.payment_id), reverse=True)
        for root in sorted(self.of_payments.roots, key=lambda root: (root.day, root.movement_id)):
            payment = self.payments[root.movement_id]
            if root.day > day or root.amount > 0 or payment.reverses is not None or payment.bill_id is None:
                continue
            to_take = self.of_payments.effect(root.movement_id, day)
            for received in naming[payment.bill_id]:
                taken = min(to_take, received.net)
                received.net -= taken
                found.returned[received.serves] += taken
                to_take -= taken
            bill = self.bills.get(payment.bill_id)
            customer_id = bill.customer_id if bill else root.customer_id
            found.unexplained[customer_id] += to_take + self.of_payments.excess(root.movement_id, day)

    # What pays what.

    def position(self, customer_id: str, day: date) -> _Position:
        day = self.last_date(day)
        if (customer_id, day) not in self._positions:
            written = self.write_offs(customer_id)
            self._positions[customer_id, day] = self._position(customer_id, day, written)
        return self._positions[customer_id, day]

    def stand(self, bill: Bill, day: date) -> _Stand:
        return self.position(bill.customer_id, day).stands[bill.bill_id]

    def _position(self, customer_id: str, day: date, written: list[_Written]) -> _Position:
        """Of a customer at the end of a day, of whose bills this was written off."""
        money = self.money(day)
        stands = {}
        for bill in money.bills[customer_id]:
            of_bill = [one for one in written if one.bill_id == bill.bill_id and one.day <= day]
            stands[bill.bill_id] = self._by_name(money, bill, of_bill, self.contested(bill, day))
        credit = (
            _total(received.net for received in money.received[customer_id] if received.pays is None)
            + _total(stand.excess for stand in stands.values())
            + money.stand_alone_credit[customer_id]
            + _total(money.credit_notes[name] - stand.credited for name, stand in stands.items())
            - money.refunded[customer_id]
        )
        in_turn = sorted(stands.values(), key=_order_of_paying)
        # What nobody contests first, of all bills.
        for stand in in_turn:
            stand.paid_by_credit = min(stand.open - stand.disputed, max(ZERO, credit))
            credit -= stand.paid_by_credit
        for stand in in_turn:
            paid = min(stand.open, max(ZERO, credit))
            stand.paid_by_credit += paid
            credit -= paid
        for stand in in_turn:
            stand.lower_written_off()
        return _Position(stands, credit)

    def contested(self, bill: Bill, day: date) -> Decimal:
        """What of a bill is disputed at the end of a day: by its disputes, and only where it has none by its flag."""
        if bill.bill_id not in self.disputes:
            return bill.amount if bill.is_disputed else ZERO
        standing = [one for one in self.disputes[bill.bill_id] if one.opened_on <= day and self._lasts(one, bill, day)]
        return min(bill.amount, _total(bill.amount if one.amount is None else one.amount for one in standing))

    def _lasts(self, dispute: Dispute, bill: Bill, day: date) -> bool:
        """Whether a dispute that was opened by then has not ended: where the customer was right, by credit notes since
        over all that he contested; where he was right in part, by the first one after the decision.
        """
        if dispute.closed_on is None or day < dispute.closed_on:
            return True
        if dispute.outcome not in ("for_customer", "partly_for_customer"):
            return False
        decided_on = max(dispute.opened_on, dispute.closed_on, bill.issued_on)
        days = [one for one in self.dates if decided_on <= one <= day]
        if dispute.outcome == "partly_for_customer":
            return not any(self._credited(bill, one) > self._credited(bill, one - ONE_DAY) for one in days)
        contested = bill.amount if dispute.amount is None else dispute.amount
        to_credit = min(self._credited(bill, dispute.opened_on - ONE_DAY) + contested, bill.amount)
        return not any(self._credited(bill, one) >= to_credit for one in days)

    def _credited(self, bill: Bill, day: date) -> Decimal:
        return self.of_bills.reversed(bill.bill_id, day) if day >= bill.issued_on else ZERO

    def _by_name(self, money: _Money, bill: Bill, written: list[_Written], contested: Decimal) -> _Stand:
        """A bill with what names it: credit notes, write-offs, payments."""
        credited = min(bill.amount, money.credit_notes[bill.bill_id])
        stands_at = bill.amount - credited
        last = written[-1] if written else None
        before, after = ZERO, ZERO
        for received in money.received_for(bill):
            if last is None or received.since <= last.day:
                before += received.net
            else:
                after += received.net
        paid_before = min(before, stands_at)
        written_off = ZERO
        by_write_off = None
        if last is not None:
            by_write_off = _ByWriteOff(_total(one.amount for one in written), last.credit, before, after)
            # At least: as if the credit that paid it then did still.
            written_off = min(by_write_off.amount, max(ZERO, stands_at - before - last.credit))
        paid_after = min(after, stands_at - paid_before - written_off)
        recovered = min(after - paid_after, written_off)
        excess = before - paid_before + after - paid_after - recovered
        paid = paid_before + paid_after
        return _Stand(bill, credited, paid, written_off, recovered, excess, contested, by_write_off=by_write_off)

    # What is written off.

    def day_of_write_off(self, action: WriteOff) -> date:
        bill = self.bills.get(action.bill_id) if action.bill_id else None
        return max(action.acted_on, bill.issued_on) if bill else action.acted_on

    def write_offs(self, customer_id: str) -> list[_Written]:
        """Those that had an effect on the customer's bills, on whichever day, oldest first."""
        if customer_id not in self._write_offs:
            actions = sorted(
                (action for action in self.facts.write_offs if self._debtor(action) == customer_id),
                key=lambda action: (self.day_of_write_off(action), action.action_id),
            )
            written: list[_Written] = []
            for action in actions:
                written.extend(self._effective(action, self.day_of_write_off(action), customer_id, written))
            self._write_offs[customer_id] = written
        return self._write_offs[customer_id]

    def _debtor(self, action: WriteOff) -> str | None:
        """Whose bills are written off: nobody's where the bill was never delivered."""
        if action.bill_id is None:
            return action.customer_id
        return self.bills[action.bill_id].customer_id if action.bill_id in self.bills else None

    def _effective(self, action: WriteOff, day: date, customer_id: str, before: list[_Written]) -> list[_Written]:
        stands = self._position(customer_id, day, before).stands
        if action.bill_id is not None:
            stand = stands[action.bill_id]
            written_off = [(stand, stand.open)]
        else:
            overdue = [stand for stand in stands.values() if stand.bill.due_on < day]
            written_off = [(stand, stand.open - stand.disputed) for stand in sorted(overdue, key=_order_of_paying)]
        left = action.amount
        found = []
        for stand, most in written_off:
            amount = most if left is None else min(most, left)
            if amount > 0:
                found.append(_Written(action.action_id, stand.bill.bill_id, day, amount, stand.paid_by_credit))
                if left is not None:
                    left -= amount
        return found

    # Since when.

    def is_fully_paid(self, bill: Bill, day: date) -> bool:
        if bill.issued_on > day:
            return False
        stand = self.stand(bill, day)
        return stand.stands_at > 0 and not stand.open and stand.written_off == stand.recovered

    def settled_on(self, bill: Bill, day: date) -> date | None:
        """The first day of the run of days, to this one, on which the bill was fully paid as of that day.

        Days on which the bill is cancelled, as it is restored later, do not break the run.
        """
        place = bisect_right(self.dates, day)
        return self._paid_since(bill)[place - 1] if place else None

    def _paid_since(self, bill: Bill) -> list[date | None]:
        """For each day on which anything is dated, and nothing changes between them, since when the bill was fully
        paid.
        """
        if bill.bill_id not in self._runs:
            runs: list[date | None] = []
            since = None
            for one in self.dates:
                is_there = bill.issued_on <= one and self.stand(bill, one).stands_at > 0
                if is_there:
                    since = (since or one) if self.is_fully_paid(bill, one) else None
                runs.append(since if is_there else None)
            self._runs[bill.bill_id] = runs
        return self._runs[bill.bill_id]


def _order_of_paying(stand: _Stand) -> tuple[date, date, str]:
    return stand.bill.due_on, stand.bill.issued_on, stand.bill.bill_id
