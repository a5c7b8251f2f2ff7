"""The challenger: a policy that rates every customer in the shadow, stored for analysts apart from the rating that
counts.
"""

from __future__ import annotations

from datetime import date

from gridcredit.errors import GridCreditError
from gridcredit.policies.store import policy_in_force
from gridcredit.policy_changes.simulation import BOTH, simulate_policy
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection


def rate_by_challenger(as_of_date: date, settings: Settings) -> None:
    """Rate everybody as of a day by the challenger, by the same models as every night, and store both ratings.

    Raises:
        GridCreditError: no challenger is set, or it is the policy that counts.
    """
    if settings.challenger in (None, settings.policy):
        raise GridCreditError(
            "set GRIDCREDIT_CHALLENGER to the name of another policy than the one that counts: a folder under policies/"
        )
    challenger = policy_in_force(settings, as_of_date, settings.challenger)
    champion = policy_in_force(settings, as_of_date)

    def store(connection: Connection) -> None:
        connection.execute("delete from evaluation.challenger_rating where as_of_date = %s", [as_of_date])
        connection.execute(
            "insert into evaluation.challenger_rating (as_of_date, customer_id, policy_version, challenger_version, "
            "segment, region, grade, challenger_grade, score, challenger_score, exposure, credit_limit, "
            "challenger_limit) select %s, before.customer_id, %s, %s, limit_before.segment, limit_before.region, "
            "before.grade, after.grade, "
            "before.score, after.score, limit_before.exposure, limit_before.credit_limit, limit_after.credit_limit "
            + BOTH,
            [as_of_date, champion.header.version, challenger.header.version],
        )

    simulate_policy(challenger, as_of_date, settings, then=store)
