"""Late charges computed by hand: holidays, the turn of the year, a part payment, the least, a bounce, a cancelled
bill.
"""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from gridcredit import policies
from gridcredit.ingestion.loader import load_file
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.operations import runs
from gridcredit.settings import Settings
from gridcredit.transformation import runner
from gridcredit.warehouse.connection import connect

from tests.support import shipped

FILES = {
    "customer.csv": (
        "customer_id,name,segment,opened_on,updated_at\n"
        "K1,a,commercial,2020-01-01,2024-01-01 00:00:00\nK2,b,residential,2020-01-01,2024-01-01 00:00:00\n"
        "K3,c,commercial,2020-01-01,2024-01-01 00:00:00\nK4,d,commercial,2020-01-01,2024-01-01 00:00:00\n"
    ),
    "bill.csv": (
        "bill_id,customer_id,period,issued_on,due_on,amount,kind,reverses_bill_id\n"
        "B1,K1,2025-11,2025-12-01,2025-12-24,1000.00,regular,\nB2,K2,2025-12,2025-12-20,2026-01-05,20.00,regular,\n"
        "B3,K3,2025-12,2025-12-20,2026-01-02,500.00,regular,\nB4,K4,2025-11,2025-12-01,2025-12-20,90.00,regular,\n"
        "R4,K4,2025-11,2026-01-04,2026-01-04,-90.00,reversal,B4\n"
    ),
    "payment.csv": (
        "payment_id,customer_id,bill_id,paid_on,amount,reverses_payment_id\n"
        "P1,K1,B1,2026-01-03,400.00,\nP2,K2,B2,2026-01-08,20.00,\n"
        "P3,K3,B3,2026-01-02,500.00,\nP4,K3,B3,2026-01-06,-500.00,P3\n"
    ),
}
# B1: its due date moves past two holidays to 26 December, so that 27 to 31 December cost 5 days x 0.2 % x 1000 = 10.00;
# in the new year 3 days x 0.3 % x 1000 = 9.00, since it was still open on the morning of the 3rd, when 400 came in;
# then 0.3 % x 600 = 1.80 a day. B2: 3 days x 0.1 % x 20 = 0.06, but at least 1. B3: paid in time, bounced on the 6th:
# 0.2 % x 500 = 1.00 a day from the 7th on. B4 was cancelled, and costs nothing.
BY_HAND = {
    "B1": ("10.00", "9.00", "19.00", "1.80", date(2026, 1, 3), "600.00"),
    "B2": ("0.06", "0.00", "1.00", "0.00", date(2026, 1, 8), "0.00"),
    "B3": ("0.00", "0.00", "0.00", "1.00", date(2026, 1, 6), "500.00"),
}
# To the 10th 7 more days of 1.80, and 4 of 1.00.
TO_DATE = {"K1": Decimal("31.60"), "K3": Decimal("4.00")}
# At the end of January 28 days of 1.80 are charged, and 25 of 1.00.
IN_FEBRUARY = {"B1": ("69.40", date(2026, 1, 31)), "B3": ("25.00", date(2026, 1, 31)), "B2": ("1.00", date(2026, 1, 8))}


def test_charges_computed_by_hand(settings: Settings, tmp_path: Path) -> None:
    settings.policies_dir = tmp_path / "policies"
    shutil.copytree(Settings().policies_dir, settings.policies_dir)
    holidays = settings.policies_dir / "default" / shipped.NUMBER / "holidays.csv"
    holidays.write_text("holiday\n2025-12-24\n2025-12-25\n")
    mapping = load_mappings(settings.mappings_dir)["demo"]
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
        load_file(tmp_path / name, mapping, settings)
    day = date(2026, 1, 10)
    run = runs.start_run("by hand", day, settings)
    policies.load_policies(settings)
    runner.build(run, [date(2025, 12, 31), day])
    with connect(settings) as connection:
        rows = connection.execute(
            "select bill_id, charge_of_year, charge_carried_over, late_charge, daily_charge, charged_through, "
            "open_amount from candidate.late_charge"
        ).fetchall()
        to_date = connection.execute("select customer_id, late_charge from candidate.work_list").fetchall()
    assert {bill: in_words(rest) for bill, *rest in rows} == BY_HAND
    assert dict(to_date) == TO_DATE

    run = runs.start_run("in February", date(2026, 2, 3), settings)
    runner.build(run, [date(2025, 12, 31), date(2026, 1, 31), date(2026, 2, 3)])
    with connect(settings) as connection:
        rows = connection.execute("select bill_id, late_charge, charged_through from candidate.late_charge").fetchall()
    assert {bill: in_words(rest) for bill, *rest in rows} == IN_FEBRUARY


def in_words(values: list[Any]) -> tuple[Any, ...]:
    """Amounts as text of two decimals."""
    return tuple(f"{value:.2f}" if isinstance(value, Decimal) else value for value in values)
