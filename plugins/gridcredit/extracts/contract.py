"""The input contract: what each canonical extract holds. Raw tables, validation and dbt sources follow from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Kind = Literal["text", "date", "month", "timestamp", "boolean", "money", "energy", "number", "code"]

ARROW_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "code": pa.string(),
    "date": pa.date32(),
    "month": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "boolean": pa.bool_(),
    "money": pa.decimal128(18, 2),
    "energy": pa.decimal128(18, 3),
    "number": pa.decimal128(18, 4),
}
SQL_TYPES: dict[Kind, str] = {
    "text": "text",
    "code": "text",
    "date": "date",
    "month": "date",
    "timestamp": "timestamptz",
    "boolean": "boolean",
    "money": "numeric(18, 2)",
    "energy": "numeric(18, 3)",
    "number": "numeric(18, 4)",
}


@dataclass(frozen=True)
class Column:
    """One column: a `code` takes one of `values` only; `money` and `energy` are exact decimals."""

    name: str
    kind: Kind
    text: str
    required: bool = False
    key: bool = False
    values: tuple[str, ...] = ()
    unit: str = ""

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.kind]

    @property
    def arrow_type(self) -> pa.DataType:
        return ARROW_TYPES[self.kind]


@dataclass(frozen=True)
class Extract:
    """One canonical extract: its columns, of which the keys identify a fact across deliveries."""

    name: str
    text: str
    columns: tuple[Column, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.key)

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


def _key(name: str, text: str) -> Column:
    return Column(name, "text", text, required=True, key=True)


CUSTOMER = Extract(
    "customer",
    "Customers as the supplier's information system knows them; the newest delivery of a customer wins.",
    (
        _key("customer_id", "the supplier's own customer number"),
        Column("name", "text", "name of the person or firm", required=True),
        Column(
            "segment",
            "code",
            "what the electricity is used for",
            required=True,
            values=("residential", "commercial", "industrial", "agricultural", "public"),
        ),
        Column("industry_code", "text", "industry by the supplier's classification"),
        Column("region", "text", "region of supply"),
        Column("org_unit", "text", "business unit that looks after the customer"),
        Column("opened_on", "date", "day the contract began", required=True),
        Column("closed_on", "date", "day the contract ended"),
        Column("status", "code", "state of the contract", values=("active", "suspended", "closed")),
        Column("voltage_kv", "number", "supply voltage", unit="kV"),
        Column("contract_capacity_kva", "number", "capacity agreed in the contract", unit="kVA"),
        Column("tariff_code", "text", "tariff in force"),
        Column(
            "payment_mode",
            "code",
            "how the customer pays today",
            values=("postpaid", "instalments", "prepaid", "deposit"),
        ),
        Column("deposit_amount", "money", "deposit held", unit="currency"),
        Column("registered_capital", "money", "registered capital of a firm", unit="currency"),
        Column("important_user", "boolean", "true where supply may not be cut off without approval"),
        Column("updated_at", "timestamp", "when the source last changed this row", required=True),
    ),
)

BILL = Extract(
    "bill",
    "Bills and their reversals.",
    (
        _key("bill_id", "number of the bill"),
        Column("customer_id", "text", "who is billed", required=True),
        Column("period", "month", "month of supply, as its first day", required=True),
        Column("issued_on", "date", "day of issue", required=True),
        Column("due_on", "date", "last day to pay in time", required=True),
        Column("energy_kwh", "energy", "energy billed", unit="kWh"),
        Column("energy_charge", "money", "charge for energy", unit="currency"),
        Column("demand_charge", "money", "charge for maximum demand or capacity", unit="currency"),
        Column("adjustment", "money", "power-factor and other adjustments", unit="currency"),
        Column("amount", "money", "amount to pay; negative on a reversal", required=True, unit="currency"),
        Column("kind", "code", "kind of bill", values=("regular", "recovery", "reversal")),
        Column("reverses_bill_id", "text", "the bill that a reversal cancels"),
        Column("disputed", "boolean", "true while the customer disputes it"),
    ),
)

PAYMENT = Extract(
    "payment",
    "Payments and their reversals.",
    (
        _key("payment_id", "number of the payment"),
        Column("customer_id", "text", "who paid", required=True),
        Column("bill_id", "text", "the bill it pays; absent: the oldest open bill"),
        Column("paid_on", "date", "value date", required=True),
        Column("amount", "money", "amount paid; negative on a reversal", required=True, unit="currency"),
        Column("channel", "text", "how it was paid"),
        Column("reverses_payment_id", "text", "the payment that bounced"),
    ),
)

EXTRACTS: dict[str, Extract] = {extract.name: extract for extract in (CUSTOMER, BILL, PAYMENT)}
