"""Decisions of named persons: who is said to have decided, and by which login and database role it came."""

from __future__ import annotations

import os
import pwd

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection


def record_decision(
    connection: Connection, decision: str, subject: str, approver: str, reason: str, settings: Settings
) -> None:
    """Add a row to lineage.decisions, in the caller's transaction.

    Raises:
        GridCreditError: without a name or a reason, or where the name is that of a login that several persons share.
    """
    approver, reason = named_decision(decision, approver, reason, settings)
    connection.execute(
        "insert into lineage.decisions (decision, subject, approver, reason, os_user) values (%s, %s, %s, %s, %s)",
        [decision, subject, approver, reason, os_user()],
    )


def named_decision(decision: str, approver: str, reason: str, settings: Settings) -> tuple[str, str]:
    """Name and reason without the blanks around them.

    Raises:
        GridCreditError: either is empty, or the name is no person's.
    """
    approver, reason = approver.strip(), reason.strip()
    if not approver or not reason:
        raise GridCreditError(f"to {decision} needs the name of who decides, and a reason")
    refuse_nobody(approver, settings)
    return approver, reason


def os_user() -> str:
    """The user that the process runs as, whatever the environment says; without an entry its number."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def refuse_nobody(name: str, settings: Settings) -> None:
    """Raise a GridCreditError where a name is that of a login which is no person's."""
    if name.strip().casefold() in settings.nobodys_names:
        raise GridCreditError(
            f"{name.strip()!r} is a login that several persons share, or no person's (GRIDCREDIT_SHARED_LOGINS): give "
            "the name of who decides"
        )
