"""What a policy folder must hold to before it is loaded: each contradiction is refused with file and cause."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from gridcredit.contract.customers import PAYMENT_MODES, SEGMENTS
from gridcredit.contract.features import NAMED_IN
from gridcredit.errors import PolicyError
from gridcredit.policies.billing_checks import check_billing
from gridcredit.policies.folder import Policy, fault, refuse_name
from gridcredit.policies.recovery_checks import check_recovery
from gridcredit.policies.tables import POLICY_TABLES

# What conditions may use besides the features.
FACTS = {
    "warning_conditions": (
        "days_to_next_due",
        "headroom",
        "open_amount",
        "exposure",
        "utilisation",
        "grade_rank",
        "grade_steps_down",
    ),
    "review_rules": ("grade_rank", "grade_steps_down", "open_notices"),
    "vetoes": (),
    "advice_rules": (),
    "dunning_holds": (),
}
# Of these a protected attribute may be a condition: they tell people what to do, and say nothing of the customer's
# standing.
MAY_BE_PROTECTED = ("warning_conditions", "review_rules", "dunning_holds")
# In required_weights.csv: the weight of all indicators together.
ALL_DIMENSIONS = "all"
TEXT_TABLES = ("reasons", "customer_classes", "review_rules", "advice_rules", "warning_rules", "dunning_holds")


def named_attributes(policy: Policy) -> set[str]:
    """The features made of attributes that a policy names."""
    named = {row[column] for table, column in NAMED_IN.items() for row in policy.tables[table]}
    return {name for name in named if name.startswith("attribute_")}


def check_policy(policy: Policy, features: Iterable[str], protected: Iterable[str] = ()) -> None:
    """Refuse what contradicts itself, or uses a feature that is not computed or not for that, with a PolicyError."""
    try:
        _check_protected(policy, set(protected))
        _check_tables(policy, set(features), set(protected))
    except (ValueError, ArithmeticError, LookupError) as error:
        raise PolicyError(f"{policy.folder}: a table is empty, or has a value that is no number: {error}") from error


def _check_protected(policy: Policy, protected: set[str]) -> None:
    for table, column in (
        ("indicators", "indicator"),
        ("bins", "indicator"),
        ("vetoes", "feature"),
        ("advice_rules", "feature"),
    ):
        for row in policy.tables[table]:
            if row[column] in protected:
                raise fault(
                    policy,
                    table,
                    f"{row[column]!r} is of a protected attribute (policies/attributes.yml): it enters no score, no "
                    "veto and no advice",
                )


def _check_keys(policy: Policy) -> None:
    """The warehouse holds a row once; a policy that names it twice could not be loaded."""
    for name, table in POLICY_TABLES.items():
        seen: set[tuple[str, ...]] = set()
        for row in policy.tables[name]:
            values = tuple(row[column] for column in table.key)
            if values in seen:
                raise fault(policy, name, f"{' '.join(values)!r} is there twice")
            seen.add(values)


def _check_tables(policy: Policy, known: set[str], protected: set[str]) -> None:
    _check_keys(policy)
    _check_indicators(policy, known)
    _check_texts(policy)
    _check_reasons(policy)
    _check_grades(policy)
    _check_limits(policy)
    _check_bill_sizes(policy)
    _check_required_weights(policy)
    _check_season(policy)
    _check_classes(policy)
    _check_ageing(policy)
    check_recovery(policy)
    check_billing(policy)
    for table, facts in FACTS.items():
        usable = known.union(facts, protected if table in MAY_BE_PROTECTED else ())
        for row in policy.tables[table]:
            if row["feature"] not in usable:
                raise fault(policy, table, f"{row['feature']!r} is no feature; docs/indicators.md lists them")
            _number(policy, table, row["threshold"])
    rules = {row["rule"] for row in policy.tables["warning_rules"]}
    if rules != {row["rule"] for row in policy.tables["warning_conditions"]}:
        raise PolicyError(f"{policy.folder}: warning_rules.csv and warning_conditions.csv must name the same rules")


# Names that are written into SQL between quotes: with a quote inside no model could be run, a backslash may be lost.
NAMES = {
    "grades": ("grade",),
    "vetoes": ("veto",),
    "ageing_buckets": ("ageing_bucket",),
    "dunning_strategies": ("strategy",),
    "dunning_holds": ("held_by",),
    "customer_classes": ("customer_class", "service_tier"),
    "reasons": ("reason_code",),
    "warning_rules": ("rule",),
    "review_rules": ("review_rule",),
    "advice_rules": ("advice",),
}
ENDLESS = {"nan", "inf", "infinity"}
# A hundred years of days: "never" as 9999999 gives dates beyond the year 9999, which nothing can read.
MOST_DAYS = 36_500
# The warehouse shows a threshold with four digits behind the point and fourteen before it.
THRESHOLD_BELOW = Decimal(10**14)
MAX_SCORE = 100
# More would be larger than what amounts of money are stored as.
LARGEST = {"late_charges": {"daily_rate": 1, "carried_over_rate": 1}, "dunning_steps": {"effort": 10**9}}


def check_new(policy: Policy) -> None:
    """Refuse with a PolicyError what would stop runs or rate nobody; versions already loaded are not asked again."""
    _check_names(policy)
    for row in policy.tables["indicators"]:
        if _number(policy, "indicators", row["weight"]) <= 0:
            raise fault(
                policy, "indicators", f"{row['indicator']!r} has weight {row['weight']}: leave it out, with its bins"
            )
        if len(policy.bins_of(row["indicator"])) < 2:
            raise fault(policy, "bins", f"{row['indicator']!r} has one bin, the same for all: leave the indicator out")
    for row in policy.tables["grades"]:
        if _number(policy, "grades", row["min_score"]) > MAX_SCORE:
            raise fault(
                policy, "grades", f"{row['grade']!r} asks for {row['min_score']}, and a score reaches {MAX_SCORE}"
            )
    for table, rows in policy.tables.items():
        # Numbers to the warehouse, and words that it does not know in the models' SQL.
        if endless := [text for row in rows for text in row.values() if text.strip().lower().lstrip("+-") in ENDLESS]:
            raise fault(policy, table, f"{endless[0]!r} is no number that can be reckoned with")
    if len(policy.tables["ageing_buckets"]) < 2:
        raise fault(policy, "ageing_buckets", "one bucket says nothing of ages: at least two are needed")
    _check_sizes(policy)
    for table, columns in NAMES.items():
        for row in policy.tables[table]:
            for column in columns:
                if set("'\\") & set(row[column]):
                    raise fault(
                        policy, table, f"{column} {row[column]!r} has a quote or a backslash in it: names have none"
                    )


def _check_names(policy: Policy) -> None:
    """Refuse a name that no SQL, and no folder, could have."""
    for key, name in (("policy", policy.header.policy), ("version", policy.header.version)):
        try:
            refuse_name(name, key)
        except PolicyError as error:
            raise PolicyError(f"{policy.folder / 'policy.yml'}: {error}") from None


def _check_sizes(policy: Policy) -> None:
    """Refuse numbers that the models would turn into a date or an amount which cannot be held."""
    for name, number in policy.header.model_dump().items():
        if isinstance(number, int) and number > (most := _most(name)):
            raise PolicyError(f"{policy.folder / 'policy.yml'}: {name} is {number}, more than {most}")
        if isinstance(number, date) and abs((number - policy.header.effective_from).days) > MOST_DAYS:
            raise PolicyError(
                f"{policy.folder / 'policy.yml'}: {name} is {number}, more than {MOST_DAYS} days from effective_from, "
                f"{policy.header.effective_from}"
            )
    for table, described in POLICY_TABLES.items():
        counted = [one.name for one in (*described.columns, *described.optional_columns) if one.kind == "integer"]
        for row in policy.tables[table]:
            for column in counted:
                if (text := row.get(column)) and abs(_number(policy, table, text)) > (most := _most(column)):
                    raise fault(policy, table, f"{column} is {text}, more than {most}")
            for column, largest in LARGEST.get(table, {}).items():
                if _number(policy, table, row[column]) > largest:
                    raise fault(policy, table, f"{column} is {row[column]}, more than {largest:,}")
            if "threshold" in row and abs(_number(policy, table, row["threshold"])) >= THRESHOLD_BELOW:
                raise fault(policy, table, f"threshold {row['threshold']} is more than the warehouse can show")


def _most(name: str) -> int:
    """A hundred years, in the unit that a name ends with: days where it names none."""
    return {"years": 100, "months": 1200}.get(name.removesuffix("_max").rpartition("_")[2], MOST_DAYS)


def check_together(policies: list[Policy]) -> None:
    """Refuse two versions of one name, or of one policy that would be in force from the same day on."""
    versions: dict[str, Policy] = {}
    days: dict[tuple[str, object], Policy] = {}
    for policy in policies:
        header = policy.header
        same = versions.setdefault(header.version, policy)
        if same is not policy:
            raise PolicyError(f"{policy.folder}: version {header.version!r} is also that of {same.folder}")
        rival = days.setdefault((header.policy, header.effective_from), policy)
        if rival is not policy:
            raise PolicyError(
                f"{policy.folder}: takes effect on {header.effective_from}, as {rival.folder} does; only one can"
            )


def _number(policy: Policy, table: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise fault(policy, table, f"{text!r} is not a number") from None


def _check_indicators(policy: Policy, features: set[str]) -> None:
    weights = {row["indicator"]: _number(policy, "indicators", row["weight"]) for row in policy.tables["indicators"]}
    if sum(weights.values()) != 100:
        raise fault(policy, "indicators", f"weights add up to {sum(weights.values())}, not 100")
    for row in policy.tables["indicators"]:
        if row["indicator"] not in features:
            raise fault(policy, "indicators", f"{row['indicator']!r} is no feature; docs/indicators.md lists them")
    for table in ("indicators", "review_rules", "advice_rules", "warning_rules"):
        for row in policy.tables[table]:
            unknown = {segment for segment in row["not_for"].split("|") if segment} - set(SEGMENTS)
            if unknown:
                name = next(iter(row.values()))
                raise fault(
                    policy,
                    table,
                    f"{name!r} is not for {', '.join(sorted(unknown))}, which is none of {', '.join(SEGMENTS)}",
                )
    binned = {row["indicator"] for row in policy.tables["bins"]}
    for indicator in sorted(binned ^ weights.keys()):
        if indicator in binned:
            raise fault(policy, "bins", f"{indicator!r} is not in indicators.csv")
        raise fault(policy, "bins", f"{indicator!r} has a weight and no bins")
    for indicator, weight in weights.items():
        _check_bins(policy, indicator, weight)


def _check_bins(policy: Policy, indicator: str, weight: Decimal) -> None:
    bins = policy.bins_of(indicator)
    if bins[0]["lower_bound"] or bins[-1]["upper_bound"]:
        raise fault(policy, "bins", f"the first and the last bin of {indicator!r} must be open-ended")
    bounds = []
    for lower, upper in pairwise(bins):
        if lower["upper_bound"] != upper["lower_bound"] or not lower["upper_bound"]:
            raise fault(
                policy, "bins", f"bins {lower['bin']} and {upper['bin']} of {indicator!r} overlap or leave a gap"
            )
        bounds.append(_number(policy, "bins", lower["upper_bound"]))
    if sorted(set(bounds)) != bounds:
        raise fault(policy, "bins", f"the bounds of {indicator!r} must rise")
    best = max(_number(policy, "bins", row["points"]) for row in bins)
    if best != weight:
        raise fault(policy, "bins", f"the best bin of {indicator!r} gives {best} points, its weight is {weight}")
    row = next(row for row in policy.tables["indicators"] if row["indicator"] == indicator)
    if (missing := row.get("missing_points")) and not 0 <= _number(policy, "indicators", missing) <= weight:
        raise fault(policy, "indicators", f"{indicator!r} gives {missing} points where missing, of {weight}")


def _check_texts(policy: Policy) -> None:
    for table in TEXT_TABLES:
        for row in policy.tables[table]:
            if not row["text_en"] or not row["text_zh"]:
                raise fault(policy, table, f"{next(iter(row.values()))!r} has no text in both languages")


def _check_reasons(policy: Policy) -> None:
    reasons = {row["reason_code"] for row in policy.tables["reasons"]}
    for table in ("bins", "vetoes", "transitions"):
        for row in policy.tables[table]:
            if row["reason_code"] not in reasons:
                raise fault(policy, table, f"reason {row['reason_code']!r} has no text: it is not in reasons.csv")


def _check_grades(policy: Policy) -> None:
    grades = sorted(policy.tables["grades"], key=lambda row: int(row["grade_rank"]))
    floors = [_number(policy, "grades", row["min_score"]) for row in grades]
    if [int(row["grade_rank"]) for row in grades] != list(range(1, len(grades) + 1)):
        raise fault(policy, "grades", "ranks must run from 1, the best, without a gap")
    if sorted(set(floors), reverse=True) != floors or floors[-1] != 0:
        raise fault(policy, "grades", "the scores must fall from the best grade to 0 for the worst")
    names = {row["grade"] for row in grades}
    named = {("vetoes", row["best_grade"]) for row in policy.tables["vetoes"]}
    named |= {
        ("transitions", row[end]) for row in policy.tables["transitions"] for end in ("grade_before", "best_grade")
    }
    named |= {
        ("customer_classes", row["worst_grade"]) for row in policy.tables["customer_classes"] if row["worst_grade"]
    }
    for table, grade in sorted(named):
        if grade not in names:
            raise fault(policy, table, f"{grade!r} is none of {', '.join(row['grade'] for row in grades)}")
    if policy.header.new_customer_grade not in names | {"NR"}:
        raise PolicyError(f"{policy.folder / 'policy.yml'}: new_customer_grade is none of the grades, and not NR")
    # A grade to which a step is held back must not hold back in its turn, or a rating would depend on all before it.
    before = {row["grade_before"] for row in policy.tables["transitions"]}
    for row in policy.tables["transitions"]:
        if row["best_grade"] in before:
            raise fault(policy, "transitions", f"{row['best_grade']!r} may not be both a best grade and a grade before")


def _check_limits(policy: Policy) -> None:
    grades = sorted([*(row["grade"] for row in policy.tables["grades"]), "NR"])
    if sorted(row["grade"] for row in policy.tables["limits"]) != grades:
        raise fault(policy, "limits", f"must name each of {', '.join(grades)} once")
    for row in policy.tables["limits"]:
        if row["payment_mode"] not in PAYMENT_MODES:
            raise fault(policy, "limits", f"payment mode {row['payment_mode']!r} is none of {', '.join(PAYMENT_MODES)}")
    if sorted(row["segment"] for row in policy.tables["season_factors"]) != sorted(SEGMENTS):
        raise fault(policy, "season_factors", f"must name each of {', '.join(SEGMENTS)} once")


def _check_required_weights(policy: Policy) -> None:
    known = {row["dimension"] for row in policy.tables["indicators"]} | {ALL_DIMENSIONS}
    for row in policy.tables["required_weights"]:
        if row["dimension"] not in known:
            raise fault(policy, "required_weights", f"{row['dimension']!r} is none of {', '.join(sorted(known))}")
        if not 0 < _number(policy, "required_weights", row["min_share"]) <= 1:
            raise fault(policy, "required_weights", f"{row['min_share']} is no share: more than 0, and 1 at most")


def _check_bill_sizes(policy: Policy) -> None:
    # Without a table of its own a policy uses the supplier's bills: models/features/bill_size_bound.sql.
    for segment in SEGMENTS if policy.tables["bill_sizes"] else ():
        sizes = [row for row in policy.tables["bill_sizes"] if row["segment"] == segment]
        bounds = [_number(policy, "bill_sizes", row["mean_monthly_bill"]) for row in sizes]
        shares = [_number(policy, "bill_sizes", row["percentile"]) for row in sizes]
        if not sizes or shares[0] != 0 or sorted(set(bounds)) != bounds or sorted(set(shares)) != shares:
            raise fault(policy, "bill_sizes", f"{segment!r} must begin at percentile 0, and both columns must rise")


def _check_season(policy: Policy) -> None:
    for segment in SEGMENTS:
        rows = [row for row in policy.tables["season_indices"] if row["segment"] == segment]
        indices = [_number(policy, "season_indices", row["usage_index"]) for row in rows]
        if [row["month"] for row in rows] != [str(month) for month in range(1, 13)]:
            raise fault(policy, "season_indices", f"{segment!r} must have the months 1 to 12")
        if abs(sum(indices, Decimal(0)) / 12 - 1) > Decimal("0.02"):
            raise fault(policy, "season_indices", f"the indices of {segment!r} must have a mean of 1")


def _check_classes(policy: Policy) -> None:
    last = max(policy.tables["customer_classes"], key=lambda row: int(row["class_rank"]))
    if any(last[column] for column in ("min_bill_size", "min_usage_trend", "worst_grade")):
        raise fault(policy, "customer_classes", f"the last class, {last['customer_class']!r}, must ask for nothing")


def _check_ageing(policy: Policy) -> None:
    buckets = sorted(policy.tables["ageing_buckets"], key=lambda row: int(row["bucket_rank"]))
    is_open = not buckets[0]["from_days"] and not buckets[-1]["to_days"]
    if not is_open or any(int(one["to_days"]) + 1 != int(next_["from_days"]) for one, next_ in pairwise(buckets)):
        raise fault(policy, "ageing_buckets", "must cover all days without overlap or gap")
