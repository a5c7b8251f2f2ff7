"""The CSV tables of a policy folder, column by column: what is read, stored and shown on the reference page follows
from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from gridcredit.contract.billing import COLLECTION_KINDS
from gridcredit.contract.customers import PAYMENT_MODES, SEGMENTS
from gridcredit.contract.shapes import Column, Kind, key_column


@dataclass(frozen=True)
class PolicyTable:
    """One CSV file: its columns in their order, and those that may follow."""

    text: str
    columns: tuple[Column, ...]
    # A policy may leave out the file, or these columns, as those did that were approved before they existed.
    is_optional: bool = False
    optional_columns: tuple[Column, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a row."""
        return tuple(column.name for column in self.columns if column.key)


def needed(name: str, kind: Kind, text: str, values: tuple[str, ...] = ()) -> Column:
    """A column whose cells may not be empty."""
    return Column(name, kind, text, required=True, values=values)


LEVELS = ("red", "orange", "yellow", "blue")
COMPARATORS = (">", ">=", "<", "<=", "=")
SEGMENT = key_column("segment", "what the electricity is used for", "code", SEGMENTS)
STRATEGY = key_column("strategy", "name of the strategy")
NOT_FOR = Column("not_for", "text", "segments that it leaves out, with bars between; empty: none")
CONDITION = (
    needed("feature", "text", "the feature that is compared"),
    needed("comparator", "code", "how it is compared", COMPARATORS),
    needed("threshold", "number", "what it is compared with"),
)
# Of a rule that may have several conditions.
KEY_CONDITION = (
    key_column("feature", "the feature that is compared"),
    key_column("comparator", "how it is compared", "code", COMPARATORS),
    CONDITION[2],
)
TEXTS = (needed("text_en", "text", "its text in English"), needed("text_zh", "text", "its text in Chinese"))
REASON = needed("reason_code", "text", "the reason that is shown, one of reasons.csv")

# In the order that foreign keys ask for.
POLICY_TABLES: dict[str, PolicyTable] = {
    "indicators": PolicyTable(
        "The features that give points. The weights add up to 100.",
        (
            key_column("indicator", "the feature"),
            needed("dimension", "text", "group that it is shown in, and that required_weights.csv names"),
            needed("weight", "number", "the points of its best bin"),
            NOT_FOR,
        ),
        optional_columns=(
            Column(
                "missing_points",
                "number",
                "points where it applies and has no value; empty: its weight is shared among the rest",
            ),
        ),
    ),
    "reasons": PolicyTable(
        "The texts of reason codes.", (key_column("reason_code", "code that other tables name"), *TEXTS)
    ),
    "bins": PolicyTable(
        "The points of each indicator by its value. Bins leave no gap, and the first and last are open-ended.",
        (
            key_column("indicator", "one of indicators.csv"),
            key_column("bin", "number of the bin, from the lowest values up", "integer"),
            Column("lower_bound", "number", "lowest value of the bin; empty in the first"),
            Column("upper_bound", "number", "the bin ends below this value; empty in the last"),
            needed("points", "number", "points of a value in the bin; the best bin has the indicator's weight"),
            REASON,
        ),
    ),
    "grades": PolicyTable(
        "The grades, by the score that each begins at.",
        (
            key_column("grade", "name of the grade"),
            needed("grade_rank", "integer", "1 for the best, then without a gap"),
            needed("min_score", "number", "lowest score of the grade; 0 for the worst"),
        ),
    ),
    "vetoes": PolicyTable(
        "Conditions that cap the grade, whatever the score.",
        (
            key_column("veto", "name of the veto"),
            *CONDITION,
            needed("best_grade", "text", "best grade that it allows"),
            REASON,
        ),
    ),
    "transitions": PolicyTable(
        "Steps up that are not allowed from one month-end to the next. It may have no rows.",
        (
            key_column("grade_before", "grade at the last month-end"),
            needed("best_grade", "text", "best grade that may follow"),
            REASON,
        ),
    ),
    "limits": PolicyTable(
        "Limit and payment mode of each grade, and of NR.",
        (
            key_column("grade", "the grade, or NR"),
            Column("limit_months", "number", "months of mean bills that may be owed; empty: the deposit is the limit"),
            needed("payment_mode", "code", "how such customers should pay", PAYMENT_MODES),
        ),
    ),
    "season_factors": PolicyTable(
        "How much more than the mean month the dearest month costs.",
        (SEGMENT, needed("peak_season_factor", "number", "the limit is multiplied by it; 1 or more")),
    ),
    "season_indices": PolicyTable(
        "How use runs over the year. The twelve indices of a segment have a mean of 1.",
        (
            SEGMENT,
            key_column("month", "1 to 12", "integer"),
            needed("usage_index", "number", "daily use in the month over that of the mean month"),
        ),
    ),
    "bill_sizes": PolicyTable(
        "Sizes of bills by segment. Without rows they are tenths of the supplier's own bills.",
        (
            SEGMENT,
            key_column("percentile", "share of customers with smaller bills, 0 to 100; begins at 0", "integer"),
            needed("mean_monthly_bill", "money", "mean monthly bill that the percentile begins at"),
        ),
    ),
    "customer_classes": PolicyTable(
        "Classes of service. The first that fits decides, and the last asks for nothing.",
        (
            key_column("class_rank", "order in which the classes are tried", "integer"),
            needed("customer_class", "text", "name of the class"),
            Column("min_bill_size", "number", "smallest `bill_size`; empty: any"),
            Column("min_usage_trend", "number", "smallest `usage_trend`; empty: any"),
            Column("worst_grade", "text", "worst grade; empty: any"),
            needed("service_tier", "text", "tier of service of the class"),
            *TEXTS,
        ),
    ),
    "review_rules": PolicyTable(
        "When a customer is to be reviewed. Of the rules that hold, the one whose day comes first counts.",
        (
            key_column("review_rule", "name of the rule"),
            *CONDITION,
            needed("months", "integer", "months after which the review is due"),
            NOT_FOR,
            *TEXTS,
        ),
    ),
    "advice_rules": PolicyTable(
        "What a customer is advised, where a condition holds.",
        (
            key_column("advice", "name of the advice"),
            needed("kind", "code", "what it is about", ("usage", "safety")),
            *CONDITION,
            NOT_FOR,
            *TEXTS,
        ),
    ),
    "warning_rules": PolicyTable(
        "The warnings, and how each ends. When they hold is in warning_conditions.csv.",
        (
            key_column("rule", "name of the rule"),
            needed("level", "code", "how urgent it is", LEVELS),
            needed("measure", "text", "what is to be done"),
            needed("department", "text", "who is to do it"),
            needed("deadline_days", "integer", "days to do it in, from the day on which the warning opens"),
            needed("clear_after_days", "integer", "it clears once it has not held for so many days; 0: at once"),
            Column("escalate_after_days", "integer", "days until it goes up a level; empty: never"),
            needed("reopen_within_days", "integer", "within so many days of clearing it is reopened, not new"),
            NOT_FOR,
            *TEXTS,
        ),
    ),
    "warning_conditions": PolicyTable(
        "The conditions of each warning. All of a rule's must hold.",
        (key_column("rule", "one of warning_rules.csv"), *KEY_CONDITION),
    ),
    "late_charges": PolicyTable(
        "What a day late costs, as a share of what is open.",
        (
            SEGMENT,
            needed("daily_rate", "number", "rate in the calendar year of the due date"),
            needed("carried_over_rate", "number", "rate in later years; not less"),
        ),
    ),
    "holidays": PolicyTable(
        "Days on which no bill is due. It may have no rows.",
        (key_column("holiday", "the day; a due date on it moves to the next day that is none", "date"),),
    ),
    "dunning_strategies": PolicyTable(
        "The strategies by which debts are pursued.",
        (STRATEGY, needed("share_pct", "number", "share of the customers, in whole percent; together 100")),
    ),
    "dunning_steps": PolicyTable(
        "The steps of each strategy, in their order.",
        (
            STRATEGY,
            key_column("step_rank", "1 for the first step, then without a gap", "integer"),
            needed("step", "code", "what is done", COLLECTION_KINDS),
            needed("min_days_overdue", "integer", "the bill is overdue for so many days at least"),
            needed("wait_days_home", "integer", "days after the step before, for homes"),
            needed("wait_days_other", "integer", "days after the step before, for all others"),
            needed("effort", "number", "what it costs to take, against which the expected loss is set"),
            *TEXTS,
        ),
        optional_columns=(
            Column(
                "lapse_days",
                "integer",
                "days after which the step counts no longer; empty: 90 for messages, calls and notices, else never",
            ),
        ),
    ),
    "dunning_holds": PolicyTable(
        "Conditions that hold a debtor's next step while they are met. The first by name counts, after the holds that "
        "every policy has.",
        (
            key_column("held_by", "name of the hold, as work_list shows it"),
            *CONDITION,
            Column("step", "code", "the step that it holds; empty: any", values=COLLECTION_KINDS),
            *TEXTS,
        ),
        is_optional=True,
    ),
    "default_rates": PolicyTable(
        "The probability of default of each grade, and of NR.",
        (
            key_column("grade", "the grade, or NR"),
            needed("probability_of_default", "number", "share that defaults within the window, 0 to 1"),
        ),
    ),
    "loss_rates": PolicyTable(
        "What share of a debt is lost, by its age.",
        (
            key_column("min_days_overdue", "days overdue from which the rate applies; begins at 0", "integer"),
            needed("loss_given_default", "number", "share lost in default, 0 to 1"),
        ),
    ),
    "loss_scenarios": PolicyTable(
        "What may come, and by what factor more or fewer debts default then; no rows: as in the past year.",
        (
            key_column("scenario", "the case, for example a base case, a downturn and an upturn"),
            needed("probability", "number", "how likely it is; those of all cases add up to 1"),
            needed("default_factor", "number", "by what the share that defaults is multiplied, to 1 at most"),
        ),
        is_optional=True,
    ),
    "recovery_targets": PolicyTable(
        "What an officer is to have recovered of a month's newly overdue debts.",
        (
            key_column("days", "days after the bill fell overdue", "integer"),
            needed("recovered_rate", "number", "share to be recovered by then, 0 to 1"),
        ),
    ),
    "ageing_buckets": PolicyTable(
        "The ages by which receivables are shown. They cover all days.",
        (
            key_column("ageing_bucket", "name of the bucket"),
            needed("bucket_rank", "integer", "order, from the youngest"),
            Column("from_days", "integer", "first day overdue; empty in the youngest"),
            Column("to_days", "integer", "last day overdue; empty in the oldest"),
        ),
    ),
    "required_weights": PolicyTable(
        "How much must be known of a customer before there is a grade.",
        (
            key_column("dimension", "a dimension of indicators.csv, or `all`"),
            needed("min_share", "number", "share of its weight that must be available, more than 0, up to 1"),
        ),
        is_optional=True,
    ),
    "power_factor_adjustments": PolicyTable(
        "What a power factor adds to the charges. Between two rows the percentage changes evenly.",
        (
            key_column("power_factor_standard", "the standard in the customer's tariff", "number"),
            key_column("power_factor", "power factor in hundredths, from 0 to 1", "number"),
            needed("adjustment_pct", "number", "percent that is added; below 0: taken off"),
        ),
        is_optional=True,
    ),
}


def _names(columns: tuple[Column, ...]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


TABLES = {name: _names(table.columns) for name, table in POLICY_TABLES.items()}
OPTIONAL_TABLES = tuple(name for name, table in POLICY_TABLES.items() if table.is_optional)
# After the others; without them the warehouse holds nulls.
OPTIONAL_COLUMNS = {
    name: _names(table.optional_columns) for name, table in POLICY_TABLES.items() if table.optional_columns
}
