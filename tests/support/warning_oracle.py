"""The life of warnings, lived day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from tests.support import oracle, service_oracle

LEVELS = ("blue", "yellow", "orange", "red")


@dataclass(frozen=True)
class Warned:
    """A warning as it stands."""

    rule: str
    opened_on: date
    level: str
    is_reopened: bool = False
    acknowledged_on: date | None = None
    cleared_on: date | None = None


def facts_of(
    policy: oracle.Policy, ledger: oracle.Ledger, customer: oracle.Customer, features: oracle.Features,
    rating: oracle.Rating, rank_before: int | None, day: date,
) -> oracle.Features:  # fmt: skip
    """What rules may use besides the features."""
    grade, rank, _ = rating
    limit, exposure = service_oracle.limit_and_exposure(policy, ledger, customer, grade, day)
    facts = dict(features)
    bills = oracle.bills_as_of(ledger, customer.customer_id, day)

    def worth_a_warning(amount: Decimal) -> Decimal:
        return amount if amount >= oracle.PURSUED_FROM else oracle.ZERO

    # Neither what is disputed nor what is too small to be pursued is anything to warn of.
    facts["open_amount"] = worth_a_warning(sum((state.open for state in oracle.undisputed(bills)), oracle.ZERO))
    exposure = worth_a_warning(exposure - sum((state.disputed for state in bills), oracle.ZERO))
    facts["exposure"] = exposure
    if limit:
        facts["utilisation"] = oracle.rounded(exposure / limit, 4)
    elif exposure:
        # Over a limit of 0 every debt is.
        facts["utilisation"] = Decimal(9999)
    facts["headroom"] = limit - exposure
    if rank is not None:
        facts["grade_rank"] = Decimal(rank)
    if rank is not None and rank_before is not None:
        facts["grade_steps_down"] = Decimal(rank - rank_before)
    return facts


def live(
    row: dict[str, str], evaluations: Mapping[date, bool], acknowledged: list[date], last_day: date
) -> list[tuple[Warned, list[tuple[str, date]]]]:
    """A rule's warnings and what happened to each, by what each evaluation of the customer found."""
    lives: list[tuple[Warned, list[tuple[str, date]]]] = []
    current: Warned | None = None
    events: list[tuple[str, date]] = []
    unmet_since: date | None = None
    noted_on: date | None = None  # of what no evaluation has found yet
    clear_after, reopen_within = int(row["clear_after_days"]), int(row["reopen_within_days"])
    escalate_after = int(row["escalate_after_days"]) if row["escalate_after_days"] else None
    day = min(evaluations)
    while day <= last_day:
        if evaluations.get(day):
            unmet_since = None
            if current is None:
                before = lives[-1][0].cleared_on if lives else None
                again = before is not None and (day - before).days <= reopen_within
                current, events = Warned(row["rule"], day, row["level"], again), []
                events.append(("reopened" if again else "opened", day))
                if noted_on:
                    current = replace(current, acknowledged_on=noted_on)
                    events.append(("acknowledged", noted_on))
                noted_on = None
        elif day in evaluations and current and unmet_since is None:
            unmet_since = day
        if current and unmet_since is not None and (day - unmet_since).days >= clear_after:
            lives.append((replace(current, cleared_on=day), [*events, ("cleared", day)]))
            current, unmet_since = None, None
        if current is None and day in evaluations:
            noted_on = None
        elif current is None and day in acknowledged:
            noted_on = noted_on or day
        if current and current.acknowledged_on is None and day in acknowledged:
            current = replace(current, acknowledged_on=day)
            events.append(("acknowledged", day))
        if (
            current
            and escalate_after
            and current.acknowledged_on is None
            and (day - current.opened_on).days == escalate_after
        ):
            current = replace(current, level=LEVELS[LEVELS.index(current.level) + 1])
            events.append(("escalated", day))
        day += timedelta(days=1)
    return lives + ([(current, events)] if current else [])
