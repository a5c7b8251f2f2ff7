"""A stranger's first day: five months of bills, customers of many years, another currency, nobody's help."""

from __future__ import annotations

import os
import pwd
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from gridcredit import policies
from gridcredit.errors import GateFailedError
from gridcredit.evaluation import soundness
from gridcredit.ingestion.revert import revert_load
from gridcredit.lineage import decisions
from gridcredit.operations import pipeline
from gridcredit.operations.status import status
from gridcredit.policies.store import policy_in_force
from gridcredit.reporting.customer import write_report
from gridcredit.settings import PROJECT_DIR, Settings

from tests.support import shipped
from tests.support.commands import Said, command, command_here
from tests.support.many_indicators import write_policy
from tests.support.oracle import add_months
from tests.support.suppliers import deliver
from tests.support.waiting import number, rows
from tests.support.warehouses import WarehouseFactory

LAST_DAY = date(2026, 6, 20)
CUSTOMERS = 240
# As no bill before.
LARGE = Decimal("150000000.00")


def write_supplier(folder: Path, unit: Decimal = Decimal(1), since: int = 2) -> None:
    """Bills of February to June, or since an earlier month (0 is December), of customers since 2015; a third pays late
    from April on, ten have no bill at all.
    """
    customers, bills, payments = [], [], []
    for who in range(CUSTOMERS):
        customers.append(f"C{who:03},name {who},residential,2015-03-01,2026-01-01 08:00:00")
        for month in range(since, 7) if who >= 10 else ():
            issued = add_months(date(2025, 12, 3), month)
            amount = (100 + 3 * who + Decimal(who % 7) / 10) * unit
            bills.append(
                f"B{who:03}{month},C{who:03},{issued},{issued + timedelta(20)},"
                f"{add_months(issued, -1):%Y-%m},{amount:.2f},regular"
            )
            late = (who % 9) * 6 if who % 3 == 0 and month >= 4 else 0
            paid_on = issued + timedelta(15 + late + who % 5)
            if paid_on <= LAST_DAY:
                payments.append(f"P{who:03}{month},C{who:03},B{who:03}{month},{paid_on},{amount:.2f}")
    for name, header, lines in (
        ("customer", "customer_id,name,segment,opened_on,updated_at", customers),
        ("bill", "bill_id,customer_id,issued_on,due_on,period,amount,kind", bills),
        ("payment", "payment_id,customer_id,bill_id,paid_on,amount", payments),
    ):
        (folder / f"{name}.csv").write_text("\n".join([header, *lines, ""]))


def load_supplier(folder: Path, settings: Settings) -> None:
    for name in ("customer", "bill", "payment"):
        deliver(folder / f"{name}.csv", settings)


def test_five_months_of_bills_of_customers_of_many_years(
    settings: Settings, new_warehouse: WarehouseFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Released at once; who has no bill is not rated; a late correction of others' bills moves nobody's size of
    bill.
    """
    write_supplier(tmp_path)
    load_supplier(tmp_path, settings)
    assert pipeline.build_ratings("first", LAST_DAY, settings).number == 1
    # A year fills up: scores are compared with those of a month before, and no indicator with fewer bills of itself.
    drift = rows(settings, "select indicator, base_date, psi is not null from monitoring.indicator_drift")
    assert {base for _, base, _ in drift} == {date(2026, 4, 30)}
    assert [indicator for indicator, _, is_compared in drift if is_compared] == ["score"]
    assert len(drift) > 10
    grades = dict(rows(settings, "select customer_id, grade from published.customer_rating"))
    assert {grades[f"C{who:03}"] for who in range(10)} == {"NR"}
    assert "NR" not in {grades[f"C{who:03}"] for who in range(10, CUSTOMERS)}
    sizes = dict(
        rows(settings, "select customer_id, bill_size from published.feature_library where bill_size is not null")
    )
    assert Counter(sizes.values()) == {Decimal(tenth): 23 for tenth in range(0, 100, 10)}
    # Of 230 customers with bills by May 23 are smaller than the 24th, and so on; June is rated by them.
    amounts = sorted({100 + 3 * who + Decimal(who % 7) / 10 for who in range(10, CUSTOMERS)})
    tenths = (
        "select percentile, mean_monthly_bill, segment, basis_date, customers from published.bill_size_tenth "
        "where rated_month = '2026-06-01' order by 1"
    )
    assert rows(settings, tenths) == [
        (10 * place, amounts[23 * place], "residential", date(2026, 5, 31), 230) for place in range(1, 10)
    ]
    write_report("C050", tmp_path / "report.html", settings=settings)
    assert ", by the bills of 230 customers as of 2026-05-31</td>" in (tmp_path / "report.html").read_text()
    missing = status(settings).missing
    assert any(line.startswith("meter_reading:") for line in missing)
    assert any("all customers are residential" in line for line in missing)
    # 10 of 240 are few; where so few are many, they are named.
    assert not any(line.startswith("grades:") for line in missing)
    monkeypatch.setattr(soundness, "MANY_NOT_RATED", 0.04)
    assert any(
        "4 % of the customers have none; of 10 no bill fell due in 12 months" in line
        for line in status(settings).missing
    )

    # The same supplier in a currency of which a hundred go into one: the same tenths.
    other = new_warehouse()
    (tmp_path / "other").mkdir()
    write_supplier(tmp_path / "other", Decimal("0.01"))
    load_supplier(tmp_path / "other", other)
    assert pipeline.build_ratings("first", LAST_DAY, other).number == 1
    scores = "select customer_id, score from published.customer_rating order by customer_id"
    assert (
        dict(rows(other, "select customer_id, bill_size from published.feature_library where bill_size is not null"))
        == sizes
    )
    assert rows(other, scores) == rows(settings, scores)

    before = rows(settings, "select * from ops.bill_size_bounds order by 1, 2, 3")
    header, *lines = (tmp_path / "bill.csv").read_text().split()
    corrected = [line.split(",") for line in lines if line[1:4] in {"010", "011", "012"}]
    text = "\n".join(
        [header, *(",".join([*row[:5], "9999.00", row[6]]) for row in corrected if row[3] < "2026-05-31"), ""]
    )
    (tmp_path / "late").mkdir()
    deliver(tmp_path / "late" / "bill.csv", settings, text)
    pipeline.build_ratings("second", LAST_DAY + timedelta(days=1), settings)
    assert rows(settings, "select * from ops.bill_size_bounds order by 1, 2, 3") == before
    assert rows(settings, tenths)[8][1] == amounts[207]
    now = dict(
        rows(settings, "select customer_id, bill_size from published.feature_library where bill_size is not null")
    )
    assert {who: size for who, size in now.items() if who not in {"C010", "C011", "C012"}} == {
        who: size for who, size in sizes.items() if who not in {"C010", "C011", "C012"}
    }


def test_a_first_month_of_bills_has_sizes_of_its_own(settings: Settings, tmp_path: Path) -> None:
    """Bills of June alone, and month-ends before it on which nobody had one; the next day goes on with them."""
    write_supplier(tmp_path, since=6)
    load_supplier(tmp_path, settings)
    settings.history_months = 2
    assert pipeline.build_ratings("first", LAST_DAY, settings).number == 1
    bases = "select basis_date, max(customers), count(*) from published.bill_size_tenth group by 1"
    of_its_own = [(LAST_DAY, CUSTOMERS - 10, 9)]
    assert rows(settings, bases) == of_its_own
    sized = "select count(*) from published.feature_library where bill_size is not null"
    assert number(settings, sized) == CUSTOMERS - 10
    assert not any(line.startswith("segments: under twenty") for line in status(settings).missing)
    pipeline.build_ratings("second", LAST_DAY + timedelta(days=1), settings)
    assert rows(settings, bases) == of_its_own


def test_drift_blocks_where_the_policy_says_so_and_a_person_lets_it_through(settings: Settings, tmp_path: Path) -> None:
    settings.policies_dir = tmp_path / "policies"
    shutil.copytree(PROJECT_DIR / "policies", settings.policies_dir)
    file = settings.policies_dir / "default" / shipped.NUMBER / "policy.yml"
    file.write_text(file.read_text() + 'max_score_psi: "0.01"\n')
    write_supplier(tmp_path)
    load_supplier(tmp_path, settings)
    settings.history_months = 2
    day = date(2026, 5, 31)
    # The first release is never blocked by it.
    assert pipeline.build_ratings("first", day, settings).number == 1
    psi = number(settings, "select psi from monitoring.indicator_drift where indicator = 'score'")
    assert psi > Decimal("0.01")
    with pytest.raises(GateFailedError, match=r"gridcredit run --blocked 'second' --approver NAME --reason TEXT"):
        pipeline.build_ratings("second", day + timedelta(days=1), settings)
    assert number(settings, "select count(*) from lineage.releases") == 1
    let_through = ["run", "--blocked", "second", "--reason", "payments of May came late"]
    refused = gridcredit(settings, *let_through, "--approver", "Admin")
    assert refused.returncode == 1
    assert "'Admin' is a login that several persons share" in refused.stderr
    done = gridcredit(settings, *let_through, "--approver", "Ada Byron", run=command)
    assert done.returncode == 0, done.stderr
    assert "release 2" in done.stdout
    (decision,) = rows(settings, "select decision, subject, approver, os_user, database_role from lineage.decisions")
    assert decision[:4] == ("release a blocked run", "second", "Ada Byron", pwd.getpwuid(os.geteuid()).pw_name)
    assert decision[4]
    everything = ["--anew", "--engine", "postgres"]
    again = gridcredit(settings, "run", "--blocked", "first", "--approver", "Ada", "--reason", "why not", *everything)
    assert again.returncode == 1
    assert "no gate blocks run 'first'" in again.stderr
    assert "--anew is deprecated: use --full-refresh" in again.stderr


def test_scores_of_two_versions_are_no_drift(settings: Settings, tmp_path: Path) -> None:
    """Months in which many pay late from April on, and from May another version, which gives nothing for what it weighs
    most: the release of June is not blocked, though its scores are far from those of March, the first month-end with a
    year of bills behind it.
    """
    settings.policies_dir = tmp_path / "policies"
    shutil.copytree(PROJECT_DIR / "policies", settings.policies_dir)
    file = settings.policies_dir / "default" / shipped.NUMBER / "policy.yml"
    file.write_text(file.read_text() + 'max_score_psi: "0.01"\n')
    newer = settings.policies_dir / "default" / "9.0"
    shutil.copytree(file.parent, newer)
    text = (
        (newer / "policy.yml").read_text().replace(shipped.VERSION, "default-9.0").replace("2000-01-03", "2026-05-15")
    )
    (newer / "policy.yml").write_text(text)
    write_supplier(tmp_path, since=-9)
    load_supplier(tmp_path, settings)
    settings.history_months = 4
    day = date(2026, 5, 31)
    assert pipeline.build_ratings("first", day, settings).number == 1
    versions = "select distinct as_of_date, policy_version from published.rating_month_end order by 1"
    assert rows(settings, versions)[0][1] == shipped.VERSION
    assert {version for (version,) in rows(settings, "select policy_version from published.customer_rating")} == {
        "default-9.0"
    }
    bases = rows(settings, "select distinct base_date from monitoring.indicator_drift")
    assert bases == [(date(2026, 3, 31),)]
    drift = dict(rows(settings, "select indicator, psi from monitoring.indicator_drift"))
    assert drift.pop("score") is None
    # Values are compared as ever, by the bins of the version in force.
    assert drift["on_time_rate_12m"] > 0
    assert pipeline.build_ratings("second", day + timedelta(days=1), settings).number == 2


def test_a_policy_that_asks_for_more_bills_than_there_are_wipes_out_no_ratings(
    settings: Settings, tmp_path: Path
) -> None:
    """Of 230 customers with five bills each, by a version in force from the second day on that asks for six."""
    settings.policies_dir = tmp_path / "policies"
    shutil.copytree(PROJECT_DIR / "policies", settings.policies_dir)
    day = LAST_DAY + timedelta(1)
    newer = settings.policies_dir / "default" / "9.0"
    shutil.copytree(shipped.FOLDER, newer)
    text = (newer / "policy.yml").read_text().replace(shipped.VERSION, "default-9.0").replace("2000-01-03", f"{day}")
    (newer / "policy.yml").write_text(text + "least_bills_due: 6\n")
    write_supplier(tmp_path)
    load_supplier(tmp_path, settings)
    settings.history_months = 1
    assert pipeline.build_ratings("first", LAST_DAY, settings).number == 1
    assert number(settings, "select count(score) from published.customer_rating") == CUSTOMERS - 10
    with pytest.raises(GateFailedError, match=r"candidate\.customer_rating .*would wipe out most ratings"):
        pipeline.build_ratings("second", day, settings)
    assert number(settings, "select count(score) from published.customer_rating") == CUSTOMERS - 10
    done = gridcredit(
        settings, "run", "--blocked", "second", "--approver", "A. Chief", "--reason", "six bills are our rule"
    )
    assert done.returncode == 0, done.stderr
    grades = [line for line in status(settings).missing if line.startswith("grades:")]
    assert [line.partition("; ")[2] for line in grades] == [
        "of 230 fewer bills fell due in 12 months than the 6 that default-9.0 asks for (least_bills_due of its "
        "policy.yml)",
        "of 10 no bill fell due in 12 months (deliver bills, and see their due dates)",
    ]
    assert all(line.startswith("grades: 100 % of the customers have none; ") for line in grades)
    # The release in force has no scores either, and blocks nothing.
    assert pipeline.build_ratings("third", day + timedelta(1), settings).number == 3


def test_a_decision_lets_through_what_was_shown_and_nothing_else(settings: Settings, tmp_path: Path) -> None:
    """Of thirty bills that were blocked for their amount, and then of ten that were due before they were issued."""
    settings.history_months = 1
    write_supplier(tmp_path)
    load_supplier(tmp_path, settings)
    assert pipeline.build_ratings("first", LAST_DAY, settings).number == 1
    header = "bill_id,customer_id,issued_on,due_on,period,amount,kind"
    day = LAST_DAY + timedelta(1)
    (tmp_path / "large").mkdir()
    large = [f"L{who},C{who:03},{day},{day + timedelta(20)},2026-06,{LARGE},regular" for who in range(20, 50)]
    deliver(tmp_path / "large" / "bill.csv", settings, "\n".join([header, *large, ""]))
    with pytest.raises(GateFailedError, match="--blocked 'large'") as blocked:
        pipeline.build_ratings("large", day, settings)
    (load,) = rows(settings, "select max(file_id) from lineage.files")[0]
    named = f"load {load} lines {', '.join(map(str, range(2, 12)))} and 20 more"
    assert f", of 30 rows: {named}; nothing is published" in str(blocked.value)
    way_out = f"`gridcredit load revert {load} --reason TEXT`), deliver the corrected file and run again"
    assert way_out in str(blocked.value)
    let_through = ["run", "--blocked", "large"]
    for nobody in ([], ["--approver", "A. Chief"], ["--reason", "they used as much"]):
        refused = gridcredit(settings, *let_through, *nobody)
        assert refused.returncode == 1
        assert "needs the name of who decides, and a reason" in refused.stderr
    # Without the run that is decided about, or with another day, the decision would be lost.
    for stray in (["--approver", "A. Chief"], ["--reason", "x"], ["--blocked", "large", "--as-of", f"{day}"]):
        assert gridcredit(settings, "run", *stray).returncode == 1
    assert number(settings, "select count(*) from lineage.runs") == 2

    (tmp_path / "early").mkdir()
    early = [f"E{who},C{who:03},{day},{day - timedelta(20)},2026-06,100.00,regular" for who in range(30, 40)]
    deliver(tmp_path / "early" / "bill.csv", settings, "\n".join([header, *early, ""]))
    decided = [*let_through, "--approver", "A. Chief", "--reason", "the steel works did use that much"]
    done = gridcredit(settings, *decided)
    assert done.returncode == 1
    (let,) = [line for line in done.stderr.splitlines() if line.startswith("let through: raw.bill")]
    assert named in let
    assert "1 critical check(s) failed that A. Chief has not decided about, first raw.bill" in done.stderr
    assert number(settings, "select count(*) from lineage.releases") == 1

    # What was decided once is not decided again; the rest is, by whoever has seen it.
    decided = [*let_through, "--approver", "B. Chief", "--reason", "due on delivery"]
    done = gridcredit(settings, *decided)
    assert done.returncode == 0, done.stderr
    assert str(LARGE) not in done.stderr
    # Each stage, and each check that was let through, is named once.
    assert done.stderr.count("check_raw: done") == 1
    assert "severity=critical" not in done.stderr
    shown = "select approver, reason from lineage.releases order by release desc limit 1"
    assert rows(settings, shown) == [("A. Chief; B. Chief", "the steel works did use that much; due on delivery")]
    last = number(settings, "select max(release) from lineage.releases")
    assert gridcredit(settings, "release", "verify", f"{last}").returncode == 0
    assert gridcredit(settings, *decided).returncode == 1


def test_bounds_of_wrong_bills_are_computed_anew_by_a_persons_word(settings: Settings, tmp_path: Path) -> None:
    settings.history_months = 1
    write_supplier(tmp_path)
    right = (tmp_path / "bill.csv").read_text()
    # The first forty customers' bills are in fen.
    header, *lines = right.splitlines()
    cells = [line.split(",") for line in lines]
    wrong = [[*row[:5], f"{Decimal(row[5]) * (100 if row[1] < 'C040' else 1):.2f}", row[6]] for row in cells]
    deliver(tmp_path / "customer.csv", settings)
    fault = deliver(tmp_path / "bill.csv", settings, "\n".join([header, *map(",".join, wrong), ""]))
    deliver(tmp_path / "payment.csv", settings)
    assert pipeline.build_ratings("first", LAST_DAY, settings).number == 1
    largest = "select mean_monthly_bill from ops.bill_size_bounds where percentile = 90"
    assert number(settings, largest) > 1000
    revert_load(fault.file_id, "in fen", settings)
    (tmp_path / "right").mkdir()
    deliver(tmp_path / "right" / "bill.csv", settings, right + "\n")
    anew = ["run", "--full-refresh", "--new-bounds-from", "2026-05-31", "--approver", "A. Chief"]
    assert "reason" in gridcredit(settings, *anew).stderr
    done = gridcredit(settings, *anew, "--reason", "May came in fen")
    assert done.returncode == 0, done.stderr
    # Of 230 customers with bills the 208th: 207 are smaller, nine tenths.
    amounts = sorted({Decimal(row[5]) for row in cells if row[2] == "2026-05-03"})
    assert number(settings, largest) == amounts[207]
    decided = "select decision, subject, approver, reason from lineage.decisions"
    assert ("compute bounds of bill sizes anew", "from 2026-05-31", "A. Chief", "May came in fen") in rows(
        settings, decided
    )
    because = "select restated_because from lineage.releases order by release desc limit 1"
    assert "May came in fen (A. Chief)" in rows(settings, because)[0][0]


def test_a_decision_is_by_the_user_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "ceo")
    assert decisions.os_user() == pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(os, "geteuid", lambda: 3_000_000_001)
    assert decisions.os_user() == "3000000001"


def gridcredit(settings: Settings, *arguments: str, run: Callable[..., Said] = command_here) -> Said:
    return run(
        list(arguments),
        {
            "GRIDCREDIT_HOME": str(settings.home),
            "GRIDCREDIT_POLICIES_DIR": str(settings.policies_dir),
            "GRIDCREDIT_WAREHOUSE_URL": settings.warehouse_url.get_secret_value() if settings.warehouse_url else "",
            "GRIDCREDIT_HISTORY_MONTHS": str(settings.history_months),
            "GRIDCREDIT_SHARED_LOGINS": '["admin"]',
        },
    )


def test_an_upgrade_rates_no_released_day_by_a_policy_that_came_with_it(settings: Settings, tmp_path: Path) -> None:
    settings.policies_dir = tmp_path / "policies"
    newer = shipped.FOLDER
    shutil.copytree(PROJECT_DIR / "policies", settings.policies_dir, ignore=shutil.ignore_patterns("1.1", "1.2"))
    settings.history_months = 1
    write_supplier(tmp_path)
    load_supplier(tmp_path, settings)
    assert pipeline.build_ratings("first", LAST_DAY, settings).number == 1
    shutil.copytree(newer, settings.policies_dir / "default" / shipped.NUMBER)
    policies.load_policies(settings)
    assert rows(settings, "select policy_version from policy.policies where policy_name = 'default'") == [
        ("default-1.0",)
    ]
    assert policy_in_force(settings, LAST_DAY).header.version == "default-1.0"
    assert any(shipped.VERSION in line for line in status(settings).missing)


def test_a_policy_of_52_indicators(settings: Settings, tmp_path: Path) -> None:
    settings.policies_dir = tmp_path / "policies"
    shutil.copytree(PROJECT_DIR / "policies", settings.policies_dir)
    write_policy(settings.policies_dir)
    settings.policy, settings.history_months = "many", 1
    write_supplier(tmp_path)
    load_supplier(tmp_path, settings)
    assert pipeline.build_ratings("first", LAST_DAY, settings).number == 1
    shown = rows(settings, "select customer_id, count(*), sum(points), sum(weight) from published.rating_indicator "
                 "where is_available group by customer_id")  # fmt: skip
    scores = dict(rows(settings, "select customer_id, score from published.customer_rating"))
    assert max(count for _, count, _, _ in shown) > 40
    assert {who: round(100 * points / weight, 2) for who, _, points, weight in shown} == scores
    indicators = "select count(distinct indicator) from published.rating_indicator"
    assert number(settings, indicators) == 52
