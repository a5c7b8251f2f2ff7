"""Debts computed by hand, a customer for each rule: what counts as overdue, and which step the law allows next."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from gridcredit.evaluation.outcomes import build_outcomes
from gridcredit.settings import PROJECT_DIR, Settings

from tests.support import shipped
from tests.support.by_hand import Hand, build_by_hand, rows_of
from tests.support.prepared import Prepared
from tests.support.warehouses import Warehouses

# A Friday.
DAY = date(2026, 6, 19)
# What falls due on 19 or 20 May is due on the 21st.
HOLIDAYS = "holiday\n2026-05-19\n2026-05-20\n"

# Customer, segment, last day of the contract.
CUSTOMERS = """
paid_for, residential,
other_bill, residential,
lapsed, residential,
warned, residential,
closed, residential, 2026-06-10
closing, residential, 2026-06-22
notices, residential,
unapproved, residential,
approved, residential,
shrunk, residential,
lessened, residential,
unissued, residential,
without_supply, residential,
reconnected, residential,
promised_other, residential,
promised_part, residential,
promised_long, residential,
promised_ended, residential,
promised_before, residential,
agency_before, residential,
agency_other, residential,
half_disputed, residential,
old, residential,
small_part, residential,
holiday, commercial,
on_holiday, commercial,
weekend, residential,
bounced, residential,
defaulted, commercial,
secured, commercial,
late, commercial,
disputed, commercial,
cent, commercial,
large, commercial,
large_owing, commercial,
twice, commercial,
returned, commercial,
elsewhere, commercial,
transfer, commercial,
barred, commercial,
not_sued, commercial,
watched, commercial,
leaving, commercial,
leaving_owing, commercial,
room, commercial,
arm_2, commercial,
guaranteed, commercial,
unsecured, commercial,
unbilled, commercial,
plan_empty, commercial,
plan_bounced, commercial,
rest, commercial,
used, commercial,
halves, commercial,
cancelled, commercial,
credited, commercial,
moved, commercial,
moved_plan, commercial,
coming_cent, commercial,
coming_disputed, commercial,
run_out, commercial,
went_back, commercial,
plan_stands, commercial,
never_referred, commercial,
other_referred, commercial,
"""
# Bill, customer, due day, amount, whether disputed.
BILLS = """
paid_for-1, paid_for, 2026-01-10, 500,
paid_for-2, paid_for, 2026-04-20, 500,
other_bill-1, other_bill, 2026-04-01, 500,
other_bill-2, other_bill, 2026-04-20, 500,
lapsed-1, lapsed, 2025-10-01, 500,
warned-1, warned, 2026-04-20, 500,
closed-1, closed, 2026-04-20, 500,
closing-1, closing, 2026-04-20, 500,
notices-1, notices, 2026-01-10, 0.50,
notices-2, notices, 2026-04-20, 700,
unapproved-1, unapproved, 2026-01-10, 0.50,
unapproved-2, unapproved, 2026-04-20, 700,
approved-1, approved, 2026-01-10, 0.50,
approved-2, approved, 2026-04-20, 700,
shrunk-1, shrunk, 2026-04-20, 700,
lessened-1, lessened, 2026-04-20, 700,
unissued-1, unissued, 2026-04-20, 700,
without_supply-1, without_supply, 2026-01-01, 500,
without_supply-2, without_supply, 2026-04-20, 500,
reconnected-1, reconnected, 2026-01-01, 500,
reconnected-2, reconnected, 2026-04-20, 500,
promised_other-1, promised_other, 2026-03-02, 100,
promised_other-2, promised_other, 2026-04-20, 700,
promised_part-1, promised_part, 2026-04-20, 1000,
promised_long-1, promised_long, 2026-04-20, 700,
promised_ended-1, promised_ended, 2026-04-20, 1000,
promised_before-1, promised_before, 2026-04-20, 500,
promised_before-2, promised_before, 2026-06-15, 300,
agency_before-1, agency_before, 2026-01-20, 100,
agency_before-2, agency_before, 2026-02-01, 500,
agency_other-1, agency_other, 2026-01-20, 100,
agency_other-2, agency_other, 2026-02-01, 500,
half_disputed-1, half_disputed, 2026-03-01, 0.50,
half_disputed-2, half_disputed, 2026-03-01, 1000, true
old-1, old, 2025-09-03, 500,
small_part-1, small_part, 2026-01-10, 0.50,
small_part-2, small_part, 2026-05-25, 700,
holiday-1, holiday, 2026-05-19, 500,
on_holiday-1, on_holiday, 2026-05-19, 500,
weekend-1, weekend, 2026-05-21, 500,
bounced-1, bounced, 2026-04-01, 500,
defaulted-1, defaulted, 2026-04-19, 1000,
defaulted-2, defaulted, 2026-06-30, 1000,
secured-1, secured, 2026-03-01, 1000,
guaranteed-1, guaranteed, 2026-03-01, 1000,
unsecured-1, unsecured, 2026-03-01, 1000,
late-1, late, 2026-04-20, 1000,
disputed-1, disputed, 2026-03-01, 1000, true
cent-1, cent, 2026-02-23, 500,
twice-1, twice, 2026-05-04, 3000,
large-1, large, 2026-02-23, 10000,
large_owing-1, large_owing, 2026-02-23, 10000,
returned-1, returned, 2026-05-04, 1000,
elsewhere-1, elsewhere, 2026-05-04, 1000,
elsewhere-2, elsewhere, 2026-05-12, 1000,
transfer-1, transfer, 2026-05-04, 1000,
barred-1, barred, 2025-03-03, 500,
barred-2, barred, 2026-05-25, 300,
not_sued-1, not_sued, 2025-03-03, 500,
watched-1, watched, 2026-02-01, 500,
watched-2, watched, 2026-06-12, 500,
leaving-1, leaving, 2026-05-25, 500,
leaving_owing-1, leaving_owing, 2026-05-25, 500,
room-1, room, 2026-03-10, 500,
room-2, room, 2026-04-10, 500,
room-3, room, 2026-05-10, 500,
room-4, room, 2026-06-30, 500,
arm_2-1, arm_2, 2026-04-02, 500,
plan_empty-1, plan_empty, 2026-05-04, 1000,
plan_bounced-1, plan_bounced, 2026-05-04, 1000,
rest-1, rest, 2026-05-04, 1000,
used-1, used, 2026-05-04, 3000,
halves-1, halves, 2026-05-04, 1000,
cancelled-1, cancelled, 2026-05-04, 1000,
credited-1, credited, 2026-05-04, 1000,
moved-1, moved, 2026-05-04, 500,
moved_plan-1, moved_plan, 2026-05-04, 500,
coming_cent-1, coming_cent, 2026-06-22, 500,
coming_disputed-1, coming_disputed, 2026-06-22, 500, true
coming_disputed-2, coming_disputed, 2026-06-30, 500,
stranger-1, stranger, 2026-03-01, 1000,
run_out-1, run_out, 2020-01-01, 500,
went_back-1, went_back, 2025-03-03, 500,
plan_stands-1, plan_stands, 2025-03-03, 500,
never_referred-1, never_referred, 2026-02-01, 500,
other_referred-1, other_referred, 2026-01-10, 500,
other_referred-2, other_referred, 2026-02-01, 500,
"""
# Credit note, customer, day, amount, the bill.
CREDIT_NOTES = """
cancelled-N, cancelled, 2026-06-05, -1000, cancelled-1
credited-N, credited, 2026-06-05, -300, credited-1
"""
# Customer, deposit, guarantee, and its last day.
SECURITY = {
    "secured": "400,,",
    "guaranteed": f"100,300,{DAY}",
    "unsecured": ",300,2026-06-18",
    "unbilled": "50,300,",
}
# Bills that were not issued on the first of the month in which they are due.
ISSUED = {"unissued-1": "2026-06-05", "promised_before-2": "2026-06-05"}
IMPORTANT = ("unapproved", "approved")
# Payment, customer, bill, day, amount, the payment that it takes back.
PAYMENTS = """
paid_for-P, paid_for, paid_for-1, 2026-03-01, 500,
other_bill-P, other_bill, other_bill-1, 2026-06-05, 500,
on_holiday-P, on_holiday, on_holiday-1, 2026-05-21, 500,
bounced-P, bounced, bounced-1, 2026-06-03, 500,
shrunk-P, shrunk, shrunk-1, 2026-05-25, 699.50,
shrunk-R, shrunk, shrunk-1, 2026-06-15, -699.50, shrunk-P
lessened-P, lessened, lessened-1, 2026-05-25, 500,
lessened-R, lessened, lessened-1, 2026-06-15, -500, lessened-P
promised_other-P, promised_other, promised_other-1, 2026-06-12, 100,
promised_part-P, promised_part, promised_part-1, 2026-06-12, 300,
agency_before-P, agency_before, agency_before-1, 2026-03-01, 100,
barred-P, barred, barred-1, 2025-09-01, 100,
twice-P, twice, twice-1, 2026-06-09, 1000,
returned-P, returned, returned-1, 2026-06-09, 1000,
returned-R, returned, returned-1, 2026-06-12, -1000, returned-P
elsewhere-P, elsewhere, elsewhere-2, 2026-06-09, 1000,
transfer-P, transfer,, 2026-06-09, 1000,
cent-P, cent, cent-1, 2026-02-23, 499.99,
leaving-P, leaving, leaving-1, 2026-05-20, 499.99,
large-P, large, large-1, 2026-02-23, 9990.01,
large_owing-P, large_owing, large_owing-1, 2026-02-23, 9990,
room-A, room, room-1, 2026-03-05, 500,
room-B, room, room-2, 2026-04-05, 500,
room-C, room, room-3, 2026-05-05, 500,
bounced-R, bounced, bounced-1, 2026-06-08, -500, bounced-P
plan_bounced-P, plan_bounced, plan_bounced-1, 2026-06-08, 1000,
plan_bounced-R, plan_bounced, plan_bounced-1, 2026-06-15, -1000, plan_bounced-P
rest-P, rest, rest-1, 2026-06-01, 400,
rest-Q, rest, rest-1, 2026-06-05, 200,
used-P, used, used-1, 2026-06-09, 1000,
used-R, used, used-1, 2026-06-17, -1000, used-P
halves-P, halves, halves-1, 2026-06-09, 1000,
halves-Q, halves, halves-1, 2026-06-12, -500, halves-P
halves-R, halves, halves-1, 2026-06-16, -500, halves-P
credited-P, credited, credited-1, 2026-06-09, 700,
moved-P, moved, moved-1, 2026-05-21, 500,
moved_plan-P, moved_plan, moved_plan-1, 2026-05-21, 200,
coming_cent-P, coming_cent, coming_cent-1, 2026-06-10, 499.99,
went_back-P, went_back, went_back-1, 2025-10-01, 100,
went_back-R, went_back, went_back-1, 2025-10-10, -100, went_back-P
"""
# Action, customer, bill, kind, day, amount, promised for.
ACTIONS = """
paid_for-A, paid_for,, final_notice, 2026-02-20,,
other_bill-A, other_bill, other_bill-1, final_notice, 2026-06-01,,
lapsed-A, lapsed,, final_notice, 2025-12-01,,
warned-A, warned,, final_notice, 2026-06-01,,
closed-A, closed,, final_notice, 2026-06-01,,
closing-A, closing,, final_notice, 2026-06-17,,
notices-A, notices, notices-1, final_notice, 2026-06-01,,
notices-B, notices, notices-2, final_notice, 2026-06-18,,
unapproved-A, unapproved,, final_notice, 2026-06-01,,
unapproved-B, unapproved, unapproved-1, cut_off_approval, 2026-06-10,,
approved-A, approved,, final_notice, 2026-06-01,,
approved-B, approved, approved-2, cut_off_approval, 2026-06-10,,
shrunk-A, shrunk,, final_notice, 2026-06-01,,
lessened-A, lessened,, final_notice, 2026-06-01,,
unissued-A, unissued,, final_notice, 2026-06-01,,
without_supply-A, without_supply, without_supply-1, cut_off, 2026-03-20,,
without_supply-B, without_supply, without_supply-1, legal, 2026-04-05,,
without_supply-C, without_supply, without_supply-2, final_notice, 2026-06-01,,
reconnected-A, reconnected, reconnected-1, cut_off, 2026-03-20,,
reconnected-B, reconnected, reconnected-1, legal, 2026-04-05,,
reconnected-C, reconnected,, reconnect, 2026-05-20,,
reconnected-D, reconnected, reconnected-2, final_notice, 2026-06-01,,
promised_other-A, promised_other,, final_notice, 2026-06-01,,
promised_other-B, promised_other, promised_other-1, promise, 2026-06-05, 100, 2026-09-30
promised_part-A, promised_part,, final_notice, 2026-06-01,,
promised_part-B, promised_part,, promise, 2026-06-05, 300, 2026-09-30
promised_long-A, promised_long,, final_notice, 2026-06-01,,
promised_long-B, promised_long,, promise, 2026-06-05, 700, 2026-09-30
promised_ended-A, promised_ended,, promise, 2026-06-01, 1000, 2026-06-10
promised_before-A, promised_before,, promise, 2026-06-02, 500, 2026-09-30
agency_before-A, agency_before, agency_before-1, agency_referral, 2026-02-10,,
agency_other-A, agency_other, agency_other-1, agency_referral, 2026-02-10,,
small_part-A, small_part, small_part-1, final_notice, 2026-06-01,,
bounced-A, bounced,, final_notice, 2026-06-01,,
weekend-A, weekend,, sms, 2026-05-26,,
weekend-B, weekend,, call, 2026-06-15,,
barred-A, barred,, legal, 2025-07-01,,
twice-A, twice,, promise, 2026-06-01, 1000, 2026-06-10
twice-B, twice,, promise, 2026-06-02, 1000, 2026-06-11
returned-A, returned,, promise, 2026-06-01, 1000, 2026-06-10
elsewhere-A, elsewhere, elsewhere-1, promise, 2026-06-01, 1000, 2026-06-10
transfer-A, transfer, transfer-1, promise, 2026-06-01,, 2026-06-10
plan_empty-A, plan_empty,, instalment_plan, 2026-06-01, 1000, 2026-06-30
plan_empty-B, plan_empty,, plan_completed, 2026-06-10,,
plan_bounced-A, plan_bounced,, instalment_plan, 2026-06-01, 1000, 2026-06-30
plan_bounced-B, plan_bounced,, plan_completed, 2026-06-10,,
rest-A, rest,, promise, 2026-06-01,, 2026-06-11
used-A, used,, promise, 2026-06-01, 1000, 2026-06-10
used-B, used,, promise, 2026-06-02, 1000, 2026-06-11
halves-A, halves,, promise, 2026-06-01, 1000, 2026-06-10
cancelled-A, cancelled, cancelled-1, promise, 2026-06-01, 1000, 2026-06-10
credited-A, credited, credited-1, promise, 2026-06-01, 1000, 2026-06-10
moved-A, moved,, promise, 2026-05-11, 500, 2026-05-19
moved_plan-A, moved_plan,, instalment_plan, 2026-05-11, 200, 2026-05-20
run_out-A, run_out,, legal, 2024-06-01,,
went_back-A, went_back,, legal, 2025-07-01,,
plan_stands-A, plan_stands,, legal, 2025-07-01,,
plan_stands-B, plan_stands, plan_stands-1, instalment_plan, 2026-06-01, 500, 2026-07-31
never_referred-A, never_referred,, agency_return, 2026-04-01,,
other_referred-A, other_referred, other_referred-1, agency_referral, 2026-02-10,,
other_referred-B, other_referred,, agency_return, 2026-04-01,,
"""
# Plan, due day, amount.
INSTALMENTS = """
moved_plan-A, 2026-05-19, 100
moved_plan-A, 2026-05-20, 100
"""
# Note, customer, rule, member of staff, day. One before the day that found nothing is not of what is seen after it.
NOTES = """
room-N, room, over_limit, officer-1, 2026-06-15
room-M, room, no_room, officer-1, 2026-05-30
"""

# Of the others all bills are for one month of use.
PERIODS = {"room-1": "2025-06", "room-2": "2025-07", "room-3": "2025-08"}


def files() -> dict[str, str]:
    """The files of the suppliers, by extract."""
    customers = [
        f"{who},{who},{segment},2020-01-01,{closed},{SECURITY.get(who, ',,')},{who in IMPORTANT},2024-01-01 00:00:00"
        for who, segment, closed in rows_of(CUSTOMERS)
    ]
    bills = [
        f"{bill},{who},{PERIODS.get(bill, '2025-09')},{ISSUED.get(bill, due_on[:8] + '01')},"
        f"{due_on},{amount},regular,{disputed},"
        for bill, who, due_on, amount, disputed in rows_of(BILLS)
    ]
    bills += [
        f"{note},{who},2026-06,{on},{on},{amount},reversal,,{of}" for note, who, on, amount, of in rows_of(CREDIT_NOTES)
    ]
    payments = [",".join([*row, ""][:6]) for row in rows_of(PAYMENTS)]
    actions = [",".join(row) for row in rows_of(ACTIONS)]
    found = {
        "customer": [
            "customer_id,name,segment,opened_on,closed_on,deposit_amount,guarantee_amount,guarantee_ends_on,"
            "important_user,updated_at",
            *customers,
        ],
        "bill": ["bill_id,customer_id,period,issued_on,due_on,amount,kind,disputed,reverses_bill_id", *bills],
        "payment": ["payment_id,customer_id,bill_id,paid_on,amount,reverses_payment_id", *payments],
        "collection_action": ["action_id,customer_id,bill_id,kind,acted_on,amount,promise_date", *actions],
        "instalment": ["action_id,due_on,amount", *(",".join(row) for row in rows_of(INSTALMENTS))],
        "service_order": [
            "order_id,customer_id,kind,requested_on",
            *(f"{who}-O,{who},close,2026-06-01" for who in ("leaving", "leaving_owing")),
        ],
        "warning_acknowledgement": [
            "acknowledgement_id,customer_id,rule,officer_id,acknowledged_on",
            *(",".join(row) for row in rows_of(NOTES)),
        ],
    }
    return {name: "\n".join([*lines, ""]) for name, lines in found.items()}


@pytest.fixture(scope="module")
def hand(warehouses: Warehouses, empty: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    folder = tmp_path_factory.mktemp("by_hand")
    with warehouses.lent(empty) as settings:
        settings.policies_dir = folder / "policies"
        shutil.copytree(Settings().policies_dir, settings.policies_dir)
        own = settings.policies_dir / "default" / shipped.NUMBER
        (own / "holidays.csv").write_text(HOLIDAYS)
        with (own / "policy.yml").open("a") as header:
            header.write("steps_on_working_days: true\nwrite_off_after_step: legal\n")
            header.write("pursued_share_of_bill: 0.001\n")
        with (own / "warning_rules.csv").open("a") as rules:
            rules.write("no_room,yellow,tell the customer,credit,10,0,,30,,nothing more may be owed,无剩余额度\n")
        # Of limits this supplier warns whether anything is late or not, as 1.1 does.
        conditions = own / "warning_conditions.csv"
        kept = [line for line in conditions.read_text().splitlines() if "_limit,max_days_overdue" not in line]
        conditions.write_text("\n".join([*kept, "no_room,headroom,<,0", ""]))
        build_by_hand(files(), [date(2026, 5, 31), DAY], folder, settings)
        yield Hand(settings)


def test_a_notice_is_for_the_bills_that_were_open(hand: Hand) -> None:
    """30.2: not for one that came after, nor for another than it names, nor once its bill was paid, nor for ever."""
    # 31 days after 20 April is 21 May; no notice of this bill is on record.
    assert hand.step("paid_for") == (None, None, "final_notice", date(2026, 5, 21))
    assert hand.step("other_bill") == (None, None, "final_notice", date(2026, 5, 21))
    # 31 days after 1 October is 1 November, a Saturday: Monday the 3rd.
    assert hand.step("lapsed") == (None, "final_notice", "final_notice", date(2025, 11, 3))
    # Paid on 3 June: when the money bounces on the 8th, the bill is open again, and the notice of 1 June is spent.
    assert hand.step("bounced") == (None, None, "final_notice", date(2026, 6, 8))
    # Seven days after 1 June, for homes.
    assert hand.step("warned") == ("final_notice", None, "cut_off", date(2026, 6, 8))
    assert hand.row("candidate.work_list", "warned")["step_days_late"] == 11


def held(hand: Hand, customer: str) -> tuple[object, ...]:
    """What holds the next step, and for how much it is."""
    row = hand.row("candidate.work_list", customer)
    return row["held_by"], row["step_amount"]


def test_each_bill_waits_for_its_own_notice(hand: Hand) -> None:
    """30.2: a notice for 0.50 of 1 June is none for 700.00, of which notice was given on the 18th; nor an approval."""
    assert hand.step("notices") == ("final_notice", None, "cut_off", date(2026, 6, 25))
    assert held(hand, "notices") == (None, Decimal("700.50"))
    # What was approved is the bill of 0.50, and of the other the one of 700.00, on 10 June.
    assert hand.step("unapproved") == ("final_notice", None, "cut_off", None)
    assert held(hand, "unapproved") == ("approval", Decimal("700.50"))
    assert hand.step("approved") == ("final_notice", None, "cut_off", date(2026, 6, 10))
    assert held(hand, "approved") == (None, 700)


def test_a_notice_is_for_what_was_open_then(hand: Hand) -> None:
    """30.2: 0.50 or 200.00 were open on the day of the notice; then the money of the rest went back."""
    assert hand.step("shrunk") == (None, None, "final_notice", date(2026, 6, 15))
    assert hand.row("candidate.work_list", "shrunk")["step_days_late"] == 4
    assert hand.step("lessened") == (None, None, "final_notice", date(2026, 5, 21))
    # Of a bill that was issued on 5 June nobody was warned on the 1st.
    assert hand.step("unissued") == (None, None, "final_notice", date(2026, 6, 5))


def test_who_is_without_supply_is_not_cut_off(hand: Hand) -> None:
    """30.3: neither a second time, nor after the contract has ended; who was reconnected may be."""
    # 91 days after 20 April.
    assert hand.step("without_supply") == ("final_notice", None, "legal", date(2026, 7, 20))
    assert held(hand, "without_supply") == (None, 500)
    assert hand.step("reconnected") == ("final_notice", None, "cut_off", date(2026, 6, 8))
    # The notice of the 17th allows a cut-off on the 24th, and the contract ends on the 22nd.
    assert hand.step("closing") == ("final_notice", None, "legal", date(2026, 7, 20))


def test_a_hold_is_for_its_bill(hand: Hand) -> None:
    """30.4: a promise or an agency holds the bill that it names, or what had come by then, until it is paid."""
    assert hand.step("promised_other") == ("final_notice", None, "cut_off", date(2026, 6, 8))
    assert held(hand, "promised_other") == (None, 700)
    # The 300.00 that were promised came on 12 June.
    assert hand.step("promised_part") == ("final_notice", None, "cut_off", date(2026, 6, 12))
    assert held(hand, "promised_part") == (None, 700)
    # Issued after the promise, due on 15 June.
    assert hand.step("promised_before")[3] == date(2026, 6, 16)
    assert held(hand, "promised_before") == (None, 300)
    for who in ("agency_before", "agency_other"):
        # 31 days after 1 February.
        assert hand.step(who) == (None, None, "final_notice", date(2026, 3, 4))
        assert held(hand, who) == (None, 500)


def test_a_step_is_shown_with_a_day_on_which_it_is_lawful(hand: Hand) -> None:
    """30.3: on 1 October the notice of 1 June has lapsed; days on which a promise held are not days late."""
    assert hand.step("promised_long") == (None, "final_notice", "final_notice", date(2026, 10, 1))
    assert held(hand, "promised_long") == ("promise", 700)
    # 31 days overdue since 21 May, promised until 10 June.
    assert hand.step("promised_ended") == (None, None, "final_notice", date(2026, 6, 11))
    assert hand.row("candidate.work_list", "promised_ended")["step_days_late"] == 8


def test_what_a_dispute_leaves_is_too_small(hand: Hand) -> None:
    """30.6: 0.50 in force beside 1,000.00 disputed: the dispute holds."""
    assert hand.step("half_disputed") == (None, None, None, None)
    assert held(hand, "half_disputed") == ("dispute", None)


def test_a_step_is_lawful_on_its_day(hand: Hand) -> None:
    """30.3: holidays, working days, ended contracts, and debts too old to begin with a message."""
    # 91 days after 20 April.
    assert hand.step("closed")[2:] == ("legal", date(2026, 7, 20))
    # 289 days overdue: the age asks for a court, the law for a notice first. 3 September + 31 days is Saturday 4
    # October.
    assert hand.step("old") == (None, None, "final_notice", date(2025, 10, 6))
    assert hand.row("candidate.work_list", "old")["days_overdue"] == 289
    # Due on 21 May, since the 19th and 20th are holidays: 29 days, for which a demand in writing is due, no final
    # notice.
    assert hand.row("candidate.work_list", "holiday")["days_overdue"] == 29
    assert hand.step("holiday")[2] == "notice"
    paid = hand.row("candidate.feature_library", "on_holiday")
    assert (paid["on_time_rate_12m"], paid["avg_days_late_12m"]) == (1, 0)
    # Called on Monday 15 June: five days later is a Saturday.
    assert hand.step("weekend") == ("call", None, "notice", date(2026, 6, 22))


def test_what_is_too_small_makes_no_debt_old(hand: Hand) -> None:
    """30.5: 0.50 that a notice was sent for lends its age and its notice to nothing else."""
    row = hand.row("candidate.work_list", "small_part")
    assert (row["days_overdue"], row["overdue_amount"], row["next_step"]) == (25, Decimal("700.50"), "notice")
    assert row["last_step"] is None


def test_in_default_means_probability_one(hand: Hand) -> None:
    """30.1: the default grade, probability 1, and one expected loss in all tables."""
    # 61 days: both bills are in default, the one not due yet as well, and lose the policy's 0.3 of 31 to 90 days.
    row = hand.row("candidate.work_list", "defaulted")
    assert (row["days_overdue"], row["is_in_default"], row["grade"]) == (61, True, "D")
    assert (row["probability_of_default"], row["loss_given_default"], row["expected_loss"]) == (1, Decimal("0.3"), 600)
    assert hand.row("candidate.largest_debtor", "defaulted")["expected_loss"] == 600
    rating = hand.row("candidate.customer_rating", "defaulted")
    assert (rating["grade"], rating["veto"]) == ("D", "in_default")
    # Who has no contract has no grade, and is in default all the same.
    stranger = hand.row("receivables.debt_loss", "stranger")
    assert (stranger["is_in_default"], stranger["probability_of_default"]) == (True, 1)
    # 60 days are not more than 60.
    late = hand.row("candidate.work_list", "late")
    assert (late["days_overdue"], late["is_in_default"]) == (60, False)
    assert hand.row("candidate.customer_rating", "late")["veto"] is None
    # Each debt once: the provision, the work-list and the bills add up to the same.
    provided = hand.rows("select sum(expected_loss), sum(in_default_amount) from candidate.expected_credit_loss")
    assert provided == hand.rows(
        "select sum(expected_loss), sum(case when is_in_default then open_amount else 0 end) from receivables.debt_loss"
    )
    assert hand.rows("select customer_id, expected_loss from candidate.work_list order by 1") == hand.rows(
        "select customer_id, sum(expected_loss) from receivables.debt_loss "
        "where customer_id in (select customer_id from candidate.work_list) group by 1 order by 1"
    )


def test_what_is_too_small_is_no_debt(hand: Hand) -> None:
    """30.5: 0.01 open for 116 days: no veto, no default, no warning, no dunning, no charge."""
    rating = hand.row("candidate.customer_rating", "cent")
    assert (rating["veto"], rating["max_days_overdue"], rating["overdue_amount"]) == (None, 116, Decimal("0.01"))
    features = hand.row("candidate.feature_library", "cent")
    assert features["max_days_overdue"] == 0
    # 499.99 of 500 came in time: it is not 116 days late.
    assert (features["avg_days_late_12m"], features["times_over_30d_12m"]) == (0, 0)
    assert hand.rows("select count(*) from candidate.work_list where customer_id = 'cent'") == [(0,)]
    assert hand.rows(
        "select count(*) from candidate.customer_warning where customer_id = 'cent' and rule like 'overdue%'"
    ) == [(0,)]
    assert hand.row("candidate.late_charge", "cent")["late_charge"] == 0
    # One old cent beside a new debt makes no old debt.
    assert hand.row("candidate.feature_library", "small_part")["max_days_overdue"] == 25


def test_what_is_too_small_or_disputed_is_no_default_in_evaluation(hand: Hand) -> None:
    """30.1, 30.5: 0.01 of 500 is open after 61 days, and 1,000 that are disputed; 1,000 that are not are a default."""
    build_outcomes(hand.settings)
    late = "select late_on, defaulted_on from outcomes.long_overdue_bill where customer_id = "
    assert hand.rows(f"{late}'cent'") == []
    assert hand.rows(f"{late}'disputed'") == []
    assert hand.rows(f"{late}'secured'") == [(date(2026, 4, 1), date(2026, 5, 1))]
    # 0.50 are old, and 700 are not; 60 days are not more than 60.
    assert hand.rows(f"{late}'small_part'") == []
    assert hand.rows(f"{late}'late'") == [(date(2026, 5, 21), None)]


def test_what_is_too_small_is_nothing_to_warn_of(hand: Hand) -> None:
    """30.5: who leaves and owes 0.01 is not warned of; who owes 500 is."""
    assert hand.row("candidate.customer_account", "leaving")["open_amount"] == Decimal("0.01")
    assert hand.rows("select customer_id from candidate.customer_warning where rule = 'closing_with_debt'") == [
        ("leaving_owing",)
    ]


def test_what_is_too_small_or_disputed_falls_due_for_nobody(hand: Hand) -> None:
    """30.5, 30.6: on 22 June 0.01 falls due, and 500 that are disputed; 500 that are not do on the 30th."""
    due = "select next_due_on from features.payment_behaviour where as_of_date = '2026-06-19' and customer_id = "
    assert hand.rows(f"{due}'coming_cent'") == [(None,)]
    assert hand.rows(f"{due}'coming_disputed'") == [(date(2026, 6, 30),)]


def test_what_is_small_beside_the_mean_bill_is_no_debt(hand: Hand) -> None:
    """30.5: of bills of 10,000.00 a thousandth is 10.00: 9.99 open for 116 days is no debt, 10.00 is one."""
    assert hand.row("candidate.customer_rating", "large")["max_days_overdue"] == 116
    assert hand.row("candidate.customer_rating", "large")["veto"] is None
    assert hand.row("candidate.feature_library", "large")["max_days_overdue"] == 0
    assert hand.rows("select count(*) from candidate.work_list where customer_id = 'large'") == [(0,)]
    assert hand.rows(
        "select count(*) from candidate.customer_warning where customer_id = 'large' and rule like 'overdue%'"
    ) == [(0,)]
    assert hand.row("candidate.customer_rating", "large_owing")["veto"] == "in_default"
    assert hand.row("candidate.feature_library", "large_owing")["max_days_overdue"] == 116
    assert hand.row("candidate.work_list", "large_owing")["next_step"] == "final_notice"


def test_a_dispute_holds_everything(hand: Hand) -> None:
    """30.6: 110 days overdue in the books; no veto, default, warning, charge or step while it is disputed."""
    rating = hand.row("candidate.customer_rating", "disputed")
    assert (rating["veto"], rating["max_days_overdue"]) == (None, 110)
    row = hand.row("candidate.work_list", "disputed")
    assert (row["held_by"], row["is_in_default"], row["overdue_amount"], row["disputed_amount"]) == (
        "dispute",
        False,
        0,
        1000,
    )
    assert hand.row("candidate.late_charge", "disputed")["late_charge"] == 0
    assert (
        hand.rows("select rule from candidate.customer_warning where customer_id = 'disputed' and rule like 'overdue%'")
        == []
    )


def test_a_deposit_stands_against_the_debt(hand: Hand) -> None:
    """30.9: 1,000 less 400 are 600; more than 90 days overdue, half of it is lost."""
    row = hand.row("candidate.work_list", "secured")
    assert (row["net_open_amount"], row["expected_loss"]) == (600, 300)
    assert row["net_exposure"] == row["exposure"] - 400
    debtor = hand.row("candidate.largest_debtor", "secured")
    assert (debtor["open_amount"], debtor["net_amount"], debtor["expected_loss"]) == (1000, 600, 300)


def test_a_guarantee_stands_against_the_debt_to_its_last_day(hand: Hand) -> None:
    """31.3: 100 of deposit and 300 guaranteed to the very day; a guarantee of 300 that ended the day before."""
    guaranteed, unsecured = (hand.row("candidate.work_list", who) for who in ("guaranteed", "unsecured"))
    assert (guaranteed["net_open_amount"], guaranteed["expected_loss"]) == (600, 300)
    assert guaranteed["net_exposure"] == guaranteed["exposure"] - 400
    assert (unsecured["net_open_amount"], unsecured["expected_loss"]) == (1000, 500)
    assert unsecured["net_exposure"] == unsecured["exposure"]
    # At the end of May it still stood.
    before = "select net_amount from receivables.net_debt where customer_id = 'unsecured' and as_of_date = '2026-05-31'"
    assert hand.rows(before) == [(700,)]
    # Who is not rated may owe what deposit and guarantee cover.
    limit = hand.row("candidate.credit_limit", "unbilled")
    assert (limit["grade"], limit["deposit_amount"], limit["guarantee_amount"]) == ("NR", 50, 300)
    assert limit["credit_limit"] == 350
    limits = {who: hand.row("candidate.credit_limit", who) for who in ("guaranteed", "unsecured")}
    assert [row["guarantee_amount"] for row in limits.values()] == [300, 0]
    assert limits["guaranteed"]["unsecured_exposure"] == limits["guaranteed"]["exposure"] - 400


def test_promises_are_kept_by_money(hand: Hand) -> None:
    """30.4: each payment keeps one promise, money that bounces none, and cash for another bill none."""
    outcomes = dict(
        hand.rows("select action_id, outcome from candidate.promise_result where customer_id not like 'promised%'")
    )
    assert outcomes == {
        "twice-A": "kept",
        "twice-B": "broken",
        "returned-A": "broken",
        "elsewhere-A": "broken",
        # A transfer that names no bill paid the promised one.
        "transfer-A": "kept",
        # Whatever people said of it, nothing came; or it came and went back.
        "plan_empty-A": "broken",
        "plan_bounced-A": "broken",
        "rest-A": "broken",
        "used-A": "broken",
        "used-B": "broken",
        "halves-A": "broken",
        # Of the bill nothing is owed any more; of the other 700, which came.
        "cancelled-A": "kept",
        "credited-A": "kept",
        # By 19 May, a holiday, is by the 21st.
        "moved-A": "kept",
        "moved_plan-A": "kept",
        "plan_stands-B": "open",
    }
    broken = hand.rows(
        "select customer_id, happened_on from archive.customer_event where kind = 'broken_promise' "
        "and happened_on <= '2026-06-19' and customer_id not like 'promised%' order by 1, 2"
    )
    assert broken == [
        ("elsewhere", date(2026, 6, 11)),
        # The first return brought it below what was promised.
        ("halves", date(2026, 6, 12)),
        ("plan_bounced", date(2026, 6, 15)),
        ("plan_empty", date(2026, 6, 10)),
        ("rest", date(2026, 6, 12)),
        # Nobody knew before the money went back.
        ("returned", date(2026, 6, 12)),
        ("twice", date(2026, 6, 12)),
        # The only 1,000 kept the first promise until it went back on the 17th: the second was broken without it.
        ("used", date(2026, 6, 12)),
        ("used", date(2026, 6, 17)),
    ]
    kept = (
        "select customer_id, happened_on, ended_on from archive.customer_event where kind = 'kept_promise' "
        "and happened_on <= '2026-06-19' and customer_id not like 'promised%' order by 1, 2"
    )
    # From the day after the promised one, until the money went back.
    assert hand.rows(kept) == [
        ("cancelled", date(2026, 6, 11), None),
        ("credited", date(2026, 6, 11), None),
        ("halves", date(2026, 6, 11), date(2026, 6, 12)),
        ("moved", date(2026, 5, 22), None),
        ("moved_plan", date(2026, 5, 22), None),
        ("returned", date(2026, 6, 11), date(2026, 6, 12)),
        ("transfer", date(2026, 6, 11), None),
        ("twice", date(2026, 6, 11), None),
        ("used", date(2026, 6, 11), date(2026, 6, 17)),
    ]
    # 400 came on the day of the promise, before it: of the other 600 there came 200.
    asked = "select amount, paid_amount from collections.promise where customer_id = "
    assert hand.rows(f"{asked}'rest'") == [(600, 200)]
    assert hand.rows(f"{asked}'cancelled'") == [(0, 0)]
    assert hand.rows(f"{asked}'credited'") == [(700, 700)]
    # Two instalments whose days are moved to one are one.
    assert hand.rows("select due_on, amount, outcome from candidate.instalment_result") == [
        (date(2026, 5, 21), 200, "kept")
    ]


def test_what_is_old_is_written_off_bill_by_bill(hand: Hand) -> None:
    """30.7: the old bill alone, after the step that the policy demands and under no plan that stands, with the day on
    which its claim is barred; and what an agency gave back, if one had it.
    """
    proposed = hand.rows(
        "select bill_id, proposed_amount, because, limitation_on, interrupted_by, interrupted_on from "
        "candidate.write_off_bill order by 1"
    )
    assert proposed == [
        # Sued in July, paid in part on 1 September 2025: three years from then.
        ("barred-1", 400, "age", date(2028, 9, 1), "payment", date(2025, 9, 1)),
        # An agency had this bill of the customer, and gave it back.
        ("other_referred-1", 500, "agency", date(2029, 1, 10), None, None),
        # Sued when the time had run out.
        ("run_out-1", 500, "age", date(2023, 1, 1), None, None),
        # A payment that went back interrupts nothing.
        ("went_back-1", 500, "age", date(2028, 7, 1), "legal", date(2025, 7, 1)),
    ]
    assert hand.row("candidate.write_off_proposal", "other_referred")["returned_by_agency_on"] == date(2026, 4, 1)
    assert hand.row("candidate.work_list", "plan_stands")["days_overdue"] == 473
    assert hand.row("candidate.write_off_proposal", "barred")["proposed_amount"] == 400
    assert hand.row("candidate.work_list", "not_sued")["days_overdue"] == 473


def test_over_a_limit_of_nothing_is_over_the_limit(hand: Hand) -> None:
    """30.8: who may owe nothing and owes something is over the limit."""
    limit = hand.row("candidate.credit_limit", "watched")
    assert (limit["credit_limit"], limit["utilisation"]) == (0, None)
    assert hand.rows(
        "select rule from candidate.customer_warning where customer_id = 'watched' and rule in ('no_room', "
        "'over_limit') order by 1"
    ) == [("no_room",), ("over_limit",)]
    # Whoever reads a warning of head-room sees the bills that took it.
    assert hand.rows(
        "select record_id from candidate.warning_evidence where customer_id = 'watched' and rule = 'no_room' order by 1"
    ) == [("watched-1",), ("watched-2",)]


def test_a_warning_of_a_coming_day_closes_when_it_has_passed(hand: Hand) -> None:
    """30.10 (part): due on 12 June, warned of on the 7th, over on the 13th, though nothing else happened."""
    assert hand.rows(
        "select opened_on, status from warnings.warning where customer_id = 'watched' and rule = 'due_in_5_days'"
    ) == [(date(2026, 6, 7), "cleared")]


def test_one_warning_of_a_customer_leads(hand: Hand) -> None:
    """30.10: the most urgent leads, the others stand under it, and what no deposit covers says whom to see first."""
    rows = hand.rows(
        "select customer_id, rule, level, level_by_rule, status, is_met, deadline, is_leading, leading_rule "
        "from candidate.customer_warning"
    )
    levels = ["red", "orange", "yellow", "blue"]
    leading = {
        # What nobody has noted, red, what holds, red by its rule, due first, which what is not dated is last.
        who: min((status != "open", levels.index(level), not met, levels.index(by_rule), deadline or date.max, rule)
                 for other, rule, level, by_rule, status, met, deadline, *_ in rows if other == who)[-1]
        for who, *_ in rows
    }  # fmt: skip
    assert {(who, rule, *rest[-2:]) for who, rule, *rest in rows} == {
        (who, rule, rule == leading[who], leading[who]) for who, rule, *_ in rows
    }
    # 700.00 are more than one monthly bill, 473 days late: red by its rule. `overdue_30_days` escalated to red before
    # it opened.
    barred = {rule: (level, leads) for who, rule, level, *_, leads, _ in rows if who == "barred"}
    assert barred["overdue_60_days"] == ("red", True)
    assert barred["overdue_30_days"] == ("red", False)
    # 1,000 open, with a deposit of 400, and what is not billed yet: the same for all warnings of the customer.
    unbilled = hand.row("candidate.credit_limit", "secured")["unbilled_amount"]
    assert hand.rows("select distinct money_at_risk from candidate.customer_warning where customer_id = 'secured'") == [
        (600 + unbilled,)
    ]


def test_a_department_fills_its_day_by_what_is_at_risk(hand: Hand) -> None:
    """30.10: of collections' three calls each is another customer, by level and then by the money at risk."""
    page = (PROJECT_DIR / "docs" / "warnings.md").read_text(encoding="utf-8")
    query = re.search(r"^    select .*?limit 20$", page, re.MULTILINE | re.DOTALL)
    assert query
    asked = query[0].replace("published.", "candidate.").replace("limit 20", "limit 3")
    rows = hand.rows(
        "select customer_id, level, money_at_risk from candidate.customer_warning "
        "where department = 'collections' and is_leading and status = 'open'"
    )
    levels = ["red", "orange", "yellow", "blue"]
    urgent = sorted((levels.index(level), -money, customer) for customer, level, money in rows)
    assert len(urgent) > 3
    assert [(row[0], row[-1]) for row in hand.rows(asked)] == [(customer, -money) for _, money, customer in urgent[:3]]


def test_warnings_agree_with_the_limits_of_their_release(hand: Hand) -> None:
    """30.10: who passes a level of the policy on the last day is warned of in the same release."""
    # Nothing is overdue, and no day since 31 May is one of evaluation. Then 3 months of 500.00 that are not billed yet
    # were 0.83 of the limit, 500 x 1.2 x 3; with the bill of 1 June, 2,000 are 1.11 of it.
    assert hand.row("candidate.credit_limit", "room")["utilisation"] == Decimal("1.1111")
    shown = "select rule, is_met, is_dated, opened_on, deadline, clears_on from candidate.customer_warning "
    assert hand.rows(shown + "where customer_id = 'room' order by rule") == [
        ("near_limit", False, True, date(2026, 5, 31), date(2026, 6, 10), None),
        ("no_room", True, False, None, None, None),
        ("over_limit", True, False, None, None, None),
    ]
    # A note counts though the warning has no day yet.
    noted = "select rule, status, acknowledged_on from candidate.customer_warning where customer_id = 'room' and is_met"
    assert hand.rows(noted + " order by rule") == [
        ("no_room", "open", None),
        ("over_limit", "acknowledged", date(2026, 6, 15)),
    ]
    # Somebody has noted the more urgent one: the other is still on a day's list.
    leads = hand.rows("select rule from candidate.customer_warning where customer_id = 'room' and is_leading")
    assert leads == [("no_room",)]
    assert hand.rows("select distinct rule from candidate.warning_event where customer_id = 'room'") == [
        ("near_limit",)
    ]
    # Whoever reads of it sees the bill that it is about.
    assert hand.rows(
        "select record_id from candidate.warning_evidence where customer_id = 'room' and rule = 'over_limit'"
    ) == [("room-4",)]
    want = set()
    for who, segment, utilisation, exposure in hand.rows(
        "select customer_id, segment, utilisation, exposure from candidate.credit_limit"
    ):
        if segment != "residential" and exposure > 0:
            # Over a limit of 0 every debt is.
            used = 9999 if utilisation is None else utilisation
            want |= {(who, "over_limit")} if used > 1 else {(who, "near_limit")} if used > Decimal("0.8") else set()
    met = "select customer_id, rule from candidate.customer_warning where is_met and rule like '%r_limit'"
    assert set(hand.rows(met)) == want


def test_a_small_arm_has_no_interval(hand: Hand) -> None:
    """30.11 (part): two dozen customers prove nothing; what money says stands beside what shares say."""
    rows = hand.rows(
        "select difference, difference_low, difference_high, money_difference from candidate.strategy_result"
    )
    assert all(low is None and high is None for _, low, high, _ in rows)
    assert any(money is not None for *_, money in rows)
