"""Extracts about money and energy: bills, payments, prices, meters, and the work of collections."""

from __future__ import annotations

from gridcredit.contract.shapes import Column, Extract, key_column

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

BILL = Extract(
    "bill",
    "Bills, credit notes and credits: docs/ledger.md says what each does to an account.",
    (
        key_column("bill_id", "number of the bill"),
        Column("customer_id", "text", "who is billed", required=True),
        Column("period", "month", "month of supply, as its first day; of several the first", required=True),
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
        Column(
            "disputed",
            "boolean",
            "true while the customer disputes all of it; where extract dispute names it, that counts",
        ),
    ),
    dated_by="issued_on",
    fresh_days=35,
)

DISPUTE = Extract(
    "dispute",
    "Disputes of bills, each from a day on: docs/recovery.md says what a disputed bill counts in.",
    (
        key_column("dispute_id", "number of the dispute"),
        Column("customer_id", "text", "who disputes", required=True),
        Column("bill_id", "text", "the bill that is disputed", required=True),
        Column("opened_on", "date", "first day of the dispute", required=True),
        Column("closed_on", "date", "day on which it was decided or withdrawn; absent while it lasts"),
        Column(
            "outcome",
            "code",
            "how it ended; decided for the customer, it lasts until billing sends the credit note",
            values=("for_customer", "partly_for_customer", "against_customer", "withdrawn"),
        ),
        Column("contested_amount", "money", "what of the bill is contested; absent: all of it", unit="currency"),
    ),
    dated_by="opened_on",
)

PAYMENT = Extract(
    "payment",
    "Payments, returns and refunds: docs/ledger.md says what each does to an account.",
    (
        key_column("payment_id", "number of the payment"),
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

TARIFF = Extract(
    "tariff",
    "Prices by tariff and register, each from a day on; a price that changes within a month splits it.",
    (
        key_column("tariff_code", "the tariff"),
        key_column("register", "what is priced", "code", ("total", "peak", "flat", "valley", "reactive", "demand")),
        key_column("valid_from", "first day of the price", "date"),
        Column("unit_price", "price", "price of a kWh", required=True, unit="currency per kWh"),
        Column("demand_price", "price", "price of a kW of maximum demand and month", unit="currency per kW"),
        Column("power_factor_standard", "number", "power factor below which a surcharge is due, and above it a reward"),
        Column("capacity_price", "price", "price of a kVA of contract capacity and month", unit="currency per kVA"),
    ),
    dated_by="valid_from",
)

METER = Extract(
    "meter",
    "Meters and the customers they measure. What meters show that measure on the same days is added, maximum demand "
    "too; a meter that replaces another is installed on the day the other is removed, or later.",
    (
        key_column("meter_id", "number of the meter"),
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
        key_column("meter_id", "the meter"),
        key_column("read_on", "day of the reading, at its end", "date"),
        key_column("register", "what was read", "code", ("total", "peak", "flat", "valley", "reactive", "demand")),
        Column("reading", "number", "figure shown, before the multiplier", required=True),
        Column("quality", "code", "how the figure came about", values=("actual", "estimated", "edited", "missing")),
        Column("event", "code", "what the meter reported", values=("normal", "tamper", "reverse", "cover_open")),
    ),
    dated_by="read_on",
    fresh_days=35,
)

COLLECTION_ACTION = Extract(
    "collection_action",
    "What was done to collect a debt, and what the customer promised.",
    (
        key_column("action_id", "number of the action"),
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
        key_column("action_id", "the collection action by which the plan was made"),
        key_column("due_on", "last day to pay it", "date"),
        Column("amount", "money", "amount to pay", required=True, unit="currency"),
    ),
    dated_by="due_on",
    known_early=True,
)

LATE_CHARGE_ENTRY = Extract(
    "late_charge_entry",
    "Late-payment charges as the billing system books them: billed, paid, waived.",
    (
        key_column("entry_id", "number of the entry"),
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
