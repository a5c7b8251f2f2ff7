"""The accounts as a double-entry journal, in the text format of beancount: each movement against cash, income or
losses.

What a customer owes, less his credit, is the balance of `Assets:Receivable:<customer>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TextIO

from psycopg import IsolationLevel

from gridcredit.errors import GridCreditError
from gridcredit.files.private import open_private
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse.connection import Connection, connect
from gridcredit.warehouse.currency import in_its_currency

# Against which account each kind of movement goes.
CONTRA = {
    "bill": "Income:Billed",
    "credit_note": "Income:Billed",
    "credit": "Income:Credited",
    "payment": "Assets:Cash",
    "return": "Assets:Cash",
    "refund": "Assets:Cash",
    "write_off": "Expenses:WrittenOff",
    "recovered": "Expenses:WrittenOff",
}


def account_name(customer_id: str) -> str:
    """The receivable account of a customer: what an account's name may not hold stands as `-` and the hex of its
    bytes.
    """
    escaped = re.sub(
        r"[^A-Za-z0-9]", lambda found: "".join(f"-{byte:02x}" for byte in found.group().encode()), customer_id
    )
    return f"Assets:Receivable:C{escaped}"


def customer_of(account: str) -> str:
    """The customer whose account it is: `account_name` backwards."""
    escaped = account.removeprefix("Assets:Receivable:C")
    parts = re.split(r"((?:-[0-9a-f]{2})+)", escaped)
    return "".join(bytes.fromhex(part.replace("-", "")).decode() if part.startswith("-") else part for part in parts)


def export_journal(as_of: date, out: Path, *, settings: Settings | None = None) -> int:
    """Write all movements up to a day, and what each account must then come to; returns the number of movements.

    Balances are asserted where they are published: of the release's day and of month-ends.

    Raises:
        GridCreditError: nothing has been published, or the last release does not reach that day.
    """
    settings = in_its_currency(settings or get_settings())
    currency = settings.currency
    with connect(settings) as connection:
        connection.rollback()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        found = connection.execute("select max(as_of_date), max(release) from published.release").fetchone()
        (released_on, release) = found or (None, None)
        if released_on is None:
            raise GridCreditError("nothing has been published yet: run `gridcredit run` first")
        if as_of > released_on:
            raise GridCreditError(
                f"--as-of {as_of}: the last release is of {released_on}; give that day or an earlier one"
            )
        with open_private(out) as file:
            file.write(f'option "title" "GridCredit, release {release}, as of {as_of}"\n')
            file.write(f'option "operating_currency" "{currency}"\n')
            _open_accounts(connection, as_of, currency, file)
            movements = 0
            for entry in _entries(connection, as_of, currency):
                file.write(entry)
                movements += 1
            _assert_balances(connection, as_of, released_on, currency, file)
    return movements


def _open_accounts(connection: Connection, as_of: date, currency: str, file: TextIO) -> None:
    first = connection.execute("select min(moved_on) from published.account_movement").fetchone()
    since = (first and first[0]) or as_of
    for account in sorted(set(CONTRA.values())):
        file.write(f"{since} open {account} {currency}\n")
    with connection.cursor(name="customers") as cursor:
        for (customer,) in cursor.execute("select customer_id from published.customer_account order by customer_id"):
            file.write(f'{since} open {account_name(customer)} {currency}\n  customer: "{_text(customer)}"\n')


def _entries(connection: Connection, as_of: date, currency: str) -> Iterator[str]:
    with connection.cursor(name="movements") as cursor:
        cursor.execute(
            "select moved_on, kind, fact_id, customer_id, amount, file_name, line_no from published.account_movement "
            "where moved_on <= %s and amount <> 0 order by moved_on, movement_id",
            [as_of],
        )
        for moved_on, kind, fact_id, customer, amount, file_name, line_no in cursor:
            yield (
                f'{moved_on} * "{kind} {_text(fact_id)}"\n  file: "{_text(file_name)}"\n  line: {line_no}\n'
                f"  {account_name(customer)}  {amount} {currency}\n  {CONTRA[kind]}  {-amount} {currency}\n"
            )


def _assert_balances(connection: Connection, as_of: date, released_on: date, currency: str, file: TextIO) -> None:
    """A balance holds at the beginning of a day, so of the next one; to the cent, which beancount by itself would pass
    over.
    """
    with connection.cursor(name="balances") as cursor:
        cursor.execute(
            "select customer_id, open_amount - credit_balance from published.customer_account_month_end "
            "where as_of_date = %(as_of)s union all "
            "select customer_id, open_amount - credit_balance from published.customer_account "
            "where %(as_of)s = %(released_on)s order by customer_id",
            {"as_of": as_of, "released_on": released_on},
        )
        for customer, balance in cursor:
            file.write(f"{as_of + timedelta(days=1)} balance {account_name(customer)}  {balance} ~ 0 {currency}\n")


def _text(value: str) -> str:
    """As it may stand between quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
