"""The policy's document leaves nothing out: what its files say is on the page, in both languages."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from gridcredit.pages.texts import Language, read_texts
from gridcredit.policies.folder import Header
from gridcredit.policies.store import read_policies
from gridcredit.reporting.policy.document import PACKAGE, policy_document, version_before
from gridcredit.settings import Settings

SETTINGS = Settings()
POLICIES = {policy.header.version: policy for policy in read_policies(SETTINGS)}
LANGUAGES: tuple[Language, Language] = ("en", "zh")
# Columns that give an order, or name a row to the other tables; rates are shown as percentages.
NOT_SHOWN = {
    "bin", "grade_rank", "class_rank", "step_rank", "bucket_rank", "from_days", "to_days", "rule", "advice", "kind",
    "veto",
    "review_rule", "step", "month",
}  # fmt: skip
PERCENT = {
    "min_share",
    "probability_of_default",
    "daily_rate",
    "carried_over_rate",
    "loss_given_default",
    "recovered_rate",
}
NAMED = {"indicator", "feature", "dimension", "segment", "level", "payment_mode", "department", "not_for"}


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.split("</style>")[1])).split())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("version", POLICIES)
def test_everything_that_the_files_say_is_on_the_page(version: str, language: Language) -> None:
    policy = POLICIES[version]
    page = policy_document(policy, language, SETTINGS)
    # What changed since another version is no place for what this one says.
    text = text_of(page.partition('<h2 id="changes"')[0])
    for field in (policy.sha256, policy.header.approver, str(policy.header.effective_from), version):
        assert field in text
    other = {"en": "text_zh", "zh": "text_en"}[language]
    used = {row["reason_code"] for table in ("bins", "vetoes", "transitions") for row in policy.tables[table]}
    for table, rows in policy.tables.items():
        for row in rows:
            if table == "reasons" and row["reason_code"] not in used:
                continue
            for column, value in row.items():
                if column in NOT_SHOWN | NAMED | {other} or not value:
                    continue
                wanted = f"{float(value) * 100:.10g} %" if column in PERCENT else " ".join(value.split())
                if column == "measure":
                    wanted = read_texts(language)["measures"].get(wanted, wanted)
                assert wanted in text, (table, column, value)
    for part in ("signatures", "receipts", "warnings", "grades", "terms"):
        assert f'id="{part}"' in page
    # Nothing is shown by the name that code gives it.
    strategies = {row["strategy"] for row in policy.tables["dunning_strategies"]}
    assert set(re.findall(r"\b[a-z]+_[a-z_0-9]+\b|built-in|None", text)) <= strategies
    assert not re.search(r"""(src|href)=|<script|@import""", page)


def test_every_field_of_the_header_is_named() -> None:
    """Either as a further term, or by the template."""
    template = (Path("plugins/gridcredit/reporting/policy") / "page.html.j2").read_text(encoding="utf-8")
    for language in LANGUAGES:
        terms = set(read_texts(language, PACKAGE)["terms_named"])
        assert {name for name in Header.model_fields if f"header.{name}" not in template} - terms <= {
            "policy",  # the version begins with it
            "limitation_years",  # in the law behind the steps
        }


def test_both_languages_say_the_same_things() -> None:
    def names(value: object, path: str = "") -> set[str]:
        if isinstance(value, dict):
            return {one for key, inner in value.items() for one in names(inner, f"{path}.{key}")}
        return {f"{path} {sorted(set(re.findall(r'{(w+)}'.replace('w', chr(92) + 'w'), str(value))))}"}

    english, chinese = (names(read_texts(language, PACKAGE)) for language in LANGUAGES)
    assert english == chinese


def test_the_changes_are_those_since_the_version_before() -> None:
    """1.1 lowered the weight of payment within 12 months from 15 to 4, and added 12 indicators of the newest
    behaviour.
    """
    after = POLICIES["default-1.1"]
    before = version_before(after, SETTINGS)
    assert before is not None and before.header.version == "default-1.0"
    page = policy_document(after, "en", SETTINGS)
    assert "Changes since default-1.0" in page
    assert (
        "<td>paid by the due date</td><td>dimension Payment, weight 15</td><td>dimension Payment, weight 4</td>" in page
    )
    added = {row["indicator"] for row in after.tables["indicators"]} - {
        row["indicator"] for row in before.tables["indicators"]
    }
    for indicator in added:
        named = read_texts("en")["indicators_named"][indicator]
        assert re.search(rf"<td>{named}</td><td>–</td>", page), indicator
    chinese = policy_document(after, "zh", SETTINGS).partition("default-1.0")[2]
    assert "<td>按期缴费率</td><td>维度 缴费、权重 15</td><td>维度 缴费、权重 4</td>" in chinese
    assert not re.search(r"[a-z]_[a-z]+=", chinese), "columns are named in words"
    assert "There is no version before this one." in policy_document(POLICIES["regional-1.0"], "en", SETTINGS)


def test_each_step_names_the_law_behind_it() -> None:
    text = text_of(policy_document(POLICIES["default-1.2"], "en", SETTINGS))
    assert "art. 39: only more than 30 days overdue and after a demand" in text
    assert "7 days before for homes, 3 days for others" in text
    assert "a claim is barred after 3 years" in text
