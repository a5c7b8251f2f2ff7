"""A policy folder as reviewed: policy.yml and CSV tables, read as they are and hashed together."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gridcredit.errors import PolicyError
from gridcredit.files.strict_yaml import load_yaml

Rows = list[dict[str, str]]
Checked = TypeVar("Checked", bound=BaseModel)

# In the order that foreign keys ask for.
TABLES: dict[str, tuple[str, ...]] = {
    "indicators": ("indicator", "dimension", "weight", "not_for"),
    "reasons": ("reason_code", "text_en", "text_zh"),
    "bins": ("indicator", "bin", "lower_bound", "upper_bound", "points", "reason_code"),
    "grades": ("grade", "grade_rank", "min_score"),
    "vetoes": ("veto", "feature", "comparator", "threshold", "best_grade", "reason_code"),
    "transitions": ("grade_before", "best_grade", "reason_code"),
    "limits": ("grade", "limit_months", "payment_mode"),
    "season_factors": ("segment", "peak_season_factor"),
    "season_indices": ("segment", "month", "usage_index"),
    "bill_sizes": ("segment", "percentile", "mean_monthly_bill"),
    "customer_classes": (
        "class_rank",
        "customer_class",
        "min_bill_size",
        "min_usage_trend",
        "worst_grade",
        "service_tier",
        "text_en",
        "text_zh",
    ),
    "review_rules": (
        "review_rule",
        "feature",
        "comparator",
        "threshold",
        "months",
        "not_for",
        "text_en",
        "text_zh",
    ),
    "advice_rules": ("advice", "kind", "feature", "comparator", "threshold", "not_for", "text_en", "text_zh"),
    "warning_rules": (
        "rule",
        "level",
        "measure",
        "department",
        "deadline_days",
        "clear_after_days",
        "escalate_after_days",
        "reopen_within_days",
        "not_for",
        "text_en",
        "text_zh",
    ),
    "warning_conditions": ("rule", "feature", "comparator", "threshold"),
    "late_charges": ("segment", "daily_rate", "carried_over_rate"),
    "holidays": ("holiday",),
    "dunning_strategies": ("strategy", "share_pct"),
    "dunning_steps": (
        "strategy",
        "step_rank",
        "step",
        "min_days_overdue",
        "wait_days_home",
        "wait_days_other",
        "effort",
        "text_en",
        "text_zh",
    ),
    "default_rates": ("grade", "probability_of_default"),
    "loss_rates": ("min_days_overdue", "loss_given_default"),
    "recovery_targets": ("days", "recovered_rate"),
    "ageing_buckets": ("ageing_bucket", "bucket_rank", "from_days", "to_days"),
    "required_weights": ("dimension", "min_share"),
    "power_factor_adjustments": ("power_factor_standard", "power_factor", "adjustment_pct"),
}
# A folder may leave these out, as those did that were approved before there was such a table.
OPTIONAL_TABLES = ("required_weights", "power_factor_adjustments")
# Columns that a table may have as well, after the others; without them the warehouse holds nulls.
OPTIONAL_COLUMNS: dict[str, tuple[str, ...]] = {"dunning_steps": ("lapse_days",)}


class Header(BaseModel):
    """policy.yml: what the policy is and who signed it."""

    model_config = ConfigDict(extra="forbid")

    policy: str
    version: str
    effective_from: date
    approver: str
    new_customer_months: int
    new_customer_grade: str = "NR"
    bill_tolerance: Decimal
    power_factor_surcharge: Decimal = Decimal(0)
    reading_lag_months: int
    unbilled_months_max: int
    late_charge_min: Decimal
    pursued_from: Decimal = Decimal("1.00")
    pursued_share_of_bill: Decimal = Field(default=Decimal(0), ge=0, le=1)
    half_life_months: int = Field(default=3, gt=0)
    max_score_psi: Decimal | None = Field(default=None, gt=0)
    default_grade: str = ""
    write_off_after_step: str = ""
    limitation_years: int = Field(3, gt=0)
    steps_on_working_days: bool = False
    reviews_since: date | None = None
    trial_since: date | None = None
    trial_salt: str = ""
    dispute_counts_in_rating: bool = False
    dispute_counts_in_charges: bool = False
    write_off_days: int
    description: str


@dataclass(frozen=True)
class Policy:
    """A policy folder as read: its header, its tables, and the hash of all its files."""

    folder: Path
    header: Header
    tables: dict[str, Rows]
    sha256: str

    def bins_of(self, indicator: str) -> Rows:
        """An indicator's bins, from the lowest range up."""
        bins = (row for row in self.tables["bins"] if row["indicator"] == indicator)
        return sorted(bins, key=lambda row: int(row["bin"]))


def read_policy_file(path: Path, model: type[Checked]) -> Checked:
    """A YAML file of the policies folder as its model; a PolicyError names the file and what is wrong."""
    try:
        return model.model_validate(load_yaml(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise PolicyError(f"{path}: {where}: {fault['msg'].removeprefix('Value error, ')}") from error


def read_folder(folder: Path) -> Policy:
    """Read one policy folder; a PolicyError names the file that cannot be read or has another header."""
    header = read_policy_file(folder / "policy.yml", Header)
    digest = hashlib.sha256((folder / "policy.yml").read_bytes())
    tables: dict[str, Rows] = {}
    for name, columns in TABLES.items():
        path = folder / f"{name}.csv"
        if name in OPTIONAL_TABLES and not path.exists():
            tables[name] = []
            continue
        try:
            content = path.read_bytes()
            reader = csv.DictReader(content.decode("utf-8").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError(f"{path}: cannot be read: {error}") from error
        optional = OPTIONAL_COLUMNS.get(name, ())
        if tuple(reader.fieldnames or ()) not in (columns, columns + optional):
            may_follow = f"; {','.join(optional)} may follow" if optional else ""
            raise PolicyError(f"{path}: the header must be {','.join(columns)}{may_follow}")
        tables[name] = []
        for row in reader:
            if None in row or None in row.values():
                width = len(reader.fieldnames or ())
                raise PolicyError(f"{path}: line {reader.line_num} does not have the {width} columns of the header")
            tables[name].append(row)
        digest.update(name.encode() + b"\0" + content)
    return Policy(folder, header, tables, digest.hexdigest())


FILE_NAMES = ("policy.yml", *(f"{table}.csv" for table in TABLES))


def file_names(folder: Path) -> list[str]:
    """The files of a policy folder: all, but for optional tables that it leaves out."""
    return [name for name in FILE_NAMES if (folder / name).exists()]


# The approver of what nobody has approved yet.
NOBODY = "nobody yet"


def policy_files(header: Mapping[str, object], tables: Mapping[str, Rows]) -> dict[str, str]:
    """The files of a policy folder by name."""
    found = {"policy.yml": header_text(header)}
    for name, required in TABLES.items():
        rows = tables[name]
        if name in OPTIONAL_TABLES and not rows:
            continue
        columns = required + tuple(one for one in OPTIONAL_COLUMNS.get(name, ()) if any(one in row for row in rows))
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        found[f"{name}.csv"] = text.getvalue()
    return found


def header_text(header: Mapping[str, object]) -> str:
    """policy.yml."""
    return yaml.safe_dump(dict(header), sort_keys=False, allow_unicode=True)


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write a policy folder; policy.yml comes last, so that a folder with one is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*files.keys() - {"policy.yml"}, "policy.yml"):
        partial = folder / f"{name}.partial"
        partial.write_text(files[name], encoding="utf-8")
        partial.replace(folder / name)


def fault(policy: Policy, table: str, why: str) -> PolicyError:
    """The error that says what is wrong with a table of a policy, by its file."""
    return PolicyError(f"{policy.folder / table}.csv: {why}")
