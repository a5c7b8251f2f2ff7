"""Extracts of what people decided: who is responsible, overrides, acknowledgements, receipts, outcomes."""

from __future__ import annotations

from gridcredit.contract.shapes import Column, Extract, key_column

OFFICER_ASSIGNMENT = Extract(
    "officer_assignment",
    "Which collection officer is responsible for a customer's debt, and since when.",
    (
        key_column("customer_id", "the customer"),
        Column("officer_id", "text", "the officer", required=True),
        key_column("valid_from", "first day", "date"),
        Column("valid_to", "date", "last day; absent while it lasts"),
    ),
    dated_by="valid_from",
)

GRADE_OVERRIDE = Extract(
    "grade_override",
    "Grades that a person has set in place of the policy's, each for a span of days.",
    (
        key_column("override_id", "number of the decision"),
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
        key_column("acknowledgement_id", "number of the note"),
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
        key_column("policy_version", "version of the policy, as its folder names it"),
        key_column("department", "department of the member of staff, as policies/departments.yml names it"),
        key_column("staff_id", "member of staff who received it"),
        Column("received_on", "date", "day on which it was received", required=True),
    ),
    dated_by="received_on",
)

OUTCOME = Extract(
    "outcome",
    "Who defaulted, of a supplier with a definition of its own: it takes the place of the one in "
    "policies/evaluation.yml.",
    (
        key_column("customer_id", "the customer"),
        key_column("as_of_date", "the month-end after which he was observed", "date"),
        Column("defaulted", "boolean", "true where he defaulted", required=True),
    ),
    dated_by="as_of_date",
)
