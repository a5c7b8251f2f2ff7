"""Credit policies: reviewed folders of CSV and YAML, checked, hashed and loaded append-only into the warehouse."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import structlog
import yaml
from psycopg import sql
from pydantic import BaseModel, ConfigDict, ValidationError

from gridcredit.errors import PolicyError
from gridcredit.extracts.contract import PAYMENT_MODES, SEGMENTS
from gridcredit.settings import Settings, get_settings
from gridcredit.warehouse import Connection, connect

log = structlog.get_logger(__name__)

Rows = list[dict[str, str]]
Checked = TypeVar("Checked", bound=BaseModel)

# In the order that foreign keys ask for.
TABLES: dict[str, tuple[str, ...]] = {
    "indicators": ("indicator", "dimension", "weight", "not_for"),
    "reasons": ("reason_code", "text_en", "text_zh"),
    "bins": ("indicator", "bin", "lower_bound", "upper_bound", "points", "reason_code"),
    "grades": ("grade", "grade_rank", "min_score"),
    "vetoes": ("veto", "feature", "comparator", "threshold", "best_grade", "reason_code"),
    "limits": ("grade", "limit_months", "payment_mode"),
    "season_factors": ("segment", "peak_season_factor"),
    "bill_sizes": ("segment", "percentile", "mean_monthly_bill"),
    "warning_rules": ("rule", "level", "measure", "department", "deadline_days", "text_en", "text_zh"),
    "warning_conditions": ("rule", "feature", "comparator", "threshold"),
    "ageing_buckets": ("ageing_bucket", "bucket_rank", "from_days", "to_days"),
}


class Header(BaseModel):
    """policy.yml: what the policy is and who signed it."""

    model_config = ConfigDict(extra="forbid")

    policy: str
    version: str
    effective_from: date
    approver: str
    new_customer_months: int
    bill_tolerance: Decimal
    power_factor_surcharge: Decimal
    reading_lag_months: int
    description: str


@dataclass(frozen=True)
class Policy:
    """A policy folder as read: its header, its tables, and the hash of all its files."""

    folder: Path
    header: Header
    tables: dict[str, Rows]
    sha256: str


def read_policy_file(path: Path, model: type[Checked]) -> Checked:
    """A YAML file of the policies folder as its model; a PolicyError names the file and what is wrong."""
    try:
        return model.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise PolicyError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise PolicyError(f"{path}: {where}: {fault['msg'].removeprefix('Value error, ')}") from error


def read_policy(folder: Path) -> Policy:
    """Read and check one policy folder; a PolicyError names the file and what is wrong."""
    header = read_policy_file(folder / "policy.yml", Header)
    digest = hashlib.sha256((folder / "policy.yml").read_bytes())
    tables: dict[str, Rows] = {}
    for name, columns in TABLES.items():
        path = folder / f"{name}.csv"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise PolicyError(f"{path}: cannot be read: {error.strerror}") from error
        reader = csv.DictReader(content.decode("utf-8").splitlines())
        if tuple(reader.fieldnames or ()) != columns:
            raise PolicyError(f"{path}: the header must be {','.join(columns)}")
        tables[name] = list(reader)
        digest.update(name.encode() + b"\0" + content)
    policy = Policy(folder, header, tables, digest.hexdigest())
    _check(policy)
    return policy


def read_policies(folder: Path) -> list[Policy]:
    """Every policy version under a folder of policies."""
    return [read_policy(path.parent) for path in sorted(folder.glob("*/*/policy.yml"))]


def load_policies(settings: Settings | None = None) -> None:
    """Load the versions the warehouse does not know; refuse one whose files changed after it was loaded."""
    settings = settings or get_settings()
    with connect(settings) as connection:
        connection.execute("select pg_advisory_xact_lock(hashtext('gridcredit.policy'))")
        known: dict[str, str] = dict(
            connection.execute("select policy_version, sha256 from policy.policies").fetchall()
        )
        for policy in read_policies(settings.policies_dir):
            version = policy.header.version
            if version not in known:
                _insert(connection, policy)
                log.info("policy_loaded", version=version, approver=policy.header.approver)
            elif known[version] != policy.sha256:
                raise PolicyError(
                    f"{policy.folder}: was changed after version {version!r} had been loaded; put the files back, "
                    "and make the change in a folder with a new version and effective date"
                )


def _insert(connection: Connection, policy: Policy) -> None:
    header = policy.header
    connection.execute(
        "insert into policy.policies (policy_version, policy_name, effective_from, approver, sha256, description, "
        "new_customer_months, bill_tolerance, power_factor_surcharge, reading_lag_months) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [header.version, header.policy, header.effective_from, header.approver, policy.sha256, header.description]
        + [header.new_customer_months, header.bill_tolerance, header.power_factor_surcharge, header.reading_lag_months],
    )
    for name, columns in TABLES.items():
        insert = sql.SQL("insert into policy.{} (policy_version, {}) values (%s, {})").format(
            sql.Identifier(name),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                insert,
                [[header.version, *(row[column] or None for column in columns)] for row in policy.tables[name]],
            )


def _check(policy: Policy) -> None:
    indicators = {row["indicator"]: _number(policy, "indicators", row["weight"]) for row in policy.tables["indicators"]}
    if sum(indicators.values()) != 100:
        raise PolicyError(f"{policy.folder / 'indicators.csv'}: weights add up to {sum(indicators.values())}, not 100")
    for row in policy.tables["indicators"]:
        unknown = {segment for segment in row["not_for"].split("|") if segment} - set(SEGMENTS)
        if unknown:
            raise PolicyError(
                f"{policy.folder / 'indicators.csv'}: {row['indicator']!r} is not for {', '.join(sorted(unknown))}, "
                f"which is none of {', '.join(SEGMENTS)}"
            )
    reasons = {row["reason_code"] for row in policy.tables["reasons"] if row["text_en"] and row["text_zh"]}
    for table in ("bins", "vetoes"):
        for row in policy.tables[table]:
            if row["reason_code"] not in reasons:
                raise PolicyError(
                    f"{policy.folder / table}.csv: reason {row['reason_code']!r} has no text in both languages"
                )
    for indicator in {row["indicator"] for row in policy.tables["bins"]}:
        if indicator not in indicators:
            raise PolicyError(f"{policy.folder / 'bins.csv'}: {indicator!r} is not in indicators.csv")
        _check_bins(policy, indicator, indicators[indicator])
    _check_limits(policy)
    _check_bill_sizes(policy)
    rules = {row["rule"] for row in policy.tables["warning_rules"]}
    if rules != {row["rule"] for row in policy.tables["warning_conditions"]}:
        raise PolicyError(f"{policy.folder}: warning_rules.csv and warning_conditions.csv must name the same rules")


def _check_limits(policy: Policy) -> None:
    grades = sorted([*(row["grade"] for row in policy.tables["grades"]), "NR"])
    if sorted(row["grade"] for row in policy.tables["limits"]) != grades:
        raise PolicyError(f"{policy.folder / 'limits.csv'}: must name each of {', '.join(grades)} once")
    for row in policy.tables["limits"]:
        if row["payment_mode"] not in PAYMENT_MODES:
            raise PolicyError(
                f"{policy.folder / 'limits.csv'}: payment mode {row['payment_mode']!r} is none of {', '.join(PAYMENT_MODES)}"
            )
    if sorted(row["segment"] for row in policy.tables["season_factors"]) != sorted(SEGMENTS):
        raise PolicyError(f"{policy.folder / 'season_factors.csv'}: must name each of {', '.join(SEGMENTS)} once")


def _check_bill_sizes(policy: Policy) -> None:
    for segment in SEGMENTS:
        sizes = [row for row in policy.tables["bill_sizes"] if row["segment"] == segment]
        bounds = [_number(policy, "bill_sizes", row["mean_monthly_bill"]) for row in sizes]
        shares = [_number(policy, "bill_sizes", row["percentile"]) for row in sizes]
        if not sizes or shares[0] != 0 or sorted(set(bounds)) != bounds or sorted(set(shares)) != shares:
            raise PolicyError(
                f"{policy.folder / 'bill_sizes.csv'}: {segment!r} must begin at percentile 0, and both columns must rise"
            )


def _check_bins(policy: Policy, indicator: str, weight: Decimal) -> None:
    path = policy.folder / "bins.csv"
    bins = sorted(
        (row for row in policy.tables["bins"] if row["indicator"] == indicator),
        key=lambda row: int(row["bin"]),
    )
    if bins[0]["lower_bound"] or bins[-1]["upper_bound"]:
        raise PolicyError(f"{path}: the first and the last bin of {indicator!r} must be open-ended")
    for lower, upper in pairwise(bins):
        if lower["upper_bound"] != upper["lower_bound"] or not lower["upper_bound"]:
            raise PolicyError(f"{path}: bins {lower['bin']} and {upper['bin']} of {indicator!r} overlap or leave a gap")
    best = max(_number(policy, "bins", row["points"]) for row in bins)
    if best != weight:
        raise PolicyError(f"{path}: the best bin of {indicator!r} gives {best} points, its weight is {weight}")


def _number(policy: Policy, table: str, text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise PolicyError(f"{policy.folder / table}.csv: {text!r} is not a number") from None
