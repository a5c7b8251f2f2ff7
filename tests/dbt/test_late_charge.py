"""Late charges worked out by hand: holidays, the turn of the year, a part payment, the least, a bounce, a cancelled bill."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

from gridcredit import policy, runs, transform
from gridcredit.extracts.loader import load_file
from gridcredit.extracts.mapping import load_mappings
from gridcredit.settings import Settings
from gridcredit.warehouse import connect

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
# B1: its due date moves past two holidays to 26 December, so that 27 to 31 December cost 5 days x 0.2 % x 1000 = 10.00; in the new
# year 2 days x 0.3 % x 1000 and, after 400 came in, 8 days x 0.3 % x 600 = 20.40. B2: 2 days x 0.1 % x 20 = 0.04, but at least 1.
# B3: paid in time, bounced on the 6th: 5 days x 0.2 % x 500 = 5.00. B4 was cancelled, and costs nothing.
BY_HAND = {
    "B1": (Decimal("10.00"), Decimal("20.40"), Decimal("30.40"), Decimal("600.00")),
    "B2": (Decimal("0.04"), Decimal("0.00"), Decimal("1.00"), Decimal("0.00")),
    "B3": (Decimal("5.00"), Decimal("0.00"), Decimal("5.00"), Decimal("500.00")),
}


def test_charges_worked_out_by_hand(settings: Settings, tmp_path: Path) -> None:
    settings.policies_dir = tmp_path / "policies"
    shutil.copytree(Settings().policies_dir, settings.policies_dir)
    (settings.policies_dir / "default" / "1.0" / "holidays.csv").write_text("holiday\n2025-12-24\n2025-12-25\n")
    mapping = load_mappings(settings.mappings_dir)["demo"]
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
        load_file(tmp_path / name, mapping, settings)
    day = date(2026, 1, 10)
    runs.start_run("by hand", day, settings)
    policy.load_policies(settings)
    transform.build("by hand", [date(2025, 12, 31), day], settings)
    with connect(settings) as connection:
        rows = connection.execute(
            "select bill_id, charge_of_year, charge_carried_over, late_charge, open_amount from candidate.late_charge"
        ).fetchall()
    assert {bill: tuple(rest) for bill, *rest in rows} == BY_HAND
