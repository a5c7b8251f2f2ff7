"""The user of GridCredit's own commands among named persons: `python -m gridcredit.orchestration.service_login`.

It has the generated password, and may decide nothing.
"""

from __future__ import annotations

import sys

from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

from gridcredit.operations.airflow_api import ADMIN
from gridcredit.settings import get_settings

EMAIL = f"{ADMIN}@localhost"


def main() -> None:
    """Add it, or give it the password that is in force."""
    password = get_settings().secret("airflow_admin")
    with get_application_builder() as builder:
        users = builder.sm
        user, role = users.find_user(username=ADMIN), users.find_role("Admin")
        if user is None:
            users.add_user(ADMIN, "GridCredit", "itself", EMAIL, role, password)
            return
        if user.email != EMAIL:
            sys.exit(f"Airflow has a user {ADMIN!r} of {user.email}: that name is for GridCredit's own commands")
        user.active, user.roles = True, [role]
        users.update_user(user)
        users.reset_password(user.id, password)


if __name__ == "__main__":
    main()
