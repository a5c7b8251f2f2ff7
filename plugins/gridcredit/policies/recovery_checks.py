"""What a policy says of late charges and of pursuing debts: within itself, and within the law."""

from __future__ import annotations

from decimal import Decimal

from gridcredit.contract.billing import COLLECTION_KINDS
from gridcredit.contract.customers import SEGMENTS
from gridcredit.errors import PolicyError
from gridcredit.policies.folder import Policy, fault

# Rules for Supply Business: no supply is cut off within 30 days after the due date, nor before so many days' notice in
# writing.
MIN_DAYS_OVERDUE, NOTICE_DAYS_HOME, NOTICE_DAYS_OTHER = 31, 7, 3

# What only asks or announces lapses after so many days where the policy does not say:
# dbt_project/macros/policy/usual_lapse_days.sql.
USUAL_LAPSE_DAYS = dict.fromkeys(("sms", "call", "notice", "final_notice"), 90)

# What holds a debtor's next step by every policy: dbt_project/models/collections/dunning.sql.
HOLDS = ("insolvency", "dispute", "agency", "promise", "approval", "restatement")


def check_recovery(policy: Policy) -> None:
    """Refuse with a PolicyError what contradicts itself, or lets a step be taken before the law does."""
    if sorted(row["segment"] for row in policy.tables["late_charges"]) != sorted(SEGMENTS):
        raise fault(policy, "late_charges", f"must name each of {', '.join(SEGMENTS)} once")
    shares = [Decimal(row["share_pct"]) for row in policy.tables["dunning_strategies"]]
    if sum(shares) != 100:
        raise fault(policy, "dunning_strategies", f"the shares add up to {sum(shares)}, not 100")
    if any(share != share.to_integral() for share in shares):
        raise fault(policy, "dunning_strategies", "shares must be whole: customers are distinguished by hundredths")
    for row in policy.tables["dunning_strategies"]:
        _check_steps(policy, row["strategy"])
    _check_holds(policy)
    named = {row["grade"] for row in policy.tables["grades"]} | {""}
    if policy.header.default_grade not in named:
        raise PolicyError(
            f"{policy.folder / 'policy.yml'}: default_grade {policy.header.default_grade!r} is none of the grades"
        )
    demanded = policy.header.write_off_after_step
    for row in policy.tables["dunning_strategies"]:
        steps = {step["step"] for step in policy.tables["dunning_steps"] if step["strategy"] == row["strategy"]}
        if demanded and demanded not in steps:
            raise PolicyError(
                f"{policy.folder / 'policy.yml'}: write_off_after_step {demanded!r} is no step of {row['strategy']!r}"
            )
    grades = sorted([*(row["grade"] for row in policy.tables["grades"]), "NR"])
    if sorted(row["grade"] for row in policy.tables["default_rates"]) != grades:
        raise fault(policy, "default_rates", f"must name each of {', '.join(grades)} once")
    days = [int(row["min_days_overdue"]) for row in policy.tables["loss_rates"]]
    if days[:1] != [0] or sorted(set(days)) != days:
        raise fault(policy, "loss_rates", "min_days_overdue must rise from 0")
    _check_scenarios(policy)


def _check_scenarios(policy: Policy) -> None:
    rows = policy.tables["loss_scenarios"]
    for row in rows:
        if Decimal(row["default_factor"]) <= 0:
            raise fault(policy, "loss_scenarios", f"default_factor of {row['scenario']!r} is not above 0")
        if not 0 < Decimal(row["probability"]) <= 1:
            raise fault(policy, "loss_scenarios", f"probability of {row['scenario']!r} is not above 0, and 1 at most")
    total = sum(Decimal(row["probability"]) for row in rows)
    if rows and total != 1:
        raise fault(policy, "loss_scenarios", f"the probabilities add up to {total}, not 1")


def _check_steps(policy: Policy, strategy: str) -> None:
    steps = [row for row in policy.tables["dunning_steps"] if row["strategy"] == strategy]
    if [int(row["step_rank"]) for row in steps] != list(range(1, len(steps) + 1)):
        raise fault(
            policy, "dunning_steps", f"the steps of {strategy!r} must be ranked from 1, the first, without a gap"
        )
    for before, row in zip([None, *steps], steps, strict=False):
        lapse_days = before and (before.get("lapse_days") or USUAL_LAPSE_DAYS.get(before["step"]))
        if before is not None and lapse_days:
            longest_wait = max(int(row["wait_days_home"]), int(row["wait_days_other"]))
            if int(lapse_days) < max(longest_wait, 1):
                raise fault(
                    policy,
                    "dunning_steps",
                    f"{before['step']!r} lapses before {row['step']!r} may follow in {strategy!r}",
                )
        if row["step"] not in COLLECTION_KINDS:
            raise fault(policy, "dunning_steps", f"{row['step']!r} is none of {', '.join(COLLECTION_KINDS)}")
        if row["step"] != "cut_off":
            continue
        if before is None or before["step"] != "final_notice":
            raise fault(policy, "dunning_steps", f"in {strategy!r} a cut-off must follow a final_notice")
        lawful = (MIN_DAYS_OVERDUE, NOTICE_DAYS_HOME, NOTICE_DAYS_OTHER)
        if any(
            int(row[column]) < least
            for column, least in zip(("min_days_overdue", "wait_days_home", "wait_days_other"), lawful, strict=True)
        ):
            raise fault(
                policy,
                "dunning_steps",
                f"{strategy!r} cuts off before the law does: not within 30 days overdue, "
                f"nor {NOTICE_DAYS_HOME} days (homes) or {NOTICE_DAYS_OTHER} days (others) after the final notice",
            )


def _check_holds(policy: Policy) -> None:
    for row in policy.tables["dunning_holds"]:
        if row["held_by"] in HOLDS:
            raise fault(
                policy, "dunning_holds", f"{row['held_by']!r} is a hold that every policy has: give yours another name"
            )
        if row["step"] and row["step"] not in COLLECTION_KINDS:
            raise fault(policy, "dunning_holds", f"{row['step']!r} is none of {', '.join(COLLECTION_KINDS)}")
