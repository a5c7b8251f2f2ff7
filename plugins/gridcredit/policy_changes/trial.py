"""Tries a policy before it counts: what the warehouse cannot hold, or the models cannot rate by, is refused while
nothing rests on it.
"""

from __future__ import annotations

from gridcredit.policies.checks import check_new, check_together
from gridcredit.policies.folder import Policy
from gridcredit.policies.rows import insert_policy, refuse_rounded
from gridcredit.policies.store import load_policies, read_policies
from gridcredit.policy_changes.simulation import simulate_policy
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect


def try_policy(policy: Policy, settings: Settings, *, rates: bool) -> None:
    """Load a policy in a transaction that is rolled back, and with `rates` rate everybody by it as of the last release.

    Raises:
        PolicyError: the policy does not go with those in force, or the warehouse cannot hold it.
        GridCreditError: the models cannot rate by it.
    """
    check_new(policy)
    check_together([*read_policies(settings), policy])
    load_policies(settings)
    with connect(settings) as connection:
        refuse_rounded(connection, policy)
        (day,) = connection.execute("select max(as_of_date) from lineage.releases").fetchone() or (None,)
        with connection.transaction(force_rollback=True):
            insert_policy(connection, policy)
    if rates and day:
        simulate_policy(policy, day, settings)
