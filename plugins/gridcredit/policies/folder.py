"""A policy folder as reviewed: policy.yml and CSV tables, read as they are and hashed together."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from gridcredit.errors import PolicyError
from gridcredit.files.policy_file import read_policy_file
from gridcredit.policies.tables import OPTIONAL_COLUMNS, OPTIONAL_TABLES, TABLES

Rows = list[dict[str, str]]


class Header(BaseModel):
    """policy.yml: what the policy is and who signed it."""

    model_config = ConfigDict(extra="forbid")

    policy: str = Field(description="name of the policy, shared by its versions")
    version: str = Field(description="name of the version, which no other policy has")
    effective_from: date = Field(description="first day that it rates")
    approver: str = Field(description="who signed it; an approved proposal has the approver's name here")
    new_customer_months: int = Field(description="so long after the contract's beginning a customer counts as new")
    new_customer_grade: str = Field("NR", description="grade of new customers, or NR for not rated")
    least_bills_due: int | None = Field(
        None,
        gt=0,
        description="with fewer bills due in 12 months a customer has no score; unset: what required_weights.csv asks "
        "for is enough",
    )
    bill_tolerance: Decimal = Field(
        description="a bill that differs by more, in currency, from readings and tariff is reported"
    )
    power_factor_surcharge: Decimal = Field(
        Decimal(0),
        description="share added for each hundredth below the standard; without power_factor_adjustments.csv only",
    )
    reading_lag_months: int = Field(
        description="1 where the readings that end a month are taken early in the next, else 0"
    )
    unbilled_months_max: int = Field(description="months at most that count as used and not billed yet")
    late_charge_min: Decimal = Field(description="a late charge is this at least, in currency")
    late_charge_min_of: Literal["bill", "statement"] = Field(
        "bill", description="of what: of each bill, or of all bills that a customer pays on one day"
    )
    pursued_from: Decimal = Field(
        Decimal("1.00"), description="a customer's smaller debts are not pursued, charged or warned of"
    )
    pursued_share_of_bill: Decimal = Field(
        Decimal(0), ge=0, le=1, description="share of the mean bill that a debt must reach as well to be pursued"
    )
    late_share_of_bill: Decimal | None = Field(
        None,
        gt=0,
        le=1,
        description="a bill is late of which this share was not paid in time, also where that is less than is pursued; "
        "unset: never",
    )
    half_life_months: int = Field(
        3, gt=0, description="in features called recent, a bill weighs half after so many months"
    )
    max_score_psi: Decimal | None = Field(
        None, gt=0, description="a release is blocked where the scores' PSI is higher; unset: never"
    )
    default_grade: str = Field("", description="best grade of a customer in default; unset: the worst")
    write_off_after_step: str = Field(
        "", description="step that a bill must have reached before it is proposed for write-off"
    )
    limitation_years: int = Field(3, gt=0, description="years after which a claim is barred")
    steps_on_working_days: bool = Field(False, description="true: dunning steps move past weekends and holidays")
    reviews_since: date | None = Field(
        None,
        description="first reviews count from this day at the earliest; unset: from when the policy was first loaded "
        "and in force",
    )
    trial_since: date | None = Field(
        None, description="strategies are compared by bills due from this day on; unset: by all"
    )
    trial_salt: str = Field("", description="a new text draws the customers of strategies again")
    dispute_counts_in_rating: bool = Field(False, description="true: disputed bills count in ratings")
    dispute_counts_in_charges: bool = Field(False, description="true: disputed bills are charged for being late")
    least_default_rate: Decimal = Field(
        Decimal("0.0005"), gt=0, lt=1, description="share of debts that defaults at least, whatever the past shows"
    )
    write_off_days: int = Field(description="days overdue from which a bill is proposed for write-off")
    description: str = Field(description="what the policy is, for whoever reads it")


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


# Names stand in SQL between quotes, and are names of folders.
NAME = re.compile(r"[\w.-]+")
# A simulation calls its policy so.
PROPOSED = "proposed"
TAKEN_NAMES = (".", "..", PROPOSED)
LONGEST_NAME = 64


def refuse_name(name: str, what: str = "version") -> None:
    """Raise a PolicyError where a policy or a version may not have the name."""
    if not NAME.fullmatch(name) or name in TAKEN_NAMES or len(name) > LONGEST_NAME:
        raise PolicyError(
            f"{what} {name!r} cannot be a name: up to {LONGEST_NAME} letters, digits, '_', '.' and '-' are allowed, "
            f"and none of {', '.join(map(repr, TAKEN_NAMES))}"
        )


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
