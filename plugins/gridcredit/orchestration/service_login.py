"""The user of GridCredit's own commands among named persons: `python -m gridcredit.orchestration.service_login`.

It has the generated password, and may decide nothing.
"""

from __future__ import annotations

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

from gridcredit.operations.airflow_api import ADMIN
from gridcredit.settings import get_settings


def main() -> None:
    """Add it, or give it the password that is in force."""
    password = get_settings().secret("airflow_admin")
    with get_application_builder() as builder:
        users = builder.sm
        if user := users.find_user(username=ADMIN):
            users.reset_password(user.id, password)
        else:
            users.add_user(ADMIN, "GridCredit", "itself", f"{ADMIN}@localhost", users.find_role("Admin"), password)


if __name__ == "__main__":
    main()
