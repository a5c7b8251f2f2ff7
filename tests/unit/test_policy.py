"""Policies: what ships is sound; what contradicts itself is refused with the file's name."""

import shutil
from pathlib import Path

import pytest
from gridcredit.errors import PolicyError
from gridcredit.policy import read_policies, read_policy
from gridcredit.settings import PROJECT_DIR

DEFAULT = PROJECT_DIR / "policies" / "default" / "1.0"


def test_the_default_policy_is_sound() -> None:
    policies = read_policies(PROJECT_DIR / "policies")
    assert [policy.header.version for policy in policies] == ["default-1.0"]
    assert len(policies[0].tables["indicators"]) == 16


@pytest.mark.parametrize(
    ("file", "old", "new", "why"),
    [
        ("indicators.csv", "tenure,stability,4", "tenure,stability,5", "weights add up to 101"),
        ("bins.csv", "2,0.6,0.8,4", "2,0.7,0.8,4", "overlap or leave a gap"),
        ("bins.csv", "1,,0.6,0", "1,0,0.6,0", "must be open-ended"),
        ("bins.csv", "6,0.98,,15", "6,0.98,,14", "gives 13 points|gives 14 points"),
        ("bins.csv", "OT6", "OT9", "'OT9' has no text"),
        ("reasons.csv", ",近12个月有1笔账单逾期超过30天", ",", "'LT2' has no text in both languages"),
        ("warning_rules.csv", "overdue_60_days", "overdue_61_days", "must name the same rules"),
        ("policy.yml", "approver: Credit Committee\n", "", "approver"),
        ("grades.csv", "grade,", "note,", "the header must be"),
    ],
)
def test_a_contradiction_is_refused(tmp_path: Path, file: str, old: str, new: str, why: str) -> None:
    folder = tmp_path / "default" / "1.0"
    shutil.copytree(DEFAULT, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PolicyError, match=why) as refusal:
        read_policy(folder)
    assert str(refusal.value).startswith(str(folder))
