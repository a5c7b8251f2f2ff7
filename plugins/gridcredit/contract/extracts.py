"""The input contract: what each canonical extract holds. Raw tables, validation, dbt sources and assets follow from
here.

Nothing slow is imported: the DAG files read it while they are parsed.
"""

from __future__ import annotations

from gridcredit.contract.billing import (
    BILL,
    COLLECTION_ACTION,
    DISPUTE,
    INSTALMENT,
    LATE_CHARGE_ENTRY,
    METER,
    METER_READING,
    PAYMENT,
    TARIFF,
)
from gridcredit.contract.customers import (
    CUSTOMER,
    CUSTOMER_ATTRIBUTE,
    DEPARTMENT_NOTICE,
    EXTERNAL_RISK,
    INSPECTION,
    INVESTIGATION,
    PARTY,
    SERVICE_ORDER,
)
from gridcredit.contract.decisions import (
    GRADE_OVERRIDE,
    OFFICER_ASSIGNMENT,
    OUTCOME,
    POLICY_RECEIPT,
    WARNING_ACKNOWLEDGEMENT,
)
from gridcredit.contract.shapes import Extract

# The extracts whose facts say which day a run covers, where none is asked for.
DATING_EXTRACTS = ("bill", "payment")

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
        DISPUTE,
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
        CUSTOMER_ATTRIBUTE,
    )
}
