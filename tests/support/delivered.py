"""Delivered files as the oracles read them."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

from gridcredit.contract.extracts import EXTRACTS

from tests.support import account_engine, oracle, usage_oracle

KINDS = ("kind", "role")
Delivered = dict[str, dict[tuple[str, ...], dict[str, str]]]


def read_rows(paths: list[Path]) -> Delivered:
    """By extract and key the last row delivered; contract terms by customer and the day of their change."""
    found: dict[str, dict[tuple[str, ...], dict[str, str]]] = defaultdict(dict)
    for path in paths:
        name = next(name for name in EXTRACTS if path.stem.endswith(name))
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                found[name][tuple(row[key] for key in EXTRACTS[name].keys)] = row
                if name == "customer":
                    found["contract_term"][row["customer_id"], row["updated_at"][:10]] = row
    return found


def as_oracles_read(found: Delivered) -> tuple[oracle.Ledger, dict[str, dict[int, usage_oracle.Month]]]:
    """The facts of bills, payments and conduct, and the months of use."""
    day = date.fromisoformat
    plans: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    for (action, due_on), said in sorted(found["instalment"].items()):
        plan = found["collection_action"].get((action,), {"kind": ""})
        if plan["kind"] == "instalment_plan" and due_on >= plan["acted_on"] and Decimal(said["amount"]) > 0:
            plans[action].append((day(due_on), Decimal(said["amount"])))
    for action, parts in plans.items():
        # Such a plan is of what its instalments add up to, by the day of the last.
        plan = found["collection_action"][action,]
        plan |= {"amount": str(sum(amount for _, amount in parts)), "promise_date": parts[-1][0].isoformat()}
    terms: dict[str, dict[date, dict[str, str]]] = defaultdict(dict)
    for (customer, changed_on), said in found["contract_term"].items():
        terms[customer][day(changed_on)] = said
    ledger = oracle.Ledger(
        [
            oracle.Customer(
                r["customer_id"], r["segment"], r["region"], day(r["opened_on"]),
                day(r["closed_on"]) if r["closed_on"] else None,
                tuple(
                    oracle.Terms(
                        changed_on,
                        Decimal(said["deposit_amount"]) if said["deposit_amount"] else None,
                        Decimal(said["contract_capacity_kva"]) if said["contract_capacity_kva"] else None,
                        said["payment_mode"], said["tariff_code"],
                        Decimal(said["guarantee_amount"]) if said.get("guarantee_amount") else None,
                        day(said["guarantee_ends_on"]) if said.get("guarantee_ends_on") else date.max,
                    )
                    for changed_on, said in sorted(terms[r["customer_id"]].items())
                ),
                r["org_unit"] or "unknown",
            )
            for r in found["customer"].values()
        ],
        [
            oracle.Bill(
                r["bill_id"], r["customer_id"], day(r["issued_on"]), day(r["due_on"]), Decimal(r["amount"]),
                r["reverses_bill_id"] or None, day(r["period"] + "-01"), r["kind"], r["disputed"] == "true",
            )
            for r in found["bill"].values()
        ],
        [
            oracle.Payment(
                r["payment_id"], r["customer_id"], r["bill_id"] or None, day(r["paid_on"]), Decimal(r["amount"]),
                r["reverses_payment_id"] or None,
            )
            for r in found["payment"].values()
        ],
        [
            oracle.Fact(
                name, r["customer_id"], next((r[kind] for kind in KINDS if kind in r), ""),
                day(r[EXTRACTS[name].dated_by]), day(r[until]) if until and r[until] else None, r,
            )
            for name, until in oracle.CONDUCT.items()
            for r in found[name].values()
        ],
        plans,
        list(map(account_engine.read_dispute, found["dispute"].values())),
    )  # fmt: skip
    meters: dict[str, dict[str, usage_oracle.Meter]] = defaultdict(dict)
    readings: dict[str, list[usage_oracle.Reading]] = defaultdict(list)
    owners = {r["meter_id"]: r["customer_id"] for r in found["meter"].values()}
    for r in found["meter"].values():
        removed_on = day(r["removed_on"]) if r["removed_on"] else None
        meters[r["customer_id"]][r["meter_id"]] = usage_oracle.Meter(
            Decimal(r["multiplier"]), day(r["installed_on"]), removed_on
        )
    for r in found["meter_reading"].values():
        readings[owners[r["meter_id"]]].append(
            usage_oracle.Reading(
                r["meter_id"], r["register"], day(r["read_on"]), Decimal(r["reading"]), r["quality"], r["event"]
            )
        )
    return ledger, {customer: usage_oracle.months_of_use(meters[customer], own) for customer, own in readings.items()}


def all_features(
    policy: oracle.Policy,
    ledger: oracle.Ledger,
    customer: oracle.Customer,
    months: dict[int, usage_oracle.Month],
    day: date,
    bases: list[date],
) -> oracle.Features:
    """Every feature of a customer as of a day; only what is available. `bases` are the month-ends that are rated
    too.
    """
    conduct = oracle.conduct_features(ledger, customer, day)
    season = {
        int(row["month"]): Decimal(row["usage_index"])
        for row in policy.rows("season_indices")
        if row["segment"] == customer.segment
    }
    return (
        oracle.payment_features(ledger, customer.customer_id, day, policy.half_life)
        | conduct
        | oracle.security(ledger, customer, day)
        | usage_oracle.usage_features(months, day, customer.terms_on(day).capacity, conduct["service_change"], season)
        | oracle.bill_size(policy, ledger, customer, day, bases)
    )
