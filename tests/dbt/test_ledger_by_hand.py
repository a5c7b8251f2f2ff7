"""Accounts made by hand, with figures worked out by hand: what random suppliers seldom do, and what engine and models
could get wrong together. Each account is a customer of its own; all are built once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from tests.support.by_hand import Hand, build_by_hand, rows_of
from tests.support.prepared import Prepared
from tests.support.warehouses import Warehouses

DAY = date(2026, 6, 19)
DATES = [date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31), DAY]
# Bill, customer, issued, due, amount, names.
BILLS = """
refunded-1, refunded, 2026-03-01, 2026-03-20, 100,
refunded-N, refunded, 2026-04-20, 2026-04-20, -50, refunded-1
by_name-1, by_name, 2026-03-01, 2026-03-20, 100,
by_name-N, by_name, 2026-04-20, 2026-04-20, -50, by_name-1
partly-1, partly, 2026-03-01, 2026-03-20, 100,
partly-N, partly, 2026-04-20, 2026-04-20, -50, partly-1
kept-1, kept, 2026-03-01, 2026-03-20, 100,
kept-N, kept, 2026-04-20, 2026-04-20, -50, kept-1
paid_again-1, paid_again, 2026-03-01, 2026-03-20, 100,
paid_again-N, paid_again, 2026-04-20, 2026-04-20, -50, paid_again-1
older-1, older, 2026-03-01, 2026-03-20, 100,
older-2, older, 2026-04-10, 2026-03-10, 60,
older-N, older, 2026-05-20, 2026-05-20, -50, older-1
younger-1, younger, 2026-03-01, 2026-03-20, 100,
younger-2, younger, 2026-04-10, 2026-04-30, 60,
younger-N, younger, 2026-05-20, 2026-05-20, -50, younger-1
twice-1, twice, 2026-03-01, 2026-03-20, 100,
twice-N, twice, 2026-04-20, 2026-04-20, -60, twice-1
lowered-1, lowered, 2026-03-01, 2026-03-20, 100,
lowered-N, lowered, 2026-04-10, 2026-04-10, -30, lowered-1
lowered-R, lowered, 2026-04-20, 2026-04-20, 30, lowered-N
future-1, future, 2026-03-01, 2026-03-20, 100,
future_payer-1, future_payer, 2026-03-01, 2026-03-20, 100,
future_credit-1, future_credit, 2026-03-01, 2026-03-20, 100,
future_credit-N, future_credit, 2026-07-01, 2026-07-01, -100, future_credit-1
future_decision-1, future_decision, 2026-03-01, 2026-03-20, 100,
unnamed-1, unnamed, 2026-03-01, 2026-03-20, 100,
unnamed_more-1, unnamed_more, 2026-03-01, 2026-03-20, 100,
unnamed_owing-1, unnamed_owing, 2026-03-01, 2026-03-20, 100,
unnamed_owing-2, unnamed_owing, 2026-03-02, 2026-07-01, 100,
unnamed_before-1, unnamed_before, 2026-03-01, 2026-03-20, 100,
unnamed_back-1, unnamed_back, 2026-03-01, 2026-03-20, 100,
named-1, named, 2026-03-01, 2026-03-20, 100,
tenant-1, tenant, 2026-03-01, 2026-04-20, 100,
tenant_kept-1, tenant_kept, 2026-03-01, 2026-04-20, 100,
tenant_broken-1, tenant_broken, 2026-03-01, 2026-04-20, 100,
tenant_plan-1, tenant_plan, 2026-03-01, 2026-04-20, 100,
rebilled-1, rebilled, 2026-04-01, 2026-04-20, 180,
rebilled-N, rebilled, 2026-06-05, 2026-06-05, -180, rebilled-1
rebilled-2, rebilled, 2026-06-05, 2026-06-25, 195.50,
went_back-1, went_back, 2026-04-01, 2026-04-20, 180,
bounce-1, bounce, 2026-04-01, 2026-04-20, 100,
whole-1, whole, 2026-04-01, 2026-04-20, 100,
halves-1, halves, 2026-03-01, 2026-03-20, 100,
undone_bounce-1, undone_bounce, 2026-03-01, 2026-03-20, 100,
two-1, two, 2026-03-01, 2026-03-20, 100,
restored-1, restored, 2026-03-01, 2026-03-20, 1000,
restored-N, restored, 2026-03-10, 2026-03-10, -500, restored-1
restored-R, restored, 2026-05-11, 2026-05-11, 500, restored-N
undone-1, undone, 2026-03-01, 2026-03-20, 1000,
undone-N, undone, 2026-03-10, 2026-03-10, -1000, undone-1
undone-R, undone, 2026-05-11, 2026-05-11, 1000, undone-N
left-1, left, 2026-03-01, 2026-03-20, 100,
left_before-1, left_before, 2026-03-01, 2026-03-20, 70,
"""
PAYMENTS = """
refunded-P, refunded,, 2026-03-10, 60,
refunded-Q, refunded,, 2026-04-10, -60,
by_name-P, by_name, by_name-1, 2026-03-10, 60,
by_name-Q, by_name,, 2026-04-10, -60, by_name-P
partly-P, partly,, 2026-03-10, 60,
partly-Q, partly,, 2026-04-10, -30,
kept-P, kept,, 2026-03-10, 60,
paid_again-P, paid_again,, 2026-03-10, 60,
paid_again-Q, paid_again,, 2026-04-10, -60,
paid_again-R, paid_again, paid_again-1, 2026-04-15, 30,
older-P, older,, 2026-03-10, 60,
younger-P, younger,, 2026-03-10, 60,
twice-P, twice,, 2026-03-10, 60,
twice-Q, twice,, 2026-04-10, -60,
future-R, future, future-1, 2026-06-01, -50,
future-P, future, future-1, 2026-07-01, 50,
future_payer-P, future, future_payer-1, 2026-07-01, 100,
unnamed-P, unnamed,, 2026-05-01, 100,
unnamed_more-P, unnamed_more,, 2026-05-01, 30,
unnamed_more-Q, unnamed_more,, 2026-05-02, -10,
unnamed_owing-P, unnamed_owing,, 2026-05-01, 100,
unnamed_before-P, unnamed_before,, 2026-03-10, 120,
unnamed_before-Q, unnamed_before,, 2026-03-11, -100,
unnamed_before-R, unnamed_before,, 2026-05-01, 100, unnamed_before-Q
unnamed_back-P, unnamed_back,, 2026-05-01, 100,
unnamed_back-Q, unnamed_back,, 2026-05-02, -100, unnamed_back-P
named-P, named, named-1, 2026-05-01, 100,
tenant_kept-P, landlord, tenant_kept-1, 2026-06-05, 100,
tenant_plan-P, landlord, tenant_plan-1, 2026-05-25, 40,
rebilled-P, rebilled, rebilled-1, 2026-04-15, 100,
went_back-P, went_back, went_back-1, 2026-04-15, 100,
went_back-Q, went_back,, 2026-06-05, -30, went_back-P
bounce-P, bounce, bounce-1, 2026-04-15, 100,
bounce-R, bounce, bounce-1, 2026-04-25, -100, bounce-P
bounce-S, bounce, bounce-1, 2026-04-28, 1, bounce-R
whole-P, whole, whole-1, 2026-04-15, 100,
whole-R, whole, whole-1, 2026-04-25, -100, whole-P
halves-P, halves, halves-1, 2026-03-10, 100,
halves-R, halves, halves-1, 2026-03-25, -30, halves-P
halves-S, halves, halves-1, 2026-03-27, -70, halves-P
undone_bounce-P, undone_bounce, undone_bounce-1, 2026-03-10, 100,
undone_bounce-R, undone_bounce,, 2026-03-25, -30, undone_bounce-P
undone_bounce-S, undone_bounce,, 2026-03-27, 30, undone_bounce-R
two-P, two, two-1, 2026-04-02, 60,
two-Q, two, two-1, 2026-04-12, 60,
two-R, two, two-1, 2026-05-01, -100,
restored-P, restored, restored-1, 2026-03-15, 500,
"""
# Action, customer, bill, kind, acted, amount, promised for.
ACTIONS = """
refunded-W, refunded, refunded-1, write_off, 2026-04-01,,
by_name-W, by_name, by_name-1, write_off, 2026-04-01,,
partly-W, partly, partly-1, write_off, 2026-04-01,,
kept-W, kept, kept-1, write_off, 2026-04-01,,
paid_again-W, paid_again, paid_again-1, write_off, 2026-04-01,,
older-W, older, older-1, write_off, 2026-04-01,,
younger-W, younger, younger-1, write_off, 2026-04-01,,
twice-W, twice, twice-1, write_off, 2026-04-01,,
twice-X, twice, twice-1, write_off, 2026-04-20,,
lowered-W, lowered, lowered-1, write_off, 2026-04-01,,
unnamed-W, unnamed, unnamed-1, write_off, 2026-04-01,,
unnamed_more-W, unnamed_more, unnamed_more-1, write_off, 2026-04-01,,
unnamed_owing-W, unnamed_owing, unnamed_owing-1, write_off, 2026-04-01,,
unnamed_before-W, unnamed_before, unnamed_before-1, write_off, 2026-04-01,,
unnamed_back-W, unnamed_back, unnamed_back-1, write_off, 2026-04-01,,
named-W, named, named-1, write_off, 2026-04-01,,
landlord-A, landlord, tenant-1, promise, 2026-06-01,, 2026-06-30
landlord-B, landlord, tenant_kept-1, promise, 2026-06-01, 100, 2026-06-10
landlord-C, landlord, tenant_broken-1, promise, 2026-06-01, 100, 2026-06-10
landlord-D, landlord, tenant_plan-1, instalment_plan, 2026-05-20, 100, 2026-07-31
"""
INSTALMENTS = """
landlord-D, 2026-05-29, 40
landlord-D, 2026-06-30, 60
"""
# All bills are for supply in February 2026.
LEFT_ON = {"left": "2026-02-10", "left_before": "2026-01-31"}
# Dispute, customer, bill, opened, closed, outcome, contested.
DISPUTES = """
younger-D, younger, younger-1, 2026-04-05, 2026-05-10, for_customer, 50
future_credit-D, future_credit, future_credit-1, 2026-04-05, 2026-05-10, for_customer, 100
future_decision-D, future_decision, future_decision-1, 2026-04-05, 2026-07-10, for_customer, 100
"""


def files() -> dict[str, str]:
    bills, payments = rows_of(BILLS), rows_of(PAYMENTS)
    # Each in a region of his own, so that figures by region are his.
    customers = [
        f"{who},{who},commercial,{who},2020-01-01,{LEFT_ON.get(who, '')},2024-01-01 00:00:00"
        for who in sorted({row[1] for row in (*bills, *payments)})
    ]
    tables = {
        "customer": ("customer_id,name,segment,region,opened_on,closed_on,updated_at", customers),
        "bill": (
            "bill_id,customer_id,period,issued_on,due_on,amount,kind,reverses_bill_id",
            [
                f"{bill},{who},2026-02,{issued},{due},{amount},{'reversal' if names else 'regular'},{names}"
                for bill, who, issued, due, amount, names in bills
            ],
        ),
        "payment": ("payment_id,customer_id,bill_id,paid_on,amount,reverses_payment_id", map(",".join, payments)),
        "collection_action": (
            "action_id,customer_id,bill_id,kind,acted_on,amount,promise_date",
            map(",".join, rows_of(ACTIONS)),
        ),
        "instalment": ("action_id,due_on,amount", map(",".join, rows_of(INSTALMENTS))),
        "dispute": (
            "dispute_id,customer_id,bill_id,opened_on,closed_on,outcome,contested_amount",
            map(",".join, rows_of(DISPUTES)),
        ),
    }
    return {name: "\n".join([columns, *lines, ""]) for name, (columns, lines) in tables.items()}


@pytest.fixture(scope="module")
def hand(warehouses: Warehouses, empty: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    with warehouses.lent(empty) as settings:
        build_by_hand(files(), DATES, tmp_path_factory.mktemp("by_hand"), settings)
        yield Hand(settings)


def account(hand: Hand, customer: str) -> tuple[Any, ...]:
    """Open, written off, credit."""
    row = hand.row("candidate.customer_account", customer)
    return row["open_amount"], row["written_off_amount"], row["credit_balance"]


def test_a_credit_note_takes_first_what_is_open_again(hand: Hand) -> None:
    """60 of 100 paid and 40 written off; when the 60 went back, 60 were open, of which the credit note takes 50."""
    assert account(hand, "refunded") == (10, 40, 0)
    assert account(hand, "by_name") == (10, 40, 0)
    # 30 went back: the note takes the 30 that are open, and 20 of what was written off.
    assert account(hand, "partly") == (0, 20, 0)
    # Nothing went back: it takes the 40, and 10 more than the 50 that the bill stands at are credit.
    assert account(hand, "kept") == (0, 0, 10)
    # All went back and 30 came again: 30 were open.
    assert account(hand, "paid_again") == (0, 20, 0)
    # The credit went to a bill that is due before: of this one 60 were open, and 60 of the other one are paid.
    assert account(hand, "older") == (10, 40, 0)
    # It comes back from a younger bill once nothing is contested: what a day says has no memory of the days before.
    assert account(hand, "younger") == (50, 0, 0)


def test_the_statement_ends_with_the_balance(hand: Hand) -> None:
    """Of every account, also where a credit note and another write-off are of one day; figures of one by hand."""
    wrong = hand.rows(
        "select customer_id, sum(movements.amount), max(accounts.open_amount - accounts.credit_balance) "
        "from candidate.customer_account as accounts left join candidate.account_movement as movements "
        "using (customer_id) group by customer_id "
        "having coalesce(sum(movements.amount), 0) <> max(accounts.open_amount - accounts.credit_balance)"
    )
    assert wrong == []
    assert account(hand, "twice") == (0, 40, 0)
    statement = "select moved_on, amount, balance from candidate.account_movement where customer_id = 'lowered' "
    assert hand.rows(statement + "and kind = 'write_off' order by moved_on") == [
        (date(2026, 4, 1), -100, 0),
        (date(2026, 4, 10), 30, 0),
        (date(2026, 4, 20), -30, 0),
    ]


def test_findings_are_of_what_has_happened(hand: Hand) -> None:
    """Of 1 and 10 July nothing is known on 19 June: a payment that explains a return, a landlord's, a credit note, a
    decision.
    """
    found = hand.rows(
        "select finding, fact_id, amount from candidate.ledger_finding where customer_id like 'future%' order by 1"
    )
    assert found == [
        ("no_credit_note_after_a_dispute", "future_credit-D", 100),
        ("unexplained", "future-R", 50),
    ]
    assert hand.row("candidate.customer_account", "future")["unexplained_amount"] == 50
    unexplained = hand.rows(
        "select customer_id, sum(amount) from candidate.ledger_finding where finding = 'unexplained' group by 1"
    )
    assert unexplained == hand.rows(
        "select customer_id, unexplained_amount from candidate.customer_account where unexplained_amount > 0"
    )


def test_supply_after_the_end_of_the_contract_is_reported(hand: Hand) -> None:
    """The last bill is issued after it; one of a month that began after it should not be."""
    found = "select fact_id, amount from candidate.ledger_finding where finding = 'outside_the_contract'"
    assert hand.rows(found) == [("left_before-1", 70)]


def test_what_is_paid_for_no_bill_after_a_write_off_is_reported(hand: Hand) -> None:
    """It recovers nothing, and pays nothing where nothing else is open; what pays another bill, came before, went back
    or names the bill does not ask for anything.
    """
    assert account(hand, "unnamed") == (0, 100, 100)
    found = hand.rows(
        "select fact_id, customer_id, amount from candidate.ledger_finding "
        "where finding = 'paid_for_no_bill_after_a_write_off' order by 1"
    )
    # Of 30 there are 20 left: 10 were refunded.
    assert found == [("unnamed-P", "unnamed", 100), ("unnamed_more-P", "unnamed_more", 20)]
    assert account(hand, "unnamed_owing") == (0, 100, 0)
    assert account(hand, "unnamed_before") == (0, 80, 100)
    assert account(hand, "named") == (0, 100, 0)


def test_a_promise_is_of_the_bill_that_it_names(hand: Hand) -> None:
    """A landlord promises and pays for tenants: money for the bill keeps it, whosoever, and its customer is held."""
    promised = "select action_id, customer_id, amount, outcome from candidate.promise_result order by 1"
    assert hand.rows(promised) == [
        ("landlord-A", "landlord", 100, "open"),
        ("landlord-B", "landlord", 100, "kept"),
        ("landlord-C", "landlord", 100, "broken"),
        ("landlord-D", "landlord", 100, "open"),
    ]
    assert hand.rows(
        "select due_on, customer_id, paid_amount, outcome from candidate.instalment_result order by 1"
    ) == [
        (date(2026, 5, 29), "landlord", 40, "kept"),
        (date(2026, 6, 30), "landlord", 0, "open"),
    ]
    held = (
        "select customer_id, held_by, promised_for from collections.dunning where customer_id like 'tenant%' order by 1"
    )
    assert hand.rows(held) == [
        ("tenant", "promise", date(2026, 6, 30)),
        ("tenant_broken", None, None),
        ("tenant_plan", "promise", date(2026, 6, 30)),
    ]
    # Whoever gave his word breaks it.
    broken = (
        "select customer_id from archive.customer_event where kind = 'broken_promise' and happened_on <= '2026-06-19'"
    )
    assert hand.rows(broken) == [("landlord",)]


def test_what_pays_the_bill_that_follows_did_not_go_back(hand: Hand) -> None:
    """80 of 180 were overdue when June began; the 100 that were paid pay the bill that replaces it. 30 did go back."""
    arrears = "select arrears_amount, collected_amount from receivables.arrears_month where as_of_date = '2026-06-19' "
    assert hand.rows(arrears + "and region = 'rebilled'") == [(80, 0)]
    assert hand.rows(arrears + "and region = 'went_back'") == [(80, -30)]
    rate = "select arrears_collection_rate from candidate.receivable_by_month where as_of_date = '2026-06-19' "
    assert hand.rows(rate + "and region = 'rebilled'") == [(0,)]


def test_payments_that_came_back_are_counted_once(hand: Hand) -> None:
    """However many returns took a payment, and whatever of it came again, as long as a part is back."""
    bounced = dict(
        hand.rows("select customer_id, bounced_12m from features.payment_behaviour where as_of_date = '2026-06-19'")
    )
    whose = ("bounce", "whole", "halves", "two", "undone_bounce", "named")
    assert [bounced[who] for who in whose] == [1, 1, 1, 2, 0, 0]


def test_a_bill_is_charged_for_days_on_which_it_was_open(hand: Hand) -> None:
    """A credit note was taken back on 11 May, and 500, or all of 1,000, are open since: from 12 to 31 May 20 days."""
    charged = "select bill_id, days_charged, late_charge from candidate.late_charge where customer_id in {} order by 1"
    assert hand.rows(charged.format("('restored', 'undone')")) == [("restored-1", 20, 20), ("undone-1", 20, 40)]
