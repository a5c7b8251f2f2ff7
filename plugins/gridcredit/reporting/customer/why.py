"""One paragraph on a customer's grade: what cost most points, and what prevents a better one.

It is read from the published tables and the policy that decided, never worked out from raw facts.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, LiteralString

from psycopg.rows import dict_row

from gridcredit.errors import GridCreditError
from gridcredit.pages.texts import Language, plain, read_texts
from gridcredit.policies.evaluation_rules import read_rules
from gridcredit.reporting.customer.facts import size_basis
from gridcredit.settings import Settings
from gridcredit.warehouse.attributes import published_attributes
from gridcredit.warehouse.connection import Connection, connect

Row = dict[str, Any]
COSTS_NAMED = 3
COMPARATORS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}


@dataclass(frozen=True)
class Facts:
    """A customer's rating in the release, and what of the policy decides about a grade."""

    rating: Row
    indicators: list[Row]
    size_basis: Row | None
    features: Row
    policy: Row
    grades: list[Row]
    vetoes: list[Row]
    transitions: list[Row]
    reasons: dict[str, Row]
    required_weights: list[Row]
    before: Row | None

    def rank(self, grade: str) -> int:
        """The place of a grade, 1 the best; 0 for NR and what the policy does not know."""
        return next((int(row["grade_rank"]) for row in self.grades if row["grade"] == grade), 0)

    @property
    def lost(self) -> list[Row]:
        """The indicators that cost points, the dearest first."""
        found = [row for row in self.indicators if row["points"] is not None and row["points"] < row["weight"]]
        return sorted(found, key=lambda row: (row["points"] - row["weight"], row["indicator"]))

    @property
    def is_new(self) -> bool:
        """Whether the policy rates the customer as a new one: by months, or by a grade that the score does not give."""
        by_score = [row["grade"] for row in self.grades if (self.rating["score"] or 0) >= row["min_score"]][:1]
        is_graded_otherwise = self.rating["score"] is not None and by_score != [self.rating["grade_by_score"]]
        tenure = self.features["tenure"]
        return is_graded_otherwise or (tenure is not None and tenure < self.policy["new_customer_months"])


def explain(customer_id: str, language: Language, settings: Settings) -> str:
    """The paragraph on a customer.

    Raises:
        GridCreditError: nothing has been published yet, or the release does not rate the customer.
    """
    with connect(settings) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        facts = _collect(connection, customer_id)
    return Words(language, facts, read_rules(settings).outcome.default_days_overdue).paragraph()


def _collect(connection: Connection, customer_id: str) -> Facts:
    def rows(query: LiteralString) -> list[Row]:
        values = {"customer": customer_id, "version": version}
        return connection.cursor(row_factory=dict_row).execute(query, values).fetchall()

    version: str | None = None
    if not rows("select from lineage.releases limit 1"):
        raise GridCreditError("nothing has been published yet: run `make demo` or deliver files")
    ratings = rows("select * from published.customer_rating where customer_id = %(customer)s")
    if not ratings:
        raise GridCreditError(f"the release in force does not rate customer {customer_id!r}")
    version = ratings[0]["policy_version"]
    return Facts(
        rating=ratings[0],
        indicators=rows("select * from published.rating_indicator where customer_id = %(customer)s"),
        size_basis=size_basis(connection, ratings[0]),
        features=rows("select * from published.feature_library where customer_id = %(customer)s")[0]
        | published_attributes(connection, customer_id),
        policy=rows("select * from policy.policies where policy_version = %(version)s")[0],
        grades=rows("select * from policy.grades where policy_version = %(version)s order by grade_rank"),
        vetoes=rows("select * from policy.vetoes where policy_version = %(version)s order by veto"),
        transitions=rows("select * from policy.transitions where policy_version = %(version)s order by grade_before"),
        reasons={
            row["reason_code"]: row for row in rows("select * from policy.reasons where policy_version = %(version)s")
        },
        required_weights=rows("select * from policy.required_weights where policy_version = %(version)s"),
        before=next(
            iter(
                rows(
                    "select * from published.rating_month_end where customer_id = %(customer)s "
                    "and as_of_date < date_trunc('month', (select as_of_date from published.release "
                    "order by release desc limit 1)) order by as_of_date desc limit 1"
                )
            ),
            None,
        ),
    )


@dataclass(frozen=True)
class Words:
    """The facts in sentences of one language."""

    language: Language
    facts: Facts
    default_days: int

    @property
    def texts(self) -> dict[str, str]:
        return read_texts(self.language, "gridcredit.reporting.customer", "why.yml")

    def paragraph(self) -> str:
        """All of it."""
        is_rated = self.facts.rating["grade_rank"] is not None
        rest = [self._cost(), self._prevented()] if is_rated else [self._missing()]
        return self.texts["stop"].join([self._standing(), *rest])

    def _standing(self) -> str:
        rating = self.facts.rating
        is_rated = rating["grade_rank"] is not None
        which = "not_rated" if not is_rated else "rated" if rating["score"] is not None else "rated_without_score"
        return self.texts[which].format(
            customer=rating["customer_id"],
            grade=rating["grade"],
            day=rating["as_of_date"],
            release=rating["release"],
            policy=rating["policy_version"],
            score=plain(rating["score"]),
            weight=plain(rating["weight_available"]),
        )

    def _cost(self) -> str:
        costs = [
            self.texts["cost_of_one"].format(
                indicator=self._name(row["indicator"]),
                lost=plain(row["weight"] - row["points"]),
                weight=plain(row["weight"]),
                reason=(row[f"reason_{self.language}"] or self.texts["no_value"]) + self._basis(row),
            )
            for row in self.facts.lost[:COSTS_NAMED]
        ]
        return self.texts["cost"].format(self.texts["next"].join(costs)) if costs else self.texts["no_cost"]

    def _basis(self, indicator: Row) -> str:
        """Whose bills a size of bill is by."""
        basis = self.facts.size_basis
        if indicator["indicator"] != "bill_size" or not indicator["is_available"] or basis is None:
            return ""
        named: str = read_texts(self.language)["size_basis"]
        return named.format(customers=basis["customers"], day=basis["basis_date"])

    def _prevented(self) -> str:
        rank = self.facts.rating["grade_rank"] - 1
        if rank == 0:
            return self.texts["best"]
        target = self.facts.grades[rank - 1]
        return self.texts["prevents"].format(target=target["grade"], why=self.texts["and"].join(self._bars(target)))

    def _bars(self, target: Row) -> Iterator[str]:
        """Each thing that by itself prevents a grade."""
        facts, rating = self.facts, self.facts.rating
        if rating["override_id"]:
            yield self.texts["override"].format(
                until=rating["override_ends_on"],
                approver=rating["override_approver_id"],
                reason=rating["override_reason"],
                by_policy=rating["grade_by_policy"],
            )
        worst = facts.grades[-1]["grade"]
        best = facts.policy["default_grade"] or worst
        days = rating["max_days_overdue"] or 0
        if days > self.default_days and facts.rank(best) > target["grade_rank"]:
            yield self.texts["default"].format(days=days, bound=self.default_days, best=best)
        yield from self._vetoes(target)
        yield from self._transitions(target)
        yield from self._score(target)

    def _vetoes(self, target: Row) -> Iterator[str]:
        for veto in self.facts.vetoes:
            value = self.facts.features.get(veto["feature"])
            holds = value is not None and COMPARATORS[veto["comparator"]](value, veto["threshold"])
            if holds and self.facts.rank(veto["best_grade"]) > target["grade_rank"]:
                yield self.texts["veto"].format(
                    reason=self._reason(veto),
                    feature=self._name(veto["feature"]),
                    value=plain(value),
                    comparator=veto["comparator"],
                    threshold=plain(veto["threshold"]),
                    best=veto["best_grade"],
                )

    def _transitions(self, target: Row) -> Iterator[str]:
        before = self.facts.before
        for step in self.facts.transitions:
            decides = self.facts.rating["veto"] == f"after {step['grade_before']}"
            holds = before is not None and before["grade_by_policy"] == step["grade_before"] and not self.facts.is_new
            if (decides or holds) and self.facts.rank(step["best_grade"]) > target["grade_rank"]:
                yield self.texts["transition"].format(
                    reason=self._reason(step), before=step["grade_before"], best=step["best_grade"]
                )

    def _score(self, target: Row) -> Iterator[str]:
        facts, rating = self.facts, self.facts.rating
        if facts.is_new:
            grade = facts.policy["new_customer_grade"]
            if facts.rank(grade) == 0:
                yield self.texts["new_not_rated"].format(bound=facts.policy["new_customer_months"])
            elif facts.rank(grade) > target["grade_rank"]:
                yield self.texts["new_customer"].format(bound=facts.policy["new_customer_months"], grade=grade)
        elif rating["score"] is None:
            yield from self._shares()
        elif rating["score"] < target["min_score"]:
            gap = plain(target["min_score"] - rating["score"])
            indicators = self.texts["list"].join(
                self.texts["quoted"].format(self._name(one)) for one in self._enough_for(target["min_score"])
            )
            yield self.texts["score"].format(
                target=target["grade"], floor=plain(target["min_score"]), gap=gap
            ) + self.texts["enough"].format(indicators=indicators)

    def _enough_for(self, floor: Decimal) -> Iterator[str]:
        """The fewest indicators whose full points lift the score to a grade's floor."""
        # A missing value has points where the policy gives it some.
        counted = [row for row in self.facts.indicators if row["points"] is not None]
        weight = sum(row["weight"] for row in counted)
        points = sum(row["points"] for row in counted)
        for row in self.facts.lost:
            if round(100 * points / weight, 2) >= floor:
                return
            points += row["weight"] - row["points"]
            yield row["indicator"]

    def _missing(self) -> str:
        """Why nobody can say a grade."""
        why = list(self._shares()) if self.facts.rating["score"] is None else []
        if self.facts.is_new:
            why.append(self.texts["new_not_rated"].format(bound=self.facts.policy["new_customer_months"]))
        return self.texts["what_is_missing"].format(self.texts["and"].join(why))

    def _shares(self) -> Iterator[str]:
        """Which facts are fewer than the policy asks for."""
        if not any(row["is_available"] for row in self.facts.indicators):
            yield self.texts["nothing_available"]
            return
        least, due = self.facts.policy["least_bills_due"], self.facts.features.get("bills_due_12m") or 0
        if least and due < least:
            yield self.texts["few_bills"].format(due=plain(due), needed=least)
        for needed in self.facts.required_weights:
            rows = [row for row in self.facts.indicators if needed["dimension"] in ("all", row["dimension"])]
            weight = sum(row["weight"] for row in rows)
            available = sum(row["weight"] for row in rows if row["is_available"])
            if available < needed["min_share"] * weight:
                named = read_texts(self.language)["dimensions"].get(needed["dimension"], self.texts["all"])
                yield self.texts["share_missing"].format(
                    dimension=named, share=f"{available / weight:.0%}", needed=f"{needed['min_share']:.0%}"
                )

    def _reason(self, rule: Row) -> str:
        return str(self.facts.reasons[rule["reason_code"]][f"text_{self.language}"])

    def _name(self, feature: str) -> str:
        named: dict[str, str] = read_texts(self.language)["indicators_named"]
        return named.get(feature, feature)
