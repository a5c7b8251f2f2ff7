"""The development sample: month-ends of customers with their features and what became of them, in three parts.

Fitted on: customers of the sample, at month-ends whose window ended before the first month-end that judges. Out of
sample: other customers at the same month-ends. Out of time: all customers, at the youngest month-ends whose window is
over. A history too short for that is fitted on whole, and cross-validated by customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd
from psycopg import sql

from gridcredit.contract.features import features
from gridcredit.errors import GridCreditError
from gridcredit.evaluation.feature_frame import as_floats, feature_frame
from gridcredit.policies.evaluation_rules import EvaluationRules, read_rules
from gridcredit.settings import Settings
from gridcredit.transformation.engines import require_layers
from gridcredit.warehouse.connection import Connection, connect

Exclusions = dict[str, int]


@dataclass(frozen=True)
class Part:
    """Rows of the sample: `frame` has as_of_date, customer_id, segment, region, grade, score, is_default and the
    features. `indeterminate` has the same of those who were neither good nor bad: they count in default rates alone.
    """

    frame: pd.DataFrame
    indeterminate: pd.DataFrame | None = None

    @property
    def obligors(self) -> pd.DataFrame:
        """All whose window is over: the denominator of a default rate."""
        return self.frame if self.indeterminate is None else pd.concat([self.frame, self.indeterminate])

    @property
    def observed(self) -> int:
        return len(self.frame)

    @property
    def defaults(self) -> int:
        return int(self.frame["is_default"].sum())

    @property
    def month_ends(self) -> list[date]:
        return sorted(self.frame["as_of_date"].unique())


@dataclass(frozen=True)
class Sample:
    """The three parts, and how many month-ends of customers were left out of all, by reason.

    A history too short for later months to judge has one part alone, which is cross-validated.
    """

    fitted: Part
    out_of_sample: Part | None
    out_of_time: Part | None
    exclusions: Exclusions

    @property
    def parts(self) -> dict[str, Part]:
        named = {"fitted on": self.fitted, "out of sample": self.out_of_sample, "out of time": self.out_of_time}
        return {name: part for name, part in named.items() if part is not None}

    @property
    def judging(self) -> Part:
        """The part that grades and groups are judged on."""
        return self.out_of_time or self.fitted


def read_sample(settings: Settings) -> Sample:
    """Read the sample from the layer `evaluation`.

    Raises:
        GridCreditError: there is no outcome yet, or a part has no defaults or nothing else.
    """
    rules = read_rules(settings)
    with connect(settings) as connection:
        require_layers(connection)
        month_ends = [
            day
            for (day,) in connection.execute(
                "select as_of_date from outcomes.outcome where outcome is not null group by 1 order by 1"
            )
        ]
        if not month_ends:
            raise GridCreditError(_no_outcome(connection, rules))
        fitted_on, judged_on = split_month_ends(month_ends, rules, _horizon(connection, rules))
        names = list(features(settings))
        exclusions: Exclusions = dict(
            connection.execute(
                "select coalesce(exclusion, outcome), count(*) from outcomes.outcome "
                "where exclusion is not null or outcome = 'indeterminate' group by 1 order by 1"
            ).fetchall()
        )
        if judged_on:
            sample = Sample(
                _part(_rows(connection, names, fitted_on, "<", rules)),
                _part(_rows(connection, names, fitted_on, ">=", rules)),
                _part(_rows(connection, names, judged_on, None, rules)),
                exclusions,
            )
        else:
            sample = Sample(_part(_rows(connection, names, fitted_on, None, rules)), None, None, exclusions)
        if why := _why_too_little(sample, rules):
            # Perhaps what was delivered is enough, and not used.
            raise GridCreditError(". ".join([why, *unused_outcomes(connection)]))
    return sample


def _why_too_little(sample: Sample, rules: EvaluationRules) -> str | None:
    """Why nothing can be fitted to a sample; None where it can."""
    for what, part in sample.parts.items():
        if part.defaults in (0, part.observed):
            return (
                f"the part {what} has {part.defaults} defaults among {part.observed} customers' month-ends: a "
                "scorecard needs customers who defaulted and customers who did not"
            )
    if sample.fitted.defaults < rules.fit.min_defaults:
        return (
            f"{sample.fitted.defaults} defaults are too few to fit on, min_defaults of evaluation.yml asks for "
            f"{rules.fit.min_defaults}: build more history (GRIDCREDIT_HISTORY_MONTHS), or set weights by a method "
            "(`gridcredit scorecard weights`)"
        )
    return None


def split_month_ends(
    month_ends: list[date], rules: EvaluationRules, horizon: int | None = None
) -> tuple[list[date], list[date]]:
    """The month-ends to fit on, and those that judge: no window (`horizon` months) of the first reaches into the
    second.

    Where none is old enough, all are to be fitted on, and none judges.
    """
    horizon = rules.outcome.window_months if horizon is None else horizon
    judged_on = month_ends[-rules.sample.out_of_time_months :]
    # A horizon of 0 months leaves the months that judge out anyway.
    fitted_on = [day for day in month_ends if _months(day, judged_on[0]) >= max(horizon, 1)]
    return (fitted_on, judged_on) if fitted_on else (month_ends, [])


def _horizon(connection: Connection, rules: EvaluationRules) -> int:
    """Months that an outcome looks ahead: the supplier's own where all are delivered, else the longer of both."""
    own = rules.outcome.own_window_months
    if own is None:
        return rules.outcome.window_months
    (by_bills,) = connection.execute(
        "select count(*) from outcomes.outcome left join staging.stg_outcome as delivered "
        "using (customer_id, as_of_date) where outcome is not null and (delivered.customer_id is null or "
        "delivered.is_deleted)"
    ).fetchone() or (0,)
    return max(own, rules.outcome.window_months) if by_bills else own


def _no_outcome(connection: Connection, rules: EvaluationRules) -> str:
    """Why no month-end has an outcome, and which settings decide."""
    return (
        f"no month-end has an outcome yet: window_months ({rules.outcome.window_months}) must have passed after a "
        "rated month-end, and ratings go back GRIDCREDIT_HISTORY_MONTHS; a supplier's own outcomes count at rated "
        "month-ends and on the last day. " + " ".join(unused_outcomes(connection))
    ).strip()


def unused_outcomes(connection: Connection) -> list[str]:
    """What of the delivered outcomes is not used, each a sentence with the number and the cause."""
    counts = connection.execute(
        """
        with delivered as (select distinct customer_id, as_of_date from raw.outcome),
        days as (select as_of_date from scope.as_of_date)
        select
            count(*) filter (where staged.customer_id is null),
            count(*) filter (where staged.customer_id is not null and days.as_of_date is null),
            count(*) filter (
                where staged.customer_id is not null and days.as_of_date is not null and rated.customer_id is null
            ),
            count(*) filter (where rated.exclusion = 'not rated'),
            count(*) filter (where rated.exclusion = 'last day')
        from delivered
        left join staging.stg_outcome as staged using (customer_id, as_of_date)
        left join days using (as_of_date)
        left join outcomes.outcome as rated using (customer_id, as_of_date)
        -- What the supplier has taken back is not missing.
        where staged.is_deleted is not true
        """
    ).fetchone() or (0, 0, 0, 0, 0)
    causes = (
        "no build has read yet: run `gridcredit run`",
        "are of days that are neither a rated month-end nor the last day",
        "are of customers without a rating that day",
        "are of customers whom the policy did not rate that day (NR)",
        "are of the last day, of which nothing else is known: they count where no month-end has an outcome",
    )
    return [f"{count:,} delivered outcomes {cause}." for count, cause in zip(counts, causes, strict=True) if count]


def _months(earlier: date, later: date) -> int:
    return 12 * (later.year - earlier.year) + later.month - earlier.month


def _part(rows: pd.DataFrame) -> Part:
    is_indeterminate = rows.pop("is_indeterminate")
    return Part(rows[~is_indeterminate].reset_index(drop=True), rows[is_indeterminate].reset_index(drop=True))


def _rows(
    connection: Connection, names: list[str], days: list[date], side: str | None, rules: EvaluationRules
) -> pd.DataFrame:
    """Rows of the days: of the customers below or above the cut by hash, the same ones in every fit, or of all."""
    cut = 10_000 - round(10_000 * rules.sample.out_of_sample_share)
    where = {
        "<": sql.SQL("and mod(abs(hashtext(outcome.customer_id)::bigint), 10000) < {}").format(sql.Literal(cut)),
        ">=": sql.SQL("and mod(abs(hashtext(outcome.customer_id)::bigint), 10000) >= {}").format(sql.Literal(cut)),
    }.get(side or "", sql.SQL(""))
    columns = ["as_of_date", "customer_id", "segment", "region", "grade", "score"]
    flags = ["is_default", "is_indeterminate"]
    query = sql.SQL(
        "select {columns}, outcome.outcome = 'default' as is_default, outcome.outcome = 'indeterminate' as "
        "is_indeterminate, {features} from outcomes.outcome "
        "join features.customer_feature as feature using (as_of_date, customer_id) "
        "where outcome.outcome is not null and outcome.as_of_date = any({days}) {where} "
        "order by md5(outcome.customer_id || outcome.as_of_date::text) limit {most}"
    ).format(
        columns=sql.SQL(", ").join(sql.Identifier("outcome", name) for name in columns),
        features=as_floats(names, "feature"),
        days=sql.Literal(days),
        where=where,
        most=sql.Literal(rules.sample.max_rows),
    )
    frame = feature_frame(connection.execute(query).fetchall(), [*columns, *flags], names)
    return frame.astype({"score": "float64", **dict.fromkeys(flags, "bool")})
