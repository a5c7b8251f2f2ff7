"""The input contract: what each canonical extract holds. Raw tables, validation, dbt sources and assets follow from here.

Nothing slow is imported: the DAG files read it while they are parsed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "text", "date", "month", "timestamp", "boolean", "money", "price", "energy", "number", "code", "integer", "json"
]

# Decimals by kind: digits in all and behind the point.
DECIMALS: dict[Kind, tuple[int, int]] = {"money": (18, 2), "price": (18, 6), "energy": (18, 3), "number": (18, 4)}
SQL_TYPES: dict[Kind, str] = {
    "text": "text",
    "code": "text",
    "date": "date",
    "month": "date",
    "timestamp": "timestamptz",
    "boolean": "boolean",
    "integer": "bigint",
    "json": "jsonb",
    **{kind: f"numeric({digits}, {scale})" for kind, (digits, scale) in DECIMALS.items()},
}


@dataclass(frozen=True)
class Column:
    """One column: a `code` takes one of `values` only; money, prices, energy and numbers are exact decimals.

    `personal` says that it holds the name of a person or firm, or the number of an identity document.
    """

    name: str
    kind: Kind
    text: str
    required: bool = False
    key: bool = False
    values: tuple[str, ...] = ()
    unit: str = ""
    personal: Literal["", "name", "number"] = ""

    @property
    def sql_type(self) -> str:
        return SQL_TYPES[self.kind]

    @property
    def is_identifier(self) -> bool:
        """Whether it names one thing, so that values that look alike must be alike."""
        return self.kind == "text" and (self.name.endswith(("_id", "_code")) or self.personal == "number")


@dataclass(frozen=True)
class Extract:
    """One canonical extract: its columns, of which the keys identify a fact across deliveries.

    `dated_by` is the column with the business date of a fact: what is as of a date reads none that is later.
    `fresh_days` is the number of days after which a supplier's operators should ask where the next delivery is;
    None where an extract comes only when something happens, and a file without rows says that nothing has.
    `known_early` says that its facts are known before their date: what is as of a date reads later ones too.
    """

    name: str
    text: str
    columns: tuple[Column, ...]
    dated_by: str
    fresh_days: int | None = None
    known_early: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.key)

    @property
    def personal_columns(self) -> dict[str, str]:
        """The columns with names and numbers of persons, each with which of the two."""
        return {column.name: column.personal for column in self.columns if column.personal}

    @property
    def found_by(self) -> str:
        """The column by which a customer's rows are found: his own number, or that of his meter, plan or tariff.

        Rows that are of no customer are found by the policy's version.
        """
        owners = ("customer_id", "meter_id", "action_id", "tariff_code", "policy_version")
        return next(name for name in owners if self.column(name))

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


def _key(name: str, text: str, kind: Kind = "text", values: tuple[str, ...] = ()) -> Column:
    return Column(name, kind, text, required=True, key=True, values=values)


SEGMENTS = ("residential", "commercial", "industrial", "agricultural", "public")
# The extracts whose facts say which day a run answers for, where none is asked for.
DATING_EXTRACTS = ("bill", "payment")
COLLECTION_KINDS = (
    "call",
    "sms",
    "notice",
    "final_notice",
    "instalment_plan",
    "plan_broken",
    "plan_completed",
    "promise",
    "cut_off",
    "reconnect",
    "legal",
    "write_off",
    "cut_off_approval",
    "agency_referral",
    "agency_return",
)
PAYMENT_MODES = ("postpaid", "instalments", "prepaid", "deposit")

CUSTOMER = Extract(
    "customer",
    "Customers as the supplier's information system knows them; the newest delivery of a customer wins.",
    (
        _key("customer_id", "the supplier's own customer number"),
        Column("name", "text", "name of the person or firm", required=True, personal="name"),
        Column(
            "segment",
            "code",
            "what the electricity is used for",
            required=True,
            values=SEGMENTS,
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
            values=PAYMENT_MODES,
        ),
        Column("deposit_amount", "money", "deposit held", unit="currency"),
        Column("registered_capital", "money", "registered capital of a firm", unit="currency"),
        Column("important_user", "boolean", "true where supply may not be cut off without approval"),
        Column("updated_at", "timestamp", "when the source last changed this row", required=True),
    ),
    dated_by="opened_on",
    fresh_days=7,
)

BILL = Extract(
    "bill",
    "Bills, credit notes and credits: docs/ledger.md says what each does to an account.",
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
        Column("amount", "money", "amount to pay; negative on a credit note or credit", required=True, unit="currency"),
        Column("kind", "code", "kind of bill", values=("regular", "recovery", "reversal")),
        Column(
            "reverses_bill_id",
            "text",
            "the bill that a credit note takes its amount off, or the credit note that is taken back",
        ),
        Column("disputed", "boolean", "true while the customer disputes it"),
    ),
    dated_by="issued_on",
    fresh_days=35,
)

PAYMENT = Extract(
    "payment",
    "Payments, returns and refunds: docs/ledger.md says what each does to an account.",
    (
        _key("payment_id", "number of the payment"),
        Column("customer_id", "text", "who paid", required=True),
        Column("bill_id", "text", "the bill it pays, of whatever customer; absent: it is credit of who paid"),
        Column("paid_on", "date", "value date", required=True),
        Column("amount", "money", "amount paid; negative on a return or refund", required=True, unit="currency"),
        Column("channel", "text", "how it was paid"),
        Column("reverses_payment_id", "text", "the payment that came back, or the return that is taken back"),
    ),
    dated_by="paid_on",
    fresh_days=3,
)

PARTY = Extract(
    "party",
    "Persons and firms behind a customer, each for a span of days.",
    (
        _key("customer_id", "the customer"),
        _key(
            "role",
            "what the party is to the customer",
            "code",
            ("legal_representative", "shareholder", "guarantor", "payer"),
        ),
        Column("party_name", "text", "name of the person or firm", required=True, key=True, personal="name"),
        Column(
            "id_number",
            "text",
            "identity or registration number; kept as a salted hash and its last four",
            personal="number",
        ),
        Column("share_pct", "number", "share held by a shareholder", unit="%"),
        _key("valid_from", "first day of the role", "date"),
        Column("valid_to", "date", "last day of the role; absent while it lasts"),
    ),
    dated_by="valid_from",
)

METER = Extract(
    "meter",
    "Meters and the customers they measure. What meters show that measure on the same days is added, maximum demand too; "
    "a meter that replaces another is installed on the day the other is removed, or later.",
    (
        _key("meter_id", "number of the meter"),
        Column("customer_id", "text", "whose use it measures", required=True),
        Column("installed_on", "date", "first day of measuring", required=True),
        Column("removed_on", "date", "last day of measuring; absent while it measures beside the customer's others"),
        Column("multiplier", "number", "kWh per unit of reading, by the transformers before the meter", required=True),
    ),
    dated_by="installed_on",
)

METER_READING = Extract(
    "meter_reading",
    "What the meters showed; energy registers count up, the demand register shows the month's maximum in kW.",
    (
        _key("meter_id", "the meter"),
        _key("read_on", "day of the reading, at its end", "date"),
        _key("register", "what was read", "code", ("total", "peak", "flat", "valley", "reactive", "demand")),
        Column("reading", "number", "figure shown, before the multiplier", required=True),
        Column("quality", "code", "how the figure came about", values=("actual", "estimated", "edited", "missing")),
        Column("event", "code", "what the meter reported", values=("normal", "tamper", "reverse", "cover_open")),
    ),
    dated_by="read_on",
    fresh_days=35,
)

TARIFF = Extract(
    "tariff",
    "Prices by tariff and register, each from a day on; a price that changes within a month splits it.",
    (
        _key("tariff_code", "the tariff"),
        _key("register", "what is priced", "code", ("total", "peak", "flat", "valley", "reactive", "demand")),
        _key("valid_from", "first day of the price", "date"),
        Column("unit_price", "price", "price of a kWh", required=True, unit="currency per kWh"),
        Column("demand_price", "price", "price of a kW of maximum demand and month", unit="currency per kW"),
        Column("power_factor_standard", "number", "power factor below which a surcharge is due, and above it a reward"),
        Column("capacity_price", "price", "price of a kVA of contract capacity and month", unit="currency per kVA"),
    ),
    dated_by="valid_from",
)

SERVICE_ORDER = Extract(
    "service_order",
    "Changes of the contract that a customer asked for.",
    (
        _key("order_id", "number of the order"),
        Column("customer_id", "text", "who asked", required=True),
        Column(
            "kind",
            "code",
            "what is to change",
            required=True,
            values=(
                "new",
                "capacity_increase",
                "capacity_decrease",
                "suspend",
                "resume",
                "transfer",
                "tariff_change",
                "close",
            ),
        ),
        Column("requested_on", "date", "day of the request", required=True),
        Column("completed_on", "date", "day it took effect"),
    ),
    dated_by="requested_on",
)

INSPECTION = Extract(
    "inspection",
    "Inspections of how electricity is used.",
    (
        _key("inspection_id", "number of the inspection"),
        Column("customer_id", "text", "who was inspected", required=True),
        Column("found_on", "date", "day of the inspection", required=True),
        Column("kind", "code", "what was found", required=True, values=("theft", "breach", "safety", "none")),
        Column("recovered_kwh", "energy", "energy charged afterwards", unit="kWh"),
        Column("recovered_amount", "money", "charge for it", unit="currency"),
        Column("penalty", "money", "penalty on top", unit="currency"),
        Column("settled_on", "date", "day the case was paid and closed"),
    ),
    dated_by="found_on",
)

EXTERNAL_RISK = Extract(
    "external_risk",
    "Public listings of a customer by registries, courts and tax offices.",
    (
        _key("customer_id", "who is listed"),
        _key("listed_on", "day of the listing", "date"),
        _key(
            "kind",
            "the list",
            "code",
            (
                "dishonest_debtor",
                "court_enforcement",
                "bankruptcy",
                "licence_revoked",
                "tax_arrears",
                "operating_abnormality",
            ),
        ),
        Column("removed_on", "date", "day it was taken off the list"),
    ),
    dated_by="listed_on",
)

INVESTIGATION = Extract(
    "investigation",
    "Reviews of a customer by credit officers.",
    (
        _key("investigation_id", "number of the review"),
        Column("customer_id", "text", "who was reviewed", required=True),
        Column("done_on", "date", "day of the review", required=True),
        Column("officer_id", "text", "who did it", required=True),
        Column("operating_score", "number", "operating capacity, 0 to 100"),
        Column("solvency_score", "number", "ability to pay, 0 to 100"),
        Column("finding", "text", "what was found, in words"),
    ),
    dated_by="done_on",
)

DEPARTMENT_NOTICE = Extract(
    "department_notice",
    "Changes that staff of any department learnt of.",
    (
        _key("notice_id", "number of the notice"),
        Column("customer_id", "text", "whom it concerns", required=True),
        Column("noted_on", "date", "day it was noted", required=True),
        Column("department", "text", "who noted it", required=True),
        Column("field", "text", "what changed", required=True),
        Column("old_value", "text", "as it was"),
        Column("new_value", "text", "as it is"),
        Column("staff_id", "text", "member of staff who noted it"),
    ),
    dated_by="noted_on",
)

COLLECTION_ACTION = Extract(
    "collection_action",
    "What was done to collect a debt, and what the customer promised.",
    (
        _key("action_id", "number of the action"),
        Column("customer_id", "text", "the debtor", required=True),
        Column("bill_id", "text", "the bill; absent: all of the debt"),
        Column("acted_on", "date", "day of the action", required=True),
        Column("officer_id", "text", "who acted; absent: nobody in particular, and no officer's figures count it"),
        Column(
            "kind",
            "code",
            "what was done",
            required=True,
            values=COLLECTION_KINDS,
        ),
        Column("amount", "money", "amount asked for, promised or written off", unit="currency"),
        Column("promise_date", "date", "day the customer promised to pay by"),
    ),
    dated_by="acted_on",
)

INSTALMENT = Extract(
    "instalment",
    "The parts in which an instalment plan is to be paid, each by a day.",
    (
        _key("action_id", "the collection action by which the plan was made"),
        _key("due_on", "last day to pay it", "date"),
        Column("amount", "money", "amount to pay", required=True, unit="currency"),
    ),
    dated_by="due_on",
    known_early=True,
)

LATE_CHARGE_ENTRY = Extract(
    "late_charge_entry",
    "Late-payment charges as the billing system books them: billed, paid, waived.",
    (
        _key("entry_id", "number of the entry"),
        Column("customer_id", "text", "who is charged", required=True),
        Column("bill_id", "text", "the bill that was late; absent: several"),
        Column("entered_on", "date", "day of the entry", required=True),
        Column("kind", "code", "what is booked", required=True, values=("billed", "paid", "waived")),
        Column(
            "amount", "money", "amount booked; below 0: an earlier entry is taken back", required=True, unit="currency"
        ),
        Column("approver_id", "text", "member of staff who approved the waiver"),
        Column("reason", "text", "why it was waived"),
    ),
    dated_by="entered_on",
)

OFFICER_ASSIGNMENT = Extract(
    "officer_assignment",
    "Which collection officer answers for a customer's debt, and since when.",
    (
        _key("customer_id", "the customer"),
        Column("officer_id", "text", "the officer", required=True),
        _key("valid_from", "first day", "date"),
        Column("valid_to", "date", "last day; absent while it lasts"),
    ),
    dated_by="valid_from",
)

GRADE_OVERRIDE = Extract(
    "grade_override",
    "Grades that a person has set in place of the policy's, each for a span of days.",
    (
        _key("override_id", "number of the decision"),
        Column("customer_id", "text", "whose grade it is", required=True),
        Column("grade", "text", "the grade that counts instead, one of the policy's", required=True),
        Column("reason", "text", "why, in words that may be shown to all departments", required=True),
        Column("approver_id", "text", "member of staff who approved it", required=True),
        Column("starts_on", "date", "first day on which it counts", required=True),
        Column("ends_on", "date", "last day on which it counts", required=True),
    ),
    dated_by="starts_on",
)

WARNING_ACKNOWLEDGEMENT = Extract(
    "warning_acknowledgement",
    "Warnings that somebody took note of and took on.",
    (
        _key("acknowledgement_id", "number of the note"),
        Column("customer_id", "text", "whom the warning is about", required=True),
        Column("rule", "text", "the warning's rule, as published", required=True),
        Column("acknowledged_on", "date", "day of the note", required=True),
        Column("officer_id", "text", "member of staff who took the warning on", required=True),
        Column("note", "text", "what is being done"),
    ),
    dated_by="acknowledged_on",
)

POLICY_RECEIPT = Extract(
    "policy_receipt",
    "Who has received a policy in writing: one row for each member of staff.",
    (
        _key("policy_version", "version of the policy, as its folder names it"),
        _key("department", "department of the member of staff, as policies/departments.yml names it"),
        _key("staff_id", "member of staff who received it"),
        Column("received_on", "date", "day on which it was received", required=True),
    ),
    dated_by="received_on",
)

OUTCOME = Extract(
    "outcome",
    "Who defaulted, of a supplier with a definition of its own: it takes the place of the one in policies/evaluation.yml.",
    (
        _key("customer_id", "the customer"),
        _key("as_of_date", "the month-end after which he was observed", "date"),
        Column("defaulted", "boolean", "true where he defaulted", required=True),
    ),
    dated_by="as_of_date",
)

EXTRACTS: dict[str, Extract] = {
    extract.name: extract
    for extract in (
        CUSTOMER,
        PARTY,
        METER,
        METER_READING,
        TARIFF,
        BILL,
        PAYMENT,
        SERVICE_ORDER,
        INSPECTION,
        EXTERNAL_RISK,
        INVESTIGATION,
        DEPARTMENT_NOTICE,
        COLLECTION_ACTION,
        INSTALMENT,
        LATE_CHARGE_ENTRY,
        OFFICER_ASSIGNMENT,
        GRADE_OVERRIDE,
        WARNING_ACKNOWLEDGEMENT,
        POLICY_RECEIPT,
        OUTCOME,
    )
}
