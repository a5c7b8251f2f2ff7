"""What is missing for sound results: extracts that never came, grades that say little, probabilities that do not
hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gridcredit.evaluation.figures import calibration_p
from gridcredit.pages.texts import Language, read_texts
from gridcredit.policies.evaluation_rules import EvaluationRules, read_rules
from gridcredit.policies.store import held_back, left_aside, loaded_versions, read_policies, why_held_back
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection
from gridcredit.warehouse.published_tables import not_yet_published, table_columns

# What is missing: its name in texts.yml, and its figures.
Gap = tuple[str, dict[str, Any]]
# Extracts without which something cannot be known.
NEEDED = (
    "meter_reading",
    "tariff",
    "officer_assignment",
    "collection_action",
    "party",
    "external_risk",
    "investigation",
)
# Above this share of one score the grades hardly distinguish customers.
MOST_OF_ONE_SCORE = 0.3
# With fewer customers it says nothing.
LEAST_OF_A_SPREAD = 30
# A share of defaults that is less likely than this where the policy's probability is true.
HARDLY_CHANCE = 0.001
# The part of a month's bill below which a debt is hardly worth pursuing.
SMALL_PART = 0.01
# Above this share without a grade something is not delivered, or read wrongly.
MANY_NOT_RATED = 0.1
# Of a contract so many calendar months old who is billed monthly has a second bill.
MONTHS_TO_SECOND_BILL = 3
# Of the newest month-end whose outcome is known, by the definition of default (evaluation/long_overdue_bill.sql):
# of customers not in default yet a bill became so old in the window that on this day all undisputed and unpaid so old,
# written off or not, was worth pursuing.
SEEN_DEFAULTS = """
with rated as (
    select
        ratings.as_of_date, ratings.customer_id, ratings.grade_by_policy as grade, probability_of_default,
        behaviour.pursued_from, (ratings.as_of_date + 1 + make_interval(months => %(months)s))::date as window_closed_on
    from published.rating_month_end as ratings
    inner join policy.default_rates as rates
        on rates.policy_version = ratings.policy_version and rates.grade = ratings.grade_by_policy
    inner join features.payment_behaviour as behaviour using (as_of_date, customer_id)
    where
        probability_of_default < 1 and pursued_days_overdue <= %(days)s
        and ratings.as_of_date = (
            select max(as_of_date) from published.rating_month_end
            where as_of_date + 1 + make_interval(months => %(months)s)
            <= (select max(as_of_date) + 1 from lineage.releases)
        )
)
select
    grade, probability_of_default, count(*),
    count(*) filter (where exists (
        select from ledger.bill_balance as reached
        where
            reached.customer_id = rated.customer_id
            and due_on + %(days)s + 1 > rated.as_of_date and due_on + %(days)s + 1 < rated.window_closed_on
            and (
                select sum(open_amount - disputed_amount + written_off_amount - recovered_amount)
                from ledger.bill_balance as old
                where
                    old.customer_id = rated.customer_id and old.due_on <= reached.due_on
                    and old.valid_from <= reached.due_on + %(days)s + 1 and old.valid_to > reached.due_on + %(days)s + 1
            ) >= rated.pursued_from
    ))
from rated group by grade, probability_of_default order by probability_of_default
"""
# Segments of which the policy has no sizes of bills, and the month of the ratings no tenths.
WITHOUT_SIZES = """
select distinct segment from published.customer_rating as ratings
where
    not exists (select from policy.bill_sizes as sizes where sizes.policy_version = ratings.policy_version)
    and not exists (
        select from published.bill_size_tenth as tenths
        where
            tenths.segment = ratings.segment
            and tenths.rated_month = date_trunc('month', ratings.as_of_date)
    )
order by segment
"""
# Customers without a grade, by what prevents one: the first of these that does.
NOT_RATED = """
select
    count(*), policy_version,
    case
        when coalesce(bills_due_12m, 0) = 0 then 'not_rated'
        when bills_due_12m < least_bills_due then 'few_bills'
        when score is null then 'little_known'
        else 'new_not_rated'
    end as cause,
    least_bills_due as least, new_customer_months as months
from published.customer_rating
inner join policy.policies using (policy_version)
left join published.feature_library using (customer_id)
where grade_by_policy = 'NR'
group by policy_version, cause, least_bills_due, new_customer_months
order by policy_version, cause
"""
# Of customers with bills of a year, those with fewer than one a month, and those with three in two months or more.
BILLS_A_YEAR = """
select
    count(*),
    count(*) filter (where behaviour.months_per_bill > 1),
    count(*) filter (where 2 * behaviour.bills_due_12m >= 3 * behaviour.months_covered_12m)
from features.payment_behaviour as behaviour
inner join published.customer_rating as ratings using (as_of_date, customer_id)
where behaviour.bills_due_12m > 0
"""
# Of contracts so old that a second bill could have come, those of which one bill alone says what a month costs.
GUESSED_MONTHS = """
select count(*)
from features.payment_behaviour as behaviour
inner join published.customer_rating as ratings using (as_of_date, customer_id)
inner join published.feature_library as library using (customer_id)
where behaviour.last_period is not null and not behaviour.is_months_per_bill_known and library.tenure > %s
"""
# Customers who are pursued for less than a part of a month's bill.
SMALL_DEBTS = """
select count(*)
from features.payment_behaviour as behaviour
inner join published.customer_rating as ratings using (as_of_date, customer_id)
where behaviour.pursued_bills > 0 and behaviour.overdue_amount < %s * behaviour.mean_monthly_bill
"""


def missing_for_sound_results(connection: Connection, settings: Settings, language: Language = "en") -> list[str]:
    """One line for each thing, with its figures; empty where nothing has been released or nothing is missing."""
    if not connection.execute("select 1 from lineage.releases limit 1").fetchone():
        return []
    gaps = [
        *_policies(connection, settings),
        *_extracts(connection),
        *_readings(connection),
        *_bunched_scores(connection),
        *_segments(connection),
        *_not_rated(connection),
        *_probabilities(connection, read_rules(settings)),
    ]
    if not not_yet_published(connection):
        # Of an earlier version's release these are not known.
        gaps += [*_bills(connection), *_sizes(connection), *_small_debts(connection)]
    texts, segments = read_texts(language, "gridcredit.evaluation"), read_texts(language)["segments"]
    return [
        str(texts[name]).format(**figures | {"segment": segments.get(figures.get("segment"), figures.get("segment"))})
        for name, figures in gaps
    ]


def _policies(connection: Connection, settings: Settings) -> Iterator[Gap]:
    for one in left_aside(settings):
        if one.policy.header.policy == settings.policy:
            approved = one.approved.header
            yield (
                "left_aside",
                one.policy.header.model_dump()
                | {"folder": one.policy.folder, "why": one.why, "other": approved.version, "signed": approved.approver},
            )
    loaded = loaded_versions(connection)
    for policy in read_policies(settings):
        header = policy.header
        if header.version in loaded or header.policy != settings.policy:
            continue
        if rated := held_back(connection, policy):
            yield (
                "policy",
                header.model_dump() | {"rated": rated, "folder": policy.folder, "why": why_held_back(policy, rated)},
            )
    for (version,) in connection.execute(
        "select distinct policy_version from published.customer_rating where policy_version not in ("
        "select policy_version from policy.required_weights union all "
        "select policy_version from policy.policies where least_bills_due is not null) order by 1"
    ):
        yield "asks_for_no_facts", {"version": version}


def _extracts(connection: Connection) -> Iterator[Gap]:
    delivered = {
        name
        for (name,) in connection.execute(
            "select distinct extract from lineage.loads join lineage.files using (file_id) "
            "where rows_accepted > 0 and undone_at is null"
        )
    }
    yield from ((name, {}) for name in NEEDED if name not in delivered)


def _readings(connection: Connection) -> Iterator[Gap]:
    """Readings so far apart that most customers have gaps in half of their months: read every second month, say."""
    measured, apart = connection.execute(
        "select count(*), count(*) filter (where gap_months_12m >= 6) from published.feature_library "
        "where gap_months_12m is not null"
    ).fetchone() or (0, 0)
    if apart > measured / 2:
        yield "readings_far_apart", {"share": 100 * apart / measured}


def _bills(connection: Connection) -> Iterator[Gap]:
    """Most customers have bills more rarely than each month, or more often: what counts bills was made for one a
    month. Of some a single bill says what a month costs, whatever it is for.
    """
    billed, rarely, often = connection.execute(BILLS_A_YEAR).fetchone() or (0, 0, 0)
    if rarely > billed / 2:
        yield "bills_far_apart", {"share": 100 * rarely / billed}
    if often > billed / 2:
        yield "bills_close_together", {"share": 100 * often / billed}
    if "is_months_per_bill_known" not in table_columns(connection, "features", "payment_behaviour"):
        # Built before it was asked.
        return
    (guessed,) = connection.execute(GUESSED_MONTHS, [MONTHS_TO_SECOND_BILL]).fetchone() or (0,)
    if guessed:
        yield "months_guessed", {"customers": guessed, "months": MONTHS_TO_SECOND_BILL}


def _bunched_scores(connection: Connection) -> Iterator[Gap]:
    row = connection.execute(
        "select score, count(*), sum(count(*)) over () from published.customer_rating "
        "where score is not null group by score order by count(*) desc limit 1"
    ).fetchone()
    if row and row[2] >= LEAST_OF_A_SPREAD and row[1] > MOST_OF_ONE_SCORE * float(row[2]):
        yield "spread", {"share": 100 * row[1] / float(row[2]), "score": row[0]}


def _segments(connection: Connection) -> Iterator[Gap]:
    segments = connection.execute(
        "select segment, count(*) from published.customer_rating group by segment order by segment"
    ).fetchall()
    if len(segments) == 1:
        yield "one_segment", {"segment": segments[0][0]}


def _sizes(connection: Connection) -> Iterator[Gap]:
    yield from (("few_of_segment", {"segment": segment}) for (segment,) in connection.execute(WITHOUT_SIZES))


def _not_rated(connection: Connection) -> Iterator[Gap]:
    """Customers without a grade, those of them of whom no bill fell due, and what the policy asks for of the others."""
    (customers,) = connection.execute("select count(*) from published.customer_rating").fetchone() or (0,)
    found = connection.execute(NOT_RATED).fetchall()
    not_rated = sum(row[0] for row in found)
    if not_rated > MANY_NOT_RATED * customers:
        share = 100 * not_rated / customers
        for count, version, cause, least, months in found:
            yield cause, {"share": share, "customers": count, "version": version, "least": least, "months": months}


def _probabilities(connection: Connection, rules: EvaluationRules) -> Iterator[Gap]:
    """Grades of which more defaulted, or fewer, than chance explains where the policy's probability is true."""
    seen = connection.execute(
        SEEN_DEFAULTS, {"months": rules.outcome.window_months, "days": rules.outcome.default_days_overdue}
    ).fetchall()
    for grade, expected, customers, defaulted in seen:
        chance = calibration_p(customers, defaulted, float(expected))
        if chance is not None and chance < HARDLY_CHANCE:
            figures = {"customers": customers, "grade": grade, "months": rules.outcome.window_months}
            yield (
                "probability_too_low" if defaulted > expected * customers else "probability_too_high",
                figures | {"seen": 100 * defaulted / customers, "expected": 100 * float(expected)},
            )


def _small_debts(connection: Connection) -> Iterator[Gap]:
    """Customers who are pursued, and in the end in default, for a small part of a bill: a policy's `pursued_from` is in
    the currency that it was written for.
    """
    (customers,) = connection.execute(SMALL_DEBTS, [SMALL_PART]).fetchone() or (0,)
    if customers:
        yield "small_debts", {"customers": customers, "share": 100 * SMALL_PART}
