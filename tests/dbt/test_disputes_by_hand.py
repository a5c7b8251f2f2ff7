"""Disputes computed by hand, a customer for each case: what is held, for how long, and what counts again after it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gridcredit.settings import Settings

from tests.support import shipped
from tests.support.by_hand import Hand, build_by_hand, rows_of
from tests.support.prepared import Prepared
from tests.support.warehouses import Warehouses

# 110 days after 1 March. On 30 April 60 days have passed, on 31 May 91.
MARCH, APRIL, MAY, DAY = date(2026, 3, 31), date(2026, 4, 30), date(2026, 5, 31), date(2026, 6, 19)

# Bill, customer, day of issue, due day, amount, flag.
BILLS = """
whole-1, whole, 2026-02-10, 2026-03-01, 1000,
part-1, part, 2026-02-10, 2026-03-01, 1000,
paid_part-1, paid_part, 2026-02-10, 2026-03-01, 1000,
lost-1, lost, 2026-02-10, 2026-03-01, 1000,
won-1, won, 2026-02-10, 2026-03-01, 1000,
waiting-1, waiting, 2026-02-10, 2026-03-01, 1000,
partly-1, partly, 2026-02-10, 2026-03-01, 1000,
twice-1, twice, 2026-02-10, 2026-03-01, 1000,
together-1, together, 2026-02-10, 2026-03-01, 1000,
flagged-1, flagged, 2026-02-10, 2026-03-01, 1000, true
dated-1, dated, 2026-02-10, 2026-03-01, 1000, true
credit-1, credit, 2026-02-10, 2026-03-01, 1000,
credit-2, credit, 2026-03-10, 2026-04-01, 400,
backwards-1, backwards, 2026-02-10, 2026-03-01, 1000,
tenant-1, tenant, 2026-02-10, 2026-03-01, 1000,
other_cause-1, other_cause, 2026-02-10, 2026-03-01, 1000,
too_little-1, too_little, 2026-02-10, 2026-03-01, 1000,
later-1, later, 2026-02-10, 2026-03-01, 1000,
"""
# Credit note, customer, day, amount, the bill.
CREDIT_NOTES = """
won-N, won, 2026-05-25, -1000, won-1
partly-N, partly, 2026-05-25, -200, partly-1
other_cause-M, other_cause, 2026-03-10, -10, other_cause-1
other_cause-N, other_cause, 2026-05-25, -990, other_cause-1
too_little-M, too_little, 2026-03-04, -100, too_little-1
too_little-N, too_little, 2026-05-25, -300, too_little-1
later-M, later, 2026-03-10, -10, later-1
later-N, later, 2026-06-05, -200, later-1
"""
# Dispute, customer, bill, first day, day it was closed, outcome, contested amount.
DISPUTES = """
whole-D, whole, whole-1, 2026-03-05,,,
part-D, part, part-1, 2026-03-05,,, 300
paid_part-D, paid_part, paid_part-1, 2026-03-05,,, 300
lost-D, lost, lost-1, 2026-03-05, 2026-05-20, against_customer,
won-D, won, won-1, 2026-03-05, 2026-05-10, for_customer,
waiting-D, waiting, waiting-1, 2026-03-05, 2026-05-10, for_customer,
partly-D, partly, partly-1, 2026-03-05, 2026-05-10, partly_for_customer, 400
twice-D1, twice, twice-1, 2026-03-05, 2026-04-10, withdrawn,
twice-D2, twice, twice-1, 2026-05-15,,,
together-D1, together, together-1, 2026-03-05,,, 300
together-D2, together, together-1, 2026-04-05, 2026-05-20, against_customer, 900
dated-D, dated, dated-1, 2026-03-05, 2026-05-20, withdrawn,
credit-D, credit, credit-1, 2026-03-05,,,
backwards-D, backwards, backwards-1, 2026-05-20, 2026-03-05, withdrawn,
nothing-D, backwards, backwards-1, 2026-03-05,,, 0
unknown-D, whole, never-came, 2026-03-05,,,
landlord-D, landlord, tenant-1, 2026-03-05,,,
other_cause-D, other_cause, other_cause-1, 2026-03-05, 2026-05-10, for_customer,
too_little-D, too_little, too_little-1, 2026-03-05, 2026-05-10, for_customer, 500
later-D, later, later-1, 2026-03-05, 2026-05-10, partly_for_customer, 400
"""
# Payment, customer, bill, day, amount.
PAYMENTS = """
paid_part-P, paid_part, paid_part-1, 2026-03-01, 700
credit-P, credit,, 2026-03-20, 500
"""
# Action, customer, bill, kind, day.
ACTIONS = """
lost-A, lost, lost-1, sms, 2026-03-03
lost-B, lost,, final_notice, 2026-04-20
part-A, part, part-1, final_notice, 2026-06-01
"""


def files() -> dict[str, str]:
    """The files of the supplier, by extract."""
    bills = rows_of(BILLS)
    names = sorted({who for _, who, *_ in bills} | {"landlord"})
    found = {
        "customer": ["customer_id,name,segment,opened_on,updated_at"]
        + [f"{who},{who},commercial,2020-01-01,2024-01-01 00:00:00" for who in names],
        "bill": ["bill_id,customer_id,period,issued_on,due_on,amount,kind,reverses_bill_id,disputed"]
        + [f"{bill},{who},2026-01,{on},{due},{amount},regular,,{flag}" for bill, who, on, due, amount, flag in bills]
        + [
            f"{note},{who},2026-05,{on},{on},{amount},reversal,{of},"
            for note, who, on, amount, of in rows_of(CREDIT_NOTES)
        ],
        "payment": ["payment_id,customer_id,bill_id,paid_on,amount", *map(",".join, rows_of(PAYMENTS))],
        "collection_action": ["action_id,customer_id,bill_id,kind,acted_on", *map(",".join, rows_of(ACTIONS))],
        "dispute": [
            "dispute_id,customer_id,bill_id,opened_on,closed_on,outcome,contested_amount",
            *map(",".join, rows_of(DISPUTES)),
        ],
    }
    return {name: "\n".join([*lines, ""]) for name, lines in found.items()}


@pytest.fixture(scope="module")
def hand(warehouses: Warehouses, empty: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    folder = tmp_path_factory.mktemp("disputes")
    with warehouses.lent(empty) as settings:
        build_by_hand(files(), [MARCH, APRIL, MAY, DAY], folder, settings)
        yield Hand(settings)


def counted(hand: Hand, customer: str) -> list[int]:
    """Days overdue that count for veto, warning and default: on the two month-ends and the last day."""
    return [
        days
        for (days,) in hand.rows(
            "select pursued_days_overdue from features.payment_behaviour "
            f"where customer_id = '{customer}' and as_of_date in ('{APRIL}', '{MAY}', '{DAY}') order by as_of_date"
        )
    ]


def in_the_books(hand: Hand, customer: str) -> list[tuple[Any, ...]]:
    """What is overdue, and what of it is disputed: on the same days."""
    return hand.rows(
        "select overdue_amount, disputed_overdue_amount from ledger.account_balance "
        f"where customer_id = '{customer}' and as_of_date in ('{APRIL}', '{MAY}', '{DAY}') order by as_of_date"
    )


def assert_held(hand: Hand, customer: str) -> None:
    """Nothing of the customer's bill of 1,000 counts, and all of it stands in the books."""
    rating = hand.row("candidate.customer_rating", customer)
    assert (rating["veto"], rating["max_days_overdue"]) == (None, 110)
    row = hand.row("candidate.work_list", customer)
    assert (row["held_by"], row["next_step"], row["is_in_default"]) == ("dispute", None, False)
    assert (row["overdue_amount"], row["disputed_amount"], row["late_charge"]) == (0, 1000, 0)
    assert hand.row("candidate.late_charge", customer)["late_charge"] == 0
    warned = "select rule from candidate.customer_warning where rule like 'overdue%' and customer_id = "
    assert hand.rows(f"{warned}'{customer}'") == []
    open_bill = hand.row("candidate.customer_open_bill", customer)
    assert (open_bill["open_amount"], open_bill["disputed_amount"], open_bill["is_disputed"]) == (1000, 1000, True)


def assert_pursued(hand: Hand, customer: str, amount: int, charge: str) -> None:
    """So much of the customer's bill is in default and charged for, all 110 days."""
    assert hand.row("candidate.customer_rating", customer)["veto"] == "in_default"
    row = hand.row("candidate.work_list", customer)
    assert (row["overdue_amount"], row["days_overdue"], row["is_in_default"]) == (amount, 110, True)
    assert row["late_charge"] == Decimal(charge)


@pytest.mark.parametrize("customer", ["whole", "flagged", "tenant"])
def test_a_bill_that_is_disputed_as_a_whole_is_held(hand: Hand, customer: str) -> None:
    """30.6: by the extract, by the bill's flag, or disputed by whoever pays for another."""
    assert_held(hand, customer)
    assert counted(hand, customer) == [0, 0, 0]
    assert in_the_books(hand, customer) == [(1000, 1000)] * 3


def test_a_contested_part_leaves_the_rest_in_force(hand: Hand) -> None:
    """30.6: 300 of 1,000; 700 cost 0.2 % on each of 110 days."""
    assert counted(hand, "part") == [60, 91, 110]
    assert in_the_books(hand, "part") == [(1000, 300)] * 3
    assert_pursued(hand, "part", 700, "154.00")
    row = hand.row("candidate.work_list", "part")
    assert (row["disputed_amount"], row["held_by"], row["last_step"]) == (300, None, "final_notice")
    assert (row["next_step"], row["step_amount"]) == ("cut_off", 700)
    charge = hand.row("candidate.late_charge", "part")
    assert (charge["open_amount"], charge["contested_amount"], charge["is_disputed"]) == (1000, 300, True)
    assert hand.row("candidate.feature_library", "part")["disputed_share"] == Decimal("0.3")


def test_whoever_paid_the_rest_owes_nothing_in_force(hand: Hand) -> None:
    """30.6: money pays what nobody contests first."""
    row = hand.row("candidate.work_list", "paid_part")
    assert (row["held_by"], row["overdue_amount"], row["disputed_amount"]) == ("dispute", 0, 300)
    assert hand.row("candidate.late_charge", "paid_part")["late_charge"] == 0
    assert counted(hand, "paid_part") == [0, 0, 0]


def test_a_lost_dispute_counts_again_with_all_its_days(hand: Hand) -> None:
    """30.6: lost on 20 May: 91 days overdue on 31 May, charged from 2 March on. On 30 April it was as it was."""
    assert counted(hand, "lost") == [0, 91, 110]
    assert in_the_books(hand, "lost") == [(1000, 1000), (1000, 0), (1000, 0)]
    assert_pursued(hand, "lost", 1000, "220.00")
    grades = dict(hand.rows("select as_of_date, grade from candidate.rating_month_end where customer_id = 'lost'"))
    assert grades[MAY] == "D" != grades[APRIL]
    # What was sent before the dispute, or during it of other debts, is spent: a notice comes before a cut-off.
    assert hand.step("lost")[:3] == (None, None, "final_notice")
    # A warning opens on the day on which the dispute was lost.
    opened = hand.rows(
        "select opened_on from candidate.customer_warning where customer_id = 'lost' and rule = 'overdue_30_days'"
    )
    assert opened == [(date(2026, 5, 20),)]


def test_a_dispute_that_the_customer_won_ends_with_the_credit_note(hand: Hand) -> None:
    """30.6: billing credits it on 25 May; until then, and where no credit note has come, he is not dunned."""
    assert counted(hand, "won") == [0, 0, 0]
    assert in_the_books(hand, "won") == [(1000, 1000), (0, 0), (0, 0)]
    assert hand.rows("select count(*) from candidate.work_list where customer_id = 'won'") == [(0,)]
    spans = "select valid_from, valid_to from ledger.dispute_span where customer_id = "
    assert hand.rows(f"{spans}'won'") == [(date(2026, 3, 5), date(2026, 5, 25))]
    assert_held(hand, "waiting")
    # 400 were contested and 200 credited: 800 are owed, and cost as much on all 110 days.
    assert in_the_books(hand, "partly") == [(1000, 400), (800, 0), (800, 0)]
    assert_pursued(hand, "partly", 800, "176.00")


def test_a_credit_note_for_another_cause_ends_no_dispute(hand: Hand) -> None:
    """30.6: 10 are credited on 10 March; the customer was right on 10 May, and has his 990 on 25 May."""
    spans = "select contested_amount, valid_from, valid_to from ledger.dispute_span where customer_id = "
    assert hand.rows(f"{spans}'other_cause'") == [(1000, date(2026, 3, 5), date(2026, 5, 25))]
    assert in_the_books(hand, "other_cause") == [(990, 990), (0, 0), (0, 0)]
    # Of 500 that he was right to contest 300 were credited since: the dispute lasts until the other 200 are.
    assert hand.rows(f"{spans}'too_little'") == [(500, date(2026, 3, 5), date(9999, 12, 31))]
    assert in_the_books(hand, "too_little") == [(900, 500), (600, 500), (600, 500)]
    # Right in part: what was credited before is not what was decided.
    assert hand.rows(f"{spans}'later'") == [(400, date(2026, 3, 5), date(2026, 6, 5))]
    assert in_the_books(hand, "later") == [(990, 400), (990, 400), (790, 0)]


def test_two_disputes_one_after_the_other(hand: Hand) -> None:
    """30.6: until 10 April and from 15 May on; between them it counts. Two at one time contest what they come to."""
    assert counted(hand, "twice") == [60, 0, 0]
    assert in_the_books(hand, "twice") == [(1000, 0), (1000, 1000), (1000, 1000)]
    assert_held(hand, "twice")
    assert in_the_books(hand, "together") == [(1000, 1000), (1000, 300), (1000, 300)]
    assert counted(hand, "together") == [0, 91, 110]


def test_the_dates_of_a_dispute_go_before_the_flag(hand: Hand) -> None:
    """30.6: the bill's own file still says disputed; that the dispute was closed is known better."""
    assert in_the_books(hand, "dated") == [(1000, 1000), (1000, 0), (1000, 0)]
    assert_pursued(hand, "dated", 1000, "220.00")
    # Closed before it was opened, or of nothing: no dispute.
    assert_pursued(hand, "backwards", 1000, "220.00")


def test_credit_pays_what_nobody_contests_first(hand: Hand) -> None:
    """30.6: 500 pay the younger bill of 400, then 100 of the disputed one."""
    assert hand.rows(
        "select bill_id, open_amount, disputed_amount from candidate.customer_open_bill where customer_id = 'credit'"
    ) == [("credit-1", 900, 900)]


def test_what_should_be_asked_is_reported(hand: Hand) -> None:
    assert hand.rows(
        "select finding, fact_id, customer_id, amount from candidate.ledger_finding where extract = 'dispute' order by "
        "1, 2"
    ) == [
        ("credited_less_than_decided", "too_little-D", "too_little", 200),
        ("disputes_a_bill_that_never_came", "unknown-D", "whole", 0),
        ("no_credit_note_after_a_dispute", "waiting-D", "waiting", 1000),
    ]


def test_a_policy_counts_disputes_where_it_says_so(warehouses: Warehouses, empty: Prepared, tmp_path: Path) -> None:
    """30.6: in ratings and in charges; the work-list holds them all the same."""
    with warehouses.lent(empty) as settings:
        settings.policies_dir = tmp_path / "policies"
        shutil.copytree(Settings().policies_dir, settings.policies_dir)
        with (settings.policies_dir / "default" / shipped.NUMBER / "policy.yml").open("a") as header:
            header.write("dispute_counts_in_rating: true\ndispute_counts_in_charges: true\n")
        build_by_hand(files(), [DAY], tmp_path, settings)
        hand = Hand(settings)
        assert hand.row("candidate.customer_rating", "whole")["veto"] == "in_default"
        charge = hand.row("candidate.late_charge", "part")
        # Charged up to the end of May, 91 days, on all of it.
        assert charge["late_charge"] == 182
        assert hand.row("candidate.work_list", "whole")["held_by"] == "dispute"
