"""The features recomputed from the CSV files without this project: in Postgres, DuckDB or pandas. Prints seconds as
JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import date
from pathlib import Path

import psutil

from benchmarks.daily_run import FEATURES, days_of
from benchmarks.measure import quiet_logs, timed, warehouse

FACTS = ("customer", "bill", "payment")
Days = list[tuple[date, date]]


def postgres(files: Path, days: Days) -> dict[str, float]:
    """COPY into unlogged tables, then the script, with the memory that a careful person would give it."""
    from gridcredit.contract.extracts import EXTRACTS as CONTRACT
    from gridcredit.warehouse.connection import connect
    from psycopg import sql

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with warehouse(Path(folder) / "home") as settings, connect(settings, autocommit=True) as connection:
            connection.execute("create schema by_hand")
            connection.execute("set search_path to by_hand")
            connection.execute("set work_mem = '1GB'")

            def load() -> None:
                for name in FACTS:
                    columns = sql.SQL(", ").join(
                        sql.SQL("{} {}").format(
                            sql.Identifier(column.name),
                            sql.SQL("text" if column.kind in ("month", "timestamp") else column.sql_type),
                        )
                        for column in CONTRACT[name].columns
                    )
                    table = sql.Identifier(name)
                    connection.execute(sql.SQL("create unlogged table {} ({})").format(table, columns))
                    with (
                        connection.cursor().copy(
                            sql.SQL("copy {} from stdin (format csv, header)").format(table)
                        ) as copy,
                        (files / f"{name}.csv").open("rb") as file,
                    ):
                        while block := file.read(1 << 20):
                            copy.write(block)

            def features() -> None:
                connection.execute("create table days (as_of_date date, year_before date)")
                with connection.cursor() as cursor:
                    cursor.executemany("insert into days values (%s, %s)", days)
                connection.execute("analyze")
                for statement in FEATURES.read_text().split(";\n"):
                    if statement.strip():
                        connection.execute(statement.replace("create table", "create unlogged table").encode())

            return {"load": timed(load), "features": timed(features)}


def duckdb(files: Path, days: Days) -> dict[str, float]:
    """read_csv into a file of its own, then the same script."""
    import duckdb as duck

    with tempfile.TemporaryDirectory() as folder:
        connection = duck.connect(str(Path(folder) / "features.duckdb"))
        # Half the machine: with its default of four fifths it pushed everything else out of memory, and then itself.
        connection.execute(f"set memory_limit = '{psutil.virtual_memory().total // 2**21} MiB'")

        def load() -> None:
            for name in FACTS:
                connection.execute(
                    f"create table {name} as select * from read_csv('{files / f'{name}.csv'}', header = true)"
                )
                if name != "customer":
                    connection.execute(f"alter table {name} alter amount type decimal(18, 2)")

        def features() -> None:
            connection.execute("create table days (as_of_date date, year_before date)")
            connection.executemany("insert into days values (?, ?)", days)
            connection.execute(FEATURES.read_text())

        return {"load": timed(load), "features": timed(features)}


def pandas(files: Path, days: Days) -> dict[str, float]:
    """The same figures with merges and groupbys, a date at a time."""
    import pandas as pd

    tables: dict[str, pd.DataFrame] = {}

    def load() -> None:
        tables["bill"] = pd.read_csv(
            files / "bill.csv",
            usecols=["bill_id", "customer_id", "issued_on", "due_on", "amount"],
            parse_dates=["issued_on", "due_on"],
        )
        tables["payment"] = pd.read_csv(
            files / "payment.csv", usecols=["bill_id", "paid_on", "amount"], parse_dates=["paid_on"]
        ).dropna(subset=["bill_id"])

    def features() -> None:
        bills, payments = tables["bill"], tables["payment"]
        payments = payments.merge(bills[["bill_id", "due_on"]], on="bill_id")
        payments["in_time"] = payments.amount.where(payments.paid_on <= payments.due_on, 0)
        for day, year_before in days:
            then, before = pd.Timestamp(day), pd.Timestamp(year_before)
            paid = (
                payments[payments.paid_on <= then]
                .groupby("bill_id")
                .agg(paid=("amount", "sum"), in_time=("in_time", "sum"), last=("paid_on", "max"))
            )
            state = (
                bills[bills.issued_on <= then].merge(paid, on="bill_id", how="left").fillna({"paid": 0, "in_time": 0})
            )
            state = state[(state.paid < state.amount) | (state.due_on > before)]
            is_due = (state.due_on > before) & (state.due_on <= then)
            settled = state["last"].where((state.paid >= state.amount).to_numpy(), then)
            late = pd.Series((settled - state.due_on).dt.days).clip(lower=0)
            state = state.assign(
                due=state.amount.where(is_due, 0),
                in_time=state.in_time.clip(upper=state.amount).where(is_due, 0),
                late=(late * state.amount).where(is_due, 0),
                over_30=(late > 30) & is_due,
                open=(state.amount - state.paid).clip(lower=0),
                overdue=(state.amount - state.paid).clip(lower=0).where(state.due_on < then, 0),
                billed=state.amount.where(state.issued_on > before, 0),
            )
            state.groupby("customer_id").agg(
                dict.fromkeys(("due", "in_time", "late", "over_30", "open", "overdue", "billed"), "sum")
            )

    return {"load": timed(load), "features": timed(features)}


if __name__ == "__main__":
    quiet_logs()
    way, folder, months = sys.argv[1:]
    print(
        json.dumps({"postgres": postgres, "duckdb": duckdb, "pandas": pandas}[way](Path(folder), days_of(int(months))))
    )
