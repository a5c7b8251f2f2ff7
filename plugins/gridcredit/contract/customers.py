"""Extracts about customers: who they are, what they ask for, and what is known of them."""

from __future__ import annotations

from gridcredit.contract.shapes import Column, Extract, key_column

SEGMENTS = ("residential", "commercial", "industrial", "agricultural", "public")
PAYMENT_MODES = ("postpaid", "instalments", "prepaid", "deposit")

CUSTOMER = Extract(
    "customer",
    "Customers as the supplier's information system knows them; the newest delivery of a customer wins.",
    (
        key_column("customer_id", "the supplier's own customer number"),
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
        Column("org_unit", "text", "business unit responsible for the customer"),
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
        Column("guarantee_amount", "money", "amount that a bank or another firm guarantees", unit="currency"),
        Column("guarantee_ends_on", "date", "last day of the guarantee; absent while it has no end"),
        Column("registered_capital", "money", "registered capital of a firm", unit="currency"),
        Column("important_user", "boolean", "true where supply may not be cut off without approval"),
        Column("updated_at", "timestamp", "when the source last changed this row", required=True),
    ),
    dated_by="opened_on",
    fresh_days=7,
)

PARTY = Extract(
    "party",
    "Persons and firms behind a customer, each for a span of days.",
    (
        key_column("customer_id", "the customer"),
        key_column(
            "role",
            "what the party is to the customer",
            "code",
            ("legal_representative", "shareholder", "guarantor", "payer"),
        ),
        Column("party_name", "text", "name of the person or firm", required=True, key=True, personal="name"),
        Column(
            "id_number",
            "text",
            "identity or registration number; stored as a salted hash and its last four",
            personal="number",
        ),
        Column("share_pct", "number", "share held by a shareholder", unit="%"),
        key_column("valid_from", "first day of the role", "date"),
        Column("valid_to", "date", "last day of the role; absent while it lasts"),
    ),
    dated_by="valid_from",
)

SERVICE_ORDER = Extract(
    "service_order",
    "Changes of the contract that a customer asked for.",
    (
        key_column("order_id", "number of the order"),
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
        key_column("inspection_id", "number of the inspection"),
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
        key_column("customer_id", "who is listed"),
        key_column("listed_on", "day of the listing", "date"),
        key_column(
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
        key_column("investigation_id", "number of the review"),
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
        key_column("notice_id", "number of the notice"),
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

CUSTOMER_ATTRIBUTE = Extract(
    "customer_attribute",
    "What a supplier knows of customers beside these columns, a value a row. policies/attributes.yml declares the "
    "names and types.",
    (
        key_column("customer_id", "the customer"),
        key_column("name", "name of the attribute, as policies/attributes.yml declares it"),
        Column("value", "text", "its value, of the type that is declared; absent: no longer known"),
        key_column("valid_from", "first day of the value; it ends the value before", "date"),
        Column("valid_to", "date", "last day of the value; absent while it lasts"),
    ),
    dated_by="valid_from",
    named=(),
)
