"""Why a grade is no better, by hand-made ratings: each thing that bars a better grade is named, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from gridcredit.pages.texts import Language, read_texts
from gridcredit.reporting.customer.why import Facts, Words

# Three grades; a score of 90 is A, of 70 B. Default is more than 60 days overdue.
GRADES = [
    {"grade": name, "grade_rank": rank, "min_score": Decimal(floor)}
    for rank, (name, floor) in enumerate((("A", 90), ("B", 70), ("C", 0)), start=1)
]


def indicator(name: str, points: str | None, weight: str, dimension: str = "payment") -> dict[str, Any]:
    return {
        "indicator": name,
        "dimension": dimension,
        "is_available": points is not None,
        "points": None if points is None else Decimal(points),
        "weight": Decimal(weight),
        "reason_en": f"why {name}",
        "reason_zh": f"{name}的原因",
    }


def facts(grade: str, score: str | None, **changed: Any) -> Facts:
    """A customer of three indicators with weight 40, 30 and 30, of which the last is not available: 42 of 70 points,
    60.
    """
    rank = {"A": 1, "B": 2, "C": 3}.get(grade)
    rating = {
        "customer_id": "C1", "grade": grade, "grade_rank": rank, "as_of_date": date(2026, 6, 19), "release": 3,
        "policy_version": "p-1", "score": None if score is None else Decimal(score), "weight_available": Decimal(70),
        "grade_by_score": grade, "grade_by_policy": grade, "veto": None, "max_days_overdue": 0, "override_id": None,
    }  # fmt: skip
    whole = Facts(
        rating=rating,
        indicators=[
            indicator("one", "20", "40"),
            indicator("two", "22", "30"),
            indicator("three", None, "30", "value"),
        ],
        size_basis=None,
        features={"tenure": Decimal(40), "thefts": Decimal(0)},
        policy={"new_customer_months": 6, "new_customer_grade": "NR", "default_grade": "", "least_bills_due": None},
        grades=GRADES,
        vetoes=[
            {
                "veto": "theft",
                "feature": "thefts",
                "comparator": ">=",
                "threshold": Decimal(1),
                "best_grade": "C",
                "reason_code": "V1",
            },
        ],
        transitions=[{"grade_before": "C", "best_grade": "B", "reason_code": "V2"}],
        reasons={
            "V1": {"text_en": "a theft", "text_zh": "窃电"},
            "V2": {"text_en": "not from C to A", "text_zh": "C后不得为A"},
        },
        required_weights=[{"dimension": "payment", "min_share": Decimal("0.5")}],
        before=None,
    )
    rows = {name: value for name, value in changed.items() if hasattr(whole, name)}
    return replace(whole, **rows | {"rating": rating | {k: v for k, v in changed.items() if k not in rows}})


def said(what: Facts, language: Language = "en") -> str:
    return Words(language, what, default_days=60).paragraph()


def prevented(what: Facts) -> list[str]:
    _, _, why = said(what).partition("What prevents grade ")
    return why.removesuffix(".").partition(": ")[2].split("; and ")


def test_a_score_too_low_says_what_would_be_enough() -> None:
    # 42 of 70 points is 60. B begins at 70, which is 49 points: the 20 lost by the first indicator are enough.
    assert "lost 20 of 40: why one); two (lost 8 of 30: why two)." in said(facts("C", "60"))
    assert prevented(facts("C", "60")) == [
        "B begins at a score of 70, which is 10 more; full points in “one” would give it"
    ]


def test_a_size_of_bill_says_whose_bills_it_is_by() -> None:
    small = [indicator("one", "20", "40"), indicator("bill_size", "0", "30", "value")]
    basis = {"basis_date": date(2026, 5, 31), "customers": 41}
    whole = facts("C", "28.57", indicators=small, size_basis=basis)
    assert "lost 30 of 30: why bill_size, by the bills of 41 customers as of 2026-05-31); " in said(whole)
    assert "bill_size的原因（按2026-05-31时41户的电费）" in said(whole, "zh")
    # A policy with sizes of its own, and a segment with too few customers, have no such day.
    assert "as of 2026-05-31" not in said(replace(whole, size_basis=None))
    # No other indicator is by it.
    others = said(replace(whole, indicators=[indicator("one", "20", "40")]))
    assert "by the bills" not in others


def test_the_fewest_indicators_that_are_enough_are_named() -> None:
    # 49 of 70 is 70, grade B. A begins at 90, which is 63 points: 11 lost and 10 lost are both needed.
    close = [indicator("one", "29", "40"), indicator("two", "20", "30")]
    assert prevented(facts("B", "70", indicators=close)) == [
        "A begins at a score of 90, which is 20 more; full points in “one”, “two” would give it"
    ]


def test_a_veto_that_decides_nothing_still_bars() -> None:
    """The score gives C as well: who pays better would stay at C for the theft."""
    features = {"tenure": Decimal(40), "thefts": Decimal(2)}
    assert prevented(facts("C", "60", features=features)) == [
        "a theft (thefts is 2, and >= 1 allows C at best)",
        "B begins at a score of 70, which is 10 more; full points in “one” would give it",
    ]
    # A veto that allows the next grade bars nothing.
    assert len(prevented(facts("C", "60"))) == 1


def test_a_debt_in_default() -> None:
    assert prevented(facts("C", "95", max_days_overdue=61, grade_by_score="A")) == [
        "a debt of 61 days overdue, which is default: over 60 days nobody has better than C"
    ]
    assert "61" not in said(facts("C", "60", max_days_overdue=60))


def test_a_step_that_the_policy_does_not_allow() -> None:
    before = {"grade_by_policy": "C"}
    assert prevented(facts("B", "95", veto="after C", before=before, grade_by_score="A")) == [
        "not from C to A (at the last month-end the grade was C, after which B is the best)"
    ]
    assert "not from C" not in said(facts("C", "60", before=before))


def test_a_grade_set_by_hand() -> None:
    by_hand = facts(
        "C", "95", override_id="G1", override_ends_on=date(2026, 9, 30), override_approver_id="S7",
        override_reason="settlement", grade_by_policy="A", grade_by_score="A",
    )  # fmt: skip
    assert prevented(by_hand) == [
        "it was set by hand until 2026-09-30, by S7 (settlement), where the policy alone gives A"
    ]


def test_the_best_grade() -> None:
    assert said(facts("A", "95")).endswith("There is no better grade.")


def test_a_new_customer_who_counts_as_a_grade() -> None:
    policy = {"new_customer_months": 12, "new_customer_grade": "B", "default_grade": ""}
    counted = facts("B", "95", policy=policy, features={"tenure": Decimal(3)})
    assert prevented(counted) == ["the first 12 months of a contract count as B, whatever the score"]
    # In the month in which the year ends the day decides, and the grade shows it.
    last = facts("B", "95", policy=policy, features={"tenure": Decimal(12)})
    assert prevented(last) == ["the first 12 months of a contract count as B, whatever the score"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"features": {"tenure": Decimal(5)}, "score": Decimal(60)}, "the policy rates nobody in the first 6 months of "
            "a contract"),
        (
            {"indicators": [indicator("one", "5", "10"), indicator("two", None, "20")]},
            "of the weight of Payment 33% is available, and the policy asks for 50%",
        ),
        ({"indicators": [indicator("one", None, "10")]}, "no indicator is available"),
        (
            {
                "policy": {"new_customer_months": 6, "new_customer_grade": "NR", "least_bills_due": 3},
                "features": {"tenure": Decimal(40), "bills_due_12m": Decimal(1)},
            },
            "bills due in 12 months are 1, and the policy asks for 3",
        ),
    ],
)  # fmt: skip
def test_who_is_not_rated(changed: dict[str, Any], why: str) -> None:
    score = changed.pop("score", None)
    found = facts("NR", None, **changed)
    found.rating["score"] = score
    assert said(found) == (
        f"Customer C1 is not rated as of 2026-06-19 (release 3, policy p-1). What prevents a grade: {why}."
    )


def test_both_languages_have_the_same_sentences() -> None:
    languages: tuple[Language, Language] = ("en", "zh")
    places = {
        language: {
            name: sorted(part.split("}")[0] for part in text.split("{")[1:])
            for name, text in read_texts(language, "gridcredit.reporting.customer", "why.yml").items()
        }
        for language in languages
    }
    assert places["en"] == places["zh"]
    assert "得满分即可达到" in said(facts("C", "60"), "zh")


def test_points_for_a_missing_value_count_among_what_was_lost() -> None:
    """The third has no value and 12 of 30 points by the policy: the score is 40 + 30 + 12, and 18 were lost there."""
    missing = indicator("three", None, "30", "value") | {
        "points": Decimal(12),
        "reason_code": None,
        "reason_en": None,
        "reason_zh": None,
    }
    what = facts(
        "B",
        "82.00",
        indicators=[indicator("one", "40", "40"), indicator("two", "30", "30"), missing],
        weight_available=Decimal(100),
    )
    assert [row["indicator"] for row in what.lost] == ["three"]
    assert 100 - sum(row["weight"] - row["points"] for row in what.lost) == what.rating["score"]
    assert "lost 18 of 30: no value is known" in said(what)
    assert "无数据" in said(what, "zh")
