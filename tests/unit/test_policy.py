"""Policies: what ships is sound; what contradicts itself is refused with the file's name."""

import shutil
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from gridcredit.cli.app import app
from gridcredit.contract.features import definitions, features
from gridcredit.errors import GridCreditError, PolicyError
from gridcredit.evaluation.watch import note_breaches
from gridcredit.operations.maintenance import read_retention
from gridcredit.policies import read_policies, read_policy
from gridcredit.policies.checks import check_new, check_policy
from gridcredit.policies.folder import read_folder
from gridcredit.policies.rows import refuse_rounded
from gridcredit.policies.store import left_aside
from gridcredit.policy_changes.differences import Difference, compare_policies
from gridcredit.settings import PROJECT_DIR, Settings
from typer.testing import CliRunner

DEFAULT = PROJECT_DIR / "policies" / "default" / "1.0"


def test_what_ships_is_sound() -> None:
    policies = read_policies(Settings())
    versions = ["default-1.0", "default-1.1", "default-1.2", "regional-1.0", "regional-1.1"]
    assert [policy.header.version for policy in policies] == versions
    assert [len(policy.tables["indicators"]) for policy in policies] == [16, 23, 23, 7, 7]
    assert [len(policy.tables["grades"]) for policy in policies] == [8, 8, 8, 3, 3]
    assert len(definitions(Settings())) == 82


SHIPPED = {
    "default-1.0": "469f147292d13837a5c60a74bfe06a30fceea3396668c463443bad40abcb9700",
    "default-1.1": "0490276c101078b02ee31f7ef26969fe8707392eee7f3dd317f0b65e0876cc84",
    "default-1.2": "00af9ab0f0f9e89fe5cd9c0d570ba85906a9b28a4efb6fd3ff71d7757086aca1",
    "regional-1.0": "97eff51b91420c7e0c77d3f54d34faf9fbb1c75d4030d85b001a3025b444f5a5",
    "regional-1.1": "fb6782f700b228a3a66d65937eeccaa0fc88d81fb7b046d8f10569c10bbe8527",
}


def test_a_version_that_shipped_stays_as_it_was() -> None:
    """Warehouses have rated by it: what is to be otherwise is a version of its own."""
    assert {policy.header.version: policy.sha256 for policy in read_policies(Settings())} == SHIPPED


def test_check_says_which_policies_rate_who_has_no_bill() -> None:
    said = CliRunner().invoke(app, ["policy", "check"]).output
    asks_for_none = {line.partition(":")[0] for line in said.splitlines() if "rates who has no bill too" in line}
    assert asks_for_none == {"default-1.0", "regional-1.0"}


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
        ("bins.csv", "5,0.95,0.98,13", "5,0.95,0.8,13", "overlap or leave a gap"),
        ("indicators.csv", "security,value", "charm,value", "'charm' is no feature"),
        ("vetoes.csv", "max_days_overdue", "bad_luck", "'bad_luck' is no feature"),
        ("vetoes.csv", "90,C,", "90,E,", "'E' is none of AAA"),
        ("grades.csv", "D,8,0", "D,9,0", "without a gap"),
        ("grades.csv", "C,7,25", "C,7,45", "must fall"),
        ("limits.csv", "AAA,", "AA,", "'AA' is there twice"),
        ("transitions.csv", "reason_code\n", "reason_code\nC,B,VO1\nB,BB,VO1\n", "'B' may not be both"),
        ("season_indices.csv", "residential,8,1.30", "residential,8,3.30", "must have a mean of 1"),
        ("season_indices.csv", "public,12,", "public,13,", "must have the months 1 to 12"),
        ("season_indices.csv", "public,12,", "public,11,", "'public 11' is there twice"),
        ("review_rules.csv", "open_notices", "rumours", "'rumours' is no feature"),
        ("advice_rules.csv", "power_factor_12m,<,0.9", "power_factor_12m,<,low", "'low' is not a number"),
        ("customer_classes.csv", "6,restricted,,,,", "6,restricted,,,BB,", "must ask for nothing"),
        ("ageing_buckets.csv", "31-60,3,31,60", "31-60,3,32,60", "without overlap or gap"),
        ("grades.csv", "AAA,1,90", "AAA,1,120", "'AAA' asks for 120, and a score reaches 100"),
        ("vetoes.csv", "insolvency_listings,>=,1", "insolvency_listings,>=,NaN", "'NaN' is no number"),
        ("customer_classes.csv", "6,restricted,,,", "6,restricted,-Infinity,,", "must ask for nothing|no number"),
        ("bins.csv", "on_time_rate_12m,1,", "on_time_rate_12m,first,", "a value that is no number"),
        ("grades.csv", "AAA,1,90", "AAA,1", "line 2 does not have the 3 columns"),
        ("ageing_buckets.csv", "31-60", "31'60", "has a quote or a backslash in it"),
        (
            "warning_rules.csv",
            "collections,3,0,,30",
            "collections,9999999,0,,30",
            "deadline_days is 9999999, more than",
        ),
        (
            "policy.yml",
            "write_off_days: 361",
            "write_off_days: 361\nlimitation_years: 101",
            "limitation_years is 101, more than 100",
        ),
        (
            "policy.yml",
            "write_off_days: 361",
            "write_off_days: 361\nhalf_life_months: 1201",
            "half_life_months is 1201, more than 1200",
        ),
        (
            "policy.yml",
            "write_off_days: 361",
            "write_off_days: 361\nreviews_since: 9999-12-31",
            "reviews_since is 9999-12-31, more than 36500 days from effective_from, 2000-01-01",
        ),
        (
            "policy.yml",
            "write_off_days: 361",
            "write_off_days: 361\ntrial_since: 1066-10-14",
            "trial_since is 1066-10-14, more than 36500 days",
        ),
        ("dunning_steps.csv", ",1,0,0,", ",1,0,9999999,", "wait_days_other is 9999999, more than 36500"),
        ("policy.yml", "write_off_days: 361", "write_off_days: 9999999", "write_off_days is 9999999, more than"),
        ("advice_rules.csv", "power_factor_12m,<,0.9", "power_factor_12m,<,1e15", "more than the warehouse can show"),
        ("vetoes.csv", "insolvent,", "insolvent's,", "has a quote or a backslash in it"),
        ("policy.yml", "version: default-1.0", "version: year's-1", 'version "year\'s-1" cannot be a name'),
        ("policy.yml", "version: default-1.0", "version: own/1", "version 'own/1' cannot be a name"),
        ("policy.yml", "version: default-1.0", f"version: {65 * 'x'}", "cannot be a name: up to 64 letters"),
        ("late_charges.csv", "residential,0.001,0.001", "residential,1,1.1", "carried_over_rate is 1.1, more than 1"),
        ("dunning_steps.csv", "0,0,0.2,remind", "0,0,1e10,remind", "effort is 1e10, more than 1,000,000,000"),
        ("policy.yml", "version: default-1.0", "version: ..", "version '..' cannot be a name"),
        ("policy.yml", "version: default-1.0", "version: proposed", "version 'proposed' cannot be a name"),
        ("policy.yml", "policy: default", "policy: de'fault", "cannot be a name"),
        ("policy.yml", "new_customer_grade: NR", "new_customer_grade: Z", "none of the grades"),
        ("policy.yml", "new_customer_grade: NR", "default_grade: Z", "default_grade 'Z' is none of the grades"),
        (
            "policy.yml",
            "write_off_days: 361",
            "write_off_days: 361\nwrite_off_after_step: wait",
            "'wait' is no step of",
        ),
        ("policy.yml", "write_off_days: 361", "write_off_days: 361\nlimitation_years: 0", "limitation_years"),
        (
            "policy.yml",
            "write_off_days: 361",
            "write_off_days: 361\npursued_share_of_bill: 5",
            "pursued_share_of_bill",
        ),
        ("policy.yml", "write_off_days: 361", "write_off_days: 361\ntrial_since: spring", "trial_since"),
        ("policy.yml", "write_off_days: 361", "write_off_days: 361\nleast_default_rate: 0", "least_default_rate"),
        (
            "policy.yml",
            "write_off_days: 361",
            "write_off_days: 361\nwrite_off_days: 36",
            "'write_off_days' is given twice",
        ),
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


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("base,0.5,1\ndownturn,0.4,1.5\n", "add up to 0.9, not 1"),
        ("base,1,0\n", "default_factor of 'base' is not above 0"),
        ("base,1.2,1\nupturn,-0.2,1\n", "probability of 'base' is not above 0, and 1 at most"),
        ("base,half,1\n", "a value that is no number"),
        ("base,0.5,1\nbase,0.5,2\n", "'base' is there twice"),
    ],
)
def test_scenarios_that_are_no_distribution_are_refused(tmp_path: Path, rows: str, why: str) -> None:
    folder = tmp_path / "default" / "1.0"
    shutil.copytree(DEFAULT, folder)
    (folder / "loss_scenarios.csv").write_text(f"scenario,probability,default_factor\n{rows}", encoding="utf-8")
    with pytest.raises(PolicyError, match=why):
        read_policy(folder)


@pytest.mark.parametrize("file", ["policy.yml", "grades.csv"])
def test_a_file_of_another_encoding_is_refused(tmp_path: Path, file: str) -> None:
    folder = tmp_path / "default" / "1.0"
    shutil.copytree(DEFAULT, folder)
    (folder / file).write_bytes((folder / file).read_bytes() + "说明".encode("gb18030"))
    with pytest.raises(PolicyError, match=f"{file}: cannot be read"):
        read_policy(folder)


def test_a_step_may_not_lapse_before_the_next_one_may_follow(tmp_path: Path) -> None:
    folder = tmp_path / "default" / "1.0"
    shutil.copytree(DEFAULT, folder)
    header, *lines = (folder / "dunning_steps.csv").read_text(encoding="utf-8").splitlines()

    def write(days: int) -> None:
        rows = [f"{line},{days if ',final_notice,' in line else ''}" for line in lines]
        (folder / "dunning_steps.csv").write_text("\n".join([f"{header},lapse_days", *rows, ""]), encoding="utf-8")

    write(30)
    steps = read_policy(folder).tables["dunning_steps"]
    assert {row["lapse_days"] for row in steps if row["step"] == "final_notice"} == {"30"}
    write(6)
    with pytest.raises(PolicyError, match="'final_notice' lapses before 'cut_off' may follow"):
        read_policy(folder)
    # Without a word of the policy a notice lapses after 90 days.
    for days in (90, 91):
        waiting = [line.replace(",cut_off,31,7,3,", f",cut_off,31,{days},3,") for line in lines]
        (folder / "dunning_steps.csv").write_text("\n".join([header, *waiting, ""]), encoding="utf-8")
        if days == 90:
            read_policy(folder)
    with pytest.raises(PolicyError, match="'final_notice' lapses before 'cut_off' may follow"):
        read_policy(folder)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"version: default-1.0": "version: default-1.1"}, "takes effect on 2000-01-01, as .* does"),
        ({"effective_from: 2000-01-01": "effective_from: 2026-01-01"}, "version 'default-1.0' is also that of"),
    ],
)
def test_versions_that_collide_are_refused(tmp_path: Path, changes: dict[str, str], why: str) -> None:
    shutil.copytree(DEFAULT, tmp_path / "default" / "1.0")
    shutil.copytree(DEFAULT, tmp_path / "default" / "1.1")
    header = tmp_path / "default" / "1.1" / "policy.yml"
    text = header.read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    header.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=why):
        read_policies(Settings(policies_dir=tmp_path))


def test_an_upgrade_does_not_stop_what_was_approved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that ships with the name or the date of one that people have approved is left aside."""
    for folder in (
        tmp_path / "shipped" / "default" / "1.0",
        tmp_path / "home" / "policies" / "default" / "default-1.0",
    ):
        shutil.copytree(DEFAULT, folder)
    settings = Settings(policies_dir=tmp_path / "shipped", home=tmp_path / "home")
    (found,) = read_policies(settings)
    assert found.folder.name == "default-1.0"
    # As it ships: nothing of it is lost.
    assert left_aside(settings) == []
    grades = tmp_path / "home" / "policies" / "default" / "default-1.0" / "grades.csv"
    grades.write_text(grades.read_text(encoding="utf-8").replace("AAA,1,90", "AAA,1,91"), encoding="utf-8")
    (aside,) = left_aside(settings)
    assert aside.why.startswith("default-1.0, which ")
    assert aside.why.endswith(" has approved, has its version")
    monkeypatch.setattr("gridcredit.cli.console.get_settings", lambda: settings)
    said = CliRunner().invoke(app, ["policy", "check"]).output
    assert f"default-1.0: left aside, {aside.policy.folder} counts for nothing" in said


def test_what_is_wrong_with_an_approved_version_may_end_by_its_withdrawal(tmp_path: Path) -> None:
    shutil.copytree(DEFAULT, tmp_path / "home" / "policies" / "default" / "default-1.0")
    settings = Settings(policies_dir=tmp_path / "shipped", home=tmp_path / "home")
    grades = tmp_path / "home" / "policies" / "default" / "default-1.0" / "grades.csv"
    grades.write_text(grades.read_text(encoding="utf-8").replace("C,7,25", "C,7,45"), encoding="utf-8")
    with pytest.raises(PolicyError, match="must fall.*; or take it back: `gridcredit policy withdraw N`"):
        read_policies(settings)
    # Of what ships there is no proposal.
    with pytest.raises(PolicyError, match="must fall") as refusal:
        read_policies(Settings(policies_dir=tmp_path / "home" / "policies", home=tmp_path / "none"))
    assert "withdraw" not in str(refusal.value)


def test_a_version_that_rates_already_is_reported_and_stops_no_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A floor above 100 was no fault when it was loaded."""
    shutil.copytree(PROJECT_DIR / "policies", tmp_path / "policies")
    grades = tmp_path / "policies" / "default" / "1.0" / "grades.csv"
    grades.write_text(grades.read_text(encoding="utf-8").replace("AAA,1,90", "AAA,1,120"), encoding="utf-8")
    settings = Settings(policies_dir=tmp_path / "policies", home=tmp_path / "home")
    monkeypatch.setattr("gridcredit.cli.console.get_settings", lambda: settings)
    as_new = CliRunner().invoke(app, ["policy", "check"])
    assert (as_new.exit_code, "asks for 120" in as_new.output) == (1, True)
    monkeypatch.setattr("gridcredit.cli.policies.warehouse_if_any", lambda _: nullcontext(Places()))
    monkeypatch.setattr("gridcredit.policies.store.loaded_versions", lambda _: {"default-1.0": ""})
    loaded = CliRunner().invoke(app, ["policy", "check"])
    assert loaded.exit_code == 0, loaded.output
    assert "default-1.0: rates as it was loaded; a new version that says so is refused: " in loaded.output
    assert "default-1.1: sound" in loaded.output
    # What the warehouse would round is asked of the others.
    monkeypatch.setattr("gridcredit.cli.policies.warehouse_if_any", lambda _: nullcontext(Places(of_points=0)))
    rounded = CliRunner().invoke(app, ["policy", "check"])
    assert (rounded.exit_code, "has more than 0 decimals" in rounded.output) == (1, True)


class Places:
    """Stands for a warehouse that is asked how many decimals its columns have."""

    def __init__(self, of_points: int = 4, of_limits: int = 4) -> None:
        self.places = [("bins", "points", of_points), ("limits", "limit_months", of_limits)]

    def execute(self, _: Any) -> list[tuple[str, str, int]]:
        return self.places


@pytest.mark.parametrize(
    ("number", "is_rounded"),
    [
        ("3", False),
        ("3.25", False),
        ("3.2500000", False),
        ("3.125", True),
        ("1E-3", True),
        ("2.5E1", False),
        ("0E-9", False),
        ("-3.125", True),
        # Longer than what arithmetic reckons with.
        ("123456789012345678901234567890123456", False),
        ("3.00000000000000000000000000000000000001", True),
        ("123456789012345678901234567890.25000000000", False),
    ],
)
def test_a_number_that_the_warehouse_would_round_is_refused_however_long(number: str, is_rounded: bool) -> None:
    policy = read_folder(DEFAULT)
    policy.tables["limits"][0]["limit_months"] = number
    connection: Any = Places(of_limits=2)
    if is_rounded:
        with pytest.raises(PolicyError, match="has more than 2 decimals"):
            refuse_rounded(connection, policy)
    else:
        refuse_rounded(connection, policy)


def test_a_login_that_is_nobodys_notes_no_breach() -> None:
    settings = Settings(shared_logins=["Credit"])
    with pytest.raises(GridCreditError, match="'credit' is a login that several persons share, or no person's"):
        note_breaches(date(2026, 6, 30), " credit ", "seen", settings)


def test_a_single_ageing_bucket_is_refused(tmp_path: Path) -> None:
    """No model could be written: a case without a branch."""
    folder = tmp_path / "default" / "1.0"
    shutil.copytree(DEFAULT, folder)
    header = (folder / "ageing_buckets.csv").read_text(encoding="utf-8").splitlines()[0]
    (folder / "ageing_buckets.csv").write_text(f"{header}\nall,1,,\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="at least two are needed"):
        read_policy(folder)


def test_the_difference_of_two_policies_is_shown_row_by_row(tmp_path: Path) -> None:
    folder = tmp_path / "1.1"
    shutil.copytree(DEFAULT, folder)
    for file, old, new in (
        ("limits.csv", "AAA,3,", "AAA,4,"),
        ("bins.csv", "tenure,1,,12,1,", "tenure,1,,12,0.5,"),
        ("policy.yml", "new_customer_months: 6", "new_customer_months: 12"),
    ):
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with (folder / "vetoes.csv").open("a", encoding="utf-8") as vetoes:
        vetoes.write("many_bounced,bounced_12m,>=,5,B,BP4\n")
    one, other = read_policy(DEFAULT), read_policy(folder)
    assert compare_policies(one, one) == []
    assert sorted(compare_policies(one, other), key=lambda found: found.table) == [
        Difference(
            "bins",
            "tenure 1",
            "upper_bound=12  points=1  reason_code=TE1",
            "upper_bound=12  points=0.5  reason_code=TE1",
        ),
        Difference("limits", "AAA", "limit_months=3  payment_mode=postpaid", "limit_months=4  payment_mode=postpaid"),
        Difference("policy.yml", "new_customer_months", "6", "12"),
        Difference(
            "vetoes",
            "many_bounced",
            None,
            "feature=bounced_12m  comparator=>=  threshold=5  best_grade=B  reason_code=BP4",
        ),
    ]


def test_the_commands_say_what_is_sound_and_what_differs() -> None:
    checked = CliRunner().invoke(app, ["policy", "check"])
    assert checked.exit_code == 0, checked.output
    assert "default-1.0: sound; in force from 2000-01-01, approved by Credit Committee, 16 indicators" in checked.output
    same = CliRunner().invoke(app, ["policy", "diff", str(DEFAULT), str(DEFAULT)])
    assert same.output.strip() == "the two policies say the same"
    regional = PROJECT_DIR / "policies" / "regional" / "1.0"
    differing = CliRunner().invoke(app, ["policy", "diff", str(DEFAULT), str(regional)])
    assert differing.exit_code == 0
    assert "transitions" in differing.output
    missing = CliRunner().invoke(app, ["policy", "diff", str(DEFAULT), "no/such/folder"])
    assert missing.exit_code == 1
    assert "error: " in missing.output
    assert "cannot be read" in missing.output


def test_a_narrow_terminal_cuts_no_value() -> None:
    regional = PROJECT_DIR / "policies" / "regional" / "1.0"
    shown = CliRunner().invoke(app, ["policy", "diff", str(DEFAULT), str(regional)], env={"COLUMNS": "40"}).output
    assert "grade_r" in shown and "…" not in shown


def test_an_indicator_without_weight_is_refused(tmp_path: Path) -> None:
    """A check constraint of the warehouse would stop every run."""
    folder = tmp_path / "default" / "1.0"
    shutil.copytree(DEFAULT, folder)
    with (folder / "indicators.csv").open("a", encoding="utf-8") as indicators:
        indicators.write("refused_readings,conduct,0,\n")
    with (folder / "bins.csv").open("a", encoding="utf-8") as bins:
        bins.write("refused_readings,1,,1,0,OT6\nrefused_readings,2,1,,0,OT6\n")
    known = features(Settings()) | {"refused_readings": "conduct"}
    policy = read_folder(folder)
    check_policy(policy, known)
    with pytest.raises(PolicyError, match="'refused_readings' has weight 0: leave it out"):
        check_new(policy)


def test_how_long_the_shipped_policy_retains() -> None:
    """Three years of readings to compare with and the month in hand; a bill of 13 months ago can be looked into."""
    shipped = read_retention(Settings())
    three_years_and_a_month, thirteen_months = 3 * 365 + 30, 400
    assert shipped.raw == {"meter_reading": three_years_and_a_month}
    assert (shipped.quarantine, shipped.refused_files) == (thirteen_months, thirteen_months)
    assert (shipped.accepted_files, shipped.lineage_events) == (three_years_and_a_month, three_years_and_a_month)
    assert (shipped.merge_loads_over, shipped.merge_rows_below) == (60, 1_000_000)
