"""Airflow's FAB auth manager with named persons, each of whom has a user (`GRIDCREDIT_AIRFLOW_LOGINS=named`).

Installed by `make install-logins` alone, so nothing else imports it.
"""

from __future__ import annotations

from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from airflow.providers.fab.auth_manager.models import User

from gridcredit.settings import get_settings


class NamedPersons(FabAuthManager):
    """FAB's users, whom `GRIDCREDIT_APPROVERS` names by their user names and not by the numbers of their rows."""

    def is_authorized_hitl_task(self, *, assigned_users: set[str], user: User) -> bool:
        """Whether the user may answer: who is asked, and is a person."""
        name = user.get_name()
        return name in assigned_users and name.casefold() not in get_settings().nobodys_names
