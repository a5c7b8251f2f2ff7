"""The policy as a document: what its files say in words and tables, in English or Chinese, set for printing."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from gridcredit.errors import GridCreditError
from gridcredit.pages.template import render, write_page
from gridcredit.pages.texts import Language, read_texts
from gridcredit.policies.adoption import proposed_files
from gridcredit.policies.evaluation_rules import read_rules
from gridcredit.policies.folder import Policy, Rows, read_folder, write_files
from gridcredit.policies.recovery_checks import MIN_DAYS_OVERDUE, NOTICE_DAYS_HOME, NOTICE_DAYS_OTHER
from gridcredit.policies.store import read_policies
from gridcredit.policy_changes.differences import Difference, compare_policies
from gridcredit.settings import Settings
from gridcredit.warehouse.connection import connect
from gridcredit.warehouse.currency import in_its_currency
from gridcredit.warehouse.reading.access import read_departments

PACKAGE = "gridcredit.reporting.policy"
LEVELS = ("red", "orange", "yellow", "blue")


def write_policy_document(version: str, language: Language, out: Path | None, settings: Settings) -> Path:
    """Write a version's document as one HTML page; returns its path.

    Raises:
        GridCreditError: there is no such version, neither in a folder nor as a proposal.
    """
    out = out or settings.home / "documents" / f"policy_{version}_{language}.html"
    return write_page(out, policy_document(find_policy(version, settings), language, in_its_currency(settings)))


def find_policy(version: str, settings: Settings) -> Policy:
    """A version as its folder has it, or as it was proposed.

    Raises:
        GridCreditError: there is no such version.
    """
    known = {policy.header.version: policy for policy in read_policies(settings)}
    if version in known:
        return known[version]
    with connect(settings) as connection:
        proposals: dict[str, int] = dict(
            connection.execute("select policy_version, proposal_id from policy.proposals order by 1").fetchall()
        )
        if version not in proposals:
            there_are = ", ".join(sorted({*known, *proposals}))
            raise GridCreditError(f"there is no policy version {version!r}; there are {there_are}")
        files = proposed_files(connection, proposals[version])
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), files)
        return read_folder(Path(folder))


def policy_document(policy: Policy, language: Language, settings: Settings) -> str:
    """The page; the settings have the warehouse's currency."""
    before = version_before(policy, settings)
    words = Words(read_texts(language), read_texts(language, PACKAGE), language)
    facts = {
        "policy": policy,
        "header": policy.header,
        "before": before,
        "changes": changes_by_table(before, policy),
        "words": words,
        "t": words.own,
        "language": language,
        "currency": settings.currency,
        "default_days": read_rules(settings).outcome.default_days_overdue,
        "departments": sorted(read_departments(settings).departments),
        "law_days": {
            "overdue": MIN_DAYS_OVERDUE - 1,
            "home": NOTICE_DAYS_HOME,
            "other": NOTICE_DAYS_OTHER,
            "years": policy.header.limitation_years,
        },
        "dimensions": by_column(policy.tables["indicators"], "dimension"),
        "levels": {level: [row for row in policy.tables["warning_rules"] if row["level"] == level] for level in LEVELS},
        "conditions": by_column(policy.tables["warning_conditions"], "rule"),
        "strategies": by_column(policy.tables["dunning_steps"], "strategy"),
        "seasons": by_column(policy.tables["season_indices"], "segment"),
        "power_factors": by_column(policy.tables["power_factor_adjustments"], "power_factor_standard"),
        "sizes": by_column(policy.tables["bill_sizes"], "segment"),
        "reasons": {row["reason_code"]: row[f"text_{language}"] for row in policy.tables["reasons"]},
        "grades": [*((row["grade"], row["min_score"]) for row in policy.tables["grades"]), ("NR", "")],
        "limits": {row["grade"]: row for row in policy.tables["limits"]},
        "default_rates": {row["grade"]: row["probability_of_default"] for row in policy.tables["default_rates"]},
    }
    return render(PACKAGE, "page.html.j2", facts, {"code": _code})


def _code(text: str) -> str:
    """A sentence whose commands stand between backticks."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 escaped before


def version_before(policy: Policy, settings: Settings) -> Policy | None:
    """The version of the same policy that was in force until this one; None for the first."""
    earlier = [
        other
        for other in read_policies(settings)
        if other.header.policy == policy.header.policy and other.header.effective_from < policy.header.effective_from
    ]
    return max(earlier, key=lambda other: other.header.effective_from, default=None)


def changes_by_table(before: Policy | None, policy: Policy) -> dict[str, list[Difference]]:
    """What changed since the version before, by table; nothing where there is none."""
    found: dict[str, list[Difference]] = defaultdict(list)
    for change in compare_policies(before, policy) if before else []:
        # Who signed, and from when on, stands at the top of both.
        if change.key not in ("approver", "effective_from"):
            found[change.table].append(change)
    return dict(found)


def by_column(rows: Rows, column: str) -> dict[str, Rows]:
    """Rows in groups, in the order of the file."""
    groups: dict[str, Rows] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return dict(groups)


@dataclass(frozen=True)
class Words:
    """The names that a policy's files use, in words: those of all pages, and those of the document alone."""

    shared: dict[str, Any]
    own: dict[str, Any]
    language: Language

    def feature(self, name: str) -> str:
        return str(self.shared["indicators_named"].get(name) or self.own["facts"].get(name, name))

    def dimension(self, name: str) -> str:
        return str(self.shared["dimensions"].get(name) or self.own["facts"].get(name, name))

    def department(self, name: str) -> str:
        return str(self.shared["departments"].get(name, name))

    def measure(self, text: str) -> str:
        return str(self.shared["measures"].get(text, text))

    def table(self, name: str) -> str:
        return str(self.own["tables"].get(name, name))

    def mode(self, name: str) -> str:
        return str(self.shared["modes"].get(name, name))

    def level(self, name: str) -> str:
        return str(self.shared["levels"][name])

    def segment(self, name: str) -> str:
        return str(self.shared["segments"].get(name, name))

    def segments(self, listed: str) -> str:
        """Segments that a rule leaves out."""
        return str(self.own["comma"]).join(map(self.segment, listed.split("|"))) if listed else ""

    def conditions(self, rows: Rows) -> str:
        """What must all hold, as `days overdue at most > 60`."""
        return str(self.own["comma"]).join(
            f"{self.feature(row['feature'])} {row['comparator']} {row['threshold']}" for row in rows
        )

    def range(self, lower: str, upper: str) -> str:
        """A bin's values: the lower bound belongs to it, the upper one does not."""
        which = "between" if lower and upper else "from" if lower else "below" if upper else "any"
        return str(self.own["ranges"][which]).format(lower=lower, upper=upper)

    def share(self, text: str) -> str:
        """0.05 as 5 %."""
        return f"{float(text) * 100:.10g} %" if text else ""

    def term(self, value: object) -> str:
        """A field of policy.yml."""
        return "–" if value in (None, "") else str(self.own["yes_no"].get(str(value), value))

    def row(self, table: str, key: str) -> str:
        """What names a row: a field of policy.yml, or a key whose first part an indicator or a segment may be."""
        if table == "policy.yml":
            return str(self.own["terms_named"].get(key, key))
        return " ".join(map(self._name, key.split(" ")))

    def content(self, text: str | None) -> str:
        """A row as differences show it, `name=value  name=value`, in words; without what is of the other language."""
        if text is None:
            return "–"
        found = []
        for part in text.split("  "):
            name, is_named, value = part.partition("=")
            if not is_named:
                found.append(self.term(part))
            elif not name.startswith("text_") or name == f"text_{self.language}":
                found.append(f"{self.own['columns'].get(name, name)} {self._named(name, value)}")
        return str(self.own["comma"]).join(found)

    def _named(self, column: str, value: str) -> str:
        """A value of a table, in words where it has some."""
        if column in ("measure", "payment_mode"):
            return self.measure(value) if column == "measure" else self.mode(value)
        return str(self.own["comma"]).join(map(self._name, value.split("|"))) if value.islower() else value

    def _name(self, name: str) -> str:
        """Whatever a policy's files name by a word of code."""
        for kind in ("segments", "dimensions", "departments", "levels"):
            if name in self.shared[kind]:
                return str(self.shared[kind][name])
        return self.feature(name)

    def in_force_on(self, day: date) -> str:
        return str(self.own["from_day"]).format(day)
