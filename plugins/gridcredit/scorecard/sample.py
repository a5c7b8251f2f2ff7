"""The development sample: month-ends of customers with their features and what became of them, in three parts.

Fitted on: customers of the sample, at month-ends whose window ended before the first month-end that judges. Out of sample: other
customers at the same month-ends. Out of time: all customers, at the youngest month-ends whose window is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd
from psycopg import sql

from gridcredit.dbt_project import features
from gridcredit.errors import GridCreditError
from gridcredit.evaluation.rules import EvaluationRules, read_rules
from gridcredit.feature_frame import as_floats, feature_frame
from gridcredit.settings import Settings
from gridcredit.warehouse import Connection, connect

Exclusions = dict[str, int]


@dataclass(frozen=True)
class Part:
    """Rows of the sample: `frame` has as_of_date, customer_id, segment, region, grade, score, is_default and the features."""

    frame: pd.DataFrame

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
    """The three parts, and how many month-ends of customers were left out of all, by reason."""

    fitted: Part
    out_of_sample: Part
    out_of_time: Part
    exclusions: Exclusions


def read_sample(settings: Settings) -> Sample:
    """Read the sample from the layer `evaluation`.

    Raises:
        GridCreditError: the history is too short, or a part has no defaults or nothing else.
    """
    rules = read_rules(settings)
    with connect(settings) as connection:
        month_ends = [
            day
            for (day,) in connection.execute(
                "select as_of_date from outcomes.outcome where outcome is not null group by 1 order by 1"
            )
        ]
        fitted_on, judged_on = split_month_ends(month_ends, rules)
        names = list(features(settings))
        sample = Sample(
            Part(_rows(connection, names, fitted_on, "<", rules)),
            Part(_rows(connection, names, fitted_on, ">=", rules)),
            Part(_rows(connection, names, judged_on, None, rules)),
            dict(
                connection.execute(
                    "select coalesce(exclusion, outcome), count(*) from outcomes.outcome "
                    "where exclusion is not null or outcome = 'indeterminate' group by 1 order by 1"
                ).fetchall()
            ),
        )
    for what, part in (
        ("to fit on", sample.fitted),
        ("out of sample", sample.out_of_sample),
        ("out of time", sample.out_of_time),
    ):
        _require_both(part, what)
    if sample.fitted.defaults < rules.fit.min_defaults:
        raise GridCreditError(
            f"{sample.fitted.defaults} defaults are too few to fit on, {rules.fit.min_defaults} are needed: keep more "
            "history (GRIDCREDIT_HISTORY_MONTHS), or set weights by a method (`gridcredit scorecard weights`)"
        )
    return sample


def split_month_ends(month_ends: list[date], rules: EvaluationRules) -> tuple[list[date], list[date]]:
    """The month-ends to fit on, and those that judge: no window of the first reaches into the second.

    Raises:
        GridCreditError: the history is too short.
    """
    judged_on = month_ends[-rules.sample.out_of_time_months :]
    first = judged_on[0] if judged_on else None
    fitted_on = [day for day in month_ends if first and _months(day, first) >= rules.outcome.window_months]
    if not fitted_on:
        needed = 2 * rules.outcome.window_months + rules.sample.out_of_time_months
        raise GridCreditError(
            f"{len(month_ends)} month-ends have an outcome, and none is old enough to fit on: at least {needed} "
            "month-ends of history must be kept (GRIDCREDIT_HISTORY_MONTHS) and reach back to delivered bills"
        )
    return fitted_on, judged_on


def _months(earlier: date, later: date) -> int:
    return 12 * (later.year - earlier.year) + later.month - earlier.month


def _require_both(part: Part, what: str) -> None:
    if part.defaults in (0, part.observed):
        raise GridCreditError(
            f"the part {what} has {part.defaults} defaults among {part.observed} customers' month-ends: a scorecard "
            "needs customers who defaulted and customers who did not"
        )


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
    query = sql.SQL(
        "select {columns}, outcome.outcome = 'default' as is_default, {features} from outcomes.outcome "
        "join features.customer_feature_at_month_end as feature using (as_of_date, customer_id) "
        "where outcome.outcome in ('default', 'no default') and outcome.as_of_date = any({days}) {where} "
        "order by md5(outcome.customer_id || outcome.as_of_date::text) limit {most}"
    ).format(
        columns=sql.SQL(", ").join(sql.Identifier("outcome", name) for name in columns),
        features=as_floats(names, "feature"),
        days=sql.Literal(days),
        where=where,
        most=sql.Literal(rules.sample.max_rows),
    )
    frame = feature_frame(connection.execute(query).fetchall(), [*columns, "is_default"], names)
    return frame.astype({"score": "float64", "is_default": "bool"})
