"""The monthly watch of the ratings: figures of the youngest month-end whose window is over, judged by the
thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Literal

import numpy as np
import pandas as pd
import structlog
from psycopg import sql

from gridcredit.contract.features import features
from gridcredit.errors import GridCreditError, TooEarlyError
from gridcredit.evaluation.feature_frame import as_floats, feature_frame
from gridcredit.evaluation.figures import Floats, Power, auc, pooled_calibration_p, pooled_rate, power
from gridcredit.evaluation.outcomes import build_outcomes
from gridcredit.evaluation.scorecards.score import score
from gridcredit.evaluation.shadow import rate_by_challenger
from gridcredit.lineage.decisions import refuse_nobody
from gridcredit.policies.evaluation_rules import EvaluationRules, Threshold, read_rules
from gridcredit.policies.store import policy_in_force
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import Connection, connect

log = structlog.get_logger(__name__)

Status = Literal["ok", "warn", "breach", "unknown", "not judged"]
# Months after which the youngest cohorts are compared with those of the year before them.
EARLY_MONTHS = 3
CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class Figure:
    """A figure of a month-end: of whom (`dimension` and `member`, '' for all), its 95 % interval where it has one."""

    as_of_date: date
    scorer: str
    figure: str
    value: float | None
    customers: int
    defaults: int
    dimension: str = ""
    member: str = ""
    lower: float | None = None
    upper: float | None = None
    status: Status = "not judged"


@dataclass(frozen=True)
class Watch:
    """What a watch found."""

    watched_on: date
    figures: list[Figure]

    @property
    def breaches(self) -> list[Figure]:
        return [one for one in self.figures if one.status == "breach"]


def watch(settings: Settings) -> Watch:
    """Build the outcomes, rate by the challenger where there is one, and measure; the figures are stored. Safe to
    repeat.

    Raises:
        TooEarlyError: no month-end's window is over yet, or nothing has been built.
    """
    rules = read_rules(settings)
    known_until = build_outcomes(settings)
    if settings.challenger:
        rate_by_challenger(known_until, settings)
    with connect(settings) as connection:
        figures = [_judged(one, rules) for one in _measure(connection, settings)]
        connection.cursor().executemany(
            "insert into evaluation.rating_figure (as_of_date, scorer, figure, dimension, member, value, lower_bound, "
            "upper_bound, customers, defaults, status, watched_on) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, "
            "%s) on conflict (as_of_date, scorer, figure, dimension, member) do update set value = excluded.value, "
            "lower_bound = excluded.lower_bound, upper_bound = excluded.upper_bound, customers = excluded.customers, "
            "defaults = excluded.defaults, status = excluded.status, watched_on = excluded.watched_on",
            [
                (one.as_of_date, one.scorer, one.figure, one.dimension, one.member, one.value)
                + (one.lower, one.upper, one.customers, one.defaults, one.status, known_until)
                for one in figures
            ],
        )
    found = Watch(known_until, figures)
    log.info("ratings_watched", known_until=known_until.isoformat(), breaches=len(found.breaches))
    return found


def note_breaches(watched_on: date, officer: str, note: str, settings: Settings) -> None:
    """Record that a named person has taken note of a watch's breaches; the first note stands.

    Raises:
        GridCreditError: without a name or a note, or where the name is that of a login that several persons share.
    """
    officer, note = officer.strip(), note.strip()
    if not officer or not note:
        raise GridCreditError("a note about breaches needs the name of who writes it, and what is to be done")
    refuse_nobody(officer, settings)
    with connect(settings) as connection:
        connection.execute(
            "insert into evaluation.breach_note (watched_on, officer, note) values (%s, %s, %s) on conflict do nothing",
            [watched_on, officer, note],
        )


def describe_breaches(watched_on: date, settings: Settings) -> str | None:
    """What is beyond its bound, as Markdown; None where nothing is, or somebody has noted it."""
    with connect(settings) as connection:
        if connection.execute("select 1 from evaluation.breach_note where watched_on = %s", [watched_on]).fetchone():
            return None
        rows = connection.execute(
            "select figure, member, as_of_date, value from evaluation.rating_figure "
            "where watched_on = %s and scorer = %s and status = 'breach' order by 1, 2",
            [watched_on, CHAMPION],
        ).fetchall()
    bounds: dict[str, Threshold] = {one.figure: one for one in read_rules(settings).thresholds}
    # A figure whose threshold was taken away since asks for nothing any more.
    rows = [row for row in rows if row[0] in bounds]
    if not rows:
        return None
    lines = ["| figure | of | as of | value | bound | why |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {figure} | {member or 'all'} | {day} | {value:.4f} | {bounds[figure].bad_when} {bounds[figure].breach} | "
        f"{bounds[figure].reason} |"
        for figure, member, day, value in rows
    ]
    return "\n".join([*lines, "", "Say what is to be done; it is shown beside the figures."])


def _judged(one: Figure, rules: EvaluationRules) -> Figure:
    """With its status; figures of groups are shown, and too few to be judged by the bounds for all."""
    threshold = next((rule for rule in rules.thresholds if rule.figure == one.figure), None)
    if threshold is None or one.dimension in ("segment", "region"):
        return one
    return replace(one, status=threshold.status_of(one.value))


def _measure(connection: Connection, settings: Settings) -> Iterator[Figure]:
    # Of the last day there is what was reported alone, of few perhaps.
    row = connection.execute(
        "select max(as_of_date) from outcomes.outcome join scope.as_of_date using (as_of_date) "
        "where outcome is not null and not is_latest"
    ).fetchone()
    month_end = row[0] if row else None
    if month_end is None:
        raise TooEarlyError(
            "no month-end's window is over yet: outcomes need as many months of history after a rating as the window "
            "has"
        )
    rated = _observed(connection, month_end)
    yield from _power_figures(rated, month_end, CHAMPION, rated["score"].to_numpy())
    yield _auc_loss(connection, rated, month_end)
    yield from calibration_by_grade(connection, month_end)
    yield from _drift(connection)
    yield _overrides(connection)
    yield _early_defaults(connection)
    if settings.challenger:
        challenger = policy_in_force(settings, month_end, settings.challenger)
        features_then = _features(connection, rated, month_end, settings)
        yield from _power_figures(rated, month_end, CHALLENGER, score(challenger, features_then))


def _observed(connection: Connection, month_end: date) -> pd.DataFrame:
    rows = connection.execute(
        "select customer_id, segment, coalesce(region, ''), score::float8, outcome = 'default' from outcomes.outcome "
        "where as_of_date = %s and outcome in ('default', 'no default') and score is not null order by customer_id",
        [month_end],
    ).fetchall()
    frame = pd.DataFrame(rows, columns=["customer_id", "segment", "region", "score", "is_default"])
    return frame.astype({"score": "float64", "is_default": "bool"})


def _features(connection: Connection, rated: pd.DataFrame, month_end: date, settings: Settings) -> pd.DataFrame:
    names = list(features(settings))
    query = sql.SQL("select customer_id, {} from features.customer_feature where as_of_date = %s").format(
        as_floats(names)
    )
    found = feature_frame(connection.execute(query, [month_end]).fetchall(), ["customer_id"], names)
    return rated[["customer_id", "segment"]].merge(found, on="customer_id", how="left", validate="one_to_one")


def _power_figures(rated: pd.DataFrame, month_end: date, scorer: str, scores: Floats) -> Iterator[Figure]:
    """AUC, KS and Gini of all, and by segment and region."""
    scored = rated.assign(its_score=scores)
    scored = scored[scored["its_score"].notna()]
    groups = [("", "", scored)]
    groups += [(column, str(name), rows) for column in ("segment", "region") for name, rows in scored.groupby(column)]
    for dimension, member, rows in groups:
        found = power(rows["its_score"].to_numpy(), rows["is_default"].to_numpy())
        if found:
            yield from _of_power(found, month_end, scorer, dimension, member)


def _of_power(found: Power, month_end: date, scorer: str, dimension: str, member: str) -> Iterator[Figure]:
    for name, interval in (("auc", found.auc), ("ks", found.ks)):
        yield Figure(
            month_end,
            scorer,
            name,
            interval.value,
            found.observed,
            found.defaults,
            dimension,
            member,
            interval.lower,
            interval.upper,
        )
    yield Figure(month_end, scorer, "gini", found.gini, found.observed, found.defaults, dimension, member)


def _auc_loss(connection: Connection, rated: pd.DataFrame, month_end: date) -> Figure:
    """How much lower the AUC is than the mean of the twelve month-ends before it."""
    rows = connection.execute(
        "select as_of_date, score::float8, outcome = 'default' from outcomes.outcome where outcome in ('default', 'no "
        "default') and score is not null and as_of_date <= %s "
        "and as_of_date >= date_trunc('month', %s::date) - interval '12 months'",
        [month_end, month_end],
    ).fetchall()
    frame = pd.DataFrame(rows, columns=["day", "score", "is_default"])
    by_day = {
        day: auc(group["score"].to_numpy(), group["is_default"].to_numpy(dtype=bool))
        for day, group in frame.groupby("day")
    }
    now = by_day.pop(month_end, None)
    before = [one for one in by_day.values() if one is not None]
    loss = float(np.mean(before) - now) if before and now is not None else None
    return Figure(month_end, CHAMPION, "auc_loss", loss, len(rated), int(rated["is_default"].sum()))


def calibration_by_grade(connection: Connection, month_end: date) -> Iterator[Figure]:
    """By the grade that the policy gave the default rate over a year's month-ends, and how probable it is where the
    policy is right.

    One month-end alone has no power. Indeterminate ones are observed and not in default; customers come again each
    month. A grade that is certain to default (probability 1) is not tested: a single payer would refute it.
    """
    rows = connection.execute(
        "select outcomes.grade_by_policy, customer_id, count(*)::int, "
        "count(*) filter (where outcome = 'default')::int, sum(probability_of_default)::float8, "
        "bool_or(probability_of_default = 1) from outcomes.outcome as outcomes "
        "join policy.default_rates as rates on rates.policy_version = outcomes.policy_version "
        "and rates.grade = outcomes.grade_by_policy "
        "where outcome is not null and as_of_date <= %s "
        "and as_of_date >= date_trunc('month', %s::date) - interval '11 months' "
        "group by 1, 2 order by 1",
        [month_end, month_end],
    ).fetchall()
    for grade, of_grade in groupby(rows, key=itemgetter(0)):
        members = list(of_grade)
        counts = [(observed, defaults) for _, _, observed, defaults, _, _ in members]
        observed, defaults = (sum(one[place] for one in counts) for place in (0, 1))
        # Of several versions of the policy each as often as it rated.
        stated = sum(expected for *_, expected, _ in members) / observed
        of_whom = (observed, defaults, "grade", grade)
        rate = pooled_rate(counts)
        yield Figure(month_end, CHAMPION, "default_rate", rate.value, *of_whom, rate.lower, rate.upper)
        yield Figure(month_end, CHAMPION, "told_default_rate", stated, *of_whom)
        if not any(is_certain for *_, is_certain in members):
            yield Figure(month_end, CHAMPION, "calibration_p", pooled_calibration_p(counts, stated), *of_whom)


def _drift(connection: Connection) -> Iterator[Figure]:
    """PSI of the newest month-end against the one a year before it, dated by that month-end and not by the last day."""
    for day, indicator, psi, customers in connection.execute(
        "select as_of_date, indicator, psi::float8, customers from monitoring.indicator_drift order by indicator"
    ).fetchall():
        yield Figure(day, CHAMPION, "psi", psi, customers, 0, "indicator", indicator)


def _overrides(connection: Connection) -> Figure:
    """Of the youngest month-end the share of customers whose grade a person has set."""
    day, overridden, customers = connection.execute(
        "select as_of_date, sum(overridden)::int, sum(customers)::int from evaluation.outcome_by_grade "
        "group by 1 order by 1 desc limit 1"
    ).fetchone() or (None, 0, 0)
    return Figure(day, CHAMPION, "override_rate", overridden / customers if customers else None, customers, 0)


def _early_defaults(connection: Connection) -> Figure:
    """Default rate of the youngest month-end that is three months old, over the mean of the twelve before it."""
    rows = connection.execute(
        "select as_of_date, default_rate::float8, customers, defaults from evaluation.vintage where months_after = %s "
        "order by 1 desc limit 13",
        [EARLY_MONTHS],
    ).fetchall()
    if not rows:
        raise GridCreditError(f"no month-end is {EARLY_MONTHS} months old yet")
    before = [rate for _, rate, _, _ in rows[1:]]
    day, rate, customers, defaults = rows[0]
    ratio = rate / np.mean(before) if before and np.mean(before) > 0 else None
    return Figure(day, CHAMPION, "early_default_ratio", None if ratio is None else float(ratio), customers, defaults)
