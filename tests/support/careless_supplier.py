"""A careless supplier: any extract late, early, corrected, moved, bounced, reversed, withdrawn; and its mapping."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from gridcredit.contract.extracts import EXTRACTS
from gridcredit.ingestion.mapping.read import load_mappings
from gridcredit.ingestion.mapping.rules import Mapping

from tests.support import shipped
from tests.support.oracle import CONDUCT
from tests.support.suppliers import write_rows

MAPPING = """
mapping: sequences
description: Any extract, with tombstones.
files:
  - {pattern: "customer_attribute*", extracts: {customer_attribute: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "customer*", timestamp_format: "%Y-%m-%d", extracts: {customer: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "bill*", month_format: "%Y-%m-%d", extracts: {bill: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "payment*", extracts: {payment: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "dispute*", extracts: {dispute: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "inspection*", extracts: {inspection: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "external_risk*", extracts: {external_risk: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "investigation*", extracts: {investigation: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "service_order*", extracts: {service_order: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "meter_[0-9]*", extracts: {meter: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "meter_reading*", extracts: {meter_reading: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "party*", extracts: {party: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "collection_action*", extracts: {collection_action: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "grade_override*", extracts: {grade_override: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "instalment*", extracts: {instalment: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "late_charge_entry*", extracts: {late_charge_entry: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "officer_assignment*", extracts: {officer_assignment: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "department_notice*", extracts: {department_notice: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "warning_ack*", extracts: {warning_acknowledgement: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "policy_receipt*", extracts: {policy_receipt: {deleted: {column: op, equals: [D]}}}}
  - {pattern: "tariff*", extracts: {tariff: {deleted: {column: op, equals: [D]}}}}
"""
START = date(2026, 2, 20)
Row = dict[str, Any]
# Facts with a day, and some until another.
DATED = CONDUCT | {"officer_assignment": "valid_to", "department_notice": None, "tariff": None, "dispute": "closed_on"}
DATED |= {"warning_acknowledgement": None, "instalment": None, "late_charge_entry": None, "policy_receipt": None}
DATED |= {"customer_attribute": "valid_to"}
ATTRIBUTES = {"direct_debit": ["true", "false", ""], "income_band": ["low", "high"], "vulnerable": ["true"]}


@dataclass
class Supplier:
    """Facts as a careless supplier delivers them: late, early, corrected, moved, bounced, reversed, withdrawn."""

    rng: random.Random
    known: dict[str, dict[tuple[Any, ...], Row]] = field(
        default_factory=lambda: {name: {} for name in ("customer", "bill", "payment", "meter", "meter_reading", *DATED)}
    )

    def deliver(self, day: date, events: int) -> dict[str, list[Row]]:
        """The rows of a day's delivery, by extract."""
        rows: dict[str, list[Row]] = {name: [] for name in self.known}
        for _ in range(events):
            kinds = [
                "customer",
                "bill",
                "bill",
                "payment",
                "payment",
                "payment",
                "conduct",
                "conduct",
                "meter",
                "reading",
                "reading",
                "correct",
                "correct",
                "reverse",
                "delete",
            ]
            extract, row = getattr(self, f"_{self.rng.choice(kinds)}")(day)
            if row is not None:
                rows[extract].append(row)
                self.known[extract][tuple(row[key] for key in EXTRACTS[extract].keys)] = row
        return rows

    def _day(self, day: date, back: int, ahead: int = 5) -> date:
        return day + timedelta(days=self.rng.randint(-back, ahead))

    def _id(self, extract: str) -> str:
        return f"{extract[0].upper()}{len(self.known[extract])}"

    def _any(self, extract: str) -> Row | None:
        standing = [row for row in self.known[extract].values() if row["op"] != "D"]
        return self.rng.choice(standing) if standing else None

    def _owner(self) -> str:
        customer = self._any("customer")
        # Now and then a customer of whom there is no file.
        return customer["customer_id"] if customer and self.rng.random() < 0.95 else f"X{self.rng.randint(0, 3)}"

    def _customer(self, day: date) -> tuple[str, Row]:
        row = {"op": "I", "customer_id": self._id("customer"), "name": "n", "updated_at": day}
        row |= {
            "segment": self.rng.choice(["public", "residential", "industrial"]),
            "deposit_amount": self.rng.choice(["", 0, 50]),
        }
        row |= {"guarantee_amount": self.rng.choice(["", 80]), "guarantee_ends_on": self._ends(day)}
        region = self.rng.choice(["north", "south", ""])
        row |= {"tariff_code": self.rng.choice(["", "T1", "T2"]), "contract_capacity_kva": self.rng.choice(["", 1, 9])}
        return "customer", row | {"opened_on": self._day(day, 900), "region": region}

    def _ends(self, day: date) -> date | str:
        """The last day of a guarantee, if it has one: before the day of the delivery or after it."""
        ends_on = day + timedelta(days=self.rng.randint(-60, 30))
        return ends_on if self.rng.random() < 0.5 else ""

    def _bill(self, day: date) -> tuple[str, Row]:
        issued = self._day(day, self.rng.choice([40, 500]))
        row = {"op": "I", "bill_id": self._id("bill"), "customer_id": self._owner(), "period": issued.replace(day=1)}
        row |= {"issued_on": issued, "due_on": issued + timedelta(days=self.rng.randint(0, 40)), "reverses_bill_id": ""}
        return "bill", row | {"amount": self.rng.choice([0, 10, 20, 100, self.rng.randint(1, 90)])}

    def _payment(self, day: date) -> tuple[str, Row]:
        bill = self._any("bill")
        row: Row = {"op": "I", "payment_id": self._id("payment"), "reverses_payment_id": ""}
        if bill is None or self.rng.random() < 0.3:
            # Money for no bill, or for one that may come one day.
            number = len(self.known["bill"]) + self.rng.randint(0, 3)
            row |= {"customer_id": self._owner(), "bill_id": self.rng.choice(["", f"B{number}"])}
        else:
            payer = bill["customer_id"] if self.rng.random() < 0.9 else self._owner()
            row |= {"customer_id": payer, "bill_id": bill["bill_id"]}
        share = self.rng.choice([1, 1, 1, 2, 3])
        amount = (bill["amount"] if bill else 30) * share / 2 or 5
        return "payment", row | {"paid_on": self._day(day, self.rng.choice([10, 300])), "amount": amount}

    def _conduct(self, day: date) -> tuple[str, Row]:
        extract = self.rng.choice(list(DATED))
        number = len(self.known[extract])
        row: Row = {"op": "I", "customer_id": self._owner(), "officer_id": "S1", "party_name": self.rng.choice("LW")}
        row |= {"inspection_id": f"I{number}", "investigation_id": f"V{number}", "order_id": f"O{number}"}
        row |= {"operating_score": self.rng.choice(["", 20, 90]), "solvency_score": self.rng.choice(["", 60])}
        row |= {"action_id": f"A{number}", "override_id": f"G{number}", "notice_id": f"N{number}"}
        row |= {"entry_id": f"E{number}", "dispute_id": f"D{number}", "contested_amount": self.rng.choice(["", 5, 20])}
        if extract == "dispute":
            outcomes = ("for_customer", "partly_for_customer", "against_customer", "")
            row |= {
                "bill_id": (self._any("bill") or {"bill_id": "B0"})["bill_id"],
                "outcome": self.rng.choice(outcomes),
            }
        row |= {"policy_version": shipped.VERSION, "staff_id": f"S{number % 3}"}
        row |= {"grade": self.rng.choice(["A", "B", "C", "none"]), "reason": "r", "approver_id": "S2"}
        row |= {"amount": self.rng.choice(["", 5, 20]), "department": "d", "field": "f"}
        rules = ["overdue_30_days", "overdue_7_days", "over_limit"]
        row |= {"acknowledgement_id": f"K{number}", "rule": self.rng.choice(rules)}
        row |= {"tariff_code": self.rng.choice(["T1", "T2"]), "unit_price": self.rng.randint(1, 9)}
        row |= {"demand_price": self.rng.choice(["", 30, 40])}
        row |= {"share_pct": self.rng.choice([10, 60]), **self._span(extract, day)}
        for column in EXTRACTS[extract].columns:
            if column.name in ("kind", "role", "register"):
                row[column.name] = self.rng.choice(column.values)
        if extract == "collection_action" and self.rng.random() < 0.3:
            row["kind"] = "instalment_plan"
        if extract == "instalment":
            plans = [one for one in self.known["collection_action"].values() if one.get("kind") == "instalment_plan"]
            row["action_id"] = self.rng.choice(plans)["action_id"] if plans else "A0"
            row["amount"] = self.rng.choice([5, 20])
        if extract == "customer_attribute":
            row["name"] = self.rng.choice(list(ATTRIBUTES))
            row["value"] = self.rng.choice(ATTRIBUTES[row["name"]])
        if extract == "late_charge_entry":
            row["amount"] = self.rng.choice([5, -5])
        names = {"op", *(column.name for column in EXTRACTS[extract].columns)}
        return extract, {name: value for name, value in row.items() if name in names}

    def _meter(self, day: date) -> tuple[str, Row]:
        row = {"op": "I", "meter_id": self._id("meter"), "customer_id": self._owner(), "multiplier": 1}
        return "meter", row | {"installed_on": self._day(day, 500)}

    def _reading(self, day: date) -> tuple[str, Row]:
        # Of a meter that may not be there yet; a handful, so that readings come between readings.
        meter = f"M{self.rng.randint(0, max(len(self.known['meter']), 1))}"
        row: Row = {"op": "I", "meter_id": meter, "register": self.rng.choice(["total", "total", "total", "demand"])}
        row |= {"read_on": self._day(day, self.rng.choice([3, 40, 420])), "reading": self.rng.randint(0, 9999)}
        row |= {"quality": self.rng.choice(["actual", "estimated", "missing"])}
        return "meter_reading", row | {"event": self.rng.choice(["normal", "normal", "tamper"])}

    def _span(self, extract: str, day: date) -> Row:
        until = DATED[extract]
        first = self._day(day, self.rng.choice([60, 900]), 20)
        ends = [self._day(day, 90, 40)] + ([] if until == "ends_on" else [""])
        return {EXTRACTS[extract].dated_by: first} | ({until: self.rng.choice(ends)} if until else {})

    def _correct(self, day: date) -> tuple[str, Row | None]:
        extract = self.rng.choice(["customer", "bill", "payment", "meter", "meter_reading", "customer", *DATED])
        row = self._any(extract)
        if row is None:
            return extract, None
        change: Row
        if extract in DATED:
            change = self._span(extract, day) | {"customer_id": self._owner()}
            free = {column.name for column in EXTRACTS[extract].columns if not column.key}
            change = {name: value for name, value in change.items() if name in free} or {"op": "I"}
        elif extract == "customer":
            change = {"region": self.rng.choice(["east", "west"]), "opened_on": self._day(day, 900)}
            change |= {"updated_at": self._day(day, 200), "deposit_amount": self.rng.choice(["", 30, 90])}
            change |= {"guarantee_amount": self.rng.choice(["", 70]), "guarantee_ends_on": self._ends(day)}
            if self.rng.random() < 0.3:
                terms = {name: change[name] for name in change if name not in ("region", "opened_on")}
                return extract, row | terms | {"contract_capacity_kva": self.rng.randint(1, 50)}
        elif extract == "meter":
            change = {"customer_id": self._owner(), "multiplier": self.rng.randint(1, 40)}
        elif extract == "meter_reading":
            change = {"reading": self.rng.randint(0, 9999), "quality": "actual"}
        elif extract == "bill":
            change = {"amount": self.rng.randint(1, 120), "customer_id": self._owner(), "due_on": self._day(day, 60)}
        else:
            change = {"amount": self.rng.randint(1, 120), "paid_on": self._day(day, 100), "customer_id": self._owner()}
        name = self.rng.choice(list(change))
        return extract, row | {name: change[name]}

    def _reverse(self, day: date) -> tuple[str, Row | None]:
        extract, moved = self.rng.choice([("bill", "issued_on"), ("payment", "paid_on")])
        row = self._any(extract)
        if row is None or row[f"reverses_{extract}_id"]:
            return extract, None
        reversal = row | {f"{extract}_id": self._id(extract), f"reverses_{extract}_id": row[f"{extract}_id"]}
        reversal["amount"] = -row["amount"] if self.rng.random() < 0.5 else -self.rng.randint(1, 40)
        if self.rng.random() < 0.3:
            # A credit, a refund, or what comes back of a bill.
            reversal[f"reverses_{extract}_id"] = ""
            reversal["bill_id"] = self.rng.choice(["", row["bill_id"]]) if extract == "payment" else reversal["bill_id"]
        return extract, reversal | {moved: self._day(day, 200)}

    def _delete(self, day: date) -> tuple[str, Row | None]:  # noqa: ARG002 - one signature for all
        extract = self.rng.choice(["customer", "bill", "payment", "meter", "meter_reading", *DATED])
        row = self._any(extract)
        return extract, row and {"op": "D"} | {key: row[key] for key in EXTRACTS[extract].keys}


def write(path: Path, rows: list[Row]) -> None:
    """Write a delivery; the file's name begins with its extract's."""
    extract = EXTRACTS[path.stem.rsplit("_", 1)[0]]
    write_rows(path, ["op", *(column.name for column in extract.columns)], rows)


def careless_mapping(folder: Path) -> Mapping:
    """The mapping of its files, written into a folder."""
    (folder / "sequences.yml").write_text(MAPPING)
    return load_mappings(folder)["sequences"]
