"""Receivables against the oracle, and the ledger of a stranger."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.operations import pipeline
from gridcredit.warehouse.connection import connect

from tests.support import account_engine, oracle
from tests.support.built import DAYS, POLICY, Built
from tests.support.service_oracle import unbilled
from tests.support.warehouses import WarehouseFactory

BUCKETS = ("not due", "1-30", "31-60", "61-90", "91-180", "181-360", "over 360")


def test_ageing(built: Built) -> None:
    want: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for day in DAYS:
        for customer in built.ledger.customers:
            for state in oracle.bills_as_of(built.ledger, customer.customer_id, day):
                if state.open > 0:
                    bucket = oracle.ageing_bucket((day - state.bill.due_on).days)
                    want[day, customer.region, customer.org_unit, customer.segment, bucket] += state.open
    got = {
        tuple(row[:5]): row[5]
        for row in built.rows(
            "select as_of_date, region, org_unit, segment, ageing_bucket, open_amount from "
            "receivables.receivable_ageing"
        )
    }
    assert got == dict(want)


FLOWS = ("billed", "credited", "collected", "returned", "refunded", "written_off_amount", "recovered_amount")


def accounts_by_place(built: Built, day: date) -> dict[tuple[str, ...], dict[str, Decimal]]:
    """The sums of all accounts as of a day, by region, unit and segment."""
    found: dict[tuple[str, ...], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for customer in built.ledger.customers:
        name = customer.customer_id
        account = account_engine.accounts_as_of(built.ledger.accounts_of(name), day).get(name)
        if account:
            sums = found[customer.region, customer.org_unit, customer.segment]
            for column in (*FLOWS, "open_amount", "overdue_amount", "credit_balance"):
                sums[column] += getattr(account, column)
    return found


def test_accounts_of_each_month_to_the_cent(built: Built) -> None:
    """What the account engine says of each day and the end of the month before: flows, closing balances and ratios."""
    rows = built.rows(
        "select as_of_date, region, org_unit, segment, opening_balance, billed_amount, billed_gross_amount, "
        "collected_amount, collected_gross_amount, refunded_amount, written_off_amount, recovered_amount, "
        "written_off_to_date, recovered_to_date, "
        "closing_balance, receivable_amount, overdue_amount, unallocated_amount, dso, collection_rate "
        "from receivables.receivable_month"
    )
    got = {tuple(row[:4]): list(row[4:]) for row in rows}
    want = {}
    for day in DAYS:
        before = accounts_by_place(built, day.replace(day=1) - timedelta(days=1))
        for place, sums in accounts_by_place(built, day).items():
            opening = before[place]
            flow = {name: sums[name] - opening[name] for name in FLOWS}
            billed = flow["billed"] - flow["credited"]
            collected = flow["collected"] - flow["returned"]
            want[day, *place] = [
                opening["open_amount"] - opening["credit_balance"], billed, flow["billed"], collected,
                flow["collected"],
                flow["refunded"], flow["written_off_amount"], flow["recovered_amount"], sums["written_off_amount"],
                sums["recovered_amount"], sums["open_amount"] - sums["credit_balance"], sums["open_amount"],
                sums["overdue_amount"], sums["credit_balance"],
                oracle.rounded(sums["open_amount"] / billed * day.day, 2) if billed > 0 and day != DAYS[-1] else None,
                oracle.rounded(collected / billed, 4) if billed > 0 else None,
            ]  # fmt: skip
    # A place with nothing in its accounts yet has no row.
    assert {key: row for key, row in want.items() if any(row)} == {key: row for key, row in got.items() if any(row)}
    assert sum(row[10] for row in got.values()) > 0


def test_a_month_opens_with_what_the_one_before_closed_with(built: Built) -> None:
    closings = {(day, *place): closing for day, *place, closing in built.rows(
        "select as_of_date, region, org_unit, segment, closing_balance from receivables.receivable_month"
    )}  # fmt: skip
    for (day, *place), opening in {
        tuple(row[:4]): row[4]
        for row in built.rows(
            "select as_of_date, region, org_unit, segment, opening_balance from receivables.receivable_month"
        )
    }.items():
        earlier = (oracle.previous_month_end(day), *place)
        assert earlier not in closings or closings[earlier] == opening


def test_what_was_collected_of_each_month_of_billing(built: Built) -> None:
    """Bill by bill by the account engine: paid by the due date and 30 to 180 days after it, and by the end of the
    month.
    """
    last = DAYS[-1]
    want: dict[tuple[object, ...], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for customer in built.ledger.customers:
        name = customer.customer_id
        place = (customer.region, customer.org_unit, customer.segment)
        for state in oracle.bills_as_of(built.ledger, name, last):
            month = state.bill.issued_on.replace(day=1)
            day = min(oracle.add_months(month, 1) - timedelta(days=1), last)
            if day not in DAYS:
                continue
            sums = want[day, *place]
            sums["standing"] += state.standing
            marks = {f"collected_{days}": state.bill.due_on + timedelta(days=days) for days in (0, 30, 60, 90, 180)}
            for mark, until in (marks | {"collected_in_month": day}).items():
                sums[mark] += min(paid_by(built, name, state.bill.bill_id, min(until, last)), state.standing)
                if until > last:
                    sums[f"unknown_{mark}"] += 1
    got = built.rows(
        "select as_of_date, region, org_unit, segment, month_bills_amount, month_bills_collected_0, "
        "month_bills_collected_30, "
        "month_bills_collected_60, month_bills_collected_90, month_bills_collected_180, current_collected_amount "
        "from candidate.receivable_by_month where month_bills_amount is not null"
    )
    names = [*(f"collected_{days}" for days in (0, 30, 60, 90, 180)), "collected_in_month"]
    expected = {
        place: [sums["standing"], *(None if sums[f"unknown_{name}"] else sums[name] for name in names)]
        for place, sums in want.items()
    }
    assert {tuple(row[:4]): list(row[4:]) for row in got} == expected
    assert sum(row[9] is not None for row in got) < sum(row[5] is not None for row in got)


def paid_by(built: Built, customer_id: str, bill_id: str, day: date) -> Decimal:
    """What of a bill was paid by the end of a day, 0 before it was issued."""
    states = oracle.bills_as_of(built.ledger, customer_id, day)
    return next((state.paid for state in states if state.bill.bill_id == bill_id), Decimal(0))


def test_what_was_collected_of_arrears(built: Built) -> None:
    """Of what was open at the month-end before, overdue or not due yet: paid since, less what came back. What had been
    paid of a bill beyond what it stands at now did not.
    """
    want: dict[bool, dict[tuple[object, ...], list[Decimal]]] = {
        is_overdue: defaultdict(lambda: [Decimal(0), Decimal(0)]) for is_overdue in (True, False)
    }
    for before, day in pairwise(DAYS[1:]):
        for customer in built.ledger.customers:
            name = customer.customer_id
            now = {state.bill.bill_id: state for state in oracle.bills_as_of(built.ledger, name, day)}
            for state in oracle.bills_as_of(built.ledger, name, before):
                if state.open > 0:
                    place = (day, customer.region, customer.org_unit, customer.segment)
                    sums = want[state.bill.due_on < before][place]
                    sums[0] += state.open
                    later = now[state.bill.bill_id]
                    sums[1] += later.paid - min(state.paid, later.standing)
    for is_overdue, name in ((True, "arrears"), (False, "not_due")):
        got = built.rows(
            f"select as_of_date, region, org_unit, segment, {name}_amount, {name}_collected_amount, "
            f"{name}_collection_rate from candidate.receivable_by_month where {name}_amount is not null"
        )
        assert {tuple(row[:4]): list(row[4:6]) for row in got} == want[is_overdue]
        assert all(rate == oracle.rounded(collected / amount, 4) for *_, amount, collected, rate in got)


def fallen_parts(then: oracle.BillThen, now: oracle.BillThen | None) -> dict[str, Decimal]:
    """What of an open amount fell by write-offs less what came in for them, by payments, and by credit notes."""
    if now is None:
        return {}
    fallen = max(then.open - now.open, Decimal(0))
    written_off = min(max(now.written_off - then.written_off, Decimal(0)), fallen)
    paid = min(max(now.paid - then.paid, Decimal(0)), fallen - written_off)
    return {"written off": written_off, "paid": paid, "credited": fallen - written_off - paid}


def test_rolls_and_effectiveness(built: Built) -> None:
    """What was open a month ago is in a bucket now, or paid, written off or credited: bill by bill; and CEI by its
    formula.
    """
    want: dict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    for before, day in pairwise(DAYS[1:5]):
        for customer in built.ledger.customers:
            now = {s.bill.bill_id: s for s in oracle.bills_as_of(built.ledger, customer.customer_id, day)}
            for state in oracle.bills_as_of(built.ledger, customer.customer_id, before):
                if state.open > 0:
                    later = now[state.bill.bill_id]
                    left, due = later.open, state.bill.due_on
                    start = oracle.ageing_bucket((before - due).days)
                    want[day, customer.segment, start, oracle.ageing_bucket((day - due).days)] += left
                    for end, amount in fallen_parts(state, later).items():
                        want[day, customer.segment, start, end] += amount
    got = {tuple(row[:4]): row[4] for row in built.rows("select * from candidate.roll_rate")}
    assert got == {key: amount for key, amount in want.items() if amount > 0}
    assert {"paid", "written off", "credited"} <= {end for *_, end in got}
    months = {tuple(row[:4]): row[4:] for row in built.rows(
        "select as_of_date, region, org_unit, segment, billed_amount, receivable_amount, overdue_amount, cei "
        "from candidate.receivable_by_month"
    )}  # fmt: skip
    known = 0
    for (day, *place), (billed, closing, overdue, cei) in months.items():
        month_before = months.get((oracle.previous_month_end(day), *place))
        opening = month_before[1] if month_before else None
        possible = opening + billed - (closing - overdue) if opening is not None else Decimal(0)
        assert cei == (oracle.rounded(100 * (opening + billed - closing) / possible, 2) if possible > 0 else None)
        known += cei is not None
    assert known > 20


def test_the_largest_debtors_and_what_depends_on_them(built: Built) -> None:
    owed = {
        customer.customer_id: sum(
            (state.open for state in oracle.bills_as_of(built.ledger, customer.customer_id, DAYS[-1])), Decimal(0)
        )
        for customer in built.ledger.customers
    }
    total = sum(owed.values())
    largest = sorted(((amount, name) for name, amount in owed.items()), key=lambda one: (-one[0], one[1]))[:100]
    rows = built.rows(
        "select customer_id, open_amount, cumulative_share from candidate.largest_debtor order by debtor_rank"
    )
    assert [(amount, name) for name, amount, _ in rows] == largest
    running = Decimal(0)
    for _, amount, share in rows:
        running += amount
        assert share == oracle.rounded(running / total, 6)


def default_rates(built: Built) -> dict[tuple[str, int], Decimal]:
    found = built.rows(
        "select segment, days_overdue, default_rate from receivables.default_matrix where as_of_date = '2026-06-19'"
    )
    return {(segment, age): rate for segment, age, rate in found}


def test_a_default_rate_is_of_bills_of_the_same_age(built: Built) -> None:
    """Of the bills that came to 61 days overdue in a closed month: what was open then, over what was when they were so
    old; of all segments together where this one had fewer than thirty.
    """
    ages = (-30, -12, 0, 1, 8, 27, 45, 60)
    opened: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    bills: Counter[tuple[str, int]] = Counter()

    def open_on(customer_id: str, bill: oracle.Bill, age: int) -> Decimal:
        # Before it was issued a bill counts with what it was first.
        day = max(bill.due_on + timedelta(days=age), bill.issued_on)
        states = oracle.bills_as_of(built.ledger, customer_id, day)
        # What was written off is lost.
        return next((s.open + s.written_off for s in states if s.bill.bill_id == bill.bill_id), Decimal(0))

    month_ends = DAYS[:-1]
    for customer in built.ledger.customers:
        for bill in built.ledger.bills_of[customer.customer_id]:
            defaults_on = bill.due_on + timedelta(days=61)
            if any(oracle.previous_month_end(end) < defaults_on <= end for end in month_ends):
                for age in (*ages, 61):
                    amount = open_on(customer.customer_id, bill, age)
                    for segment in (customer.segment, "all"):
                        opened[segment, age] += amount
                        bills[segment, age] += amount > 0
    rates = default_rates(built)
    few = 0
    for segment in {customer.segment for customer in built.ledger.customers}:
        for age in ages:
            of = segment if bills[segment, age] >= 30 else "all"
            few += of == "all" and bills[segment, age] > 0
            if opened[of, age]:
                want = max(min(opened[of, 61] / opened[of, age], Decimal(1)), Decimal("0.0005"))
                assert rates[segment, age] == oracle.rounded(want, 6), (segment, age)
    assert few
    # The older a debt, the more of it comes to default: by far more at 27 days than at 8.
    assert rates["commercial", 27] > rates["commercial", 8] > rates["commercial", 0]


def test_no_debt_is_without_risk(built: Built) -> None:
    """A share below the policy's least is not believed, nor one of fewer than thirty bills; nothing known is 1."""
    rows = built.rows(
        "select as_of_date, days_overdue, segment, open_amount, defaulted_amount, bills, default_rate, "
        "default_rate_of, expected_default_rate from receivables.default_matrix"
    )
    opened: dict[tuple[date, int], Decimal] = defaultdict(Decimal)
    defaulted: dict[date, Decimal] = defaultdict(Decimal)
    for day, age, _, amount, lost, *_ in rows:
        opened[day, age] += amount
        defaulted[day] += lost if age == 0 else 0
    seen = set()
    for day, age, segment, amount, lost, bills, rate, measured_by, expected in rows:
        own = max(min(lost / amount, Decimal(1)), Decimal(0)) if amount > 0 else None
        pooled = min(defaulted[day] / opened[day, age], Decimal(1)) if opened[day, age] > 0 else None
        if own is not None and bills >= 30:
            want = ("segment", own)
        else:
            want = ("no past", Decimal(1)) if pooled is None else ("all segments", pooled)
        if oracle.rounded(want[1], 6) < Decimal("0.0005"):
            want = ("policy", Decimal("0.0005"))
        assert (measured_by, rate) == (want[0], oracle.rounded(want[1], 6)), (day, age, segment)
        # The default policy names no scenarios.
        assert expected == rate
        seen.add(measured_by)
    assert seen >= {"segment", "all segments"}


PLACE = tuple[date, str, str, str]
MOVEMENTS = ("opening", "new", "paid", "written_off", "aged", "rates", "closing")


def is_in_default(built: Built, customer: oracle.Customer, day: date) -> bool:
    """A debt that is pursued and not disputed is more than 60 days overdue."""
    bills = [s for s in oracle.bills_as_of(built.ledger, customer.customer_id, day) if s.open > 0]
    owed = oracle.oldest_pursued([s for s in oracle.undisputed(bills) if s.bill.due_on < day])
    return owed is not None and (day - owed).days > 60 and customer.opened_on <= day


def net_bills(built: Built, customer: oracle.Customer, day: date) -> dict[str, tuple[Decimal, int]]:
    """By bill what no deposit or guarantee stands against, the oldest first, and the days since the due date."""
    held = customer.security_on(day) or Decimal(0)
    found = {}
    for state in oracle.bills_as_of(built.ledger, customer.customer_id, day):
        if state.open > 0:
            set_off = min(held, state.open)
            held -= set_off
            found[state.bill.bill_id] = (state.open - set_off, (day - state.bill.due_on).days)
    return found


def lost_in_default(age: int) -> Decimal:
    """The share of a debt that is lost, by the days since its due date, at least those of default."""
    rows = POLICY.rows("loss_rates")
    rates = sorted((int(row["min_days_overdue"]), Decimal(row["loss_given_default"])) for row in rows)
    return next(rate for least, rate in reversed(rates) if max(age, 61) >= least)


def test_the_allowance_moves_as_the_bills_did(built: Built) -> None:
    """31.3: each bill by the ages and rates of two dates; what lies between is new, paid, written off, older or
    weighed otherwise.
    """
    rates = {
        (day, segment, age): rate
        for day, segment, age, rate in built.rows(
            "select as_of_date, segment, days_overdue, expected_default_rate from receivables.default_matrix"
        )
    }

    def loss(amount: Decimal, rated_on: date, segment: str, age: int, *, in_default: bool) -> Decimal:
        default = Decimal(1) if in_default else rates[rated_on, segment, max(min(age, 60), -30)]
        return oracle.rounded(amount * default * lost_in_default(age), 2)

    want: dict[PLACE, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(MOVEMENTS, Decimal(0)))
    for day in DAYS:
        before = oracle.previous_month_end(day)
        for customer in built.ledger.customers:
            segment, name = customer.segment, customer.customer_id
            now, defaults_now = net_bills(built, customer, day), is_in_default(built, customer, day)
            then, defaulted_then = {}, False
            if before in DAYS:
                then, defaulted_then = net_bills(built, customer, before), is_in_default(built, customer, before)
                facts = built.ledger.accounts_of(name)
                offs = [account_engine.bills_as_of(facts, one) for one in (before, day)]
            for bill in now.keys() | then.keys():
                sums = want[day, customer.region, customer.org_unit, segment]
                net_then, age_then = then.get(bill, (Decimal(0), 0))
                net_now, age_now = now.get(bill, (Decimal(0), 0))
                both = min(net_then, net_now)
                closing = loss(net_now, day, segment, age_now, in_default=defaults_now)
                sums["closing"] += closing
                if not net_then:
                    sums["new"] += closing
                    continue
                opening = loss(net_then, before, segment, age_then, in_default=defaulted_then)
                stayed = loss(both, before, segment, age_then, in_default=defaulted_then)
                older = loss(both, before, segment, age_now, in_default=defaults_now)
                stays = loss(both, day, segment, age_now, in_default=defaults_now)
                off = Decimal(0)
                if net_then > both:
                    written = max(offs[1][bill].written_off - offs[0][bill].written_off, Decimal(0))
                    share = min(written, net_then - both) / (net_then - both)
                    off = oracle.rounded((opening - stayed) * share, 2)
                sums["opening"] += opening
                sums["written_off"] += off
                sums["paid"] += opening - stayed - off
                sums["aged"] += older - stayed
                sums["rates"] += stays - older
                sums["new"] += closing - stays
    got = {
        tuple(row[:4]): dict(zip(MOVEMENTS, row[4:], strict=True))
        for row in built.rows(
            "select as_of_date, region, org_unit, segment, opening_loss, new_loss, paid_loss, written_off_loss, "
            "aged_loss, rates_loss, closing_loss from receivables.loss_movement"
        )
    }
    assert got == dict(want)
    totals = {name: sum((row[name] for row in got.values()), Decimal(0)) for name in MOVEMENTS}
    assert all(totals.values()), totals


def test_the_allowance_is_whole(built: Built) -> None:
    """The last day is the provision matrix's; a month-end that has not a whole year before it is not published."""
    rows = built.rows(
        "select as_of_date, opening_loss, billed_loss, unbilled_loss, closing_loss, is_running_month "
        "from candidate.loss_allowance"
    )
    assert {(row[0], row[1], row[5]) for row in rows} == {(DAYS[-1], None, True)}
    assert all(billed + unbilled == closing for _, _, billed, unbilled, closing, _ in rows)
    (total,) = built.rows("select sum(expected_loss) from candidate.expected_credit_loss")
    assert sum(row[2] for row in rows) == total[0]


def test_what_became_of_the_bills_that_were_open(built: Built) -> None:
    """31.3: each bill open on a month-end is followed to its 61st day: is it open, or written off?"""
    opened_on, known_on = date(2025, 12, 31), date(2026, 4, 30)
    bills: dict[tuple[str, int, bool], int] = defaultdict(int)
    want: dict[tuple[str, int, bool], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    for customer in built.ledger.customers:
        name, in_default = customer.customer_id, is_in_default(built, customer, opened_on)
        for state in oracle.bills_as_of(built.ledger, name, opened_on):
            age = (opened_on - state.bill.due_on).days
            if state.open <= 0 or age > 60:
                continue
            key = (customer.segment, max(age, -30), in_default)
            want[key][0] += state.open
            default_on = state.bill.due_on + timedelta(days=61)
            if default_on <= known_on:
                then = oracle.bills_as_of(built.ledger, name, default_on)
                later = {s.bill.bill_id: s.open + s.written_off for s in then}
                bills[key] += 1
                want[key][1] += state.open
                want[key][2] += min(later.get(state.bill.bill_id, Decimal(0)), state.open)
    rows = built.rows(
        "select segment, days_overdue, is_in_default, bills, open_amount, known_amount, defaulted_amount, opened_on, "
        "as_of_date from receivables.defaulted_of_open"
    )
    # Of the month-ends that are stored one has four closed months after it.
    assert {row[-2:] for row in rows} == {(opened_on, known_on)}
    assert {row[:3]: list(row[4:7]) for row in rows} == dict(want)
    assert {row[:3]: row[3] for row in rows if row[3]} == dict(bills)
    assert {in_default for *_, in_default in want} == {True, False}
    assert sum(sums[1] for sums in want.values()) > sum(sums[2] for sums in want.values()) > 0


def test_what_is_not_billed_yet_counts_like_a_bill_before_its_due_date(built: Built) -> None:
    rates = {
        (day, segment): rate
        for day, segment, rate in built.rows(
            "select as_of_date, segment, expected_default_rate from receivables.default_matrix where days_overdue = -30"
        )
    }
    want: dict[PLACE, Decimal] = defaultdict(Decimal)
    for day, customer in product(DAYS, built.ledger.customers):
        supplied = unbilled(built.ledger, customer, day, only_supplied=True)
        if not supplied:
            continue
        owed = sum((state.open for state in oracle.bills_as_of(built.ledger, customer.customer_id, day)), Decimal(0))
        net = max(supplied - max((customer.security_on(day) or Decimal(0)) - owed, Decimal(0)), Decimal(0))
        default = Decimal(1) if is_in_default(built, customer, day) else rates[day, customer.segment]
        want[day, customer.region, customer.org_unit, customer.segment] += oracle.rounded(
            net * default * lost_in_default(-30), 2
        )
    got = {
        tuple(row[:4]): row[4]
        for row in built.rows(
            "select as_of_date, region, org_unit, segment, unbilled_loss from receivables.unbilled_loss"
        )
    }
    assert got == dict(want)
    assert sum(got.values()) > 0


def test_expected_credit_loss_by_hand(built: Built) -> None:
    """Each bill loses by its customer's default, or by its own age in days."""
    rates = default_rates(built)
    assert all(rate == 1 for (_, age), rate in rates.items() if age == 61)
    want: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for customer in built.ledger.customers:
        defaults = is_in_default(built, customer, DAYS[-1])
        for net, age in net_bills(built, customer, DAYS[-1]).values():
            default = Decimal(1) if defaults else rates[customer.segment, max(min(age, 60), -30)]
            bucket = oracle.ageing_bucket(max(age, 0))
            want[customer.segment, bucket] += oracle.rounded(net * default * lost_in_default(age), 2)
    got = {
        (segment, bucket): loss
        for segment, bucket, loss in built.rows(
            "select segment, ageing_bucket, expected_loss from candidate.expected_credit_loss"
        )
    }
    assert got == {place: loss for place, loss in want.items() if place in got}
    assert all(place in got for place, loss in want.items() if loss)


def test_forecast_by_age_from_the_files(built: Built) -> None:
    """At 31 May for one month: by grade and age what came in in March, April and May of what was open, recent months
    counting more.
    """
    grades = {
        (day, name): grade
        for day, name, grade in built.rows("select as_of_date, customer_id, grade from credit.rating")
    }
    opened: dict[date, dict[tuple[str, str], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    paid: dict[date, dict[tuple[str, str], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    months = DAYS[1:5]
    for number, before in enumerate(months):
        for customer in built.ledger.customers:
            name = customer.customer_id
            now = {}
            if before != months[-1]:
                now = {s.bill.bill_id: s for s in oracle.bills_as_of(built.ledger, name, months[number + 1])}
            for state in oracle.bills_as_of(built.ledger, name, before):
                if state.open > 0:
                    group = (
                        grades.get((before, name), "none"),
                        oracle.ageing_bucket((before - state.bill.due_on).days),
                    )
                    opened[before][group] += state.open
                    parts = fallen_parts(state, now.get(state.bill.bill_id))
                    paid[before][group] += parts.get("paid", Decimal(0))
    starts = months[:3]
    weights: dict[date, float] = {day: 0.5 ** (back / 3) for day, back in zip(starts, (2, 1, 0), strict=True)}

    def rate(*, grade: str | None, bucket: str | None) -> Any:
        def total(of: dict[date, dict[tuple[str, str], Decimal]]) -> float:
            return sum(
                weights[day] * float(amount)
                for day in starts
                for (its_grade, its_bucket), amount in of[day].items()
                if grade in (None, its_grade) and bucket in (None, its_bucket)
            )

        return total(paid) / total(opened) if total(opened) else None

    want = 0.0
    for (grade, bucket), amount in opened[months[-1]].items():
        rates = (rate(grade=grade, bucket=bucket), rate(grade=None, bucket=bucket), rate(grade=None, bucket=None))
        want += float(amount) * next(one for one in rates if one is not None)
    (found,) = built.rows(
        "select of_open_bills from receivables.cash_by_age where month_end = '2026-05-31' and months = 1"
    )
    assert abs(float(found[0]) - want) < 0.02


def test_days_late_equals_the_ibm_publishers_own(new_warehouse: WarehouseFactory, ibm_ledger: Path) -> None:
    settings = new_warehouse()
    load_file(ibm_ledger, load_mappings(settings.mappings_dir)["ibm_receivables"], settings)
    release = pipeline.build_ratings("ibm", date(2013, 12, 31), settings)
    assert release.is_new
    with ibm_ledger.open(newline="") as file:
        rows = list(csv.DictReader(file))
    want = {row["invoiceNumber"]: int(row["DaysLate"]) for row in rows}
    with connect(settings) as connection:
        got: dict[str, int] = dict(
            connection.execute(
                "select distinct on (bill_id) bill_id, greatest(settled_on - due_on, 0) from ledger.bill_balance "
                "order by bill_id, valid_from desc"
            ).fetchall()
        )
        (total,) = connection.execute("select sum(amount) from raw.bill").fetchone() or (None,)
        (customers,) = connection.execute("select count(*) from raw.customer").fetchone() or (None,)
    assert len(got) == 2466
    assert got == want
    assert total == Decimal("147703.18")
    assert customers == 100
