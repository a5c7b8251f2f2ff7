"""Computes indicators of this folder's sample again from its bills and payments: `python3 check_indicators.py`.

It needs nothing but Python's standard library, and ends with 1 where a figure differs. It covers how customers paid
and what they owe, of customers whose account has bills and their own payments and nothing else. Credit notes,
returns, disputes and write-offs need the whole ledger (docs/ledger.md of the project); `check.py` checks what
follows from an indicator's value.
"""

from __future__ import annotations

import csv
import gzip
import re
import sys
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ZERO = Decimal(0)
# A bill is for so many months at most.
MOST_MONTHS = 15
Row = dict[str, str]


@dataclass(frozen=True)
class Bill:
    """What is owed from a day on, and until when it is in time."""

    number: str
    issued_on: date
    due_on: date
    amount: Decimal
    # The month of use, the first of several; of what was stolen none.
    period: date | None


@dataclass(frozen=True)
class Payment:
    """Money that came in, and the bill that it names, if any."""

    paid_on: date
    amount: Decimal
    bill: str


@dataclass(frozen=True)
class Judged:
    """A bill as it stands on the release's day."""

    bill: Bill
    open_amount: Decimal
    in_time: Decimal
    days_late: int


def rows_of(lines: Iterable[str]) -> list[Row]:
    """Rows of CSV; the apostrophe before what a spreadsheet would take for a formula is left out."""
    formula = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
    return [
        {key: value[1:] if formula.match(value) else value for key, value in row.items()}
        for row in csv.DictReader(lines)
    ]


def table(name: str) -> list[Row]:
    """A CSV file of the folder."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return rows_of(file)


def movements() -> dict[str, list[Row]]:
    """The published accounts, by customer."""
    found: dict[str, list[Row]] = defaultdict(list)
    with gzip.open(FOLDER / "tables" / "account_movement.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in rows_of(file):
            found[row["customer_id"]].append(row)
    return found


def setting(version: str, key: str, otherwise: str) -> str:
    """A value of a version's policy.yml."""
    text = (FOLDER / "policy" / version / "policy.yml").read_text(encoding="utf-8")
    found = re.search(rf"^{key}: *['\"]?([^'\"\s]+)", text, re.MULTILINE)
    return found[1] if found else otherwise


def rounded(value: Decimal, places: int) -> Decimal:
    """Half away from zero."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def months_between(earlier: date, later: date) -> int:
    """Calendar months, whatever the day."""
    return 12 * (later.year - earlier.year) + later.month - earlier.month


def year_before(day: date) -> date:
    """The same day, or the month's last one; of a month's last day always the last one."""
    ends_month = day.day == monthrange(day.year, day.month)[1]
    last = monthrange(day.year - 1, day.month)[1]
    return day.replace(year=day.year - 1, day=last if ends_month else min(day.day, last))


def paid_on(day: date, bills: list[Bill], payments: list[Payment]) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """What of each bill was paid on a day: by payments that name it, and by the customer's credit, the oldest due
    first.
    """
    issued = {bill.number: bill for bill in bills if bill.issued_on <= day}
    named: dict[str, Decimal] = dict.fromkeys(issued, ZERO)
    credit = ZERO
    for payment in payments:
        if payment.paid_on > day:
            continue
        if payment.bill in issued:
            rest = issued[payment.bill].amount - named[payment.bill]
            named[payment.bill] += min(rest, payment.amount)
            credit += max(payment.amount - rest, ZERO)
        else:
            credit += payment.amount
    by_credit: dict[str, Decimal] = {}
    for bill in sorted(issued.values(), key=lambda one: (one.due_on, one.issued_on, one.number)):
        by_credit[bill.number] = min(credit, bill.amount - named[bill.number])
        credit -= by_credit[bill.number]
    return named, by_credit


def judge(bills: list[Bill], payments: list[Payment], day: date) -> list[Judged]:
    """Each bill on a day: what is open, what was paid in time and still is, and how late it was or is."""
    moved = sorted({one for one in (*(b.issued_on for b in bills), *(p.paid_on for p in payments)) if one <= day})
    then = {one: paid_on(one, bills, payments) for one in {*moved, *(bill.due_on for bill in bills), day}}
    found = []
    for bill in bills:
        named, credit = (part.get(bill.number, ZERO) for part in then[day])
        named_by_due, credit_by_due = (part.get(bill.number, ZERO) for part in then[bill.due_on])
        settled_on = None
        for one in reversed(moved):
            if sum(part.get(bill.number, ZERO) for part in then[one]) < bill.amount:
                break
            settled_on = one
        found.append(
            Judged(
                bill,
                bill.amount - named - credit,
                named_by_due + min(credit_by_due, credit),
                max(((settled_on or day) - bill.due_on).days, 0),
            )
        )
    return found


def indicators_of(judged: list[Judged], day: date, version: str) -> dict[str, Decimal]:
    """The indicators of how a customer paid and what he owes; without those that are not available."""
    start, found = year_before(day), {}
    due = [one for one in judged if start < one.bill.due_on <= day]
    if due:
        half_life = int(setting(version, "half_life_months", "3"))
        ages = [months_between(one.bill.due_on, day) for one in due]
        for suffix, recencies in (
            ("recent_{}", [rounded(Decimal(0.5 ** (age / half_life)), 6) for age in ages]),
            ("{}_12m", [Decimal(1)] * len(due)),
        ):
            weighted = list(zip(recencies, due, strict=True))
            whole = sum((weight * one.bill.amount for weight, one in weighted), ZERO)
            late = sum((weight * one.bill.amount * one.days_late for weight, one in weighted), ZERO)
            in_time = sum((weight * one.in_time for weight, one in weighted), ZERO)
            paid = sum((weight * (one.bill.amount - one.open_amount) for weight, one in weighted), ZERO)
            found[suffix.format("days_late" if "recent" in suffix else "avg_days_late")] = rounded(late / whole, 2)
            found[suffix.format("on_time_rate")] = rounded(in_time / whole, 4)
            found[suffix.format("paid_share")] = rounded(paid / whole, 4)
        found["times_over_30d_12m"] = Decimal(sum(one.days_late > 30 for one in due))
        # Of this account no payment came back.
        found["bounced_12m"] = ZERO
        late_days = [one.bill.due_on for one in due if one.days_late]
        good = [one.bill.due_on for one in due if not one.days_late and one.in_time == one.bill.amount]
        good_days = set(good) - set(late_days)
        found["late_streak"] = Decimal(sum(one > max(good_days, default=date.min) for one in late_days))
        found["on_time_streak"] = Decimal(sum(one > max(late_days, default=date.min) for one in good))
    issued = [one.bill for one in judged if start < one.bill.issued_on]
    # What a month costs: of bills for use, over the months that they cover.
    of_use = [bill for bill in issued if bill.period]
    billed = sum((bill.amount for bill in of_use), ZERO)
    periods = sorted({bill.period for bill in of_use if bill.period})
    steps = [months_between(one, other) for one, other in pairwise(periods)]
    # The first of the year is for as many months as lie between it and the one before; a gap is no bill's.
    first = min(periods, default=date.min)
    earlier = [one.bill.period for one in judged if one.bill.period and one.bill.period < first]
    apart = steps + [months_between(max(earlier), first)] if earlier else steps
    each = min((step for step in apart if step <= MOST_MONTHS), default=1)
    months = min(sum(steps) + each, max(len(periods) * each, MOST_MONTHS))
    owed = sum((one.open_amount for one in judged), ZERO)
    overdue = sum((one.open_amount for one in judged if one.bill.due_on < day), ZERO)
    mean_bill = billed / len(issued) if issued else ZERO
    share = Decimal(setting(version, "pursued_share_of_bill", "0"))
    if overdue < max(Decimal(setting(version, "pursued_from", "1.00")), rounded(share * mean_bill, 2)):
        overdue = ZERO
    if owed or due or issued:
        for name, amount in (("open_months", owed), ("overdue_months", overdue)):
            # A debt with nothing billed in a year is worse than any number of months.
            found[name] = rounded(amount * months / billed, 2) if billed else Decimal(99 if amount else 0)
    if billed:
        found["bill_spread_12m"] = rounded(max(bill.amount for bill in of_use) * len(of_use) / billed, 2)
    return found


def due_day(day: date, holidays: set[date]) -> date:
    """The day itself, or the next one that is no holiday."""
    while day in holidays:
        day += timedelta(days=1)
    return day


def main() -> int:
    """Every customer of the sample; what differs, one a line."""
    day = date.fromisoformat(table("chain.csv")[-1]["as_of_date"])
    holidays = {
        date.fromisoformat(row["holiday"])
        for version in (FOLDER / "policy").iterdir()
        for row in table(f"policy/{version.name}/holidays.csv")
    }
    accounts, published = movements(), table("sample/indicators.csv")
    records = {name: table(f"sample/{name}.csv") for name in ("bill", "payment", "dispute")}
    faults, covered, compared = [], 0, 0
    ratings = table("sample/ratings.csv")
    for rating in ratings:
        who, account = rating["customer_id"], accounts[rating["customer_id"]]
        own = {name: [row for row in rows if row["of_customer"] == who] for name, rows in records.items()}
        is_disputed = own["dispute"] or any(row["disputed"] == "True" for row in own["bill"])
        of_others = {row["bill_id"] for row in own["payment"]} - {row["bill_id"] for row in own["bill"]} - {""}
        if (
            is_disputed
            or of_others
            or any(row["kind"] not in ("bill", "payment") or row["payer_id"] for row in account)
        ):
            continue
        told = sorted((row["extract"], row["fact_id"], Decimal(row["amount"])) for row in account)
        recorded = [("bill", row["bill_id"], Decimal(row["amount"])) for row in own["bill"]]
        recorded += [("payment", row["payment_id"], -Decimal(row["amount"])) for row in own["payment"]]
        if told != sorted(recorded):
            faults.append(f"{who}: the account has other bills or payments than the records")
            continue
        bills = [
            Bill(
                row["bill_id"],
                date.fromisoformat(row["issued_on"]),
                due_day(date.fromisoformat(row["due_on"]), holidays),
                Decimal(row["amount"]),
                date.fromisoformat(row["period"]) if row["kind"] in ("regular", "") else None,
            )
            for row in own["bill"]
        ]
        payments = [
            Payment(date.fromisoformat(row["paid_on"]), Decimal(row["amount"]), row["bill_id"])
            for row in own["payment"]
        ]
        computed = indicators_of(judge(bills, payments, day), day, rating["policy_version"])
        covered += 1
        for row in published:
            if row["customer_id"] == who and row["indicator"] in computed and row["is_available"] == "True":
                value = computed[row["indicator"]]
                compared += 1
                if value != Decimal(row["indicator_value"]):
                    faults.append(f"{who}: {row['indicator']} is {value}, published as {row['indicator_value']}")
    for fault in faults:
        print(fault)  # noqa: T201
    print(  # noqa: T201
        f"{compared} indicators of {covered} customers computed again, of {len(ratings)} in the sample; "
        f"{f'{len(faults)} faults' if faults else 'all are as published'}"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
