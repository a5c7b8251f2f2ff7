"""The worked example of docs/recovery.md, by the plain-Python lawyer with which the work list is compared."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from gridcredit.settings import PROJECT_DIR

from tests.support import oracle, recovery_oracle

POLICY = oracle.Policy(PROJECT_DIR / "policies" / "default" / "1.0")
# What happened, by the day.
ACTIONS = [
    ("sms", date(2025, 3, 4)),
    ("call", date(2025, 3, 11)),
    ("promise", date(2025, 3, 11)),
    ("notice", date(2025, 3, 25)),
    ("final_notice", date(2025, 4, 3)),
    ("final_notice", date(2025, 7, 7)),
    ("cut_off", date(2025, 7, 14)),
    ("legal", date(2025, 8, 1)),
]
# On each day: last step, lapsed step, next step, its first day, what holds it.
LIFE = {
    date(2025, 3, 4): ("sms", None, "call", date(2025, 3, 11), None),
    date(2025, 3, 11): ("call", None, "notice", date(2025, 3, 21), "promise"),
    date(2025, 3, 24): (None, None, "notice", date(2025, 3, 24), None),
    date(2025, 3, 25): ("notice", None, "final_notice", date(2025, 4, 3), None),
    date(2025, 4, 3): ("final_notice", None, "cut_off", date(2025, 4, 10), None),
    date(2025, 5, 3): ("final_notice", None, "cut_off", date(2025, 4, 10), None),
    date(2025, 7, 3): (None, "final_notice", "final_notice", date(2025, 4, 3), None),
    date(2025, 7, 7): ("final_notice", None, "cut_off", date(2025, 7, 14), None),
    date(2025, 7, 14): ("cut_off", None, "legal", date(2025, 7, 28), None),
    date(2025, 8, 1): ("legal", None, None, None, None),
}


@pytest.fixture(scope="module")
def ledger() -> oracle.Ledger:
    until = {"promise": date(2025, 3, 20)}
    rows = [
        {"action_id": f"A{number}", "bill_id": "", "amount": "1000" if kind == "promise" else ""}
        for number, (kind, _) in enumerate(ACTIONS)
    ]
    return oracle.Ledger(
        [oracle.Customer("home", "residential", "", date(2020, 1, 1), terms=(oracle.Terms(date(2020, 1, 1)),))],
        [oracle.Bill("B", "home", date(2025, 2, 10), date(2025, 3, 3), Decimal(1000))],
        [
            oracle.Payment("P", "home", "B", date(2025, 3, 19), Decimal(1000)),
            oracle.Payment("R", "home", "B", date(2025, 3, 24), Decimal(-1000), "P"),
        ],
        [
            oracle.Fact("collection_action", "home", kind, day, until.get(kind), row)
            for (kind, day), row in zip(ACTIONS, rows, strict=True)
        ],
    )


def test_a_debts_life(ledger: oracle.Ledger) -> None:
    customer = ledger.customers[0]
    assert recovery_oracle.strategy_of(POLICY, "home") == "standard"
    found = {}
    for day in LIFE:
        pursued = recovery_oracle.pursue(POLICY, ledger, customer, day, is_important=False)
        assert pursued
        found[day] = (
            pursued.last_step, pursued.lapsed_step, pursued.next_step, pursued.earliest_on, pursued.held_by,
        )  # fmt: skip
    assert found == LIFE
    paid = recovery_oracle.pursue(POLICY, ledger, customer, date(2025, 3, 19), is_important=False)
    assert paid is None
    # Kept on the 20th, broken when its money went back.
    assert oracle.broken_promises(ledger, "home") == [date(2025, 3, 24)]
